package gate_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// A revocation that comes while a page is being given to the connection returns
// only when the page was given, and counts it as handed over.
func TestS1RevocationWaitsForThePage(t *testing.T) {
	n := inMemory(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	g, c := a.grant(b), a.thread(b)
	_, start := b.collect(0)
	c.send(g)
	c.send(g)

	var once sync.Once
	var out journal.Outcome
	revoked := make(chan struct{})
	given := 0
	check(t, n.gate.Pull(n.ctx(), b.account, schemas.PullRequest{V: 1, After: start}, func(header map[string][]string, data []byte) error {
		if itemFrom(header, data).kind != schemas.ItemEnvelope {
			return nil
		}
		given++
		once.Do(func() {
			go func() {
				defer close(revoked)
				out = a.revoke(g)
			}()
			for !n.gate.TakingAway() {
				select {
				case <-revoked:
					t.Error("the revocation returned while the page was under way")
					return
				default:
					runtime.Gosched()
				}
			}
		})
		return nil
	}))
	<-revoked
	if given != 2 || out.HandedOver != 2 || out.Withdrawn != 0 {
		t.Errorf("%d were given, the revocation says %+v", given, out)
	}
}

// hooked calls a function once, between the reading of a page and its return.
type hooked struct {
	gate.Hub
	once sync.Once
	hook func()
}

func (h *hooked) ReadMany(ctx context.Context, positions []uint64, fn func(journal.Record) error) error {
	err := h.Hub.ReadMany(ctx, positions, fn)
	if len(positions) > 0 && h.hook != nil {
		h.once.Do(h.hook)
	}
	return err
}

// A grant that is revoked after a page was read, and before it is given, is
// noticed: nothing under it goes out.
func TestS1RevokedWhileThePageIsRead(t *testing.T) {
	clock := newClock()
	hub := &hooked{Hub: &memory{now: clock.now}}
	n := prepare(t, hub, clock)
	n.found(2)
	a, b := n.agencies[0], n.agencies[1]
	g, c := a.grant(b), a.thread(b)
	_, start := b.collect(0)
	c.send(g)
	c.send(g)

	var out journal.Outcome
	hub.hook = func() { out = a.revoke(g) }
	items, _ := b.collect(start)
	if got := only(items, schemas.ItemEnvelope); len(got) != 0 {
		t.Errorf("%d envelopes were handed over after the revocation had returned", len(got))
	}
	if out.Withdrawn != 2 || out.HandedOver != 0 {
		t.Errorf("the revocation says %+v, want two withdrawn", out)
	}
}
