//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/linkage-exchange/linkage/internal/children"
	"github.com/linkage-exchange/linkage/proof/disk"
)

// process is a broker or an agent, with its directory and what it lies on. It
// is started again when it ends by itself, as a machine's service manager does.
type process struct {
	name string
	dir  string
	args []string
	kids *children.Children
	rec  *Record
	ask  func(ctx context.Context) error // succeeds once it serves

	medium  Medium
	fragile *disk.Disk // if it lies on one
	ballast string     // the file that fills a small disk

	mu  sync.Mutex // held by whoever starts, stops or harms it
	env []string   // of the next start; guarded by mu
	// excused is set while a fault may end the process by itself.
	excused atomic.Bool
}

// start runs the process, with what the present fault puts into its
// environment. The caller holds p.mu.
func (p *process) start() error { return p.kids.StartWith(p.env, p.name, p.args...) }

// end ends the process in order. One that is only just starting does not know
// yet how to, and is ended by the signal. The caller holds p.mu.
func (p *process) end() {
	if err := p.kids.Stop(p.name); err != nil {
		what := Note
		if !p.excused.Load() && !strings.Contains(err.Error(), "exit status -1 ") {
			what = Broken
		}
		p.rec.add(Line{What: what, Text: err.Error()})
	}
}

// watch starts the process again whenever it ends by itself, until ctx ends.
func (p *process) watch(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if p.mu.TryLock() {
			p.revive()
			p.mu.Unlock()
		}
	}
}

// revive starts the process if it ended by itself. Only a fault excuses that.
func (p *process) revive() {
	err := p.kids.Alive(p.name)
	if err == nil {
		return
	}
	what := Restarted
	if !p.excused.Load() {
		what = Broken
	}
	p.rec.add(Line{What: what, Text: err.Error()})
	p.env = nil // a planned crash happens once
	if err := p.start(); err != nil {
		p.rec.add(Line{What: Broken, Text: err.Error()})
	}
}

// serves waits until the process answers. It does not wait for its lines.
func (p *process) serves(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return until(ctx, p.name+" to serve", func(ctx context.Context) bool { return p.ask(ctx) == nil })
}

// until asks again and again until ok reports true, or ctx ends.
func until(ctx context.Context, what string, ok func(context.Context) bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
	return nil
}

// rest waits for d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// The size of a small disk, and how much a ballast may leave of it.
const smallDisk = 64 << 20

// attach puts the process's directory on the medium that the schedule wants.
// Where this machine cannot, it stays an ordinary directory.
func (p *process) attach(m Medium, back string) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	if m == "" || disk.Possible() != nil {
		return nil
	}
	if m == Small {
		if err := syscall.Mount("tmpfs", p.dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", smallDisk)); err != nil {
			return fmt.Errorf("mount small disk: %w", err)
		}
		p.ballast = filepath.Join(p.dir, "ballast")
	} else {
		var err error
		if p.fragile, err = disk.Mount(p.dir, back); err != nil {
			return err
		}
	}
	p.medium = m
	return nil
}

// detach takes the directory off its medium and leaves an ordinary one with the
// same content, if it is to be kept.
func (p *process) detach(keep bool) error {
	switch p.medium {
	case Small:
		saved := p.dir + ".saved"
		var err error
		if keep {
			err = copyDir(saved, p.dir)
		}
		if err := errors.Join(err, syscall.Unmount(p.dir, 0)); err != nil || !keep {
			return err
		}
		return errors.Join(os.Remove(p.dir), os.Rename(saved, p.dir))
	case Fragile:
		if err := p.fragile.Close(); err != nil || !keep {
			return err
		}
		return errors.Join(os.Remove(p.dir), os.Rename(p.fragile.Content(), p.dir))
	default:
		return nil
	}
}

// copyDir copies a directory of a process that does not run. Its sockets are
// left out.
func copyDir(to, from string) error {
	for _, socket := range []string{"agent.sock", "broker.sock"} {
		if err := os.Remove(filepath.Join(from, socket)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.CopyFS(to, os.DirFS(from))
}

// fill leaves no room on a small disk.
func (p *process) fill() error {
	f, err := os.OpenFile(p.ballast, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // the disk is full as it is to be
	for piece := 1 << 20; piece > 0; piece /= 16 {
		for {
			if _, err := f.Write(make([]byte, piece)); err != nil {
				break
			}
		}
	}
	return nil
}

// free makes room again.
func (p *process) free() error {
	if p.ballast == "" {
		return nil
	}
	if err := os.Remove(p.ballast); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
