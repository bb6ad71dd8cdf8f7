package outbox_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

func count(from, to uint64) []uint64 {
	var all []uint64
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

func wantEvents(t testing.TB, got []schemas.Envelope, want []uint64) {
	t.Helper()
	if events := innerAll(t, got); !slices.Equal(events, want) {
		t.Errorf("accepted events: got %v, want %v", events, want)
	}
}

func TestInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 100)
		synctest.Wait()
		wantEvents(t, h.gate.to(court), count(1, 100))
		h.wantStates(map[outbox.State]int{outbox.Accepted: 100})
	})
}

// What was sent and not answered goes again byte for byte, also by the next
// process. The gate of these tests compares.
func TestFrozenBytes(t *testing.T) {
	faults := map[string]struct{ taken, answered int }{
		"nothing arrived":      {0, 0},
		"a part arrived":       {3, 0},
		"all arrived":          {-1, 0},
		"a part was answered":  {-1, 4},
		"a part, some of them": {6, 2},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				h.gate.set(func(g *gate) { g.taken, g.answered = fault.taken, fault.answered })
				h.queueAll(court, 10)
				pass(10 * time.Second)
				h.restart()
				pass(10 * time.Second)
				h.gate.set(func(g *gate) { g.taken, g.answered = -1, -1 })
				pass(2 * time.Minute)
				wantEvents(t, h.gate.to(court), count(1, 10))
				h.wantStates(map[outbox.State]int{outbox.Accepted: 10})
			})
		})
	}
}

// One recipient's trouble is its own (R6).
func TestLanesAreIndependent(t *testing.T) {
	t.Run("slow", func(t *testing.T) {
		bubble(t, func(t *testing.T, h *house) {
			h.gate.set(func(g *gate) { g.held[court] = make(chan struct{}) })
			h.queueAll(court, 200)
			h.queueAll(housing, 200)
			synctest.Wait()
			if got := len(h.gate.to(housing)); got != 200 {
				t.Errorf("beside a recipient whose envelopes are not answered: got %d of 200", got)
			}
			close(h.gate.held[court])
			synctest.Wait()
			wantEvents(t, h.gate.to(court), count(1, 200))
		})
	})
	t.Run("refused", func(t *testing.T) {
		bubble(t, func(t *testing.T, h *house) {
			h.gate.set(func(g *gate) {
				g.refuse = func(e schemas.Envelope) *schemas.Error {
					if e.Recipient == court {
						return schemas.Refuse(schemas.CodeQuota, "", "", "")
					}
					return nil
				}
			})
			h.queueAll(court, 50)
			h.queueAll(housing, 50)
			synctest.Wait()
			if got := len(h.gate.to(housing)); got != 50 {
				t.Errorf("beside a recipient whose mailbox is full: got %d of 50", got)
			}
			h.gate.set(func(g *gate) { g.refuse = nil })
			pass(2 * time.Minute)
			wantEvents(t, h.gate.to(court), count(1, 50))
		})
	})
}

// More recipients than have places at once, each with more than a window.
func TestManyLanesShareTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		names := []schemas.AgencyID{"a-one", "a-two", "a-three", "a-four", "a-five", "a-six", "a-seven", "a-eight"}
		h.gate.set(func(g *gate) { g.down = true })
		for _, a := range names {
			h.record.set(func(c *record) { c.keys[a] = sealingKeys()[court][0] })
			h.queueAll(a, 40)
		}
		synctest.Wait()
		h.gate.set(func(g *gate) {
			g.down = false
			for _, a := range names { // all windows are under way before one is answered
				g.held[a] = make(chan struct{})
			}
		})
		h.box.Wake()
		synctest.Wait()
		for _, a := range names {
			close(h.gate.held[a])
			synctest.Wait()
		}
		for _, a := range names {
			if got := len(h.gate.to(a)); got != 40 {
				t.Errorf("%s: got %d of 40", a, got)
			}
		}
	})
}

