package gate_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/broker/internal/registry"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// What the disk changed is not handed over, and not passed over either: the
// member's cursor stays before it, and once it is mended everything comes.
func TestS4DamagedRecordIsWithheld(t *testing.T) {
	n := inMemory(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	g, c := a.grant(b), a.thread(b)
	c.send(g)
	c.send(g)
	damaged := true
	reg := registry.New(networkID, n.admission.Public().(ed25519.PublicKey))
	opts := n.options(reg)
	opts.Hub = n.hub
	opts.Holds = func(records []journal.Record) error {
		for _, r := range records {
			if damaged && r.Kind() == journal.Accepted {
				return errors.New("another record")
			}
		}
		return nil
	}
	checked, err := gate.New(n.ctx(), opts)
	check(t, err)
	n.gate = checked // of which only Pull is asked
	if items, end := b.pull(schemas.PullRequest{}); len(only(items, schemas.ItemEnvelope)) != 0 || end.Code != schemas.CodeUnavailable || end.Next != 0 {
		t.Errorf("got %d items, %s, next %d", len(items), end.Code, end.Next)
	}
	damaged = false
	items, _ := b.collect(0)
	if got := len(only(items, schemas.ItemEnvelope)); got != 2 {
		t.Errorf("got %d envelopes after it was mended", got)
	}
}
