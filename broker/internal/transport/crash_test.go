package transport_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
)

// writerDir, in the environment, makes this binary a process that commits
// until it is killed.
const writerDir = "TRANSPORT_TEST_WRITER"

// writeUntilKilled commits batches of rising sizes, each record naming its
// batch's first position and size, and prints the last position of each commit
// that returned.
func writeUntilKilled(dir string) {
	ctx := context.Background()
	stored, err := os.ReadFile(filepath.Join(dir, "keys"))
	fail(err)
	var keys transport.Keys
	fail(json.Unmarshal(stored, &keys))
	s, err := transport.Start(ctx, transport.Options{Dir: filepath.Join(dir, "data"), Keys: keys})
	fail(err)
	last, err := s.Hub().Last(ctx)
	fail(err)
	for size := 1; ; size = size%60 + 1 {
		records := make([]journal.Record, size)
		for i := range records {
			records[i] = journal.Record{
				Subject: "hub.0.inbox.x",
				Header:  map[string][]string{"first": {strconv.FormatUint(last+1, 10)}, "size": {strconv.Itoa(size)}},
				Data:    make([]byte, 2048),
			}
		}
		fail(s.Hub().Commit(ctx, last, records))
		last += uint64(size)
		fmt.Println(last)
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestKillLeavesWholeCommits(t *testing.T) {
	dir, keys := t.TempDir(), newKeys(t)
	stored, err := json.Marshal(keys)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "keys"), stored, 0o600))
	for round := range 5 {
		acked := killWriter(t, dir, 10+round*7)
		s := start(t, transport.Options{Dir: filepath.Join(dir, "data"), Keys: keys})
		last, err := s.Hub().Last(t.Context())
		check(t, err)
		if last < acked {
			t.Fatalf("round %d: committed up to %d, found %d", round, acked, last)
		}
		next := uint64(1)
		for _, r := range scan(t, s.Hub(), 1) {
			first, err := strconv.ParseUint(r.Get("first"), 10, 64)
			check(t, err)
			size, err := strconv.ParseUint(r.Get("size"), 10, 64)
			check(t, err)
			if r.Position != next || r.Position < first || r.Position >= first+size || first+size-1 > last {
				t.Fatalf("round %d: position %d of %d holds one of %d from %d", round, r.Position, last, size, first)
			}
			next++
		}
		if next != last+1 {
			t.Fatalf("round %d: %d records, last is %d", round, next-1, last)
		}
		check(t, s.Stop(t.Context()))
	}
}

// killWriter runs a writer, kills it after some commits, and returns the last
// position that it was told is on disk.
func killWriter(t *testing.T, dir string, commits int) (acked uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		acked, err = strconv.ParseUint(strings.TrimSpace(lines.Text()), 10, 64)
		check(t, err)
		if n == commits {
			check(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait() // killed
	return acked
}
