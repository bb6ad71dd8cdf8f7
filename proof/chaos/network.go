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
	"strings"
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
	admins    []*broker.Admin // of each broker
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
	if err := r.foundBrokers(ctx); err != nil {
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

// foundBrokers founds the network and starts its brokers: one, or three that
// stand in for each other.
func (r *run) foundBrokers(ctx context.Context) error {
	names := r.sched.brokers()
	public, err := freeAddresses(len(names))
	if err != nil {
		return err
	}
	routes, err := freeAddresses(len(names))
	if err != nil {
		return err
	}
	for i, name := range names {
		dir := filepath.Join(r.dir, name)
		admin := broker.OpenAdmin(dir)
		r.admins = append(r.admins, admin)
		args := []string{"broker", "run", "--data", dir, "--listen", public[i], "--status-listen", "off"}
		if len(names) > 1 {
			file := filepath.Join(r.dir, name+".yaml")
			settings := fmt.Sprintf("cluster_brokers: https://%s\ncluster_place: %d\ncluster_routes: %s\ncluster_listen: %s\n",
				strings.Join(public, " https://"), i+1, strings.Join(routes, " "), routes[i])
			if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
				return err
			}
			args = append(args, "--config", file)
		}
		if _, err := r.addProcess(name, func(ctx context.Context) error {
			_, err := admin.State(ctx)
			return err
		}, args...); err != nil {
			return err
		}
	}
	if err := r.makeBrokers(names, "https://"+public[0]); err != nil {
		return err
	}
	var starts []func() error
	for _, name := range names {
		starts = append(starts, func() error {
			if err := r.processes[name].start(); err != nil {
				return err
			}
			return r.processes[name].serves(ctx, foundFor)
		})
	}
	return children.Together(starts)
}

// makeBrokers makes the directory of the first broker, and those of the others
// from it.
func (r *run) makeBrokers(names []string, url string) (err error) {
	lead, first := filepath.Join(r.dir, "lead"), r.processes[names[0]].dir
	if _, err := broker.Init(broker.InitOptions{DataDir: first, LeadDir: lead, Network: network, URL: url}); err != nil {
		return err
	}
	if r.lead, err = broker.OpenLead(lead, time.Now); err != nil || len(names) == 1 {
		return err
	}
	file := filepath.Join(r.dir, "replica.json")
	code, err := broker.PackReplica(first, file)
	if err != nil {
		return err
	}
	for _, name := range names[1:] {
		if _, err := broker.UnpackReplica(file, code, r.processes[name].dir); err != nil {
			return err
		}
	}
	return nil
}

// freeAddresses finds free ports of this machine.
func freeAddresses(n int) (all []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = l.Close() }() // all at once at the end, so that no port is found twice
		all = append(all, l.Addr().String())
	}
	return all, nil
}

// admin is a broker that answers, or any.
func (r *run) admin(ctx context.Context) *broker.Admin {
	for _, a := range r.admins[1:] {
		within, cancel := context.WithTimeout(ctx, patience/4)
		_, err := r.admins[0].State(within)
		cancel()
		if err == nil {
			break
		}
		within, cancel = context.WithTimeout(ctx, patience/4)
		_, err = a.State(within)
		cancel()
		if err == nil {
			return a
		}
	}
	return r.admins[0]
}

func (r *run) invite(ctx context.Context, a schemas.AgencyID) (string, error) {
	admin := r.admin(ctx)
	account, err := admin.Account(ctx, a)
	if err != nil {
		return "", err
	}
	state, err := admin.State(ctx)
	if err != nil {
		return "", err
	}
	invited, err := r.lead.Invite(state, a, account, time.Hour)
	if err != nil {
		return "", err
	}
	_, err = admin.Publish(ctx, invited.Roll, &invited.Invitation)
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
