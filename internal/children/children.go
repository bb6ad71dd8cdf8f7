// Package children runs this program's own commands as processes: those that
// stay, such as a broker, and those that answer and end.
package children

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Children runs the commands of one executable, each in a process of its own.
type Children struct {
	self string // the executable
	logs string // directory of the logs

	mu      sync.Mutex // guards running
	running map[string]*child
}

// child is a process that stays.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// stopGrace is how long a process may take to end when asked to.
const stopGrace = 20 * time.Second

// New prepares to run commands of an executable. What those that stay print
// goes to files in logs.
func New(self, logs string) *Children {
	return &Children{self: self, logs: logs, running: map[string]*child{}}
}

// Start runs a command until Stop or Kill. Its output goes to a log file with
// its name.
func (c *Children) Start(name string, args ...string) error {
	return c.StartWith(nil, name, args...)
}

// Program is the executable.
func (c *Children) Program() string { return c.self }

// Logs is the directory of the logs.
func (c *Children) Logs() string { return c.logs }

// StartWith is [Children.Start] with variables ("NAME=value") beside this
// process's own environment.
func (c *Children) StartWith(env []string, name string, args ...string) error {
	log, err := os.OpenFile(c.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = log.Close() }()   // the child has its own copy
	cmd := exec.Command(c.self, args...) // #nosec G204 -- this executable
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = alone()
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	ch := &child{cmd: cmd, done: make(chan struct{})}
	c.mu.Lock()
	c.running[name] = ch
	c.mu.Unlock()
	go func() {
		_ = cmd.Wait() // whoever needs it asks whether it still runs
		close(ch.done)
	}()
	return nil
}

func (c *Children) find(name string) *child {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running[name]
}

// Alive reports whether a process still runs; if it ended by itself, the error
// shows the end of its log, once.
func (c *Children) Alive(name string) error {
	ch := c.find(name)
	if ch == nil {
		return nil
	}
	select {
	case <-ch.done:
		c.forget(name)
		return fmt.Errorf("%s ended by itself (%s)\n%s", name, ch.cmd.ProcessState, c.Tail(name))
	default:
		return nil
	}
}

// Signal sends a signal to a process that runs.
func (c *Children) Signal(name string, sig os.Signal) error {
	ch := c.find(name)
	if ch == nil {
		return os.ErrProcessDone
	}
	return ch.cmd.Process.Signal(sig)
}

// Stop asks a process to end and waits for it.
func (c *Children) Stop(name string) error {
	ch := c.find(name)
	if ch == nil {
		return nil
	}
	_ = ch.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-ch.done:
	case <-time.After(stopGrace):
		_ = c.Kill(name)
		return fmt.Errorf("%s did not end within %s\n%s", name, stopGrace, c.Tail(name))
	}
	c.forget(name)
	if code := ch.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with exit status %d when asked to stop\n%s", name, code, c.Tail(name))
	}
	return nil
}

// Kill ends a process as a power failure would, and waits until it is gone.
func (c *Children) Kill(name string) error {
	ch := c.find(name)
	if ch == nil {
		return nil
	}
	err := ch.cmd.Process.Kill()
	<-ch.done
	c.forget(name)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func (c *Children) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, name)
}

// Run runs a command that answers and ends, and returns what it printed.
func (c *Children) Run(ctx context.Context, stdin []byte, args ...string) (stdout []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, c.self, args...) // #nosec G204 -- this executable
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &problems
	cmd.SysProcAttr = alone()
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, 0, ctx.Err()
	}
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		code = cmd.ProcessState.ExitCode()
		err = fmt.Errorf("linkage %s: exit status %d\n%s", plainArgs(args), code, strings.TrimSpace(problems.String()))
	}
	return out.Bytes(), code, err
}

// plainArgs shows a command without what may be a secret, such as an invitation.
func plainArgs(args []string) string {
	shown := slices.Clone(args)
	for i, a := range shown {
		if _, err := schemas.ParseCode(a); err == nil {
			shown[i] = "CODE"
		}
	}
	return strings.Join(shown, " ")
}

func (c *Children) log(name string) string { return filepath.Join(c.logs, name+".log") }

// tailLines is how much of a log a failure shows.
const tailLines = 12

// Tail is the end of a process's log.
func (c *Children) Tail(name string) string {
	b, err := os.ReadFile(c.log(name))
	if err != nil {
		return "  (no log: " + err.Error() + ")"
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	return "  the end of " + c.log(name) + ":\n  " + strings.Join(lines, "\n  ")
}
