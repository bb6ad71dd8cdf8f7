package outbox_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// supply asks as a recipient that was restored and has these many of the chain.
func (h *house) supply(to schemas.AgencyID, chain schemas.ULID, through uint64) outbox.Supplied {
	h.t.Helper()
	return h.supplyTo(to, schemas.NetworkKnown{Chain: chain, Through: through})
}

func (h *house) supplyTo(to schemas.AgencyID, known ...schemas.NetworkKnown) outbox.Supplied {
	h.t.Helper()
	var out outbox.Supplied
	var queued []outbox.Queued
	h.update(func(tx durable.Tx) (err error) {
		out, queued, err = h.box.Supply(tx, to, known)
		return err
	})
	for _, q := range queued {
		h.box.Add(q.Recipient, q.Number)
	}
	synctest.Wait()
	return out
}

// What a recipient had signed for goes again once, for ninety days; then it is
// let go.
func TestSupplyAndLetGo(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 4)
		synctest.Wait()
		sent := h.gate.to(court)
		for _, e := range sent[:3] {
			h.receive(court, receiptOf(e, schemas.ReceiptStored, ""))
		}
		chain := sent[0].Chain
		if got := h.supply(court, chain, 1); len(got.Events) != 2 || got.Gone != 0 || got.More {
			t.Errorf("first request: got %+v, want two events: the fourth is still on its way", got)
		}
		if got := h.supply(court, chain, 1); len(got.Events) != 0 || got.Gone != 0 {
			t.Errorf("the same request again: got %+v, want nothing", got)
		}
		wantEvents(t, h.gate.to(court), []uint64{1, 2, 3, 4, 2, 3})

		pass(outbox.KeepFor - time.Hour)
		letGo(t, h)
		if got := h.supply(court, chain, 0); len(got.Events) != 1 || got.Gone != 0 {
			t.Errorf("an hour before the ninety days: got %+v, want the first event", got)
		}
		pass(2 * time.Hour)
		letGo(t, h)
		if got := h.supply(court, chain, 0); len(got.Events) != 0 || got.Gone != 3 {
			t.Errorf("after ninety days: got %+v, want three that are gone", got)
		}
		// However often a place is said to be lacking, it is looked at once.
		again := schemas.NetworkKnown{Chain: chain, Through: 2, Lacks: []schemas.NetworkRun{{From: 2, To: 9}, {From: 1, To: 3}, {From: 1, To: 3}}}
		if got := h.supplyTo(court, again, again); got.Gone != 3 {
			t.Errorf("asked many times over: got %+v, want three that are gone", got)
		}
	})
}

func letGo(t *testing.T, h *house) {
	t.Helper()
	if err := h.box.LetGo(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A new chain begins at one, what was frozen in the old one arrives once, and
// what the old one brought can still be asked for.
func TestBeginChain(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 2)
		synctest.Wait()
		old := h.gate.to(court)
		for _, e := range old {
			h.receive(court, receiptOf(e, schemas.ReceiptStored, ""))
		}
		h.update(func(tx durable.Tx) error {
			return outbox.BeginChain(tx, schemas.NewULIDAfter(time.Now(), old[0].Chain))
		})
		h.queue(court)
		synctest.Wait()
		all := h.gate.to(court)
		if last := all[len(all)-1]; last.Chain <= old[0].Chain || last.Sequence != 1 {
			t.Errorf("got chain %s, sequence %d, want 1 of a newer one than %s", last.Chain, last.Sequence, old[0].Chain)
		}
		if got := h.supply(court, old[0].Chain, 0); len(got.Events) != 2 {
			t.Errorf("of the old chain: got %+v, want two events", got)
		}
	})
}
