package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program under measurement: a broker, an agent, or the plain
// message server. It ends with the run at the latest.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *tail
	out   chan []byte   // its first line
	done  chan struct{} // closed when it has ended
	pprof string        // where it serves profiles, on loopback
}

// startTimeout bounds the start of any process: a big hub takes its time.
const startTimeout = 5 * time.Minute

// start runs a program and waits for the first line that it prints, which is
// JSON and says where it listens.
func (b *bench) start(ctx context.Context, name string, running any, program string, args ...string) (*process, error) {
	p := &process{name: name, log: &tail{}, out: make(chan []byte, 1), done: make(chan struct{})}
	p.cmd = exec.Command(program, args...) // #nosec G204 -- our own programs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.pprof = freeAddress()
	p.cmd.Env = append(os.Environ(), "LINKAGE_PPROF="+p.pprof)
	p.cmd.Stdout, p.cmd.Stderr = &firstLine{to: p.out}, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its state
		close(p.done)
	}()
	b.mu.Lock()
	b.processes = append(b.processes, p)
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case line := <-p.out:
		return p, json.Unmarshal(line, running)
	case <-p.done:
		return nil, fmt.Errorf("start %s: it ended: %s", name, p.log)
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("start %s: %w: %s", name, ctx.Err(), p.log), p.stop())
	}
}

// stop ends a process in order and waits for it.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.kill()
		return fmt.Errorf("stop %s: it did not end within a minute", p.name)
	}
	if !p.cmd.ProcessState.Success() {
		return fmt.Errorf("stop %s: %s: %s", p.name, p.cmd.ProcessState, p.log)
	}
	return nil
}

// kill ends a process at once, as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may be gone
	<-p.done
}

// resident is the memory that a process has from the system.
func (p *process) resident() (bytes int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(text)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no resident memory", p.name)
}

// used is the processor time that a process has taken so far.
func (p *process) used() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0 // it is gone
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name before may hold anything
	fields := strings.Fields(rest)
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100) // the kernel counts hundredths
}

// profile takes a profile of the processor for some seconds and keeps it. It
// returns at once; wait for the end with the function that it returns.
func (b *bench) profile(p *process, name string, d time.Duration) (wait func()) {
	if b.profiles == "" {
		return func() {}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.pprof, max(1, int(d.Seconds())))
		if err := fetch(url, filepath.Join(b.profiles, name+".pprof")); err != nil {
			b.note("no profile of %s: %v", p.name, err)
		}
	})
	return wg.Wait
}

func fetch(url, file string) error {
	resp, err := http.Get(url) // #nosec G107 -- a process of ours
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// firstLine passes on the first line that is written to it.
type firstLine struct {
	to  chan<- []byte
	buf []byte
}

func (f *firstLine) Write(b []byte) (int, error) {
	if f.to == nil {
		return len(b), nil
	}
	f.buf = append(f.buf, b...)
	// The document may be indented, so it is looked at as JSON, not as a line.
	if json.Valid(bytes.TrimSpace(f.buf)) {
		f.to <- bytes.TrimSpace(f.buf)
		f.to = nil
	}
	return len(b), nil
}

// tail keeps the end of what a process logs, for when it fails.
type tail struct {
	mu  sync.Mutex // guards buf
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - 8<<10; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

var given sync.Map // addresses that freeAddress returned, which may not be in use yet

// freeAddress is an address on loopback that nobody listens on and that was not
// given out before.
func freeAddress() string {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic("no free port on loopback: " + err.Error())
		}
		address := l.Addr().String()
		_ = l.Close() // only its number was wanted
		if _, before := given.LoadOrStore(address, true); !before {
			return address
		}
	}
}

// linkage runs a command of ours that ends by itself.
func (b *bench) linkage(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.binary, args...) // #nosec G204 -- our own program
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("linkage %s: %w: %s", strings.Join(args[:min(2, len(args))], " "), err, errs.String())
	}
	return out.Bytes(), nil
}
