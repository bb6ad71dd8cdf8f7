package transport_test

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/internal/journal"
)

// trio is the options of three servers that find each other on loopback.
func trio(t testing.TB) (all [transport.Brokers]transport.Options) {
	t.Helper()
	dir, keys := t.TempDir(), newKeys(t)
	var routes [transport.Brokers]string
	for i := range routes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		defer func() { check(t, l.Close()) }()
		routes[i] = l.Addr().String()
	}
	for i := range all {
		all[i] = transport.Options{
			Dir: filepath.Join(dir, fmt.Sprint(i)), Keys: keys,
			Cluster: &transport.Cluster{Place: i + 1, Listen: routes[i], Routes: routes, Secret: make([]byte, 32)},
		}
	}
	return all
}

// Three servers keep one hub: what one of them orders is in every copy, a commit
// that was decided before others is refused, and another takes over.
func TestThreeServersKeepOneHub(t *testing.T) {
	var servers [transport.Brokers]*transport.Server
	for i, opts := range trio(t) {
		servers[i] = start(t, opts)
	}
	var leader, other *transport.Server
	for _, s := range servers {
		check(t, s.OpenHub(t.Context()))
		c, err := s.Copies()
		check(t, err)
		if c.Leads {
			leader = s
		} else {
			other = s
		}
	}
	const single, batches, batch = 20, 3, 100
	for i := range uint64(single) {
		check(t, leader.Hub().Commit(t.Context(), i, []journal.Record{record("hub.0.x", fmt.Sprint(i))}))
	}
	for i := range uint64(batches) {
		var records []journal.Record
		for k := range batch {
			records = append(records, record("hub.0.x", fmt.Sprint(k)))
		}
		check(t, leader.Hub().Commit(t.Context(), single+batch*i, records))
	}
	if err := other.Hub().Commit(t.Context(), single-1, []journal.Record{record("hub.0.x", "")}); !errors.Is(err, journal.ErrMoved) {
		t.Fatalf("commit behind others: got %v, want %v", err, journal.ErrMoved)
	}
	const all = single + batches*batch
	eventually.True(t, "other's copy", func() bool {
		last, err := other.Hub().Last(t.Context())
		return err == nil && last == all
	})
	n := 0
	check(t, other.Hub().Scan(t.Context(), 1, func(journal.Record) error { n++; return nil }))
	if n != all {
		t.Errorf("another's copy has %d records, want %d", n, all)
	}
	check(t, leader.StepDown(t.Context()))
	if c, err := leader.Copies(); err != nil || c.Leads {
		t.Errorf("after stepping down: %+v, %v", c, err)
	}
}
