package exchange_test

import (
	"context"
	"slices"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// rotate replaces an agency's keys and waits for the broker to have the card.
func rotate(t testing.TB, a *agent.Agent, how agent.Rotation) agent.Rotated {
	t.Helper()
	out, err := a.Rotate(t.Context(), how)
	if err != nil || !out.InForce {
		t.Fatalf("rotate: %+v, %v", out, err)
	}
	return out
}

// An envelope that was sealed to the old key and waits at the broker while its
// recipient replaces its keys is opened all the same, and what comes after it is
// sealed to the new ones.
func TestRotationWithOneEnvelopeInFlight(t *testing.T) {
	n := exchange.Start(t)
	treatment, probation := n.Join("riverside-treatment"), n.Join("county-probation")
	permit(t, treatment, "", "county-probation", "c-1")
	if err := probation.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	tell(t, treatment, "", "county-probation", "c-1", "a-0")
	eventually.True(t, "it is at the broker", func() bool { return status(t, treatment, "").Outbox["accepted"] == 1 })
	probation = n.Run("county-probation")
	before := status(t, probation, "").Fingerprint
	out := rotate(t, probation, agent.Rotation{})
	if got := status(t, probation, "").Fingerprint; out.Before != before || got != out.Fingerprint || got == before {
		t.Errorf("fingerprint %s, before %s; the command said %+v", got, before, out)
	}
	eventually.True(t, "the partner knows the new keys", func() bool { return fingerprintOf(t, treatment, "county-probation") == out.Fingerprint })
	tell(t, treatment, "", "county-probation", "c-1", "a-1")
	eventually.True(t, "both arrive", func() bool { return len(heard(t, probation)) >= 2 })
	if got := subjects(t, probation); !slices.Equal(got, numbered(2)) {
		t.Errorf("heard %v", got)
	}
	eventually.True(t, "every receipt is back", func() bool { return waiting(t, treatment, "") == 0 })
	for who, a := range map[string]*agent.Agent{"treatment": treatment, "probation": probation} {
		if alarms := status(t, a, "").Alarms; len(alarms) > 0 {
			t.Errorf("%s: alarms %+v", who, alarms)
		}
	}
}

func fingerprintOf(t testing.TB, a *agent.Agent, partner schemas.AgencyID) string {
	t.Helper()
	for _, p := range status(t, a, "").Members {
		if p.Agency == partner {
			return p.Fingerprint
		}
	}
	return ""
}
