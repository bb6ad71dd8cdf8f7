package inbox_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestInOrderAndOnce(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		ids := h.chain(sender).send(130)
		h.settle()
		want(t, "taken", h.taken(), ids)
		if got := h.cursor(); got != 130 {
			t.Errorf("cursor: got %d", got)
		}
		h.box.Close()
		h.start() // the next process goes on where this one was
		h.settle()
		want(t, "taken after a restart", h.taken(), ids)
		if got := h.hub.answers(); len(got) != 130 {
			t.Errorf("%d receipts, want 130", len(got))
		}
		for id, answers := range h.hub.answers() {
			want(t, "answers to "+string(id), answers, []string{"stored"})
		}
		want(t, "alarms", h.alarms(), nil)
	})
}

func TestDuplicateIsAnsweredAgain(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		good := h.post(c.write(letter{}))
		bad := h.post(c.write(letter{source: other}))
		h.settle()
		h.post(bad)
		h.post(good)
		h.settle()
		if got := len(h.taken()); got != 1 {
			t.Errorf("taken %d times", got)
		}
		want(t, "answers to the one", h.hub.answers()[good.ID], []string{"stored", "stored"})
		want(t, "answers to the other", h.hub.answers()[bad.ID], []string{"refused sender-mismatch", "refused sender-mismatch"})
	})
}

// A receipt "stored" is only for what is stored: not for another envelope that
// a sender put into the same place.
func TestTwoEnvelopesInOnePlace(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		twin := *c
		first, second := h.post(c.write(letter{})), h.post(twin.write(letter{}))
		h.settle()
		want(t, "answers to the first", h.hub.answers()[first.ID], []string{"stored"})
		want(t, "answers to the second", h.hub.answers()[second.ID], []string{"refused chain-conflict"})
		want(t, "alarms", h.alarms(), []string{"chain-conflict " + string(sender)})
	})
}

func TestHoles(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		c.send(2)
		third, fourth := c.write(letter{}), c.write(letter{})
		c.send(2)
		h.settle()
		if got := h.holes(); got != 2 {
			t.Fatalf("%d envelopes are missing, want 2", got)
		}
		want(t, "asked", h.asked(), []string{"riverside-treatment 3-4"})
		want(t, "alarms", h.alarms(), []string{"sequence-gap riverside-treatment"})
		h.settle()
		pass(50 * time.Minute)
		if got := len(h.asked()); got != 1 {
			t.Errorf("asked %d times within the hour", got)
		}
		h.post(fourth)
		pass(11 * time.Minute)
		want(t, "asked", h.asked(), []string{"riverside-treatment 3-4", "riverside-treatment 3-3"})
		h.post(third)
		pass(5 * time.Hour)
		if got, asked := h.holes(), len(h.asked()); got != 0 || asked != 2 {
			t.Errorf("%d envelopes are missing, asked %d times", got, asked)
		}
		if got := len(h.taken()); got != 6 {
			t.Errorf("taken: %d of 6", got)
		}
	})
}

// A long hole is asked for in pieces that the sender's agent accepts.
func TestLongHole(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		c.sequence = 2500
		c.send(1)
		h.settle()
		want(t, "asked", h.asked(), []string{"riverside-treatment 1-1000", "riverside-treatment 1001-2000", "riverside-treatment 2001-2500"})
	})
}

// A chain that is broken is an alarm; the envelope itself is genuine.
func TestBrokenChain(t *testing.T) {
	breaks := map[string]func(h *house, c *chain){
		"at its end": func(h *house, c *chain) {
			c.send(1)
			c.hash[0] ^= 1
			c.send(1)
		},
		"in a hole": func(h *house, c *chain) {
			c.send(1)
			c.hash[0] ^= 1
			lost := c.write(letter{})
			c.send(1)
			h.post(lost)
		},
		"at its beginning": func(h *house, c *chain) {
			c.hash[0] ^= 1
			c.send(2)
		},
	}
	for name, course := range breaks {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				c := h.chain(sender)
				course(h, c)
				h.settle()
				want(t, "alarms", h.alarms(), []string{"chain-mismatch riverside-treatment"})
				if got := uint64(len(h.taken())); got != c.sequence {
					t.Errorf("taken: %d of %d", got, c.sequence)
				}
			})
		})
	}
}

