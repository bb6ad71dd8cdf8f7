//go:build linux

package main

import (
	"reflect"
	"slices"
	"testing"

	"github.com/linkage-exchange/linkage/schemas"
)

func TestASeedMakesTheSameScheduleEveryTime(t *testing.T) {
	for seed := range uint64(50) {
		a, b := NewSchedule(seed, 1), NewSchedule(seed, 1)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d makes two schedules", seed)
		}
		if reflect.DeepEqual(a.Steps, NewSchedule(seed+1, 1).Steps) {
			t.Errorf("seeds %d and %d make the same", seed, seed+1)
		}
	}
}

// Over many seeds everything comes up that is to come up, and within one nothing
// happens to a process twice at once.
func TestSchedules(t *testing.T) {
	kinds, deeds, targets := map[Kind]int{}, map[Deed]int{}, map[string]int{}
	events := map[schemas.EventID]bool{}
	for seed := range uint64(200) {
		s := NewSchedule(seed, 1)
		if len(s.Agencies) < 4 || len(s.Agencies) > 6 || len(s.Faults) < 4 || len(s.Faults) > maxFaults {
			t.Errorf("seed %d: %d agencies, %d faults", seed, len(s.Agencies), len(s.Faults))
		}
		for i, f := range s.Faults {
			kinds[f.Kind]++
			targets[f.Target]++
			if f.At+f.For > window {
				t.Errorf("seed %d: %s lasts beyond the window", seed, f.Kind)
			}
			if slices.ContainsFunc(s.Faults[i+1:], func(g Fault) bool { return g.Target == f.Target && g.At < f.At+f.For }) {
				t.Errorf("seed %d: two faults of %s at once", seed, f.Target)
			}
		}
		for _, step := range s.Steps {
			deeds[step.Do]++
			for _, id := range step.Events {
				if !id.Valid() || events[id] {
					t.Fatalf("event id %s is not one, or twice", id)
				}
				events[id] = true
			}
		}
	}
	for _, k := range []Kind{Kill, Crash, Pause, Cut, Slow, Deaf, Full, Clock, Power, Torn, Flip, Wipe, Restore, Clone} {
		if kinds[k] < 20 {
			t.Errorf("%s comes up %d times", k, kinds[k])
		}
	}
	for _, d := range []Deed{Issue, Send, Revoke, Suspend} {
		if deeds[d] < 100 {
			t.Errorf("%s comes up %d times", d, deeds[d])
		}
	}
	if targets[broker1] < 200 {
		t.Errorf("the broker is met %d times", targets[broker1])
	}
}

func TestSeeds(t *testing.T) {
	got, err := parseSeeds("3,7-9,1")
	if err != nil || !slices.Equal(got, []uint64{3, 7, 8, 9, 1}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, wrong := range []string{"", "x", "9-3", "1-", "1-999999999"} {
		if _, err := parseSeeds(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}
