package thinline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const address = "10.213.0.1:7443"

// world is a broker and a partner on one side, an agency on the other.
type world struct {
	t        *testing.T
	dir      string
	binary   string
	far      *side // of the broker
	near     *side // of the agency
	up, down direction
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// start runs a process in a namespace until it is stopped.
func (w *world) start(s *side, args ...string) (stop func()) {
	w.t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(w.binary, args...) // #nosec G204 -- our own command
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	s.in(func() { err = cmd.Start() })
	if err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }() // its log says why it ended
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = cmd.Process.Signal(os.Interrupt)
		<-done
		if w.t.Failed() {
			w.t.Logf("%v:\n%s", args, log.String())
		}
	}
	w.t.Cleanup(stop)
	return stop
}

func (w *world) try(s *side, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.binary, args...) // #nosec G204 -- our own command
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var err error
	s.in(func() { err = cmd.Run() })
	if err != nil {
		err = fmt.Errorf("linkage %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), err
}

func (w *world) must(s *side, args ...string) string {
	w.t.Helper()
	out, err := w.try(s, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// until waits for a condition, for ten minutes.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(10 * time.Minute)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("still waiting after ten minutes: %s", what)
		}
		<-tick.C
	}
}

// status is what `agent status` says of an agency.
type status struct {
	Networks []struct {
		Outbox map[string]int
	}
}

func (w *world) status(agency string) (s status) {
	out, err := w.try(w.far, "agent", "status", "--data", w.path(agency), "--json") // over its socket: any namespace will do
	if err != nil {
		return s
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		w.t.Fatalf("%v in %s", err, out)
	}
	return s
}

func (w *world) settled(agency string) bool {
	s := w.status(agency)
	if len(s.Networks) == 0 {
		return false
	}
	n := 0
	for _, k := range s.Networks[0].Outbox {
		n += k
	}
	return n == 0
}

func (w *world) heard(agency string) (n int) {
	out, _ := w.try(w.far, "events", "--data", w.path(agency), "--json")
	return strings.Count(out, `"direction":"heard"`)
}

func (w *world) join(s *side, agency string) {
	w.t.Helper()
	var invited struct{ Code string }
	if err := json.Unmarshal([]byte(w.must(w.far, "broker", "invite", agency, "--data", w.path("broker"), "--json")), &invited); err != nil {
		w.t.Fatal(err)
	}
	w.must(s, "agent", "join", invited.Code, "--data", w.path(agency), "--name", agency)
}

func (w *world) grant(from, to string) {
	w.t.Helper()
	w.must(w.far, "grant", "issue", "--data", w.path(from), "--to", to, "--client", "c-1", "--cell", "attendance:treatment", "--cell", "assessment:treatment", "--basis", "consent", "--until", "2099-01-01")
}

func (w *world) send(from, to string, n int) {
	w.t.Helper()
	file := w.path("event.json")
	event := `{"type":"org.linkage.attendance.recorded.v1","subject":"a-1","data":` + w.payload() + `}`
	if err := os.WriteFile(file, []byte(event), 0o600); err != nil {
		w.t.Fatal(err)
	}
	for range n {
		w.must(w.far, "send", file, "--data", w.path(from), "--to", to, "--client", "c-1")
	}
}