// Every refusal reaches the sender as a code and a person as an alarm, and
// what comes after it is taken.
func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		letter func(h *house) letter
		code   schemas.Code
	}{
		"a key that was lost":       {func(*house) letter { return letter{key: keys().old} }, schemas.CodeUnknownKey},
		"bound to another envelope": {func(*house) letter { return letter{sealed: "0123456789ABCDEFGHJKMNPQRS"} }, schemas.CodeCannotOpen},
		"a stranger's signature":    {func(*house) letter { return letter{sign: signingKey(other)} }, schemas.CodeUnknownSigningKey},
		"for somebody else":         {func(*house) letter { return letter{to: other} }, schemas.CodeRecipientNotCovered},
		"another's event":           {func(*house) letter { return letter{source: other} }, schemas.CodeSenderMismatch},
		"not what the type demands": {func(*house) letter {
			return letter{typ: schemas.TypeNetworkCanarySent, data: map[string]any{"nonce": 5}}
		}, schemas.CodeInvalidEvent},
		"about a client under the charter": {func(h *house) letter {
			l := h.permit(nil)
			l.grant, l.terms = schemas.CharterGrant, nil
			return l
		}, schemas.CodeNoGrant},
		"a grant that nobody told of": {func(h *house) letter {
			l := h.permit(nil)
			delete(h.effects.grants, l.grant)
			return l
		}, schemas.CodeNoGrant},
		"other terms": {func(h *house) letter {
			l := h.permit(nil)
			l.terms = h.permit(nil).terms
			return l
		}, schemas.CodeTermsMismatch},
		"a grant that ended": {func(h *house) letter {
			yesterday := schemas.OnDay(schemas.DateOf(time.Now()).AddDays(-1))
			return h.permit(func(t *schemas.Terms) { t.NotBefore, t.NotAfter = yesterday, yesterday })
		}, schemas.CodeGrantExpired},
		"a grant that was revoked": {func(h *house) letter {
			l := h.permit(nil)
			h.effects.revoked[l.grant] = true
			return l
		}, schemas.CodeGrantRevoked},
		"another client": {func(h *house) letter {
			l := h.permit(nil)
			l.client = string(schemas.NewHandle())
			return l
		}, schemas.CodeClientMismatch},
		"another category": {func(h *house) letter {
			return h.permit(func(t *schemas.Terms) { t.Cells[0].Category = schemas.CategoryPlan })
		}, schemas.CodeCategoryNotCovered},
		"no purpose": {func(h *house) letter {
			l := h.permit(nil)
			l.purpose = ""
			return l
		}, schemas.CodePurposeNotCovered},
		"the agency refuses": {func(h *house) letter {
			id := schemas.NewEventID()
			h.effects.refuse[id] = schemas.Malformed("data.to", "must be at most 999 after from")
			return letter{eventID: id}
		}, schemas.CodeMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				c := h.chain(sender)
				bad := h.post(c.write(test.letter(h)))
				good := letter{eventID: schemas.NewEventID()}
				h.post(c.write(good))
				h.settle()
				want(t, "taken", h.taken(), []string{string(good.eventID)})
				want(t, "answers", h.hub.answers()[bad.ID], []string{"refused " + string(test.code)})
				if alarms := h.alarms(); len(alarms) == 0 || alarms[0] != string(test.code)+" "+string(sender) {
					t.Errorf("alarms: %v", alarms)
				}
			})
		})
	}
}

// The counterpart of TestRefusals: nothing is refused that is right.
func TestPermittedIsTaken(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		e := h.post(c.write(h.permit(nil)))
		h.settle()
		want(t, "answers", h.hub.answers()[e.ID], []string{"stored"})
		want(t, "alarms", h.alarms(), nil)
	})
}

// Items that make no sense are an alarm each, and block nothing.
func TestBadItems(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		e := c.write(letter{})
		damaged := e
		damaged.Data = append([]byte{}, e.Data...)
		damaged.Data[len(damaged.Data)-1] ^= 1
		h.post(damaged) // its signature does not cover this
		h.hub.add(schemas.ItemEnvelope, map[string][]string{"ce-type": {"x"}}, []byte{1})
		h.hub.add(schemas.ItemRoll, nil, []byte("bad"))
		h.hub.add(schemas.ItemWithdrawn, nil, []byte("{"))
		h.post(e)
		h.hub.add(schemas.ItemRoll, nil, []byte("good"))
		h.settle()
		if got := len(h.taken()); got != 1 {
			t.Errorf("taken: %d of 1", got)
		}
		want(t, "applied", h.applied(), []string{"roll"})
		if got := len(h.alarms()); got != 4 {
			t.Errorf("alarms: %v", h.alarms())
		}
		if got := h.cursor(); got != 6 {
			t.Errorf("cursor: got %d", got)
		}
	})
}

