package casebook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
	"github.com/linkage-exchange/linkage/schemas"
)

// told is an event as a test writes it down: what happened, after how many
// hours, and which of the others it replaces.
type told struct {
	typ      schemas.EventType
	hour     int
	replaces int // index, -1 for none
}

// newCasebook returns an empty store.
func newCasebook(testing.TB) durable.Store { return durabletest.New() }

// tellAll records the events in an order and returns the view.
func tellAll(t testing.TB, story []told, order []int) casebook.View {
	t.Helper()
	store := newCasebook(t)
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for arrival, i := range order {
		data := map[string]any{}
		if r := story[i].replaces; r >= 0 {
			data["replaces"] = idOf(r)
		}
		body, err := json.Marshal(map[string]any{
			"specversion": "1.0", "id": idOf(i), "source": "/agencies/lab", "type": story[i].typ, "subject": "test-1",
			"time": start.Add(time.Duration(story[i].hour) * time.Hour), "datacontenttype": "application/json", "data": data,
		})
		if err != nil {
			t.Fatal(err)
		}
		e, err := schemas.ParseEvent(body)
		if err != nil {
			t.Fatal(err)
		}
		err = store.Update(context.Background(), func(tx durable.Tx) error {
			_, _, err := casebook.Append(tx, casebook.Entry{
				Direction: casebook.Heard, From: "lab", Recorded: start.Add(time.Duration(arrival) * time.Minute), Event: body,
			}, e)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var v casebook.View
	if err := store.View(func(tx durable.Tx) (err error) {
		v, _, err = casebook.Subject(tx, "test-1")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return v
}

func idOf(i int) string { return fmt.Sprintf("01900000-0000-7000-8000-%012d", i) }

// permutations calls fn with every order of n things.
func permutations(n int, fn func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var permute func(int)
	permute = func(k int) {
		if k == n {
			fn(order)
			return
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			permute(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	permute(0)
}

// Late truth corrects earlier state; histories are kept whole. Whatever the
// order in which a test's events arrive, what holds at the end is the same, and
// nothing is missing from the history.
func TestR4LateTruthCorrects(t *testing.T) {
	stories := map[string]struct {
		story []told
		want  string
	}{
		"a correction replaces the result": {[]told{
			{schemas.TypeDrugTestCollected, 0, -1},
			{schemas.TypeDrugTestPresumptive, 5, -1},
			{schemas.TypeDrugTestConfirmed, 30, -1},
			{schemas.TypeDrugTestCorrected, 40, 2},
		}, "corrected"},
		"an early fact that arrives late does not undo a later one": {[]told{
			{schemas.TypeDrugTestOrdered, 0, -1}, {schemas.TypeDrugTestCollected, 2, -1}, {schemas.TypeDrugTestNegative, 20, -1},
		}, "negative"},
		"a correction of the last leaves the one before": {[]told{
			{schemas.TypeDrugTestCollected, 0, -1}, {schemas.TypeDrugTestConfirmed, 9, -1}, {schemas.TypeDrugTestCorrected, 8, 1},
		}, "corrected"},
	}
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			permutations(len(s.story), func(order []int) {
				v := tellAll(t, s.story, order)
				if v.Status != s.want {
					t.Fatalf("arrived as %v: status %s, want %s", order, v.Status, s.want)
				}
				if len(v.History) != len(s.story) {
					t.Fatalf("arrived as %v: history has %d of %d events", order, len(v.History), len(s.story))
				}
			})
		})
	}
}

// The view is a function of the set of events.
func TestR4ViewDoesNotDependOnArrival(t *testing.T) {
	types := []schemas.EventType{schemas.TypeDrugTestOrdered, schemas.TypeDrugTestCollected, schemas.TypeDrugTestPresumptive, schemas.TypeDrugTestCorrected}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(rt, "events")
		story := make([]told, n)
		for i := range story {
			story[i] = told{
				typ:      rapid.SampledFrom(types).Draw(rt, "type"),
				hour:     rapid.IntRange(0, 6).Draw(rt, "hour"),
				replaces: rapid.IntRange(-1, n-1).Draw(rt, "replaces"),
			}
		}
		inOrder := make([]int, n)
		for i := range inOrder {
			inOrder[i] = i
		}
		a := tellAll(t, story, inOrder)
		b := tellAll(t, story, rapid.Permutation(inOrder).Draw(rt, "order"))
		for _, v := range []*casebook.View{&a, &b} {
			for i := range v.History {
				v.History[i].Number, v.History[i].Recorded = 0, time.Time{}
			}
		}
		if !reflect.DeepEqual(a, b) {
			rt.Fatalf("two orders of arrival, two views:\n%+v\n%+v", a, b)
		}
	})
}

// A partner corrects what it said itself. That another partner's event is
// replaced, or that it has the same id, is for that partner to say.
func TestNobodyCorrectsAnother(t *testing.T) {
	store := newCasebook(t)
	say := func(from schemas.AgencyID, id string, hour int, typ schemas.EventType, replaces string) {
		data := map[string]any{}
		if replaces != "" {
			data["replaces"] = replaces
		}
		body, err := json.Marshal(map[string]any{
			"specversion": "1.0", "id": id, "source": from.Source(), "type": typ, "subject": "test-1",
			"time": time.Date(2026, 3, 2, hour, 0, 0, 0, time.UTC), "datacontenttype": "application/json", "data": data,
		})
		if err != nil {
			t.Fatal(err)
		}
		e, err := schemas.ParseEvent(body)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Update(context.Background(), func(tx durable.Tx) error {
			_, _, err := casebook.Append(tx, casebook.Entry{Direction: casebook.Heard, From: from, Event: body}, e)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	say("lab", idOf(1), 9, schemas.TypeDrugTestConfirmed, "")
	say("shelter", idOf(1), 7, schemas.TypeDrugTestOrdered, "")
	say("shelter", idOf(2), 8, schemas.TypeDrugTestCorrected, idOf(1))
	var v casebook.View
	if err := store.View(func(tx durable.Tx) (err error) {
		v, _, err = casebook.Subject(tx, "test-1")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if v.Holds != schemas.EventID(idOf(1)) || v.Status != "confirmed" {
		t.Errorf("what holds is %s by %s", v.Status, v.Holds)
	}
	for _, step := range v.History {
		if want := step.From == "shelter" && step.ID == schemas.EventID(idOf(1)); step.Replaced != want {
			t.Errorf("%s by %s: replaced is %v", step.Type, step.From, step.Replaced)
		}
	}
}
