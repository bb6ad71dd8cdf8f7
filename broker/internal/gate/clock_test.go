package gate_test

import (
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// A broker whose clock is set back behind a grant's first day takes nothing
// back: the grant had begun when the envelope was accepted.
func TestClockSetBackWithdrawsNothing(t *testing.T) {
	n := inMemory(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	n.clock.advance(72 * time.Hour)
	g, c := a.issue(a.terms(b, 0, 30)), a.thread(b)
	_, start := b.collect(0)
	c.send(g)
	n.clock.advance(-48 * time.Hour)
	if r := a.submit(c.next(g)); r.Code != schemas.CodeClockSkew && r.Code != schemas.CodeGrantNotYetValid {
		t.Errorf("a new envelope before the grant's first day: %s %s", r.Result, r.Code)
	}
	n.sweep()
	items, _ := b.collect(start)
	if got := only(items, schemas.ItemEnvelope); len(got) != 1 {
		t.Errorf("got %v, want the envelope", items)
	}
}
