package exchange_test

import (
	"context"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// No event has its effect twice: not when the agency's own system sends it
// again, not when a partner sends the same inner event in another envelope, not
// when the same envelope comes again.
func TestR2NothingHasItsEffectTwice(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	rogue := n.JoinRogue("rogue-program")
	ctx := context.Background()
	if _, err := lead.Issue(ctx, careGrant("harbor-shelter", "c-1")); err != nil {
		t.Fatal(err)
	}
	body := exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", "r-1", marked(t))
	var first agent.Acceptance
	for i := range 3 {
		got, err := lead.Accept(ctx, body)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = got
		} else if got.ID != first.ID || !got.Known {
			t.Errorf("accepted again as %s (known: %t), the first time as %s", got.ID, got.Known, first.ID)
		}
	}
	eventually.True(t, "the referral arrives", func() bool { return len(heard(t, shelter)) == 1 })

	listing := example(t, schemas.TypeDirectoryCapacityReported)
	record := schemas.SignBytes(schemas.RecordEvent, inner(rogue, map[string]any{
		"type": string(schemas.TypeDirectoryCapacityReported), "client": nil, "purpose": nil, "datacategory": "charter",
	}, listing), rogue.Key)
	for range 3 {
		e := rogue.Envelope("harbor-shelter", schemas.CharterGrant, schemas.Sealed{Event: record})
		for i, want := range []schemas.Result{schemas.ResultAccepted, schemas.ResultDuplicate} {
			if r := rogue.Submit(e); r.Result != want {
				t.Fatalf("offer %d: %s %s, want %s", i, r.Result, r.Code, want)
			}
		}
	}
	last := exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", "r-2", marked(t))
	if _, err := lead.Accept(ctx, last); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "what came after arrives", func() bool {
		for _, e := range heard(t, shelter) {
			if e.From == "casework-lead" && e.Number > 0 && len(heard(t, shelter)) >= 3 {
				return true
			}
		}
		return false
	})
	seen := map[string]int{}
	for _, e := range heard(t, shelter) {
		parsed, err := schemas.ParseEvent(e.Event)
		if err != nil {
			t.Fatal(err)
		}
		seen[parsed.Source()+" "+parsed.ID()]++
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s has its effect %d times", id, n)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d events, want 3", len(seen))
	}
}
