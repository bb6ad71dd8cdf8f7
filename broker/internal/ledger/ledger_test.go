// The FIPS module takes its entropy from real time, which a synctest bubble does
// not have.
//
//go:debug fips140=off
package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/broker/internal/ledger"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	network schemas.NetworkID = "river-county"
	epoch   schemas.ULID      = "01JD6Z0000000000000000000E"
)

var (
	key    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	public = key.Public().(ed25519.PublicKey)
	salt   = bytes.Repeat([]byte{2}, 32)
)

// hub is a hub in memory. A test that changes it while a follower reads holds
// the lock.
type hub struct {
	mu      sync.Mutex // guards what follows
	records []journal.Record
	err     error
}

func (h *hub) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

func (h *hub) Last(context.Context) (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return uint64(len(h.records)), h.err
}

func (h *hub) Scan(_ context.Context, from uint64, fn func(journal.Record) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := from; i <= uint64(len(h.records)) && h.err == nil; i++ {
		if err := fn(h.records[i-1]); err != nil {
			return err
		}
	}
	return h.err
}

func (h *hub) ReadMany(_ context.Context, positions []uint64, fn func(journal.Record) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range positions {
		if err := fn(h.records[p-1]); err != nil {
			return err
		}
	}
	return h.err
}

var agencies = []schemas.AgencyID{"harbor", "riverside", "hilltop"}

// grow adds a record of a kind that the number chooses.
func (h *hub) grow(n int) {
	p := uint64(len(h.records) + 1)
	from, to := string(agencies[n%3]), string(agencies[(n+1)%3])
	var header map[string][]string
	var data []byte
	switch n % 4 {
	case 0:
		e := schemas.Envelope{
			ID: schemas.NewEventID(), Sender: agencies[n%3], Time: time.Unix(1_800_000_000, 0), Recipient: agencies[(n+1)%3], Grant: schemas.NewGrantID(),
			RecipientKey: schemas.KeyIDOf(public), Chain: epoch, Sequence: p, Data: []byte{1, byte(n)},
		}.Signed(key)
		header, data = e.Header(), e.Data
		header[journal.HeaderKind], header[journal.HeaderHash] = []string{string(journal.Accepted)}, []string{e.Hash().String()}
	case 1:
		header = map[string][]string{journal.HeaderKind: {string(journal.HandedOver)}, journal.HeaderRecipient: {to}, journal.HeaderCount: {strconv.Itoa(n)}}
	case 2:
		rec := schemas.SignBytes(schemas.RecordReceipt, strconv.AppendUint(nil, p, 10), key)
		data = rec.Encode()
		header = map[string][]string{journal.HeaderKind: {string(journal.Stored)}, journal.HeaderSender: {from}, journal.HeaderRecipient: {to}, journal.HeaderHash: {rec.Hash().String()}}
	case 3:
		header = map[string][]string{journal.HeaderKind: {string(journal.Refused)}, journal.HeaderSender: {from}, journal.HeaderCode: {"no-grant"}, journal.HeaderCount: {"1"}}
	}
	h.records = append(h.records, journal.Record{Header: header, Data: data, Position: p, Time: time.Unix(1_800_000_000, int64(p)*1_234_567)})
}

func options(dir string, h ledger.Hub) ledger.Options {
	return ledger.Options{Dir: dir, Network: network, Epoch: epoch, Hub: h, Key: key, SaltKey: salt, Every: time.Hour, Logger: slog.New(slog.DiscardHandler)}
}

func open(t rapid.TB, dir string, h ledger.Hub) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(context.Background(), options(dir, h))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func advance(t rapid.TB, l *ledger.Ledger) schemas.LedgerHead {
	t.Helper()
	if err := l.Advance(context.Background()); err != nil {
		t.Fatal(err)
	}
	return headOf(t, l)
}

