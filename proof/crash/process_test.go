package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/eventually"
)

// binary is the command, built with its crash points alive.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "crash-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "linkage")
	build := exec.Command("go", "build", "-tags", "crashpoints", "-o", binary, "../../cmd/linkage") // #nosec G204 -- our own command
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build: %v\n%s", err, out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// world is a broker and two agencies, each a process of its own.
type world struct {
	t       testing.TB
	dir     string
	address string
	mu      sync.Mutex // guards running
	running map[string]*process
}

type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  *bytes.Buffer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), address: l.Addr().String(), running: map[string]*process{}}
	_ = l.Close() // only its number was wanted
	w.must("broker", "init", "--data", w.path("broker"), "--network", "river-county", "--url", "https://"+w.address)
	w.start("broker", "")
	t.Cleanup(func() {
		for name, p := range w.running {
			_ = p.cmd.Process.Kill()
			<-p.done
			if t.Failed() {
				t.Logf("%s:\n%s", name, p.log)
			}
		}
	})
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// start runs the broker or an agency's agent, to crash where crashAt says.
func (w *world) start(name, crashAt string) {
	w.t.Helper()
	args := []string{"agent", "run", "--data", w.path(name), "--listen", "off"}
	if name == "broker" {
		args = []string{"broker", "run", "--data", w.path(name), "--listen", w.address, "--status-listen", "off"}
	}
	p := &process{cmd: exec.Command(binary, args...), done: make(chan struct{}), log: &bytes.Buffer{}} // #nosec G204 -- our own command
	p.cmd.Env = append(os.Environ(), "LINKAGE_CRASH="+crashAt)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.running[name] = p
	w.mu.Unlock()
	go func() {
		_ = p.cmd.Wait() // a crash is what the test is about
		close(p.done)
	}()
	probe := []string{"agent", "status", "--data", w.path(name), "--json"}
	if name == "broker" {
		probe = []string{"broker", "members", "--data", w.path(name), "--json"}
	}
	eventually.True(w.t, name+" answers", func() bool {
		select {
		case <-p.done:
			return true // it reached its crash point already
		default:
			_, err := w.try(probe...)
			return err == nil
		}
	})
}

// kill ends a process as a power cut does.
func (w *world) kill(name string) {
	w.t.Helper()
	p := w.running[name]
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may be gone
	<-p.done
}

// crashed waits until a process has killed itself.
func (w *world) crashed(name string) {
	w.t.Helper()
	eventually.True(w.t, name+" crashes", func() bool {
		select {
		case <-w.running[name].done:
			return true
		default:
			return false
		}
	})
	state := w.running[name].cmd.ProcessState.Sys().(syscall.WaitStatus)
	if state.Signal() != syscall.SIGKILL {
		w.t.Fatalf("%s ended by %v, not at its crash point", name, state)
	}
}

// try runs a command and returns what it printed.
func (w *world) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...) // #nosec G204 -- our own command
	cmd.Env = os.Environ()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("linkage %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), err
}

func (w *world) must(args ...string) string {
	w.t.Helper()
	out, err := w.try(args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// field reads one member of a JSON answer.
func (w *world) field(out, name string) string {
	w.t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		w.t.Fatalf("%v in %s", err, out)
	}
	return fmt.Sprint(v[name])
}

func (w *world) invite(agency string) string {
	w.t.Helper()
	return w.field(w.must("broker", "invite", agency, "--data", w.path("broker"), "--json"), "code")
}

// join makes an agency a member and runs its agent.
func (w *world) join(agency string) {
	w.t.Helper()
	w.must("agent", "join", w.invite(agency), "--data", w.path(agency), "--name", "Agency "+agency)
	w.start(agency, "")
}

func (w *world) grant() string {
	w.t.Helper()
	return w.field(w.must("grant", "issue", "--data", w.path("riverside"), "--to", "probation", "--client", "c-1",
		"--cell", "attendance:justice-monitoring", "--basis", "justice-consent", "--until", "2099-01-01", "--json"), "id")
}

// send offers an event until it is accepted, as any careful system does; the
// name makes it the same event each time.
func (w *world) send(name string) {
	w.t.Helper()
	file := w.path(name + ".json")
	body, err := os.ReadFile("../../schemas/testdata/events/attendance.recorded.v1/valid-minimal.json")
	if err != nil {
		w.t.Fatal(err)
	}
	event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/test","type":"org.linkage.attendance.recorded.v1","time":"2026-01-05T10:00:00Z","subject":"a-1","client":"c-1","recipient":"probation","data":%s}`, name, body)
	if err := os.WriteFile(file, []byte(event), 0o600); err != nil {
		w.t.Fatal(err)
	}
	_, _ = w.try("send", "--data", w.path("riverside"), file) // a crash in between is the point; see sendAll
}

// heard lists the events that an agency has from others.
func (w *world) heard(agency string) map[string]int {
	w.t.Helper()
	out, err := w.try("events", "--data", w.path(agency), "--json")
	seen := map[string]int{}
	if err != nil {
		return seen
	}
	for line := range strings.Lines(out) {
		var e struct {
			Direction string
			Event     struct{ Source, ID string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			w.t.Fatalf("%v in %s", err, line)
		}
		if e.Direction == "heard" {
			seen[e.Event.Source+" "+e.Event.ID]++
		}
	}
	return seen
}

// open counts what an agency's outbox still has to do.
func (w *world) open(agency string) int {
	w.t.Helper()
	states, ok := w.outbox(agency)
	if !ok {
		return -1
	}
	n := 0
	for _, count := range states {
		n += count
	}
	return n
}

// outbox counts an agency's deliveries by state; ok is false if its agent does
// not answer.
func (w *world) outbox(agency string) (states map[string]int, ok bool) {
	w.t.Helper()
	out, err := w.try("agent", "status", "--data", w.path(agency), "--json")
	if err != nil {
		return nil, false
	}
	var s struct {
		Networks []struct{ Outbox map[string]int }
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		w.t.Fatalf("%v in %s", err, out)
	}
	return s.Networks[0].Outbox, true
}

// state counts riverside's deliveries in a state.
func (w *world) state(name string) int {
	w.t.Helper()
	states, _ := w.outbox("riverside")
	return states[name]
}