// A page is taken whole or not at all, wherever the disk fails.
func TestDiskFailsInTheMiddle(t *testing.T) {
	for at := 1; at < 40; at += 3 {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				h.store.set(at)
				ids := h.chain(sender).send(12)
				h.settle()
				want(t, "taken while the disk fails", h.taken(), nil)
				if got := h.cursor(); got != 0 {
					t.Errorf("cursor: got %d", got)
				}
				if got := len(h.hub.answers()); got != 0 {
					t.Errorf("%d receipts for what is not stored", got)
				}
				h.store.set(0)
				pass(2 * time.Minute)
				want(t, "taken", h.taken(), ids)
				if got := len(h.hub.answers()); got != 12 {
					t.Errorf("%d receipts, want 12", got)
				}
			})
		})
	}
}

// The broker's word moves no cursor backwards and into no other history.
func TestPageThatDoesNotFit(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		c.send(2)
		h.hub.set(func(h *hub) { h.items[1].Position = h.items[0].Position })
		h.settle()
		if got := h.cursor(); got != 0 {
			t.Errorf("positions that do not rise: cursor %d", got)
		}
		h.hub.set(func(h *hub) { h.items[1].Position, h.epoch = 2, schemas.NewULID(time.Now()) })
		pass(2 * time.Minute)
		if got := h.cursor(); got != 0 {
			t.Errorf("another epoch: cursor %d", got)
		}
		if alarms := h.alarms(); len(alarms) == 0 || alarms[0] != "epoch-changed" {
			t.Errorf("alarms: %v", alarms)
		}
	})
}

func TestRefusingBrokerIsNotHammered(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.settle()
		h.hub.set(func(h *hub) { h.failing = schemas.Refuse(schemas.CodeOverRate, "", "", "") })
		for range 36000 {
			h.box.Wake()
			<-time.After(100 * time.Millisecond)
		}
		if got := h.hub.asked(); got > 3700 {
			t.Errorf("%d pulls in an hour of hints, want at most one a second", got)
		}
		before := h.hub.asked()
		pass(time.Hour)
		if got := h.hub.asked() - before; got < 50 || got > 70 {
			t.Errorf("%d pulls in an hour, want one a minute", got)
		}
	})
}

// A line that came back is used at once.
func TestPullsWhenWoken(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.chain(sender).send(3)
		pass(time.Hour)
		h.settle()
		if got := len(h.taken()); got != 3 {
			t.Errorf("taken: %d of 3", got)
		}
		if at, _ := h.box.Heard(); !at.Equal(time.Now()) {
			t.Errorf("heard %s ago", time.Since(at))
		}
	})
}

// withdrawn is what comes in an envelope's place.
func (h *house) withdrawn(e schemas.Envelope, code schemas.Code, revocation *schemas.SignedRecord) {
	h.t.Helper()
	data, err := json.Marshal(schemas.Withdrawn{Outline: e.Outline(), Position: 1000, Code: code, Revocation: revocation})
	if err != nil {
		h.t.Fatal(err)
	}
	h.hub.add(schemas.ItemWithdrawn, nil, data)
}

