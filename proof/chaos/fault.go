//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// fall makes a fault happen and waits until it is over. A fault that this
// machine cannot make becomes a kill.
func (r *run) fall(ctx context.Context, f Fault) error {
	p := r.processes[f.Target]
	r.rec.add(Line{What: Fell, Text: fmt.Sprintf("%s %s %s", f.Kind, f.Target, f.Point)})
	defer r.rec.add(Line{What: Rose, Text: fmt.Sprintf("%s %s", f.Kind, f.Target)})
	if w := r.wires[f.Target]; w != nil && (f.Kind == Cut || f.Kind == Slow || f.Kind == Deaf) {
		w.set(f.Kind)
		rest(ctx, f.For)
		w.set(good)
		return nil
	}
	switch f.Kind {
	case Pause:
		return p.pause(ctx, f.For)
	case Full:
		if p.medium == Small {
			return p.full(ctx, f.For)
		}
	case Clock:
		return p.misdate(ctx, f.Offset, f.For)
	case Crash:
		return p.crash(ctx, f.Point, f.For)
	case Flip:
		return p.flip(ctx, f)
	case Wipe:
		return r.wipe(ctx, p, f.For)
	case Restore:
		return r.restore(ctx, p, f.For)
	case Clone:
		return r.clone(ctx, p, f.For)
	case Power, Torn:
		if p.medium == Fragile {
			return p.power(ctx, f)
		}
	}
	return p.kill(ctx, f.For)
}

// kill ends the process without a warning and starts it after a while.
func (p *process) kill(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.kids.Kill(p.name); err != nil {
		return err
	}
	rest(ctx, d)
	return p.start()
}

// pause stops the process for a while, as a machine does that is overloaded.
func (p *process) pause(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.kids.Signal(p.name, syscall.SIGSTOP); err != nil {
		return nil //nolint:nilerr // it ended by itself just now
	}
	rest(ctx, d)
	return p.kids.Signal(p.name, syscall.SIGCONT)
}

// full fills the disk and makes room after a while. Meanwhile the process may
// end by itself, and is started again.
func (p *process) full(ctx context.Context, d time.Duration) error {
	p.excused.Store(true)
	err := p.fill()
	rest(ctx, d)
	err = errors.Join(err, p.free())
	rest(ctx, respite) // until what it does because of the full disk is done
	p.excused.Store(false)
	return err
}

// misdate restarts the process with a wrong clock, and with the right one after
// a while.
func (p *process) misdate(ctx context.Context, offset, d time.Duration) error {
	if err := p.restart("LINKAGE_CLOCK_OFFSET=" + offset.String()); err != nil {
		return err
	}
	rest(ctx, d)
	return p.restart()
}

// restart ends the process in order and starts it with an environment.
func (p *process) restart(env ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	p.env = env
	return p.start()
}

// crash restarts the process so that it kills itself at a point, if it comes
// there in time.
func (p *process) crash(ctx context.Context, point string, d time.Duration) error {
	p.excused.Store(true)
	defer p.excused.Store(false)
	if err := p.restart("LINKAGE_CRASH=" + point); err != nil {
		return err
	}
	rest(ctx, d)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revive()
	if p.env == nil {
		return nil
	}
	p.env = nil // it did not come there
	if err := p.kids.Kill(p.name); err != nil {
		return err
	}
	return p.start()
}

// power takes away what the process had not synced.
func (p *process) power(ctx context.Context, f Fault) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.kids.Kill(p.name); err != nil {
		return err
	}
	var torn *rand.Rand
	if f.Kind == Torn {
		torn = rand.New(rand.NewPCG(f.Seed, 1)) // #nosec G404 -- a schedule
	}
	before := p.fragile.Lost()
	if err := p.fragile.PowerLoss(torn); err != nil {
		return err
	}
	p.rec.add(Line{What: Note, Text: fmt.Sprintf("%s lost %d changes", p.name, p.fragile.Lost()-before)})
	rest(ctx, f.For)
	return p.start()
}

// flip changes one bit in a file of the stopped process, lets it run, and
// changes it back: as if the file had been put back from a good copy.
func (p *process) flip(ctx context.Context, f Fault) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.excused.Store(true)
	defer p.excused.Store(false)
	p.end()
	place, err := p.flipBit(rand.New(rand.NewPCG(f.Seed, 2))) // #nosec G404 -- a schedule
	if err != nil {
		return err
	}
	if err := p.start(); err != nil {
		return err
	}
	rest(ctx, f.For)
	if err := p.kids.Alive(p.name); err != nil {
		p.rec.add(Line{What: Note, Text: fmt.Sprintf("%s noticed the flipped bit in %s", p.name, place.file)})
	} else {
		p.end()
	}
	if err := place.mend(); err != nil {
		return err
	}
	return p.start()
}

// bit is a place in a file.
type bit struct {
	file   string
	offset int64
	good   byte
	bad    byte
}

// flipBit changes one bit of the files that hold what was promised.
func (p *process) flipBit(random *rand.Rand) (bit, error) {
	files, err := p.files()
	if err != nil || len(files) == 0 {
		return bit{}, err
	}
	b := bit{file: files[random.IntN(len(files))]}
	f, err := os.OpenFile(b.file, os.O_RDWR, 0)
	if err != nil {
		return b, err
	}
	defer func() { _ = f.Close() }() // nothing is buffered in it
	info, err := f.Stat()
	if err != nil {
		return b, err
	}
	b.offset = random.Int64N(info.Size())
	var one [1]byte
	if _, err := f.ReadAt(one[:], b.offset); err != nil {
		return b, err
	}
	b.good, b.bad = one[0], one[0]^1<<random.IntN(8)
	_, err = f.WriteAt([]byte{b.bad}, b.offset)
	return b, err
}

// mend puts the good byte back where the bad one still stands.
func (b bit) mend() error {
	f, err := os.OpenFile(b.file, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) || b.file == "" {
		return nil // it was replaced since
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // nothing is buffered in it
	var one [1]byte
	if _, err := f.ReadAt(one[:], b.offset); err != nil || one[0] != b.bad {
		return nil //nolint:nilerr // the place is gone, or was written since
	}
	_, err = f.WriteAt([]byte{b.good}, b.offset)
	return err
}

// files lists what a process keeps its promises in: an agent's store, a broker's
// hub and ledger.
func (p *process) files() ([]string, error) {
	var all []string
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		kept := strings.HasSuffix(path, "store.db") || strings.HasSuffix(path, ".blk") || strings.Contains(path, "/ledger/")
		if err == nil && kept && info.Size() > 0 {
			all = append(all, path)
		}
		return err
	})
	slices.Sort(all)
	return all, err
}
