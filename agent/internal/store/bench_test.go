package store_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// record writes what an arriving envelope does, in small: 1 KiB in a log, an id
// in a map.
func record(tx durable.Tx, id string) error {
	if _, err := tx.Log("in").Append(make([]byte, 1024)); err != nil {
		return err
	}
	return tx.Map("ids").Put(id, []byte("12345678"))
}

func BenchmarkUpdate(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"))
	for i := 0; b.Loop(); i++ {
		update(b, s, func(tx durable.Tx) error { return record(tx, strconv.Itoa(i)) })
	}
}

func BenchmarkCallers(b *testing.B) {
	for _, callers := range []int{8, 64, 512} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"))
			var next atomic.Int64
			b.SetParallelism((callers + 1) / 2) // of two processors
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := strconv.FormatInt(next.Add(1), 10)
					update(b, s, func(tx durable.Tx) error { return record(tx, id) })
				}
			})
			b.StopTimer()
			stats, err := s.Stats()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(stats.Updates)/float64(stats.Commits), "updates/commit")
		})
	}
}

// One caller, a hundred records in each Update; the figure is per record.
func BenchmarkHundredInOne(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"))
	for i := 0; i < b.N; i += 100 {
		update(b, s, func(tx durable.Tx) error {
			for j := range 100 {
				if err := record(tx, fmt.Sprint(i+j)); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func BenchmarkGet(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "store.db"))
	update(b, s, func(tx durable.Tx) error {
		for i := range 10_000 {
			if err := record(tx, strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return nil
	})
	for i := 0; b.Loop(); i++ {
		view(b, s, func(tx durable.Tx) error {
			_, err := tx.Map("ids").Get(strconv.Itoa(i % 10_000))
			return err
		})
	}
}
