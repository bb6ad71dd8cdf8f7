package exchange_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// Two agencies have a thousand envelopes for each other in outbox, hub and inbox
// while both replace their keys: everything arrives, once. Without an overlap,
// because the keys were stolen, what is on its way is refused with a reason and
// goes again, signed and sealed anew.
func TestR2RotationUnderLoad(t *testing.T) {
	total := 1000
	if testing.Short() {
		total = 90
	}
	for name, stolen := range map[string]bool{"with overlap": false, "stolen": true} {
		t.Run(name, func(t *testing.T) {
			if stolen && testing.Short() {
				t.Skip("much is sent twice, which takes long on a busy machine")
			}
			n := exchange.Start(t)
			treatment, probation := n.Join("riverside-treatment"), n.Join("county-probation")
			permit(t, treatment, "", "county-probation", "c-1")
			permit(t, probation, "", "riverside-treatment", "c-1")
			both := func(do func(a *agent.Agent, to schemas.AgencyID)) {
				var wg sync.WaitGroup
				wg.Go(func() { do(treatment, "county-probation") })
				wg.Go(func() { do(probation, "riverside-treatment") })
				wg.Wait()
			}
			how := func() agent.Rotation {
				if stolen {
					return agent.Rotation{Compromised: time.Now()}
				}
				return agent.Rotation{}
			}
			tellMany(t, treatment, "county-probation", "c-1", 0, total/3)
			n.StopBroker() // what it has, it has; the rest waits, some of it sealed and signed
			both(func(a *agent.Agent, to schemas.AgencyID) {
				from := 0
				if a == treatment {
					from = total / 3
				}
				tellMany(t, a, string(to), "c-1", from, 2*total/3)
			})
			n.StartBroker()
			both(func(a *agent.Agent, to schemas.AgencyID) {
				eventually.True(t, "the line is up", func() bool { return connected(t, a) })
				rotate(t, a, how())
				tellMany(t, a, string(to), "c-1", 2*total/3, total)
				rotate(t, a, how())
			})
			both(func(a *agent.Agent, _ schemas.AgencyID) {
				eventually.True(t, "everything arrives", func() bool { return len(heard(t, a)) >= total })
				eventually.True(t, "every receipt is back", func() bool { return waiting(t, a, "") == 0 })
				times := map[string]int{}
				for _, subject := range subjects(t, a) {
					times[subject]++
				}
				for _, subject := range numbered(total) {
					if times[subject] != 1 {
						t.Errorf("%s was heard %d times", subject, times[subject])
					}
				}
				// An envelope that was refused for its stolen key has no place in a
				// chain that could be believed: its sequence stays a gap.
				if missing := status(t, a, "").Missing; len(missing) > 0 && !stolen {
					t.Errorf("missing %v", missing)
				}
			})
		})
	}
}

// A key is stolen. The owner says since when; what was taken in after that is
// shown to a person as a number, the gate refuses what the thief signs, and a
// thief who comes second cannot replace the keys.
func TestS3StolenKeyCountsForNothing(t *testing.T) {
	n := exchange.Start(t)
	probation := n.Join("county-probation")
	rogue := n.JoinRogue("riverside-treatment")
	thief := *rogue
	terms := schemas.Terms{
		Recipient: "county-probation", Client: "h-rogue", Basis: schemas.BasisJusticeConsent,
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}},
	}
	grant, signed := rogue.Grant(terms)
	say := func(r *exchange.Rogue) schemas.SubmitReply {
		event := schemas.SignBytes(schemas.RecordEvent, inner(r, nil, example(t, schemas.TypeAttendanceRecorded)), r.Key)
		return r.Submit(r.Envelope("county-probation", grant, schemas.Sealed{Terms: &signed, Event: event}))
	}
	before := time.Now().Add(-time.Minute)
	for range 3 {
		if r := say(rogue); r.Result != schemas.ResultAccepted {
			t.Fatalf("%s %s", r.Result, r.Code)
		}
	}
	eventually.True(t, "they arrive", func() bool { return len(heard(t, probation)) == 3 })

	if code := rogue.Rotate(&before); code != "" {
		t.Fatalf("the owner's card: %s", code)
	}
	if r := say(&thief); r.Code != schemas.CodeUnknownSigningKey {
		t.Errorf("signed with the stolen key: %s %s", r.Result, r.Code)
	}
	event := schemas.SignBytes(schemas.RecordEvent, inner(&thief, nil, example(t, schemas.TypeAttendanceRecorded)), thief.Key)
	backdated := thief.Envelope("county-probation", grant, schemas.Sealed{Terms: &signed, Event: event})
	backdated.Time = schemas.At(before.Add(-time.Hour)).Time
	if r := thief.Submit(backdated.Signed(thief.Key)); r.Code != schemas.CodeUnknownSigningKey {
		t.Errorf("signed with the stolen key and dated back: %s %s", r.Result, r.Code)
	}
	if code := thief.Rotate(nil); code != schemas.CodeUnknownSigningKey {
		t.Errorf("the thief's card: %q", code)
	}
	grant, signed = rogue.Grant(terms)
	if r := say(rogue); r.Result != schemas.ResultAccepted {
		t.Errorf("signed with the new key: %s %s", r.Result, r.Code)
	}
	eventually.True(t, "what the owner says arrives", func() bool { return len(heard(t, probation)) == 4 })
	alarms := status(t, probation, "").Alarms
	if len(alarms) != 1 || !strings.Contains(alarms[0].Text, "3 events signed with it were taken in since") || strings.Contains(alarms[0].Text, "h-") {
		t.Errorf("alarms %+v", alarms)
	}
}