// A window all of which may not go does not leave those behind it waiting for
// the next event.
func TestWholeWindowHeld(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.gate.set(func(g *gate) { g.down = true })
		h.record.set(func(c *record) {
			for n := range uint64(70) {
				c.refused[n+1] = schemas.CodeGrantRevoked
			}
		})
		h.queueAll(court, 75)
		h.gate.set(func(g *gate) { g.down = false })
		h.box.Wake()
		synctest.Wait()
		wantEvents(t, h.gate.to(court), count(71, 75))
		h.wantStates(map[outbox.State]int{outbox.Held: 70, outbox.Accepted: 5})
		if got := h.deliveries()[1].Refusal.Code; got != schemas.CodeGrantRevoked {
			t.Errorf("why it is held: got %q", got)
		}
	})
}

// A refusal for good holds one event; those after it are chained anew and go at
// once.
func TestChainedAnewAfterRefusal(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.gate.set(func(g *gate) {
			g.down = true
			g.refuse = func(e schemas.Envelope) *schemas.Error {
				if n := inner(t, e); n == 2 || n == 5 {
					return schemas.Refuse(schemas.CodeNoGrant, "", "", "")
				}
				return nil
			}
		})
		h.queueAll(court, 6)
		h.gate.set(func(g *gate) { g.down = false })
		h.box.Wake()
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{1, 3, 4, 6})
		h.wantStates(map[outbox.State]int{outbox.Held: 2, outbox.Accepted: 4})
		if alarms := h.record.alarmed(); alarms != "" {
			t.Errorf("alarms: %s", alarms)
		}
	})
}

// What waits for its grant stands aside; when the grant is known it goes, in
// its order.
func TestGrantNotReady(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.gate.set(func(g *gate) { g.down = true })
		h.record.set(func(c *record) {
			for n := range uint64(40) {
				c.unready[n+1] = true
			}
		})
		h.queueAll(court, 45)
		h.gate.set(func(g *gate) { g.down = false })
		h.box.Wake()
		synctest.Wait()
		wantEvents(t, h.gate.to(court), count(41, 45))
		h.record.set(func(c *record) { clear(c.unready) })
		h.box.Wake()
		synctest.Wait()
		wantEvents(t, h.gate.to(court), append(count(41, 45), count(1, 40)...))
	})
}

// A grant becomes known, and before anybody has said so to the lane a later
// event comes: it overtakes none.
func TestGrantKnownBeforeTheSignal(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.record.set(func(c *record) {
			for n := range uint64(40) {
				c.unready[n+1] = true
			}
		})
		h.queueAll(court, 40)
		synctest.Wait()
		h.record.set(func(c *record) { clear(c.unready) })
		h.queueAll(court, 5)
		synctest.Wait()
		wantEvents(t, h.gate.to(court), count(1, 45))
	})
}

// After a revocation made without a line, what is frozen under the grant is not
// offered again before the broker knows of the end.
func TestRevocationGoesFirst(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		grant := schemas.NewGrantID()
		h.record.set(func(c *record) { c.grants[2] = grant })
		h.gate.set(func(g *gate) { g.taken, g.answered, g.down = 0, 0, true })
		h.queueAll(court, 3)
		synctest.Wait()
		h.gate.set(func(g *gate) { g.down = false }) // so that all three are frozen at once
		h.box.Wake()
		synctest.Wait()
		h.gate.set(func(g *gate) { g.taken, g.answered = -1, -1 })
		h.record.set(func(c *record) { c.quiet[grant] = true })
		pass(time.Hour)
		wantEvents(t, h.gate.to(court), []uint64{1})
		h.record.set(func(c *record) { clear(c.quiet) })
		h.gate.set(func(g *gate) {
			g.refuse = func(e schemas.Envelope) *schemas.Error {
				if e.Grant == grant {
					return schemas.Refuse(schemas.CodeGrantRevoked, "", "", "")
				}
				return nil
			}
		})
		h.box.Wake()
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{1, 3})
		h.wantStates(map[outbox.State]int{outbox.Held: 1, outbox.Accepted: 2})
	})
}

