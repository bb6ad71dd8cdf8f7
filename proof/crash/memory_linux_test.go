package crash_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// anonymous is the memory of a process that is not of files, in bytes.
func anonymous(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // it has ended
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("RssAnon:")); ok {
			n, _ := strconv.Atoi(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))))
			return n << 10
		}
	}
	return 0
}

// watch returns a function that ends the watching and gives the most memory
// that each process took meanwhile.
func (w *world) watch() func() map[string]int {
	most := map[string]int{}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			for name, p := range w.running {
				most[name] = max(most[name], anonymous(p.cmd.Process.Pid))
			}
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return func() map[string]int { close(done); wg.Wait(); return most }
}

// Documents of the largest size take no more memory than small ones at the
// agencies, and no more each time at the broker, whose message server keeps what
// it has just written in a cache of some 30 MiB.
func TestMemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 70 MiB")
	}
	w := newWorld(t)
	w.join("riverside")
	w.join("probation")
	w.share()
	measure := func(name string, size int) map[string]int {
		path, content := w.document(name, size)
		stop := w.watch()
		w.attach(name, path)
		w.wantDocument(schemas.HashOf(content), content)
		return stop()
	}
	measure("first", 2<<20) // the processes have warmed up
	small := measure("small", 3<<20)
	large := measure("large", schemas.MaxAttachment)
	again := measure("again", schemas.MaxAttachment-1)
	for name := range small {
		t.Logf("%-9s 3 MiB: %5.1f MiB   25 MiB: %5.1f MiB   25 MiB again: %5.1f MiB", name, mib(small[name]), mib(large[name]), mib(again[name]))
		grown := max(large[name], again[name]) - small[name]
		if name == "broker" {
			grown = again[name] - large[name]
		}
		if grown > 16<<20 {
			t.Errorf("%s takes %.1f MiB more", name, mib(grown))
		}
	}
}

func mib(bytes int) float64 { return float64(bytes) / (1 << 20) }