// An agency that lost its machine is invited again. Its old machine is cut off;
// its partners send nothing to the new keys until somebody has compared them, the
// lead agency or each for itself; then what waited goes.
func TestS3InvitedAgain(t *testing.T) {
	n := exchange.Start(t)
	treatment, shelter, old := n.Join("riverside-treatment"), n.Join("harbor-shelter"), n.Join("county-probation")
	permit(t, treatment, "", "county-probation", "c-1")
	permit(t, shelter, "", "county-probation", "c-2")
	tellMany(t, treatment, "county-probation", "c-1", 0, 2)
	eventually.True(t, "the old machine hears it", func() bool { return len(heard(t, old)) == 2 })

	code := n.Invite("county-probation")
	opts := n.AgentOptions("county-probation")
	opts.DataDir += "-new"
	if _, err := agent.Init(t.Context(), opts, "County Probation"); err != nil {
		t.Fatal(err)
	}
	fresh, err := agent.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fresh.Stop(context.Background()) })
	joined, err := fresh.Join(t.Context(), code.String())
	if err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the old machine is cut off", func() bool { return !connected(t, old) })
	if _, err := old.Revoke(t.Context(), "", schemas.NewGrantID()); schemas.CodeOf(err) != schemas.CodeNotFound {
		t.Errorf("revoke on the old machine: %v", err)
	}
	for who, a := range map[string]*agent.Agent{"treatment": treatment, "shelter": shelter} {
		eventually.True(t, who+" sees keys to compare", func() bool { return unconfirmedOf(t, a, "county-probation") == joined.Fingerprint })
	}
	// Accepted before the keys changed would be held; after it, it is refused.
	body, err := agent.Draft{}.Complete(exchange.Event(schemas.TypeAttendanceRecorded, "county-probation", "c-1", "a-2", example(t, schemas.TypeAttendanceRecorded)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := treatment.Accept(t.Context(), body); schemas.CodeOf(err) != schemas.CodeUnknownRecipientKey {
		t.Errorf("to keys that nobody has compared: %v", err)
	}
	if err := shelter.Confirm(t.Context(), "", "county-probation", joined.Fingerprint); err != nil {
		t.Fatal(err)
	}
	tell(t, shelter, "", "county-probation", "c-2", "b-0")
	eventually.True(t, "what the shelter says arrives", func() bool { return slices.Contains(subjects(t, fresh), "b-0") })

	id := schemas.KeyID(strings.ReplaceAll(joined.Fingerprint, " ", ""))
	roll, err := n.Lead.Vouch(n.Broker.State(), "county-probation", id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Admin().Publish(t.Context(), roll, nil); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the lead agency's word is enough", func() bool { return fingerprintOf(t, treatment, "county-probation") == joined.Fingerprint })
	tell(t, treatment, "", "county-probation", "c-1", "a-3")
	eventually.True(t, "what treatment says arrives", func() bool { return slices.Contains(subjects(t, fresh), "a-3") })
	if connected(t, old) {
		t.Error("the old machine is back")
	}
}

func unconfirmedOf(t testing.TB, a *agent.Agent, partner schemas.AgencyID) string {
	t.Helper()
	for _, p := range status(t, a, "").Members {
		if p.Agency == partner {
			return p.Unconfirmed
		}
	}
	return ""
}