// A new key of the recipient comes with the gate's refusal; the events are
// sealed to it under new envelopes.
func TestRecipientChangedItsKey(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		key := sealingKeys()[court][1]
		id := schemas.KeyIDOf(key.PublicKey().Bytes())
		h.record.set(func(c *record) { c.entered = func(c *record) { c.keys[court] = key } })
		h.gate.set(func(g *gate) {
			g.entry = &schemas.Entry{}
			g.refuse = func(e schemas.Envelope) *schemas.Error {
				if e.RecipientKey != id {
					return schemas.Refuse(schemas.CodeUnknownRecipientKey, "", "", "")
				}
				return nil
			}
		})
		h.queueAll(court, 3)
		pass(time.Minute)
		wantEvents(t, h.gate.to(court), count(1, 3))
	})
}

// An envelope that this machine's clock dated far ahead is dated anew once the
// clock is right; it does not wait until its date.
func TestClockAhead(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		wrong := true
		h.gate.set(func(g *gate) {
			g.refuse = func(schemas.Envelope) *schemas.Error {
				if wrong {
					return schemas.Refuse(schemas.CodeClockSkew, "ce-time", "", "")
				}
				return nil
			}
		})
		h.queueAll(court, 3)
		synctest.Wait()
		before := h.deliveries()[1].Time
		pass(time.Minute)
		h.gate.set(func(*gate) { wrong = false })
		pass(2 * time.Minute)
		wantEvents(t, h.gate.to(court), count(1, 3))
		if sent := h.gate.to(court)[0].Time; !sent.After(before) {
			t.Errorf("dated %s, as before the clock was set", sent)
		}
	})
}

// A suspension passes; nobody has to take up each event by hand after it.
func TestSuspendedGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.gate.set(func(g *gate) {
			g.refuse = func(schemas.Envelope) *schemas.Error {
				return schemas.Refuse(schemas.CodeSuspended, "", "", "")
			}
		})
		h.queueAll(court, 3)
		pass(time.Hour)
		if got := h.states()[outbox.Held]; got != 0 {
			t.Errorf("%d events wait for a person", got)
		}
		if got := h.deliveries()[1].Refusal.Code; got != schemas.CodeSuspended {
			t.Errorf("what a person sees: got %q", got)
		}
		h.gate.set(func(g *gate) { g.refuse = nil })
		pass(2 * time.Minute)
		wantEvents(t, h.gate.to(court), count(1, 3))
	})
}

// A broker that was set back says so with a sequence that it had accepted
// before: an alarm, and nothing is given up.
func TestBrokerForgot(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 5)
		synctest.Wait()
		h.gate.set(func(g *gate) {
			for key, all := range g.chains {
				g.chains[key] = all[:3]
			}
		})
		h.queue(court)
		pass(time.Minute)
		if got := h.record.alarmed(); got == "" {
			t.Error("no alarm")
		}
		if got := h.deliveries()[6].State; got != outbox.Waiting {
			t.Errorf("the event: got %s, want %s", got, outbox.Waiting)
		}
	})
}

func TestTakenBack(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 2)
		synctest.Wait()
		first := h.gate.to(court)[0]
		for range 2 { // it may be told twice
			h.update(func(tx durable.Tx) error { return h.box.ApplyWithdrawn(tx, first.ID, schemas.CodeExpired) })
		}
		d := h.deliveries()[1]
		if d.State != outbox.Withdrawn || d.Refusal.Code != schemas.CodeExpired {
			t.Fatalf("got %s because of %q", d.State, d.Refusal.Code)
		}
		if err := h.box.Retry(context.Background(), d.Number); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{1, 2, 1})
		if all := h.gate.to(court); all[2].ID == first.ID {
			t.Error("the spent envelope's id was used again")
		}
	})
}

func TestStopOnRevocation(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		grant := schemas.NewGrantID()
		h.gate.set(func(g *gate) { g.down = true })
		h.update(func(tx durable.Tx) error {
			for range 2 {
				if _, err := h.box.Queue(tx, 1, schemas.NewEventID(), court, grant); err != nil {
					return err
				}
			}
			_, err := h.box.Queue(tx, 2, schemas.NewEventID(), court, schemas.NewGrantID())
			return err
		})
		h.update(func(tx durable.Tx) error { return h.box.Stop(tx, grant) })
		h.gate.set(func(g *gate) { g.down = false })
		h.restart()
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{2})
		if d := h.deliveries()[1]; d.State != outbox.Held || d.Refusal.Code != schemas.CodeGrantRevoked {
			t.Errorf("got %s because of %q", d.State, d.Refusal.Code)
		}
	})
}