func headOf(t rapid.TB, l *ledger.Ledger) schemas.LedgerHead {
	t.Helper()
	head, err := schemas.OpenLedgerHead(*l.Head(), public)
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// parties are the agencies that an entry names.
func parties(r journal.Record) []schemas.AgencyID {
	sender, _ := schemas.AgencyOfSource(r.Get("ce-source"))
	return []schemas.AgencyID{
		sender, schemas.AgencyID(r.Get("ce-recipient")), schemas.AgencyID(r.Get(journal.HeaderSender)), schemas.AgencyID(r.Get(journal.HeaderRecipient)),
	}
}

// provable holds every position of a ledger against everybody's right to see
// it.
func provable(t rapid.TB, l *ledger.Ledger, h *hub, positions []uint64) {
	t.Helper()
	for _, p := range positions {
		for _, a := range agencies {
			own := false
			for _, party := range parties(h.records[p-1]) {
				own = own || party == a
			}
			reply, err := l.Prove(context.Background(), a, schemas.ProofRequest{V: 1, Positions: []uint64{p}})
			if !own {
				if schemas.CodeOf(err) != schemas.CodeNotFound {
					t.Fatalf("position %d for %s: %v", p, a, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("position %d for %s: %v", p, a, err)
			}
			e, head, err := schemas.HeadedEntry{Head: reply.Head, ProvenEntry: reply.Entries[0]}.Check(reply.Key)
			if err != nil || e.Position != p || e.Kind != string(h.records[p-1].Kind()) || head.Size < p {
				t.Fatalf("position %d: %+v, %v", p, e, err)
			}
		}
	}
}

func consistent(t rapid.TB, l *ledger.Ledger, heads []schemas.LedgerHead) {
	t.Helper()
	for i, from := range heads {
		for _, to := range heads[i:] {
			reply, err := l.Prove(context.Background(), agencies[0], schemas.ProofRequest{V: 1, From: from.Size, To: to.Size})
			if err == nil {
				err = from.CheckConsistency(to, reply.Consistency)
			}
			if err != nil {
				t.Fatalf("%d to %d: %v", from.Size, to.Size, err)
			}
		}
	}
}

// Any history of the hub, however it grows and whenever the process dies:
// every entry is provable, every pair of heads consistent, and the ledger is
// what it would be if it were made in one go.
func TestS4EveryEntryIsProvable(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, again := t.TempDir(), t.TempDir()
		h := &hub{}
		l := open(rt, dir, h)
		var heads []schemas.LedgerHead
		for range rapid.IntRange(1, 8).Draw(rt, "rounds") {
			for range rapid.SampledFrom([]int{1, 2, 7, 255, 256, 300}).Draw(rt, "records") {
				h.grow(rapid.IntRange(0, 11).Draw(rt, "record"))
			}
			heads = append(heads, advance(rt, l))
			if rapid.Bool().Draw(rt, "dies") {
				l = open(rt, dir, h)
			}
		}
		consistent(rt, l, heads)
		size := uint64(len(h.records))
		provable(rt, l, h, []uint64{1, size, 1 + rand.Uint64N(size), 1 + rand.Uint64N(size)})
		if got, want := headOf(rt, l), advance(rt, open(rt, again, h)); got != want {
			rt.Fatalf("got head %+v, want %+v", got, want)
		}
		if _, err := ledger.Verify(dir, public); err != nil {
			rt.Fatal(err)
		}
	})
}

// Three levels of tiles.
func TestS4LargeLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 66,000 entries")
	}
	h := &hub{}
	l := open(t, t.TempDir(), h)
	var heads []schemas.LedgerHead
	for i := range 66_000 {
		h.grow(i)
		switch len(h.records) {
		case 1, 255, 256, 257, 65_535, 65_536, 65_537, 66_000:
			heads = append(heads, advance(t, l))
		}
	}
	consistent(t, l, heads)
	provable(t, l, h, []uint64{1, 256, 257, 40_000, 65_536, 65_537, 66_000})
}

// What a process that was killed leaves beyond the newest head is not believed.
func TestS4RemainsOfACrashAreMadeAgain(t *testing.T) {
	dir := t.TempDir()
	h := &hub{}
	for i := range ledger.TileWidth - 1 {
		h.grow(i)
	}
	first := advance(t, open(t, dir, h))
	for i := range 300 {
		h.grow(i)
	}
	junk := bytes.Repeat([]byte{7}, ledger.TileWidth*32)
	for path, size := range map[string]int{"tile/0/000": len(junk), "tile/0/001.p/5": 5 * 32, "tile/1/000.p/1": 32, "tile/1/000.p/2": 64} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, junk[:size], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, dir, h)
	second := advance(t, l)
	consistent(t, l, []schemas.LedgerHead{first, second})
	provable(t, l, h, []uint64{1, 200, 256, 300, uint64(len(h.records))})
	open(t, dir, h)
}

// A ledger and a hub that disagree are found at start, whichever was changed.
func TestS4DisagreementIsFoundAtStart(t *testing.T) {
	const records = 3 * ledger.TileWidth
	filled := func(t *testing.T) (string, *hub) {
		dir := t.TempDir()
		h := &hub{}
		for i := range records + 5 {
			h.grow(i)
		}
		advance(t, open(t, dir, h))
		return dir, h
	}
	refused := func(t *testing.T, opts ledger.Options, want string) {
		t.Helper()
		_, err := ledger.Open(t.Context(), opts)
		if schemas.CodeOf(err) != schemas.CodeHistoryForked || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("got %v, want history-forked with %q", err, want)
		}
	}
	t.Run("hub shorter", func(t *testing.T) {
		dir, h := filled(t)
		h.records = h.records[:records]
		refused(t, options(dir, h), "must have the 773 records that the ledger has, has 768")
	})
	t.Run("hub empty", func(t *testing.T) {
		dir, _ := filled(t)
		refused(t, options(dir, &hub{}), "has 0")
	})
	for _, p := range []int{1, 300, records} {
		t.Run(fmt.Sprintf("record %d changed", p), func(t *testing.T) {
			dir, h := filled(t)
			h.records[p-1].Time = h.records[p-1].Time.Add(time.Second)
			refused(t, options(dir, h), fmt.Sprintf("position %d", p))
		})
	}
	t.Run("another epoch", func(t *testing.T) {
		dir, h := filled(t)
		opts := options(dir, h)
		opts.Epoch = "01JD6Z0000000000000000000F"
		refused(t, opts, "epoch")
	})
	t.Run("another key", func(t *testing.T) {
		dir, h := filled(t)
		opts := options(dir, h)
		opts.Key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
		refused(t, opts, "checkpoint")
	})
	t.Run("another salt", func(t *testing.T) {
		dir, h := filled(t)
		opts := options(dir, h)
		opts.SaltKey = []byte("another")
		refused(t, opts, "position 1 ")
	})
	t.Run("any bit of any file", func(t *testing.T) {
		dir, h := filled(t)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			good, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			bad := bytes.Clone(good)
			bad[rand.N(len(bad))] ^= 1 << rand.N(8)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				return err
			}
			if _, err := ledger.Open(t.Context(), options(dir, h)); err == nil {
				t.Errorf("%s: opened", path)
			}
			if _, err := ledger.Verify(dir, public); schemas.CodeOf(err) != schemas.CodeHistoryForked {
				t.Errorf("%s: verified: %v", path, err)
			}
			return os.WriteFile(path, good, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		open(t, dir, h)
	})
}

