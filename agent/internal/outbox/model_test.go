package outbox_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/schemas"
)

// step is something that happens to an outbox.
type step struct {
	Kind string
	To   schemas.AgencyID
	N    int
}

var steps = rapid.Custom(func(t *rapid.T) step {
	return step{
		Kind: rapid.SampledFrom([]string{
			"queue", "queue", "queue", "cut", "mute", "heal", "down", "restart", "refuse", "refuse", "later", "permit", "key", "stored", "unknown-key", "refused", "retry", "wait",
		}).Draw(t, "kind"),
		To: rapid.SampledFrom([]schemas.AgencyID{court, housing}).Draw(t, "to"),
		N:  rapid.IntRange(0, 40).Draw(t, "n"),
	}
})

// Whatever the line, the gate, the recipients and the operator do: every
// envelope has its right place in its chain (the gate of these tests knows no
// chain-conflict and no gap), and in the end every event was accepted, exactly
// once unless its recipient refused an envelope of it, or is held for a person.
func TestAnyCourseOfEvents(t *testing.T) {
	sealingKeys()
	rapid.Check(t, func(rt *rapid.T) {
		course := rapid.SliceOfN(steps, 1, 18).Draw(rt, "course")
		var problems []string
		synctest.Test(t, func(t *testing.T) {
			h := open(t)
			defer h.close()
			w := world{house: h, refusedByRecipient: map[uint64]int{}, refuse: map[uint64]schemas.Code{}}
			h.gate.set(func(g *gate) {
				g.entry = &schemas.Entry{}
				g.refuse = w.decide
			})
			h.record.set(func(c *record) {
				c.entered = func(c *record) { // the gate's entry names the keys that are live
					for a, key := range w.live {
						c.keys[a] = sealingKeys()[a][key]
					}
				}
			})
			for _, s := range course {
				w.do(s)
			}
			problems = w.finish()
		})
		for _, p := range problems {
			rt.Error(p)
		}
	})
}

// world is a house in which a course of events takes place.
type world struct {
	*house
	live               map[schemas.AgencyID]int // which of the keys; absent for any
	refuse             map[uint64]schemas.Code  // by event, at the gate
	refusedByRecipient map[uint64]int
	later              bool
}

// decide is called with the gate's lock held.
func (w *world) decide(e schemas.Envelope) *schemas.Error {
	if key, ok := w.live[e.Recipient]; ok && e.RecipientKey != schemas.KeyIDOf(sealingKeys()[e.Recipient][key].PublicKey().Bytes()) {
		return schemas.Refuse(schemas.CodeUnknownRecipientKey, "", "", "")
	}
	if w.later {
		return schemas.Refuse(schemas.CodeQuota, "", "", "")
	}
	if code, ok := w.refuse[inner(w.t, e)]; ok {
		return schemas.Refuse(code, "", "", "")
	}
	return nil
}

func (w *world) do(s step) {
	switch s.Kind {
	case "queue":
		w.queueAll(s.To, s.N)
	case "cut": // only a part arrives
		w.gate.set(func(g *gate) { g.taken, g.answered = s.N, s.N/2 })
	case "mute": // all arrive, answers are lost
		w.gate.set(func(g *gate) { g.taken, g.answered = -1, s.N })
	case "heal":
		w.gate.set(func(g *gate) { g.taken, g.answered, g.down = -1, -1, false })
		w.box.Wake()
	case "down":
		w.gate.set(func(g *gate) { g.down = true })
	case "restart":
		w.restart()
	case "refuse":
		w.gate.set(func(*gate) { w.refuse[w.events+uint64(s.N%5)] = schemas.CodeNoGrant })
	case "later":
		w.gate.set(func(*gate) { w.later = true })
	case "permit":
		w.gate.set(func(*gate) { clear(w.refuse); w.later = false })
	case "key":
		w.gate.set(func(*gate) {
			if w.live == nil {
				w.live = map[schemas.AgencyID]int{}
			}
			w.live[s.To] = s.N % 2
		})
	case "stored", "unknown-key", "refused":
		w.answer(s)
	case "retry":
		for _, d := range w.deliveries() {
			if d.State == outbox.Held {
				if err := w.box.Retry(context.Background(), d.Number); err != nil {
					w.t.Error(err)
				}
			}
		}
	case "wait":
		pass(time.Duration(s.N) * 5 * time.Second)
	}
	if s.N%3 > 0 { // otherwise the next step meets it in the middle
		synctest.Wait()
	}
}

// answer is a recipient's receipt for something that it was sent.
func (w *world) answer(s step) {
	sent := w.gate.to(s.To)
	if len(sent) == 0 {
		return
	}
	e := sent[s.N%len(sent)]
	switch s.Kind {
	case "stored":
		w.receive(s.To, receiptOf(e, schemas.ReceiptStored, ""))
	case "unknown-key":
		w.refusedByRecipient[inner(w.t, e)]++
		w.receive(s.To, receiptOf(e, schemas.ReceiptRefused, schemas.CodeUnknownKey))
	default:
		w.refusedByRecipient[inner(w.t, e)]++
		w.receive(s.To, receiptOf(e, schemas.ReceiptRefused, schemas.CodeTermsMismatch))
	}
}

// finish lets everything go well again and looks at what became of each event.
func (w *world) finish() (problems []string) {
	w.gate.set(func(g *gate) { g.taken, g.answered, g.down, w.later = -1, -1, false, false })
	w.box.Wake()
	pass(time.Hour)
	accepted := map[uint64]int{}
	for _, a := range []schemas.AgencyID{court, housing} {
		all := w.gate.to(a)
		for i, e := range all {
			if want := uint64(i) + 1; e.Sequence != want {
				problems = append(problems, "a sequence is not the next one")
			}
			accepted[inner(w.t, e)]++
		}
		if !slices.IsSortedFunc(all, func(a, b schemas.Envelope) int { return a.Time.Compare(b.Time) }) {
			problems = append(problems, "a chain goes back in time")
		}
	}
	for n, d := range w.deliveries() {
		switch {
		case d.State.Open():
			problems = append(problems, "an event is still open although nothing is in its way: "+string(d.State)+" "+string(d.Refusal.Code))
		case d.State == outbox.Held && (d.Refusal.Code != schemas.CodeNoGrant && d.Refusal.Code != schemas.CodeTermsMismatch):
			problems = append(problems, "an event is held because of "+string(d.Refusal.Code))
		case d.State != outbox.Held && accepted[n] == 0:
			problems = append(problems, "an event never arrived: "+string(d.State))
		case accepted[n] > 1+w.refusedByRecipient[n]:
			problems = append(problems, "an event was accepted twice")
		}
	}
	if alarms := w.record.alarmed(); alarms != "" {
		problems = append(problems, "alarms: "+alarms)
	}
	return problems
}