func TestPersonDecides(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		h.record.set(func(c *record) { c.refused[1], c.refused[2] = schemas.CodeNoGrant, schemas.CodeNoGrant })
		h.queueAll(court, 3)
		synctest.Wait()
		all := h.deliveries()
		if err := h.box.Retry(ctx, all[3].Number); schemas.CodeOf(err) != schemas.CodeMalformed {
			t.Errorf("try again what goes by itself: got %v", err)
		}
		if err := h.box.Retry(ctx, 99); schemas.CodeOf(err) != schemas.CodeNotFound {
			t.Errorf("try again what is not there: got %v", err)
		}
		if err := h.box.End(ctx, all[1].Number, ""); schemas.CodeOf(err) != schemas.CodeMalformed {
			t.Errorf("end without a reason: got %v", err)
		}
		if err := h.box.End(ctx, all[1].Number, "sent by post"); err != nil {
			t.Fatal(err)
		}
		if err := h.box.End(ctx, all[1].Number, "sent by post"); schemas.CodeOf(err) != schemas.CodeMalformed {
			t.Errorf("end twice: got %v", err)
		}
		h.record.set(func(c *record) { clear(c.refused) })
		if err := h.box.Retry(ctx, all[2].Number); err != nil {
			t.Fatal(err)
		}
		h.restart()
		synctest.Wait()
		wantEvents(t, h.gate.to(court), []uint64{3, 2})
		if d := h.deliveries()[1]; d.State != outbox.Ended || d.Reason != "sent by post" {
			t.Errorf("got %s with reason %q", d.State, d.Reason)
		}
	})
}

// A partner that lacks something gets it once, whatever it asks; not what a
// person has ended.
func TestResend(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 4)
		synctest.Wait()
		chain := h.gate.to(court)[0].Chain
		h.update(func(tx durable.Tx) error {
			return h.box.ApplyWithdrawn(tx, h.gate.to(court)[2].ID, schemas.CodeExpired)
		})
		if err := h.box.End(context.Background(), h.deliveries()[3].Number, "no longer needed"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			var again []outbox.Queued
			h.update(func(tx durable.Tx) (err error) {
				again, err = h.box.Resend(tx, court, chain, 2, 4)
				return err
			})
			for _, q := range again {
				h.box.Add(q.Recipient, q.Number)
			}
			synctest.Wait()
		}
		wantEvents(t, h.gate.to(court), []uint64{1, 2, 3, 4, 2, 4})
		h.update(func(tx durable.Tx) error {
			if _, err := h.box.Resend(tx, court, chain, 1, 5000); schemas.CodeOf(err) != schemas.CodeMalformed {
				t.Errorf("too many at once: got %v", err)
			}
			if again, err := h.box.Resend(tx, housing, chain, 1, 4); err != nil || len(again) > 0 {
				t.Errorf("another's chain: got %v, %v", again, err)
			}
			return nil
		})
	})
}

// A partner that says of every copy that it lacks it does not get the event for
// ever; a person is told.
func TestResendEnds(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.queueAll(court, 1)
		synctest.Wait()
		chain := h.gate.to(court)[0].Chain
		for range 20 {
			var again []outbox.Queued
			h.update(func(tx durable.Tx) (err error) {
				again, err = h.box.Resend(tx, court, chain, 1, 100)
				return err
			})
			for _, q := range again {
				h.box.Add(q.Recipient, q.Number)
			}
			synctest.Wait()
		}
		wantEvents(t, h.gate.to(court), []uint64{1, 1, 1, 1})
		if got := h.record.alarmed(); !strings.HasPrefix(got, "sequence-gap "+string(court)) {
			t.Errorf("alarms: %q", got)
		}
	})
}
