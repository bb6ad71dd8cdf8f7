package main

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/examples"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestWrap(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want string
	}{
		"short":             {"one two", "  one two\n"},
		"broken":            {"one two three four", "  one two\n  three\n  four\n"},
		"a word too long":   {"incomprehensible", "  incomprehensible\n"},
		"spaces and breaks": {"one\n   two", "  one two\n"},
		"nothing":           {"", "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wrap(tc.text, "  ", 10); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestPermissionsInWords(t *testing.T) {
	got := cellNames([]examples.Cell{
		{Category: schemas.CategoryReferral, Purpose: schemas.PurposeTreatment},
		{Category: schemas.CategoryPlan, Purpose: schemas.PurposeCareCoordination},
		{Category: schemas.CategoryOutcome, Purpose: schemas.PurposeTreatment},
	})
	if want := "referral, outcome for treatment; plan for care-coordination"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := eventWords("org.linkage.referral.outcome-acknowledged.v1"), "referral outcome acknowledged"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := firstProblem(errors.New("linkage send: exit status 3\nlinkage: must be permitted\nhint: ask")), "must be permitted"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheFirstHandleIsThatOfTheFirstEventHeard(t *testing.T) {
	all := []agent.Event{
		{Direction: "said", Event: json.RawMessage(`{"id":"e1","client":"NS-1"}`)},
		{Direction: "heard", Event: json.RawMessage(`{"id":"e2"}`)},
		{Direction: "heard", Event: json.RawMessage(`{"id":"e3","client":"h-3"}`)},
		{Direction: "heard", Event: json.RawMessage(`{"id":"e4","client":"h-4"}`)},
	}
	about := map[schemas.EventID]bool{"e1": true, "e3": true, "e4": true}
	if got, err := firstHandle(all, about); got != "h-3" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := firstHandle(nil, about); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
