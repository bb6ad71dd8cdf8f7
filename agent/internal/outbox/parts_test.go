package outbox_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Events go before the parts of attachments that waited before them, also in
// the next process, and wait for no more than the one part that is under way
// (R6).
func TestR6PartsGoLast(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.gate.set(func(g *gate) { g.held[court] = make(chan struct{}) })
		h.queueParts(court, 4) // events 1 to 4; the first is under way and not answered
		synctest.Wait()
		h.queueAll(court, 3)
		h.queueAll(housing, 1)
		synctest.Wait()
		if got := innerAll(t, h.gate.to(housing)); !slices.Equal(got, []uint64{8}) {
			t.Errorf("another recipient: got %v", got)
		}
		close(h.gate.held[court])
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{1, 5, 6, 7, 2, 3, 4})

		h.gate.set(func(g *gate) { g.down = true })
		h.queueParts(court, 2)
		h.queueAll(court, 1)
		h.restart()
		h.gate.set(func(g *gate) { g.down = false })
		h.box.Wake()
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{1, 5, 6, 7, 2, 3, 4, 11, 9, 10})
	})
}

// A part that its recipient lacks goes again as the part that it was.
func TestPartIsResentAsPart(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueParts(court, 1)
		synctest.Wait()
		e := h.gate.to(court)[0]
		h.resend(court, e.Chain, 1, 1)
		pass(time.Second)
		for n, d := range h.allDeliveries() {
			if d.Part == nil || d.Part.Attachment != (schemas.Hash{1}) || d.EventID != h.allDeliveries()[0].EventID || d.State != outbox.Accepted {
				t.Errorf("delivery %d: %+v", n, d)
			}
		}
		if got := len(h.gate.to(court)); got != 2 {
			t.Errorf("%d envelopes, want 2", got)
		}
	})
}

func (h *house) resend(to schemas.AgencyID, chain schemas.ULID, from, until uint64) {
	h.t.Helper()
	var again []outbox.Queued
	h.update(func(tx durable.Tx) (err error) {
		again, err = h.box.Resend(tx, to, chain, from, until)
		return err
	})
	for _, q := range again {
		h.box.Add(q.Recipient, q.Number)
	}
}

func (h *house) allDeliveries() []outbox.Delivery {
	h.t.Helper()
	var all []outbox.Delivery
	if err := h.store.View(func(tx durable.Tx) error {
		return outbox.All(tx, func(d outbox.Delivery) error { all = append(all, d); return nil })
	}); err != nil {
		h.t.Fatal(err)
	}
	return all
}