func (w *world) payload() string {
	b, err := os.ReadFile("../../schemas/testdata/events/attendance.recorded.v1/valid-minimal.json")
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// measure says how long something took and what crossed the line meanwhile.
func (w *world) measure(what string, each int, fn func()) {
	w.t.Helper()
	up, down, begun := w.up.carried.Load(), w.down.carried.Load(), time.Now()
	fn()
	up, down = w.up.carried.Load()-up, w.down.carried.Load()-down
	line := fmt.Sprintf("%-50s %5.0f s   %7.1f KB up   %7.1f KB down", what, time.Since(begun).Seconds(), float64(up)/1000, float64(down)/1000)
	if each > 0 {
		line += fmt.Sprintf("   %4.1f KB each", float64(up+down)/1000/float64(each))
	}
	w.t.Log(line)
}

// An agency behind a thin line joins, sends, is away, and catches up.
func TestThinLine(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	w := &world{t: t, dir: t.TempDir(), binary: filepath.Join(t.TempDir(), "linkage")}
	w.far, w.near = newSide(t, "10.213.0.1", "10.213.0.2"), newSide(t, "10.213.0.2", "10.213.0.1")
	if out, err := exec.Command("go", "build", "-o", w.binary, "../../cmd/linkage").CombinedOutput(); err != nil { // #nosec G204 -- our own command
		t.Fatalf("build: %v\n%s", err, out)
	}
	go w.up.carry(w.far.tun, w.near.tun, 1)
	go w.down.carry(w.near.tun, w.far.tun, 2)
	w.must(w.far, "broker", "init", "--data", w.path("broker"), "--network", "river-county", "--url", "https://"+address)
	w.start(w.far, "broker", "run", "--data", w.path("broker"), "--listen", address, "--status-listen", "off")
	w.until("the broker answers", func() bool {
		_, err := w.try(w.far, "broker", "members", "--data", w.path("broker"))
		return err == nil
	})
	w.join(w.far, "riverside")
	w.start(w.far, "agent", "run", "--data", w.path("riverside"), "--listen", "off")

	w.measure("join", 0, func() { w.join(w.near, "outpost") })
	stop := w.start(w.near, "agent", "run", "--data", w.path("outpost"), "--listen", "off")
	w.until("the agencies know each other", func() bool { return w.settled("outpost") && w.settled("riverside") })
	w.grant("outpost", "riverside")
	w.grant("riverside", "outpost")
	const events = 50
	w.measure("50 events sent, each signed for", events, func() {
		w.send("outpost", "riverside", events)
		w.until("every receipt is back", func() bool { return w.settled("outpost") })
	})
	heard := 0
	for _, missed := range []int{50, 300} {
		stop()
		w.send("riverside", "outpost", missed)
		heard += missed
		w.measure(fmt.Sprintf("caught up on %d events, each signed for", missed), missed, func() {
			stop = w.start(w.near, "agent", "run", "--data", w.path("outpost"), "--listen", "off")
			w.until("they are there", func() bool { return w.heard("outpost") == heard })
			w.until("the sender knows", func() bool { return w.settled("riverside") })
		})
	}
	w.document()
}

// document sends a document of four parts, and a small event while it is under
// way.
func (w *world) document() {
	w.t.Helper()
	file, event := w.path("scan.pdf"), w.path("assessment.json")
	content := make([]byte, 4*120<<10)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content) // never fails
	data, err := os.ReadFile("../../schemas/testdata/events/assessment.shared.v1/valid-minimal.json")
	if err != nil {
		w.t.Fatal(err)
	}
	for name, b := range map[string][]byte{file: content, event: []byte(`{"type":"org.linkage.assessment.shared.v1","subject":"as-1","data":` + string(data) + `}`)} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	before := w.heard("riverside")
	w.measure("480 KiB document sent, signed for", 0, func() {
		w.must(w.far, "send", event, "--data", w.path("outpost"), "--to", "riverside", "--client", "c-1", "--attach", file)
		w.until("its first part is there", func() bool { return w.parts("riverside") > 0 })
		w.measure("  a small event while it is under way", 0, func() {
			w.send("outpost", "riverside", 1)
			w.until("it is there", func() bool { return w.heard("riverside") == before+2 })
			if w.parts("riverside") == 4 {
				w.t.Error("the small event waited for the document")
			}
		})
		w.until("the document is signed for", func() bool { return w.settled("outpost") })
	})
}

// parts is how many parts of documents an agency has.
func (w *world) parts(agency string) (n int) {
	out, err := w.try(w.far, "events", "attachments", "--data", w.path(agency), "--json")
	if err != nil {
		return 0
	}
	var all []struct{ There int }
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		w.t.Fatalf("%v in %s", err, out)
	}
	for _, p := range all {
		n += p.There
	}
	return n
}
