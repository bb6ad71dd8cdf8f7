//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/linkage-exchange/linkage/internal/children"
	"github.com/linkage-exchange/linkage/proof/checker"
	"github.com/linkage-exchange/linkage/schemas"
)

// manifest says what the record binds the network to.
func (r *run) manifest(lines []Line) checker.Manifest {
	m := checker.Manifest{
		Network:    network,
		Agencies:   r.sched.Agencies,
		Permitted:  []checker.Rule{{Categories: []schemas.Category{schemas.CategoryCharter}, Grant: schemas.CharterGrant}},
		Suspended:  map[schemas.AgencyID]int{},
		Tolerated:  []schemas.Code{schemas.CodeSuspended},
		Unreadable: []string{string(eventType)},
	}
	for _, g := range r.sched.Grants {
		m.Unreadable = append(m.Unreadable, g.Client)
	}
	for _, f := range r.sched.Faults {
		m.Tolerated = append(m.Tolerated, tolerated[f.Kind]...)
		if f.Kind == Restore || f.Kind == Clone {
			m.Remade = append(m.Remade, schemas.AgencyID(f.Target))
		}
	}
	ended := map[int]bool{}
	for _, l := range lines {
		ended[l.Grant] = ended[l.Grant] || l.What == Ended
	}
	for _, l := range lines {
		switch l.What {
		case Given:
			g := r.sched.Grants[l.Grant]
			m.Permitted = append(m.Permitted, checker.Rule{From: g.From, To: g.To, Client: g.Client, Grant: l.ID, Categories: []schemas.Category{cell.Category}})
		case Accepted:
			g := r.sched.Grants[l.Grant]
			m.Accepted = append(m.Accepted, checker.Sent{Event: l.Event, From: g.From, To: []schemas.AgencyID{g.To}})
			if !ended[l.Grant] { // nothing may have stopped it
				m.Arrived = append(m.Arrived, checker.Arrival{Event: l.Event, At: g.To})
			}
		case Refused:
			g := r.sched.Grants[l.Grant]
			m.Absent = append(m.Absent, checker.Arrival{Event: l.Event, At: g.To, Because: "refused with " + string(l.Code)})
		case Stopped:
			m.Revoked = append(m.Revoked, l.ID)
			if l.Epoch != "" {
				m.Returned = append(m.Returned, checker.Returned{Grant: l.ID, Epoch: l.Epoch, Position: checker.Count(l.Position)})
			}
		case Excluded:
			m.Suspended[l.Agency]++
			if l.Epoch != "" {
				m.Returned = append(m.Returned, checker.Returned{Agency: l.Agency, Epoch: l.Epoch, Position: checker.Count(l.Position)})
			}
		}
	}
	return m
}

// tolerated are alarms that a kind of fault may raise. Each is explained in
// docs/faults.md.
var tolerated = map[Kind][]schemas.Code{
	Wipe:  {schemas.CodeEpochChanged},
	Clone: {schemas.CodeChainConflict},
}

// judge lets the checker look at everything that the stopped network left
// behind, and returns what is wrong.
func (r *run) judge(ctx context.Context) (causes []string, promises []checker.Promise, err error) {
	lines, err := r.rec.all()
	if err != nil {
		return nil, nil, err
	}
	for _, l := range lines {
		if l.What == Broken {
			causes = append(causes, l.Text)
		}
	}
	panics, err := r.panics()
	if err != nil {
		return nil, nil, err
	}
	causes = append(causes, panics...)
	b, err := json.MarshalIndent(r.manifest(lines), "", " ")
	if err != nil {
		return nil, nil, err
	}
	file := filepath.Join(r.dir, "manifest.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return nil, nil, err
	}
	promises, err = r.check(ctx, r.manifest(lines))
	if err != nil {
		return nil, nil, err
	}
	for _, p := range promises {
		if !p.Held {
			causes = append(causes, p.Name+": "+p.Evidence)
		}
	}
	return causes, promises, nil
}

