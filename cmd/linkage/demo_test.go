package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
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

func TestPollEndsWithItsContextOrAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	err := poll(ctx, "nothing", func(context.Context) (bool, error) {
		if asked++; asked == 2 {
			cancel()
		}
		return false, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if err := poll(t.Context(), "nothing", func(context.Context) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := poll(t.Context(), "nothing", func(context.Context) (bool, error) { return true, nil }); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestAChildThatEndsByItselfShowsItsLog(t *testing.T) {
	c := newChildren("/bin/sh", t.TempDir())
	if err := c.start("loud", "-c", "echo the reason; exit 3"); err != nil {
		t.Skip("no shell here:", err)
	}
	<-c.find("loud").done
	err := c.alive("loud")
	if err == nil || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestStopWaitsAndKillDoesNot(t *testing.T) {
	c := newChildren("/bin/sh", t.TempDir())
	if err := c.start("polite", "-c", `trap "exit 0" TERM; echo ready; while :; do read x || sleep 0.01; done`); err != nil {
		t.Skip("no shell here:", err)
	}
	waitFor(t, c, "polite", "ready")
	if err := c.stop("polite"); err != nil || c.find("polite") != nil {
		t.Errorf("got %v", err)
	}
	if err := c.start("deaf", "-c", `trap "" TERM; echo ready; while :; do read x || sleep 0.01; done`); err != nil {
		t.Fatal(err)
	}
	waitFor(t, c, "deaf", "ready")
	if err := c.kill("deaf"); err != nil || c.find("deaf") != nil {
		t.Errorf("got %v", err)
	}
}

func waitFor(t *testing.T, c *children, name, text string) {
	t.Helper()
	err := poll(t.Context(), text, func(context.Context) (bool, error) { return strings.Contains(c.tail(name), text), nil })
	if err != nil {
		t.Fatal(err)
	}
}
