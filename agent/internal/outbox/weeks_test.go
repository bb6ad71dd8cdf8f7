package outbox_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// maxHeapPerEvent is what one waiting event may cost in memory besides what the
// store keeps: its place in a lane, and some for how slices grow.
const maxHeapPerEvent = 200

// Three weeks without a broker, then everything goes out in order and once. The
// weeks pass in a bubble, where there is no network: the line is one of this
// test.
func TestWeeksWithoutBroker(t *testing.T) {
	events := 100_000
	if testing.Short() || raceEnabled {
		events = 3_000
	}
	const weeks = 21 * 24 * time.Hour
	bubble(t, func(t *testing.T, h *house) {
		h.gate.set(func(g *gate) { g.down, g.trusting = true, true })
		began := time.Now()
		for range events {
			h.queue(court)
			<-time.After(weeks / time.Duration(events))
		}
		if passed := time.Since(began); passed < weeks-time.Hour {
			t.Fatalf("only %s passed", passed)
		}
		if got := h.gate.attempts(); got != 0 {
			t.Errorf("%d attempts without a line", got)
		}

		with := heap()
		h.close()
		h.box = nil
		if cost := float64(with-min(with, heap())) / float64(events); cost > maxHeapPerEvent {
			t.Errorf("a waiting event costs %.0f bytes of memory, want at most %d", cost, maxHeapPerEvent)
		}
		without := heap()
		h.start()
		synctest.Wait()
		if cost := float64(heap()-min(heap(), without)) / float64(events); cost > maxHeapPerEvent {
			t.Errorf("after a restart a waiting event costs %.0f bytes of memory, want at most %d", cost, maxHeapPerEvent)
		}

		h.gate.set(func(g *gate) { g.down = false })
		h.box.Wake()
		synctest.Wait()
		h.checkOrder(events)
	})
}

// heap is the live heap in bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one only marked for release
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// checkOrder wants every event accepted once, in the order of its acceptance.
// The gate has checked the chain.
func (h *house) checkOrder(events int) {
	h.t.Helper()
	sent := h.gate.to(court)
	if len(sent) != events {
		h.t.Fatalf("the gate accepted %d envelopes, want %d", len(sent), events)
	}
	next := 0
	err := h.store.View(func(tx durable.Tx) error {
		return outbox.All(tx, func(d outbox.Delivery) error {
			if d.State != outbox.Accepted || d.Envelope != sent[next].ID {
				h.t.Fatalf("event %d is %s, and not the envelope at its place", d.Event, d.State)
			}
			next++
			return nil
		})
	})
	if err != nil || next != events {
		h.t.Fatalf("%d deliveries, %v", next, err)
	}
}

// A broker that refuses is asked less and less often, and not once more for
// every event that arrives meanwhile or every hint.
func TestRefusingBrokerIsNotHammered(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.gate.set(func(g *gate) {
			g.refuse = func(schemas.Envelope) *schemas.Error { return schemas.Refuse(schemas.CodeOverRate, "", "", "") }
		})
		for range 360 {
			h.queue(court)
			<-time.After(10 * time.Second)
		}
		// A pause is 30 to 90 seconds in the end: 40 to 120 attempts, and some
		// for the beginning.
		if got := h.gate.attempts(); got < 30 || got > 140 {
			t.Errorf("%d attempts in an hour, want 40 to 120", got)
		}
		before := h.gate.attempts()
		for range 36000 {
			h.box.Wake()
			<-time.After(100 * time.Millisecond)
		}
		if got := h.gate.attempts() - before; got > 3700 {
			t.Errorf("%d attempts in an hour of hints, want at most one a second", got)
		}
		h.gate.set(func(g *gate) { g.refuse = nil })
		pass(2 * time.Minute)
		h.checkOrder(360)
	})
}

// Two agencies that were refused together do not come back together.
func TestBackoffHasJitter(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		at := map[schemas.AgencyID][]time.Duration{}
		began := time.Now()
		h.gate.set(func(g *gate) {
			g.refuse = func(e schemas.Envelope) *schemas.Error {
				at[e.Recipient] = append(at[e.Recipient], time.Since(began))
				return schemas.Refuse(schemas.CodeUnavailable, "", "", "")
			}
		})
		h.queue(court)
		h.queue(housing)
		pass(10 * time.Minute)
		same := 0
		for i := range min(len(at[court]), len(at[housing])) {
			if at[court][i] == at[housing][i] && i > 0 {
				same++
			}
		}
		if same > 1 {
			t.Errorf("%d of %d attempts fell together", same, len(at[court]))
		}
	})
}
