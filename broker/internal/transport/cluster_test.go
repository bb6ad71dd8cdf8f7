package transport_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

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
			Logger:  slog.New(slog.NewTextHandler(os.Stderr, nil)).With("b", i+1),
			Cluster: &transport.Cluster{Place: i + 1, Listen: routes[i], Routes: routes, Secret: make([]byte, 32)},
		}
	}
	return all
}

func TestThreeServersKeepOneHub(t *testing.T) {
	all := trio(t)
	var servers [transport.Brokers]*transport.Server
	for i, opts := range all {
		servers[i] = start(t, opts)
	}
	began := time.Now()
	for _, s := range servers {
		check(t, s.OpenHub(t.Context()))
	}
	t.Log("open", time.Since(began))
	began = time.Now()
	for range 100 {
		servers[0].Copies()
	}
	t.Log("copies", time.Since(began)/100)
	var leader, other *transport.Server
	for _, s := range servers {
		c, err := s.Copies()
		check(t, err)
		t.Logf("%+v %v", c, s.Connected())
		if c.Leads {
			leader = s
		} else {
			other = s
		}
	}
	began = time.Now()
	for i := range 100 {
		check(t, leader.Hub().Commit(t.Context(), uint64(i), []journal.Record{record("hub.0.x", fmt.Sprint(i))}))
	}
	t.Log("commit", time.Since(began)/100)
	began = time.Now()
	for i := range 20 {
		batch := make([]journal.Record, 400)
		for k := range batch {
			batch[k] = record("hub.0.x", fmt.Sprint(k))
		}
		check(t, leader.Hub().Commit(t.Context(), uint64(100+400*i), batch))
	}
	t.Log("batch of 400", time.Since(began)/20)
	if err := other.Hub().Commit(t.Context(), 99, []journal.Record{record("hub.0.x", "")}); !errors.Is(err, journal.ErrMoved) {
		t.Fatal(err)
	}
	eventually.True(t, "other's copy", func() bool {
		last, err := other.Hub().Last(t.Context())
		return err == nil && last == 8100
	})
	n := 0
	began = time.Now()
	check(t, other.Hub().Scan(t.Context(), 1, func(r journal.Record) error { n++; return nil }))
	t.Log(n, time.Since(began))
	began = time.Now()
	check(t, leader.StepDown(t.Context()))
	t.Log("stepped down", time.Since(began))
	for i, s := range servers {
		began = time.Now()
		check(t, s.Stop(context.Background()))
		t.Log("stopped", i, time.Since(began))
	}
}
