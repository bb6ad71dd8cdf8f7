package ledger_test

import (
	"runtime"
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/ledger"
)

// BenchmarkVerifyHub is the offline verification of a hub in memory: tiles
// against the head, each record's content against its header, each entry
// against its tile. b.N records.
func BenchmarkVerifyHub(b *testing.B) {
	h := &hub{}
	for i := range b.N {
		h.grow(i)
	}
	dir := b.TempDir()
	l, err := ledger.Open(b.Context(), options(dir, h))
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Advance(b.Context()); err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	b.ReportAllocs()
	b.ResetTimer()
	a, err := ledger.VerifyHub(b.Context(), options(dir, h))
	if err != nil || a.Records != uint64(b.N) {
		b.Fatal(a, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkVerify is that of the tiles alone.
func BenchmarkVerify(b *testing.B) {
	h := &hub{}
	for i := range b.N {
		h.grow(i)
	}
	dir := b.TempDir()
	l, err := ledger.Open(b.Context(), options(dir, h))
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Advance(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if _, err := ledger.Verify(dir, public); err != nil {
		b.Fatal(err)
	}
}
