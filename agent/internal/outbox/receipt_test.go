package outbox_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestStoredIsDone(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 2)
		synctest.Wait()
		e := h.gate.to(court)[0]
		for range 2 { // receipts are idempotent
			h.receive(court, receiptOf(e, schemas.ReceiptStored, ""))
		}
		h.receive(court, receiptOf(e, schemas.ReceiptSeen, ""))
		h.wantStates(map[outbox.State]int{outbox.Stored: 1, outbox.Accepted: 1})
		if d := h.deliveries()[1]; d.Seen.IsZero() {
			t.Error("that a person saw it is not kept")
		}
		h.receive(court, receiptOf(e, schemas.ReceiptRefused, schemas.CodeCannotOpen)) // too late to say so
		h.wantStates(map[outbox.State]int{outbox.Stored: 1, outbox.Accepted: 1})
		if alarms := h.record.alarmed(); alarms != "" {
			t.Errorf("alarms: %s", alarms)
		}
	})
}

func TestReceiptThatDoesNotFit(t *testing.T) {
	for name, change := range map[string]func(*schemas.ReceiptItem) schemas.AgencyID{
		"another hash":     func(i *schemas.ReceiptItem) schemas.AgencyID { i.Hash[0] ^= 1; return court },
		"another envelope": func(i *schemas.ReceiptItem) schemas.AgencyID { i.Envelope = schemas.NewEventID(); return court },
		"another agency":   func(*schemas.ReceiptItem) schemas.AgencyID { return housing },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				h.queue(court)
				synctest.Wait()
				item := receiptOf(h.gate.to(court)[0], schemas.ReceiptStored, "")
				from := change(&item)
				h.receive(from, item)
				h.wantStates(map[outbox.State]int{outbox.Accepted: 1})
				if got, want := h.record.alarmed(), "chain-mismatch "+string(from); got != want {
					t.Errorf("alarms: got %q, want %q", got, want)
				}
			})
		})
	}
}

// A receipt may be faster than the gate's answer, or the answer may be lost: it
// proves that the gate took the envelope, and all before it in the chain.
func TestReceiptOvertakesAnswer(t *testing.T) {
	for name, kind := range map[string]schemas.ReceiptKind{"stored": schemas.ReceiptStored, "refused": schemas.ReceiptRefused} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				h.gate.set(func(g *gate) { g.answered, g.down = 0, true })
				h.queueAll(court, 3)
				h.gate.set(func(g *gate) { g.down = false })
				h.box.Wake()
				synctest.Wait()
				code := schemas.Code("")
				if kind == schemas.ReceiptRefused {
					code = schemas.CodePurposeNotCovered
				}
				sent := h.gate.to(court)
				h.receive(court, receiptOf(sent[2], kind, code))
				h.receive(court, receiptOf(sent[0], kind, code))
				h.gate.set(func(g *gate) { g.answered = -1 })
				h.queueAll(court, 3)
				pass(2 * time.Minute)
				wantEvents(t, h.gate.to(court), count(1, 6))
				if alarms := h.record.alarmed(); alarms != "" {
					t.Errorf("alarms: %s", alarms)
				}
			})
		})
	}
}

// A recipient that has lost the key gets the event again, under a new envelope,
// sealed to its present key.
func TestUnknownKeyIsSealedAnew(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 2)
		synctest.Wait()
		old := h.gate.to(court)[0]
		key := sealingKeys()[court][1]
		h.record.set(func(c *record) { c.keys[court] = key })
		for range 2 {
			h.receive(court, receiptOf(old, schemas.ReceiptRefused, schemas.CodeUnknownKey))
		}
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{1, 2, 1})
		fresh := h.gate.to(court)[2]
		if fresh.ID == old.ID || fresh.RecipientKey != schemas.KeyIDOf(key.PublicKey().Bytes()) {
			t.Error("not sealed anew under a new envelope")
		}
		h.receive(court, receiptOf(old, schemas.ReceiptRefused, schemas.CodeUnknownKey)) // of the old one, again
		h.wantStates(map[outbox.State]int{outbox.Accepted: 2})
		h.receive(court, receiptOf(fresh, schemas.ReceiptStored, ""))
		h.wantStates(map[outbox.State]int{outbox.Stored: 1, outbox.Accepted: 1})
	})
}

// One that can never be opened is shown to a person in the end.
func TestUnknownKeyForEver(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queue(court)
		for range 20 {
			synctest.Wait()
			all := h.gate.to(court)
			h.receive(court, receiptOf(all[len(all)-1], schemas.ReceiptRefused, schemas.CodeUnknownKey))
		}
		h.wantStates(map[outbox.State]int{outbox.Held: 1})
		if got := len(h.gate.to(court)); got != 10 {
			t.Errorf("sealed %d times, want 10", got)
		}
	})
}

// What the recipient refused is sent again only because a person says so, and
// then under a new envelope: receipts go by (envelope, kind).
func TestRefusedByRecipient(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 2)
		synctest.Wait()
		old := h.gate.to(court)[0]
		refusal := receiptOf(old, schemas.ReceiptRefused, schemas.CodeTermsMismatch)
		h.receive(court, refusal)
		d := h.deliveries()[1]
		if d.State != outbox.Held || d.Refusal.Code != schemas.CodeTermsMismatch {
			t.Fatalf("got %s because of %q", d.State, d.Refusal.Code)
		}
		if err := h.box.Retry(t.Context(), d.Number); err != nil {
			t.Fatal(err)
		}
		h.receive(court, refusal) // again, and too late
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{1, 2, 1})
		if h.gate.to(court)[2].ID == old.ID {
			t.Error("the spent envelope's id was used again")
		}
		h.wantStates(map[outbox.State]int{outbox.Accepted: 2})
	})
}

// That the recipient has an event after all, under an earlier envelope, ends
// the delivery unless a later one is on its way without an answer.
func TestStoredUnderAnEarlierEnvelope(t *testing.T) {
	for name, open := range map[string]bool{"answered": false, "not answered": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				h.queue(court)
				synctest.Wait()
				old := h.gate.to(court)[0]
				if open {
					h.gate.set(func(g *gate) { g.answered = 0 })
				}
				h.receive(court, receiptOf(old, schemas.ReceiptRefused, schemas.CodeUnknownKey))
				synctest.Wait()
				h.receive(court, receiptOf(old, schemas.ReceiptStored, ""))
				h.gate.set(func(g *gate) { g.answered = -1 })
				h.queue(court)
				pass(2 * time.Minute)
				wantEvents(t, h.gate.to(court), []uint64{1, 1, 2})
				if alarms := h.record.alarmed(); alarms != "" {
					t.Errorf("alarms: %s", alarms)
				}
			})
		})
	}
}
