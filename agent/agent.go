package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/lifecycle"
	"github.com/linkage-exchange/linkage/schemas"
)

// Agent is a running agent.
type Agent struct {
	opts     Options
	log      *slog.Logger
	store    *store.Store
	profile  profile
	listener net.Listener // Options.Listen; nil if it is off
	teardown lifecycle.Teardown

	mu          sync.Mutex // guards memberships
	memberships map[schemas.NetworkID]*membership

	backups sync.Mutex // held by the one that is made
}

const mapMemberships = "memberships"

// Open opens an agent's store and begins to exchange with its brokers. It
// listens nowhere; see [Start]. If a step fails, the earlier ones are undone.
func Open(ctx context.Context, opts Options) (_ *Agent, err error) {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	a := &Agent{opts: opts, log: opts.Logger, memberships: map[schemas.NetworkID]*membership{}}
	defer func() {
		if err != nil {
			_ = a.Stop(context.WithoutCancel(ctx)) // err already says why
		}
	}()
	if err := a.openStore(); err != nil {
		return nil, err
	}
	records, err := a.readMemberships()
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if !r.Joined {
			continue
		}
		if err := a.begin(r); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Agent) openStore() error {
	if !Initialised(a.opts.DataDir) {
		return errNoAgent(a.opts.DataDir)
	}
	key, err := vault.Open(filepath.Join(a.opts.DataDir, fileVault), a.opts.source())
	if err != nil {
		return err
	}
	if a.store, err = store.Open(filepath.Join(a.opts.DataDir, fileStore), key, store.Options{}); err != nil {
		return damagedStore(a.opts.DataDir, err)
	}
	a.teardown.Push("store", func(context.Context) error { return a.store.Close() })
	return a.readProfile()
}

// damaged is a store that cannot be used any more.
type damaged struct {
	error
	dir string
}

// Unwrap returns what was found.
func (d damaged) Unwrap() error { return d.error }

// Advice says what to do.
func (d damaged) Advice() string {
	return fmt.Sprintf("move %s away and keep it, then run `linkage agent restore BACKUP --data %s` with the newest backup; partners send again what came since", d.dir, d.dir)
}

// damagedStore adds to an error about a damaged store what to do.
func damagedStore(dir string, err error) error {
	if errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrTampered) {
		return damaged{err, dir}
	}
	return err
}

func (a *Agent) readProfile() error {
	return a.store.View(func(tx durable.Tx) (err error) {
		a.profile, _, err = durable.GetJSON[profile](tx.Map(mapProfile), keyProfile)
		return err
	})
}

func errNoAgent(dataDir string) error {
	return schemas.Refuse(schemas.CodeNotFound, dataDir, "must be a directory that `linkage agent init` or `linkage agent join` made", "name the right directory with --data, or join a network first")
}

func (a *Agent) readMemberships() ([]membershipRecord, error) {
	var all []membershipRecord
	err := a.store.View(func(tx durable.Tx) error {
		return tx.Map(mapMemberships).Each(func(_ string, v []byte) error {
			r, err := durable.DecodeJSON[membershipRecord](v)
			all = append(all, r)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read memberships: %w", err)
	}
	return all, nil
}

// begin runs a membership until the agent stops.
func (a *Agent) begin(r membershipRecord) error {
	m, err := a.newMembership(r)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.memberships[r.Target.Network] = m
	a.mu.Unlock()
	a.teardown.Push("membership of "+string(r.Target.Network), func(context.Context) error { m.close(); return nil })
	return m.start()
}

// Stop ends the agent: listeners first, then the exchange, then the store.
// Nothing accepted is lost. It may be called more than once.
func (a *Agent) Stop(ctx context.Context) error { return a.teardown.Run(ctx) }

// member returns the membership of a network; "" means the only one.
func (a *Agent) member(network schemas.NetworkID) (*membership, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m := a.memberships[network]; m != nil {
		return m, nil
	}
	switch {
	case network != "":
		return nil, schemas.Refuse(schemas.CodeNotMember, "network", "must be a network that this agency has joined", "see `linkage agent status` for the networks")
	case len(a.memberships) == 0:
		return nil, schemas.Refuse(schemas.CodeNotMember, "network", "must be joined first", "ask the network's lead agency for a code and run `linkage agent join CODE`")
	case len(a.memberships) > 1:
		return nil, schemas.Malformed("network", "must be named: this agency is in several")
	}
	for _, m := range a.memberships {
		return m, nil
	}
	return nil, errors.New("no membership")
}

// all lists the memberships.
func (a *Agent) all() []*membership {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*membership
	for _, m := range a.memberships {
		all = append(all, m)
	}
	return all
}
