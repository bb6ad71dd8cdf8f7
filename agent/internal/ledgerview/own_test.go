// The FIPS module takes its entropy from real time, which a synctest bubble does
// not have.
//
//go:debug fips140=off
package ledgerview_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/ledgerview"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	network schemas.NetworkID = "river-county"
	epoch   schemas.ULID      = "01JD6Z0000000000000000000E"
)

var (
	key    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	public = key.Public().(ed25519.PublicKey)
)

// teller is a broker that tells of its ledger, truly or not.
type teller struct {
	mu      sync.Mutex // guards what follows
	entries []schemas.LedgerEntry
	hide    uint64 // a position that it leaves out
	refuse  error
	pages   int
}

func (b *teller) add(sender, recipient schemas.AgencyID) schemas.LedgerEntry {
	e := schemas.LedgerEntry{
		Epoch: epoch, Position: uint64(len(b.entries) + 1), Time: time.UnixMilli(1_795_262_400_000), Kind: ledgerview.KindAccepted,
		Sender: sender, Recipient: recipient, Envelope: schemas.NewEventID(), Grant: schemas.NewGrantID(), Count: -1,
	}
	m := schemas.HashOf([]byte(e.Envelope))
	e.Hash = &m
	b.entries = append(b.entries, e)
	return e
}

// root is that of the leaves from first up to before end.
func (b *teller) root(first, end uint64) schemas.Hash {
	if end-first == 1 {
		return schemas.LeafHash(b.entries[first].Encode())
	}
	middle := first + schemas.LeftLeaves(end-first)
	return schemas.NodeHash(b.root(first, middle), b.root(middle, end))
}

func (b *teller) head() string {
	h := schemas.LedgerHead{Network: network, Epoch: epoch, Size: uint64(len(b.entries)), Root: b.root(0, uint64(len(b.entries)))}
	text, err := h.Sign(key)
	if err != nil {
		panic(err)
	}
	return text
}

func (b *teller) nodes(shown []uint64, first, end uint64) []schemas.Hash {
	if !slices.ContainsFunc(shown, func(p uint64) bool { return p > first && p <= end }) {
		return []schemas.Hash{b.root(first, end)}
	}
	if end-first == 1 {
		return nil
	}
	middle := first + schemas.LeftLeaves(end-first)
	return append(b.nodes(shown, first, middle), b.nodes(shown, middle, end)...)
}

func (b *teller) prove(_ context.Context, req schemas.ProofRequest) (schemas.ProofReply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return schemas.ProofReply{}, b.refuse
	}
	reply := schemas.ProofReply{Key: public, Head: b.head()}
	if req.Size == 0 {
		return reply, nil
	}
	b.pages++
	x := schemas.LedgerExcerpt{Next: min(req.After+7, req.Size)}
	var shown []uint64
	for p := req.After + 1; p <= x.Next; p++ {
		if e := b.entries[p-1]; (e.Sender == "harbor" || e.Recipient == "harbor") && p != b.hide {
			shown, x.Entries = append(shown, p), append(x.Entries, string(e.Encode()))
		}
	}
	x.Nodes, reply.Excerpt = b.nodes(shown, 0, req.Size), &x
	return reply, nil
}

// harbor is an agency that follows the ledger.
type harbor struct {
	store  durable.Store
	view   *ledgerview.View
	mu     sync.Mutex // guards alarms and sent
	alarms []schemas.Code
	sent   map[schemas.EventID]bool
}

func newHarbor(t *testing.T, b *teller) *harbor {
	h := &harbor{store: durabletest.New(), sent: map[schemas.EventID]bool{}}
	var err error
	h.view, err = ledgerview.Open(ledgerview.Options{
		Network: network, Own: "harbor", Broker: schemas.KeyIDOf(public), Store: h.store, Prove: b.prove,
		Sent: func(_ durable.Tx, e schemas.LedgerEntry) (bool, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.sent[e.Envelope], nil
		},
		Raise: func(_ durable.Tx, code schemas.Code, _ schemas.AgencyID, _ string) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.alarms = append(h.alarms, code)
			return nil
		},
		Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// knows notes an entry, as after the broker's answer.
func (h *harbor) knows(t *testing.T, e schemas.LedgerEntry) {
	t.Helper()
	h.mu.Lock()
	h.sent[e.Envelope] = true
	h.mu.Unlock()
	err := h.store.Update(t.Context(), func(tx durable.Tx) error {
		return h.view.Note(tx, ledgerview.Known{Epoch: epoch, Position: e.Position, Kind: e.Kind, Envelope: e.Envelope, Hash: *e.Hash})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// follow lets an hour pass.
func (h *harbor) follow(t *testing.T) []schemas.Code {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	h.view.Run(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.alarms)
	return slices.Compact(h.alarms)
}

// What a broker proves is kept and provable from the store alone. One that
// leaves an entry out, says something else than it answered, claims what was
// never sent, or does not prove, is an alarm.
func TestS4LeftOutEntryIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*teller, *harbor)
		want  []schemas.Code
	}{
		"honest":       {func(*teller, *harbor) {}, nil},
		"leaves out":   {func(b *teller, _ *harbor) { b.hide = 10 }, []schemas.Code{schemas.CodeHistoryForked}},
		"says another": {func(b *teller, _ *harbor) { m := schemas.HashOf(nil); b.entries[9].Hash = &m }, []schemas.Code{schemas.CodeHistoryForked}},
		"claims":       {func(b *teller, h *harbor) { h.sent[b.add("harbor", "hilltop").Envelope] = false }, []schemas.Code{schemas.CodeChainConflict}},
		"refuses": {func(b *teller, _ *harbor) {
			b.refuse = schemas.Refuse(schemas.CodeUnavailable, "ledger", "is damaged", "ask")
		}, []schemas.Code{schemas.CodeUnavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &teller{}
				h := newHarbor(t, b)
				var own []schemas.LedgerEntry
				for i := range 30 {
					e := b.add("hilltop", "riverside")
					if i%3 == 0 {
						e.Sender = "harbor"
						b.entries[i].Sender = "harbor"
						own = append(own, e)
						h.knows(t, e)
					}
				}
				if name == "refuses" { // it did show a head before
					head := b.head()
					h.view.Saw(&head)
					ctx, cancel := context.WithTimeout(t.Context(), 15*time.Millisecond)
					h.view.Run(ctx)
					cancel()
				}
				c.spoil(b, h)
				head := b.head()
				h.view.Saw(&head)
				if got := h.follow(t); !slices.Equal(got, c.want) {
					t.Fatalf("alarms %v, want %v", got, c.want)
				}
				if name != "honest" {
					return
				}
				err := h.store.View(func(tx durable.Tx) error {
					for _, e := range own {
						for _, find := range []func() (ledgerview.Proof, bool, error){
							func() (ledgerview.Proof, bool, error) { return ledgerview.At(tx, epoch, e.Position) },
							func() (ledgerview.Proof, bool, error) { return ledgerview.OfEnvelope(tx, epoch, e.Envelope) },
						} {
							p, ok, err := find()
							if err != nil || !ok {
								t.Fatalf("position %d: %t, %v", e.Position, ok, err)
							}
							if got, _, err := p.Check(p.Key); err != nil || got.Envelope != e.Envelope {
								t.Errorf("position %d: %+v, %v", e.Position, got, err)
							}
						}
					}
					if _, ok, err := ledgerview.At(tx, epoch, 2); ok || err != nil {
						t.Errorf("another's entry: %t, %v", ok, err)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}
