package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/internal/durable"
)

// storeToFill makes the test binary a process that fills a store until it is
// killed.
const storeToFill = "LINKAGE_TEST_FILL_STORE"

// howToFail makes the test binary a process whose Update does what no function
// may.
const howToFail = "LINKAGE_TEST_FAIL_IN_UPDATE"

func TestMain(m *testing.M) {
	if how := os.Getenv(howToFail); how != "" {
		fmt.Println(misuse(os.Getenv(storeToFill), how))
		os.Exit(0)
	}
	if path := os.Getenv(storeToFill); path != "" {
		if err := fill(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// fill appends from several goroutines and prints each number once Update has
// returned. It ends only by an error.
func fill(path string) error {
	s, err := store.Open(path, testKey, store.Options{})
	if err != nil {
		return err
	}
	var (
		out    sync.Mutex // guards stdout, line by line
		failed = make(chan error)
	)
	for range 8 {
		go func() {
			for {
				var n uint64
				err := s.Update(context.Background(), func(tx durable.Tx) (err error) {
					if n, err = tx.Log("l").Append([]byte("number")); err != nil {
						return err
					}
					if n%3 == 0 {
						if err := tx.Log("l").Delete(n - 2); err != nil {
							return err
						}
					}
					return tx.Map("m").Put(strconv.FormatUint(n, 10), make([]byte, n%5000))
				})
				if err != nil {
					failed <- err
				}
				out.Lock()
				fmt.Println(n)
				out.Unlock()
			}
		}()
	}
	return <-failed
}

// What Update has returned for survives the process, and the file stays sound.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	acknowledged := map[uint64]bool{}
	for round := range 6 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), storeToFill+"="+path)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, killAt := bufio.NewScanner(out), 1+rand.IntN(300)
		for seen := 0; lines.Scan(); { // on to the end: what is in the pipe was acknowledged too
			n, err := strconv.ParseUint(strings.TrimSpace(lines.Text()), 10, 64)
			if err != nil {
				break // the line in which it died
			}
			acknowledged[n] = true
			if seen++; seen == killAt {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // killed
		s := open(t, path)
		if !s.Unclean() {
			t.Errorf("round %d: a killed process must leave the store unclean", round)
		}
		view(t, s, func(tx durable.Tx) error {
			last, err := tx.Log("l").Last()
			if err != nil {
				return err
			}
			for n := range acknowledged {
				value, err := tx.Map("m").Get(strconv.FormatUint(n, 10))
				if n > last || len(value) != int(n%5000) || value == nil || err != nil {
					t.Errorf("round %d: %d was acknowledged: got %d bytes, %v", round, n, len(value), err)
				}
			}
			all, err := tx.Map("m").Len() // map, log and deletions are one transaction
			logged, logErr := tx.Log("l").Len()
			if uint64(all) != last || uint64(logged) != last-last/3 || err != nil || logErr != nil {
				t.Errorf("round %d: got %d in the map, %d in the log, last %d", round, all, logged, last)
			}
			return nil
		})
		if err := s.Verify(); err != nil {
			t.Error(err)
		}
		closeStore(t, s)
	}
	t.Logf("%d acknowledged numbers survived", len(acknowledged))
}

func misuse(path, how string) error {
	s, err := store.Open(path, testKey, store.Options{})
	if err != nil {
		return err
	}
	return s.Update(context.Background(), func(durable.Tx) error {
		if how == "exit" {
			runtime.Goexit()
		}
		panic("a programmer's error")
	})
}

// A function that panics, or ends the writer's goroutine, ends the process with
// a reason: callers never wait for a writer that is gone.
func TestMisuseIsLoud(t *testing.T) {
	for how, want := range map[string]string{"panic": "a programmer's error", "exit": "ended its goroutine"} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), howToFail+"="+how, storeToFill+"="+filepath.Join(t.TempDir(), "store.db"))
		out, err := child.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: got %v, %q, want a crash that says %q", how, err, out, want)
		}
	}
}
