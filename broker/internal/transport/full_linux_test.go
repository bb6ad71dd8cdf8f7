package transport_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
)

// A hub whose disk is full says so at once, and goes on once there is room and
// it was started again, with everything that it had taken.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skip("this machine mounts nothing for us:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	k, _, err := transport.NewKeys("n")
	check(t, err)
	s := start(t, transport.Options{Dir: filepath.Join(dir, "nats"), Keys: k})
	record := func(size int) []journal.Record {
		return []journal.Record{{Subject: "hub.0.decision.a", Data: make([]byte, size)}}
	}
	check(t, s.Hub().Commit(t.Context(), 0, record(10)))
	fill(t, filepath.Join(dir, "ballast"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Hub().Commit(ctx, 1, record(100_000)); !errors.Is(err, syscall.ENOSPC) || ctx.Err() != nil {
		t.Fatalf("a commit onto a full disk: got %v", err)
	}
	<-s.Failed()
	if !errors.Is(s.Failure(), syscall.ENOSPC) {
		t.Errorf("the cause is %v", s.Failure())
	}
	check(t, os.Remove(filepath.Join(dir, "ballast")))
	check(t, s.Stop(t.Context()))
	s = start(t, transport.Options{Dir: filepath.Join(dir, "nats"), Keys: k})
	last, err := s.Hub().Last(t.Context())
	check(t, err)
	check(t, s.Hub().Commit(t.Context(), last, record(10)))
}

// fill writes until the disk takes no more.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	check(t, err)
	defer func() { _ = f.Close() }()
	for piece := 1 << 20; piece > 0; piece /= 16 {
		for err == nil {
			_, err = f.Write(make([]byte, piece))
		}
		err = nil
	}
}
