package exchange_test

import (
	"context"
	"slices"
	"testing"

	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// What was taken back before it was handed over stays in sight, with its age, its
// reason and what a person can do, over a restart too, until that person decides.
func TestR3WithdrawnStaysInSight(t *testing.T) {
	n := exchange.Start(t)
	treatment, probation := n.Join("riverside-treatment"), n.Join("county-probation")
	grant := permit(t, treatment, "", "county-probation", "c-1")
	if err := probation.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	tell(t, treatment, "", "county-probation", "c-1", "a-0")
	eventually.True(t, "it is at the broker", func() bool { return status(t, treatment, "").Outbox["accepted"] == 1 })
	if s, err := treatment.Revoke(t.Context(), "", grant); err != nil || s.Withdrawn != 1 {
		t.Fatalf("revoke: %+v, %v", s, err)
	}
	eventually.True(t, "a person sees it", func() bool { return len(status(t, treatment, "").Person) == 1 })
	if err := treatment.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	treatment = n.Run("riverside-treatment")
	person := status(t, treatment, "").Person
	if len(person) != 1 || person[0].State != "withdrawn" || person[0].Since.IsZero() || person[0].Code != schemas.CodeGrantRevoked || person[0].Rule == "" || person[0].Remedy == "" {
		t.Fatalf("after a restart: %+v", person)
	}
	if err := treatment.End(t.Context(), "", person[0].Delivery, "the client has withdrawn the consent"); err != nil {
		t.Fatal(err)
	}
	if left := status(t, treatment, "").Person; len(left) > 0 {
		t.Errorf("after the decision: %+v", left)
	}
}

// A partner that sends what cannot be opened and collects nothing holds up nobody
// else, on either side.
func TestR6BadPartnerBlocksNobody(t *testing.T) {
	n := exchange.Start(t)
	treatment, probation := n.Join("riverside-treatment"), n.Join("county-probation")
	rogue := n.JoinRogue("rogue-program")
	permit(t, treatment, "", "county-probation", "c-1")
	permit(t, treatment, "", "rogue-program", "c-1")
	tellMany(t, treatment, "rogue-program", "c-1", 0, 5) // it never collects them
	record := schemas.SignBytes(schemas.RecordEvent, []byte("{}"), rogue.Key)
	for range 3 {
		if r := rogue.Submit(rogue.Envelope("county-probation", schemas.CharterGrant, schemas.Sealed{Event: record})); r.Result != schemas.ResultAccepted {
			t.Fatalf("%s %s", r.Result, r.Code)
		}
	}
	tellMany(t, treatment, "county-probation", "c-1", 0, 5)
	eventually.True(t, "what is good arrives", func() bool { return len(heard(t, probation)) >= 5 })
	if got := subjects(t, probation); !slices.Equal(got, numbered(5)) {
		t.Errorf("heard %v", got)
	}
	if len(status(t, probation, "").Alarms) == 0 {
		t.Error("nobody is told of what could not be taken in")
	}
}