func revocation(t testing.TB, grant schemas.GrantID, by schemas.AgencyID, key ed25519.PrivateKey, lock []byte) *schemas.SignedRecord {
	t.Helper()
	rec, err := schemas.Sign(schemas.RecordRevocation, schemas.Revocation{
		V: 1, Network: network, Grant: grant, At: schemas.At(time.Now()), By: by, Key: lock,
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	return &rec
}

// An envelope that was taken back leaves no hole, if it is proven that it was
// taken back and not lost.
func TestWithdrawn(t *testing.T) {
	tests := map[string]struct {
		proof func(t testing.TB, l letter) *schemas.SignedRecord
		holes uint64
	}{
		"by the discloser": {func(t testing.TB, l letter) *schemas.SignedRecord {
			return revocation(t, l.grant, sender, signingKey(sender), nil)
		}, 0},
		"by who holds the consent": {func(t testing.TB, l letter) *schemas.SignedRecord {
			return revocation(t, l.grant, other, signingKey(other), schemas.LockKey([]byte("secret of the consent"), l.grant))
		}, 0},
		"by a stranger": {func(t testing.TB, l letter) *schemas.SignedRecord {
			return revocation(t, l.grant, other, signingKey(other), nil)
		}, 1},
		"by nobody": {func(testing.TB, letter) *schemas.SignedRecord { return nil }, 1},
		"forged": {func(t testing.TB, l letter) *schemas.SignedRecord {
			return revocation(t, l.grant, sender, signingKey(other), nil)
		}, 1},
		"of another grant": {func(t testing.TB, _ letter) *schemas.SignedRecord {
			return revocation(t, schemas.NewGrantID(), sender, signingKey(sender), nil)
		}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				c := h.chain(sender)
				l := h.permit(nil)
				c.send(1)
				e := c.write(l)
				h.withdrawn(e, schemas.CodeGrantRevoked, test.proof(t, l))
				c.send(1)
				h.settle()
				if got := h.holes(); got != test.holes {
					t.Errorf("%d envelopes are missing, want %d", got, test.holes)
				}
				if test.holes > 0 {
					return
				}
				h.post(e) // and if the broker hands it over after all
				h.settle()
				want(t, "answers", h.hub.answers()[e.ID], []string{"refused grant-revoked"})
				if got := len(h.taken()); got != 2 {
					t.Errorf("taken: %d, want 2", got)
				}
			})
		})
	}
}

func TestReceiptsWaitForTheLine(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		h.hub.set(func(h *hub) {
			h.refuse = func(schemas.Receipt) error { return schemas.Refuse(schemas.CodeSuspended, "", "", "") }
		})
		h.chain(sender).send(3)
		h.chain(other).send(2)
		h.settle()
		pass(time.Hour)
		h.hub.set(func(h *hub) { h.refuse = nil })
		pass(2 * time.Minute)
		if got := len(h.hub.answers()); got != 5 {
			t.Errorf("%d receipts, want 5", got)
		}
		if got := len(h.hub.receipts); got != 2 {
			t.Errorf("in %d records, want one for each sender", got)
		}
		want(t, "alarms", h.alarms(), nil)
	})
}

// A receipt that the broker will never take holds up no other, neither in its
// record nor behind it.
func TestBadReceipt(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		c.send(10)
		c.write(letter{})
		c.sequence--
		bad := h.post(c.write(letter{}))
		c.send(10)
		h.chain(other).send(1)
		h.hub.set(func(h *hub) {
			h.refuse = func(r schemas.Receipt) error {
				for _, i := range r.Items {
					if i.Envelope == bad.ID {
						return schemas.Malformed("items[10].sequence", "must be an envelope that the broker holds")
					}
				}
				return nil
			}
		})
		h.settle()
		synctest.Wait()
		if got := len(h.hub.answers()); got != 21 {
			t.Errorf("%d receipts, want 21", got)
		}
		if alarms := h.alarms(); len(alarms) == 0 || alarms[len(alarms)-1] != "malformed riverside-treatment" {
			t.Errorf("alarms: %v", alarms)
		}
		left := 0
		if err := h.memory.View(func(tx durable.Tx) (err error) { left, err = tx.Log("receipts").Len(); return err }); err != nil || left != 0 {
			t.Errorf("%d receipts left, %v", left, err)
		}
	})
}

// A broker cannot make this agency sign that it stored what it never saw: not
// by a withdrawal without a reason, nor by one with a reason of its own.
func TestWithdrawalWithoutReason(t *testing.T) {
	for _, code := range []schemas.Code{"", "stored"} {
		t.Run(string(code), func(t *testing.T) {
			bubble(t, func(t *testing.T, h *house) {
				c := h.chain(sender)
				id := schemas.NewEventID()
				e := c.write(letter{eventID: id})
				h.withdrawn(e, code, nil)
				h.post(e)
				h.settle()
				want(t, "taken", h.taken(), []string{string(id)})
				want(t, "answers", h.hub.answers()[e.ID], []string{"stored"})
				want(t, "alarms", h.alarms(), []string{"malformed"})
			})
		})
	}
}

// An envelope for somebody else takes no place in the sender's chain: what
// belongs there is still taken.
func TestEnvelopeOfAnotherTakesNoPlace(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c, elsewhere := h.chain(sender), h.chain(sender)
		elsewhere.id = c.id // the same incarnation's chain for another recipient
		h.post(elsewhere.write(letter{to: other}))
		ids := c.send(2)
		h.settle()
		want(t, "taken", h.taken(), ids)
		want(t, "alarms", h.alarms(), []string{"recipient-not-covered riverside-treatment"})
	})
}
