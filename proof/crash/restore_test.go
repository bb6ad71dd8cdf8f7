package crash_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/eventually"
)

// A backup that was cut off is none, a restore that was cut off is run again,
// and one that dies while it asks its partners goes on; nothing is lost and
// nothing comes twice.
func TestKilledWhileBackingUpAndRestoring(t *testing.T) {
	if testing.Short() {
		t.Skip("many starts of real processes")
	}
	w := newWorld(t)
	w.join("riverside")
	code := w.joinWithCode("probation")
	w.grant()
	w.settle([]string{"before"}, 1)
	file := w.path("probation.backup")

	w.kill("probation")
	w.start("probation", crash.AgentBackedUp)
	if _, err := w.try("agent", "backup", file, "--data", w.path("probation")); err == nil {
		t.Fatal("the backup did not die")
	}
	w.crashed("probation")
	if _, err := os.Stat(file); err == nil {
		t.Error("a backup that was cut off has its name")
	}
	w.start("probation", "")
	w.must("agent", "backup", file, "--data", w.path("probation"))
	w.settle(named("since", events), 1+events)

	w.kill("probation")
	if err := os.RemoveAll(w.path("probation")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(w.path("probation.key")); err != nil {
		t.Fatal(err)
	}
	restore := []string{"agent", "restore", file, "--data", w.path("probation"), "--code-file", code, "--offline"}
	for _, point := range []string{crash.AgentRestoring, crash.AgentRestored} {
		t.Setenv("LINKAGE_CRASH", point)
		if _, err := w.try(restore...); err == nil {
			t.Fatalf("the restore did not die at %s", point)
		}
	}
	t.Setenv("LINKAGE_CRASH", "")
	if _, err := w.try(restore...); err == nil { // the second try had put the directory in its place
		t.Error("a restore replaced what was restored")
	}
	w.start("probation", crash.AgentAsked)
	w.crashed("probation")
	w.start("probation", "")
	eventually.True(t, "every event is here again", func() bool { return len(w.heard("probation")) == 1+events })
	w.settle(named("after", events), 1+2*events)
}

// joinWithCode is join for an agency whose recovery code the test keeps in a
// file.
func (w *world) joinWithCode(name string) (file string) {
	w.t.Helper()
	var made struct{ Recovery string }
	if err := json.Unmarshal([]byte(w.must("agent", "init", "--data", w.path(name), "--name", name, "--json")), &made); err != nil {
		w.t.Fatal(err)
	}
	file = w.path(name + ".code")
	if err := os.WriteFile(file, []byte(made.Recovery), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.join(name)
	return file
}
