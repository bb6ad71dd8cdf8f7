//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is the faults after which a process has another directory than
// before, with what people then do about it.

// wipe takes everything from a broker but its keys, as a burnt machine does
// whose keys were kept elsewhere. Its lead agency declares a new epoch. What the
// broker had recorded is kept for the checker.
func (r *run) wipe(ctx context.Context, p *process, d time.Duration) error {
	r.roll.Lock() // the same people
	defer r.roll.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.kids.Kill(p.name); err != nil {
		return err
	}
	hub, _, err := p.kids.Run(ctx, nil, "broker", "inspect", "--json", "--data", p.dir)
	if err != nil {
		return err
	}
	r.hubs = append(r.hubs, hub)
	if err := clean(p.dir, "keys", "network.json", "ballast"); err != nil {
		return err
	}
	rest(ctx, d)
	if _, err := broker.NewEpoch(r.lead, broker.NewEpochOptions{DataDir: p.dir, Reason: "wiped"}); err != nil {
		return err
	}
	return p.start()
}

// clean removes what is in a directory but what is kept.
func clean(dir string, kept ...string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, name := range kept {
		keep[name] = true
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// restore loses an agency's machine some time after a backup was made, and
// restores the backup. Its people wait from the backup on; its partners do not.
func (r *run) restore(ctx context.Context, p *process, d time.Duration) error {
	a := schemas.AgencyID(p.name)
	r.people[a].Lock()
	defer r.people[a].Unlock()
	file := filepath.Join(r.dir, fmt.Sprintf("%s-%d.backup", a, time.Now().UnixNano()))
	err := insist(ctx, func(ctx context.Context) error {
		_, err := r.clients[a].Backup(ctx, file)
		return err
	})
	if err != nil {
		return fmt.Errorf("backup of %s: %w", a, err)
	}
	rest(ctx, d)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.kids.Kill(p.name); err != nil {
		return err
	}
	for _, lost := range []string{p.dir, p.dir + ".key"} {
		if err := os.RemoveAll(lost); err != nil {
			return err
		}
	}
	_, _, err = p.kids.Run(ctx, []byte(r.codes[a]+"\n"), "agent", "restore", file, "--offline", "--data", p.dir)
	if err != nil {
		return err
	}
	return p.start()
}

// clone runs a copy of an agent beside it for a while.
func (r *run) clone(ctx context.Context, p *process, d time.Duration) error {
	name, dir := p.name+"-copy", p.dir+"-copy"
	p.mu.Lock()
	p.end()
	err := copyDir(dir, p.dir)
	if err == nil {
		var key []byte
		if key, err = os.ReadFile(p.dir + ".key"); err == nil {
			err = os.WriteFile(dir+".key", key, 0o600)
		}
	}
	err = errors.Join(err, p.start())
	p.mu.Unlock()
	if err != nil {
		return err
	}
	if err := p.kids.Start(name, "agent", "run", "--data", dir, "--listen", "off", "--proxy", r.wires[p.name].url()); err != nil {
		return err
	}
	rest(ctx, d)
	return errors.Join(p.kids.Kill(name), os.RemoveAll(dir))
}