// check lets every process's directory be inspected, by processes of their own,
// and the checker look at what they print and at every file.
func (r *run) check(ctx context.Context, m checker.Manifest) ([]checker.Promise, error) {
	in := checker.Input{Manifest: m, Dirs: map[string]fs.FS{"logs": os.DirFS(filepath.Join(r.dir, "logs"))}}
	var mu sync.Mutex // guards in
	var inspections []func() error
	for name, p := range r.processes {
		noun := "agent"
		if slices.Contains(r.sched.brokers(), name) {
			noun = "broker"
		}
		in.Dirs[name] = os.DirFS(p.dir)
		if noun == "broker" && r.sched.Brokers > 1 {
			continue // the hub of several brokers cannot be read while they are stopped
		}
		inspections = append(inspections, func() error {
			out, _, err := r.kids.Run(ctx, nil, noun, "inspect", "--json", "--data", p.dir)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return in.Read(bytes.NewReader(out))
		})
	}
	if err := children.Together(inspections); err != nil {
		return nil, fmt.Errorf("the checker cannot look: %w", err)
	}
	for _, hub := range r.hubs {
		if err := in.Read(bytes.NewReader(hub)); err != nil {
			return nil, err
		}
	}
	if r.sched.Brokers > 1 {
		return arrivals(in)
	}
	promises, err := checker.Check(in)
	if err != nil {
		return nil, err
	}
	return append(promises, r.ledger(ctx)), nil
}

// arrivals is what the stores alone can show: what had to arrive is there, once,
// and what was refused is not.
func arrivals(in checker.Input) ([]checker.Promise, error) {
	type arrival struct {
		event schemas.EventID
		at    schemas.AgencyID
	}
	count := map[arrival]int{}
	for _, s := range in.Stores {
		for _, m := range s.Networks {
			for _, e := range m.Events {
				var inner struct {
					ID schemas.EventID `json:"id"`
				}
				if err := json.Unmarshal(e.Event, &inner); err != nil {
					return nil, fmt.Errorf("read event %d of %s: %w", e.Number, m.Agency, err)
				}
				if e.Direction == "heard" {
					count[arrival{inner.ID, m.Agency}]++
				}
			}
		}
	}
	p := checker.Promise{Name: "R1 R2 what had to arrive did, once (from the stores alone)", Held: true, Evidence: fmt.Sprintf("%d events", len(in.Manifest.Arrived))}
	fault := func(format string, args ...any) { p.Held, p.Evidence = false, fmt.Sprintf(format, args...) }
	for _, a := range in.Manifest.Arrived {
		if n := count[arrival{a.Event, a.At}]; n != 1 {
			fault("event %s is %d times at %s", a.Event, n, a.At)
		}
	}
	for _, a := range in.Manifest.Absent {
		if count[arrival{a.Event, a.At}] > 0 {
			fault("event %s is at %s and must not be (%s)", a.Event, a.At, a.Because)
		}
	}
	return []checker.Promise{p}, nil
}

// ledger has the broker's ledger held against itself, its signed head and the
// hub, from files alone.
func (r *run) ledger(ctx context.Context) checker.Promise {
	p := checker.Promise{Name: "S4 the ledger is whole", Held: true}
	out, _, err := r.kids.Run(ctx, nil, "ledger", "verify", "--hub", filepath.Join(r.dir, broker1))
	p.Evidence = strings.TrimSpace(string(out))
	if err != nil {
		p.Held, p.Evidence = false, err.Error()
	}
	return p
}

// panics finds the traces of programs that broke, in the logs.
func (r *run) panics() (causes []string, err error) {
	files, err := filepath.Glob(filepath.Join(r.dir, "logs", "*.log"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		b, err := os.ReadFile(file) // #nosec G304 -- the campaign's own
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(b)) {
			if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
				causes = append(causes, filepath.Base(file)+": "+strings.TrimSpace(line))
			}
		}
	}
	return causes, nil
}
