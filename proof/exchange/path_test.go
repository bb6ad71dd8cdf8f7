package exchange_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// example reads a valid payload of an event type.
func example(t testing.TB, typ schemas.EventType) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile("../../schemas/testdata/events/" + typ.Short() + "/valid-minimal.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func heard(t testing.TB, a *agent.Agent) []agent.Event {
	t.Helper()
	all, err := a.Events("", 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	var in []agent.Event
	for _, e := range all {
		if e.Direction == "heard" {
			in = append(in, e)
		}
	}
	return in
}

// One event, from one agency's own system to another's store, and the signed
// receipt back.
func TestOneEnvelope(t *testing.T) {
	n := exchange.Start(t)
	treatment, probation := n.Join("riverside-treatment"), n.Join("county-probation")
	ctx := context.Background()

	grant, err := treatment.Issue(ctx, agent.NewGrant{
		Recipient: "county-probation", Client: "c-1", Basis: schemas.BasisJusticeConsent,
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}},
		Until: schemas.DateOf(time.Now()).AddDays(30),
	})
	if err != nil {
		t.Fatal(err)
	}
	body := exchange.Event(schemas.TypeAttendanceRecorded, "county-probation", "c-1", "a-1", example(t, schemas.TypeAttendanceRecorded))
	if _, err := treatment.Accept(ctx, body); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the event arrives", func() bool { return len(heard(t, probation)) == 1 })
	got := heard(t, probation)[0]
	if got.From != "riverside-treatment" || got.Grant != grant || got.Purpose != schemas.PurposeJusticeMonitoring {
		t.Errorf("heard from %s under %s for %s", got.From, got.Grant, got.Purpose)
	}
	eventually.True(t, "the outbox is empty", func() bool {
		s, err := treatment.Status()
		if err != nil {
			t.Fatal(err)
		}
		return len(s.Networks[0].Outbox) == 0
	})

	stopped, err := treatment.Revoke(ctx, "", grant)
	if err != nil || stopped.Everywhere.IsZero() {
		t.Fatalf("revoke: %+v, %v", stopped, err)
	}
	if _, err := treatment.Accept(ctx, exchange.Event(schemas.TypeAttendanceRecorded, "county-probation", "c-1", "a-2", example(t, schemas.TypeAttendanceRecorded))); schemas.CodeOf(err) != schemas.CodeGrantRevoked {
		t.Errorf("after the revocation: got %v, want %s", err, schemas.CodeGrantRevoked)
	}
}
