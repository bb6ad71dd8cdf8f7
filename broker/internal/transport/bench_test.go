package transport_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
)

func benchRecords(n int) []journal.Record {
	records := make([]journal.Record, n)
	for i := range records {
		records[i] = journal.Record{
			Subject: fmt.Sprintf("hub.0.inbox.A%d.G%d", i%50, i%500),
			Header:  map[string][]string{"ce-id": {"0199f6a2-7c3e-7000-8000-000000000000"}, "ce-source": {"/agencies/riverside"}},
			Data:    make([]byte, 2048),
		}
	}
	return records
}

func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{1, 8, 64, 400} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := start(b, transport.Options{Dir: b.TempDir(), Keys: newKeys(b)}).Hub()
			records := benchRecords(n)
			var last uint64
			for b.Loop() {
				check(b, h.Commit(b.Context(), last, records))
				last += uint64(n)
			}
			b.ReportMetric(float64(last)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	h := start(b, transport.Options{Dir: b.TempDir(), Keys: newKeys(b)}).Hub()
	const total = 100_000
	for last := uint64(0); last < total; last += 1000 {
		check(b, h.Commit(b.Context(), last, benchRecords(1000)))
	}
	count := 0
	each := func(journal.Record) error { count++; return nil }
	report := func(b *testing.B) { b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "records/s"); count = 0 }
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			check(b, h.Scan(b.Context(), 1, each))
		}
		report(b)
	})
	b.Run("500scattered", func(b *testing.B) {
		for b.Loop() {
			positions := make([]uint64, 500)
			for i := range positions {
				positions[i] = rand.Uint64N(total) + 1
			}
			check(b, h.ReadMany(b.Context(), positions, each))
		}
		report(b)
	})
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			_, err := h.Read(b.Context(), rand.Uint64N(total)+1)
			check(b, err)
			count++
		}
		report(b)
	})
}

func BenchmarkStartStop(b *testing.B) {
	dir, keys := b.TempDir(), newKeys(b)
	for b.Loop() {
		s, err := transport.Start(b.Context(), transport.Options{Dir: dir, Keys: keys})
		check(b, err)
		check(b, s.Stop(b.Context()))
	}
}

func BenchmarkAdmit(b *testing.B) {
	s := start(b, transport.Options{Dir: b.TempDir(), Keys: newKeys(b)})
	for b.Loop() {
		account, err := transport.NewAccount()
		check(b, err)
		check(b, s.Admit(b.Context(), account, "agency", false))
	}
}