func TestProofRefusesWhatItMust(t *testing.T) {
	h := &hub{}
	l := open(t, t.TempDir(), h)
	ask := func(req schemas.ProofRequest) schemas.Code {
		_, err := l.Prove(t.Context(), agencies[0], req)
		return schemas.CodeOf(err)
	}
	if got := ask(schemas.ProofRequest{V: 1, From: 1, To: 1}); got != schemas.CodeUnavailable {
		t.Errorf("without a head: %s", got)
	}
	for i := range 12 {
		h.grow(i)
	}
	advance(t, l)
	for name, c := range map[string]struct {
		req  schemas.ProofRequest
		want schemas.Code
	}{
		"version":            {schemas.ProofRequest{From: 1, To: 1}, schemas.CodeUnsupportedVersion},
		"nothing":            {schemas.ProofRequest{V: 1}, schemas.CodeMalformed},
		"both":               {schemas.ProofRequest{V: 1, Positions: []uint64{1}, To: 2}, schemas.CodeMalformed},
		"excerpt and more":   {schemas.ProofRequest{V: 1, Size: 1, To: 2}, schemas.CodeMalformed},
		"excerpt beyond":     {schemas.ProofRequest{V: 1, Size: 13}, schemas.CodeHistoryForked},
		"too many":           {schemas.ProofRequest{V: 1, Positions: make([]uint64, 101)}, schemas.CodeTooLarge},
		"no such position":   {schemas.ProofRequest{V: 1, Positions: []uint64{13}}, schemas.CodeNotFound},
		"position 0":         {schemas.ProofRequest{V: 1, Positions: []uint64{0}}, schemas.CodeNotFound},
		"another's position": {schemas.ProofRequest{V: 1, Positions: []uint64{1, 2}}, schemas.CodeNotFound},
		"from 0":             {schemas.ProofRequest{V: 1, To: 3}, schemas.CodeMalformed},
		"backwards":          {schemas.ProofRequest{V: 1, From: 3, To: 2}, schemas.CodeMalformed},
		"beyond the ledger":  {schemas.ProofRequest{V: 1, From: 3, To: 13}, schemas.CodeHistoryForked},
	} {
		if got := ask(c.req); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// Heads come by themselves, a hub that fails makes the ledger late, and late is
// not healthy.
func TestFollowerSignsAndTellsWhenItLags(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := &hub{}
		var log bytes.Buffer
		opts := options(dir, h)
		opts.Every, opts.Logger = 0, slog.New(slog.NewTextHandler(&log, nil))
		l, err := ledger.Open(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		h.grow(0)
		l.Start()
		wait(2 * time.Second)
		if got := headOf(t, l).Size; got != 1 {
			t.Errorf("head of %d", got)
		}
		h.set(func() { h.err = fmt.Errorf("no line") })
		wait(15 * time.Second)
		if l.Healthy() == nil || !strings.Contains(log.String(), "level=ERROR") || strings.Count(log.String(), "lags the hub") != 1 {
			t.Errorf("healthy: %v; log: %s", l.Healthy(), log.String())
		}
		h.set(func() { h.err = nil; h.grow(1) })
		wait(2 * time.Second)
		if err := l.Healthy(); err != nil || headOf(t, l).Size != 2 {
			t.Errorf("still behind: %v", err)
		}
		h.set(func() { h.grow(2) })
		if err := l.Stop(context.Background()); err != nil || headOf(t, l).Size != 3 {
			t.Errorf("stop left a head of %d: %v", headOf(t, l).Size, err)
		}
	})
}

// wait lets the bubble's clock run.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// BenchmarkAppend includes the fsync of every full tile.
func BenchmarkAppend(b *testing.B) {
	h := &hub{}
	for i := range b.N {
		h.grow(i)
	}
	opts := options(b.TempDir(), h)
	opts.Every = time.Second
	l, err := ledger.Open(b.Context(), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if err := l.Advance(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
