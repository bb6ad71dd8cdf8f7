package ledger_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/broker/internal/ledger"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/schemas"
)

// excerpts reads everything that is an agency's under a size, page by page, and
// verifies it against the head of that size.
func excerpts(t rapid.TB, l *ledger.Ledger, a schemas.AgencyID, head schemas.LedgerHead, maxBytes int) (positions []uint64, texts map[uint64]schemas.ProvenEntry) {
	t.Helper()
	texts = map[uint64]schemas.ProvenEntry{}
	for after := uint64(0); after < head.Size; {
		reply, err := l.Prove(context.Background(), a, schemas.ProofRequest{V: 1, After: after, Size: head.Size, MaxBytes: maxBytes})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := head.CheckExcerpt(*reply.Excerpt)
		if err != nil {
			t.Fatalf("after %d of %d: %v", after, head.Size, err)
		}
		if reply.Excerpt.Next <= after {
			t.Fatalf("after %d the next is %d", after, reply.Excerpt.Next)
		}
		for _, e := range entries {
			p, err := reply.Excerpt.Proof(head.Size, e.Position)
			if err != nil {
				t.Fatal(err)
			}
			positions, texts[e.Position] = append(positions, e.Position), p
		}
		after = reply.Excerpt.Next
	}
	return positions, texts
}

// Whatever the ledger's size, an old or a new head, small pages or large ones:
// a party gets each of its entries once, and out of each page a proof of RFC
// 6962 for each.
func TestS4PartiesGetEachOfTheirEntries(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := &hub{}
		l := open(rt, t.TempDir(), h)
		var heads []schemas.LedgerHead
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			for range rapid.SampledFrom([]int{1, 3, 100, 255, 256, 270}).Draw(rt, "records") {
				h.grow(rapid.IntRange(0, 11).Draw(rt, "record"))
			}
			heads = append(heads, advance(rt, l))
		}
		head := heads[rapid.IntRange(0, len(heads)-1).Draw(rt, "head")]
		for _, a := range agencies {
			var want []uint64
			for p := range head.Size {
				if slices.Contains(parties(h.records[p]), a) {
					want = append(want, p+1)
				}
			}
			got, texts := excerpts(rt, l, a, head, rapid.SampledFrom([]int{0, 1, 5000}).Draw(rt, "bytes"))
			if !slices.Equal(got, want) {
				rt.Fatalf("%s of %d: got %v, want %v", a, head.Size, got, want)
			}
			for p, proven := range texts {
				if _, err := head.CheckInclusion([]byte(proven.Entry), proven.Proof); err != nil {
					rt.Fatalf("position %d of %d: %v", p, head.Size, err)
				}
			}
		}
	})
}

// A broker that was started again gives out what its audit has looked at, in
// the end everything.
func TestExcerptAfterARestart(t *testing.T) {
	dir := t.TempDir()
	h := &hub{}
	for i := range 600 {
		h.grow(i)
	}
	advance(t, open(t, dir, h))
	l := open(t, dir, h)
	head := headOf(t, l)
	l.Start()
	t.Cleanup(func() { _ = l.Stop(context.Background()) })
	eventually.True(t, "the audit has looked at everything", func() bool {
		reply, err := l.Prove(t.Context(), agencies[0], schemas.ProofRequest{V: 1, After: 599, Size: 600})
		if err != nil {
			t.Fatal(err)
		}
		return reply.Excerpt.Next == 600
	})
	if got, _ := excerpts(t, l, agencies[0], head, 0); len(got) < 200 {
		t.Errorf("got %d entries", len(got))
	}
}

// The audit finds what the start's sample may miss, and then the broker is not
// ready.
func TestS4AuditFindsWhatTheSampleMissed(t *testing.T) {
	for name, spoil := range map[string]func(*hub){
		"header":  func(h *hub) { h.records[1].Time = h.records[1].Time.Add(time.Second) },
		"content": func(h *hub) { h.records[0].Data[1] ^= 1 },
		"missing": func(h *hub) { h.records = h.records[:4] },
	} {
		t.Run(name, func(t *testing.T) {
			dir, h := t.TempDir(), &hub{}
			for i := range 5 {
				h.grow(i)
			}
			advance(t, open(t, dir, h))
			l := open(t, dir, h)
			if err := l.Healthy(); err != nil {
				t.Fatal(err)
			}
			h.set(func() { spoil(h) }) // after the start's look at it
			l.Start()
			eventually.True(t, "the ledger is not healthy", func() bool { return schemas.CodeOf(l.Healthy()) == schemas.CodeHistoryForked })
			if err := l.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}
