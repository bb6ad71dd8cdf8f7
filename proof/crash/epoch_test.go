package crash_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/eventually"
)

// wipe leaves of the broker's directory what a backup of its keys holds.
func (w *world) wipe() {
	w.t.Helper()
	entries, err := os.ReadDir(w.path("broker"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "keys" || e.Name() == "network.json" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(w.path("broker"), e.Name())); err != nil {
			w.t.Fatal(err)
		}
	}
}

// newEpoch declares one, after an attempt that dies at a point, "" for none.
func (w *world) newEpoch(crashAt string) {
	w.t.Helper()
	if crashAt != "" {
		w.t.Setenv("LINKAGE_CRASH", crashAt)
		if _, err := w.try("broker", "new-epoch", "--data", w.path("broker"), "--reason", "wiped"); err == nil {
			w.t.Fatalf("new-epoch did not die at %s", crashAt)
		}
		w.t.Setenv("LINKAGE_CRASH", "")
		if _, err := w.try("broker", "run", "--data", w.path("broker"), "--listen", w.address, "--status-listen", "off"); err == nil {
			w.t.Errorf("a broker whose new epoch was not declared to its end serves (%s)", crashAt)
		}
	}
	w.must("broker", "new-epoch", "--data", w.path("broker"), "--reason", "wiped")
}

// A broker is wiped again and again, and each time somebody dies while it is
// declared or filled again. Everything arrives, once.
func TestKilledWhileRefilling(t *testing.T) {
	declaring := []string{crash.EpochSigned, crash.EpochDeclared, crash.EpochMoved}
	filling := []string{crash.EnrolReturned, crash.AgentEpoch, crash.AgentReturned, crash.AgentOffered}
	if testing.Short() {
		declaring, filling = declaring[1:2], filling[1:2]
	}
	w := newWorld(t)
	w.join("riverside")
	w.join("probation")
	w.grant()
	w.settle([]string{"first"}, 1)
	total := 1
	for _, point := range slices.Concat(declaring, filling) {
		t.Log(point)
		w.kill("probation")
		names := named(point, 2)
		w.send(names[0])
		eventually.True(t, "the broker has it", func() bool { return w.state("accepted") == 1 })
		w.kill("broker")
		w.send(names[1])
		w.wipe()
		died := "" // who does
		switch {
		case slices.Contains(declaring, point):
			w.newEpoch(point)
			w.start("broker", "")
		case point == crash.EnrolReturned:
			died = "broker"
			w.newEpoch("")
			w.start("broker", point)
		default:
			died = "riverside"
			w.newEpoch("")
			w.kill("riverside")
			w.start("broker", "")
			w.start("riverside", point)
		}
		if died != "" {
			w.crashed(died)
			w.start(died, "")
		}
		w.start("probation", "")
		total += len(names)
		w.settle(names, total)
	}
}
