//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/internal/children"
	"github.com/linkage-exchange/linkage/schemas"
)

// run is one run of a schedule.
type run struct {
	sched Schedule
	dir   string
	kids  *children.Children
	rec   *Record

	processes map[string]*process
	wires     map[string]*wire
	clients   map[schemas.AgencyID]*agent.Client
	admin     *broker.Admin
	lead      *broker.Lead
	codes     map[schemas.AgencyID]string        // recovery codes
	people    map[schemas.AgencyID]*sync.RWMutex // each deed holds its agency's; a restore has them all wait
	given     []*given
	hubs      [][]byte   // inspections of hubs that were wiped since
	roll      sync.Mutex // one roll after the other is published: they are numbered
	joining   sync.Mutex // guards the maps while agencies join
}

// The bounds of what has to happen on a machine that others use, too.
const (
	foundFor = 90 * time.Second
	network  = "river-county"
)

func newRun(sched Schedule, program, dir string) (*run, error) {
	logs := filepath.Join(dir, "logs")
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return nil, err
	}
	rec, err := newRecord(filepath.Join(dir, "record.jsonl"))
	if err != nil {
		return nil, err
	}
	r := &run{
		sched: sched, dir: dir, kids: children.New(program, logs), rec: rec,
		processes: map[string]*process{}, wires: map[string]*wire{}, clients: map[schemas.AgencyID]*agent.Client{},
		codes: map[schemas.AgencyID]string{}, people: map[schemas.AgencyID]*sync.RWMutex{},
	}
	for _, a := range sched.Agencies {
		r.people[a] = &sync.RWMutex{}
	}
	for range sched.Grants {
		r.given = append(r.given, &given{issued: make(chan struct{})})
	}
	return r, nil
}

// addProcess prepares a process and its disk.
func (r *run) addProcess(name string, ask func(context.Context) error, args ...string) (*process, error) {
	p := &process{name: name, dir: filepath.Join(r.dir, name), args: args, kids: r.kids, rec: r.rec, ask: ask}
	r.processes[name] = p
	return p, p.attach(r.sched.Disks[name], filepath.Join(r.dir, "back", name))
}

// found makes the network: a broker that serves, every agency a member.
func (r *run) found(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, foundFor)
	defer cancel()
	if err := r.foundBroker(ctx); err != nil {
		return err
	}
	var joins []func() error
	for _, a := range r.sched.Agencies {
		code, err := r.invite(ctx, a)
		if err != nil {
			return fmt.Errorf("invite %s: %w", a, err)
		}
		joins = append(joins, func() error { return r.join(ctx, a, code) })
	}
	return children.Together(joins)
}

func (r *run) foundBroker(ctx context.Context) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	dir, lead := filepath.Join(r.dir, broker1), filepath.Join(r.dir, "lead")
	r.admin = broker.OpenAdmin(dir)
	p, err := r.addProcess(broker1, func(ctx context.Context) error {
		_, err := r.admin.State(ctx)
		return err
	}, "broker", "run", "--data", dir, "--listen", address, "--status-listen", "off")
	if err != nil {
		return err
	}
	_, err = broker.Init(broker.InitOptions{DataDir: dir, LeadDir: lead, Network: network, URL: "https://" + address})
	if err != nil {
		return err
	}
	if r.lead, err = broker.OpenLead(lead, time.Now); err != nil {
		return err
	}
	if err := p.start(); err != nil {
		return err
	}
	return p.serves(ctx, foundFor)
}

// freeAddress finds a free port of this machine.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func (r *run) invite(ctx context.Context, a schemas.AgencyID) (string, error) {
	account, err := r.admin.Account(ctx, a)
	if err != nil {
		return "", err
	}
	state, err := r.admin.State(ctx)
	if err != nil {
		return "", err
	}
	invited, err := r.lead.Invite(state, a, account, time.Hour)
	if err != nil {
		return "", err
	}
	_, err = r.admin.Publish(ctx, invited.Roll, &invited.Invitation)
	return invited.Code.String(), err
}

// join makes an agency's agent, behind a line of its own, and has it join.
func (r *run) join(ctx context.Context, a schemas.AgencyID, code string) error {
	w, err := newWire()
	if err != nil {
		return err
	}
	dir := filepath.Join(r.dir, string(a))
	client := agent.OpenClient(dir)
	r.joining.Lock() // the maps are everybody's
	r.wires[string(a)], r.clients[a] = w, client
	p, err := r.addProcess(string(a), func(ctx context.Context) error {
		_, err := client.Status(ctx)
		return err
	}, "agent", "run", "--data", dir, "--listen", "off", "--proxy", w.url())
	r.joining.Unlock()
	if err != nil {
		return err
	}
	// In a process of its own: one that maps a file into its memory which it
	// serves itself, as it would here on a fragile disk, waits for itself.
	out, _, err := r.kids.Run(ctx, nil, "agent", "init", "--data", dir, "--name", "Agency "+string(a), "--json")
	if err != nil {
		return err
	}
	var made struct {
		Recovery string `json:"recovery"`
	}
	if err := json.Unmarshal(out, &made); err != nil || made.Recovery == "" {
		return fmt.Errorf("read recovery code: %q", out)
	}
	r.joining.Lock()
	r.codes[a] = made.Recovery
	r.joining.Unlock()
	if err := p.start(); err != nil {
		return err
	}
	if err := p.serves(ctx, foundFor); err != nil {
		return err
	}
	if _, err = client.Join(ctx, code); err != nil {
		return fmt.Errorf("join of %s: %w", a, err)
	}
	return nil
}

// stop ends everything in order, agents before the brokers.
func (r *run) stop() error {
	var stops []func() error
	for _, a := range r.sched.Agencies {
		stops = append(stops, func() error { return r.kids.Stop(string(a)) })
	}
	errs := []error{children.Together(stops)}
	for _, b := range r.sched.brokers() {
		errs = append(errs, r.kids.Stop(b))
	}
	return errors.Join(errs...)
}

// close kills what still runs, and takes every directory off its medium.
func (r *run) close(keep bool) error {
	var errs []error
	for name, p := range r.processes {
		errs = append(errs, r.kids.Kill(name), p.detach(keep))
	}
	for _, w := range r.wires {
		w.close()
	}
	return errors.Join(errors.Join(errs...), r.rec.close())
}
