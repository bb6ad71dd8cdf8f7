//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/schemas"
)

// given is what became of a grant of the schedule.
type given struct {
	issued chan struct{} // closed once it was given
	id     schemas.GrantID

	mu    sync.Mutex // guards ended
	ended bool       // a revocation has returned
}

func (g *given) isEnded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended
}

// patience is how long one attempt may take. What has no answer then is asked
// again, so that it arrives twice if it arrived at all.
const patience = 4 * time.Second

// insist tries until there is an answer that will not change, and returns it.
func insist(ctx context.Context, try func(ctx context.Context) error) error {
	for {
		within, cancel := context.WithTimeout(ctx, patience)
		err := try(within)
		cancel()
		if err == nil || definite(err) {
			return err
		}
		rest(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("no answer: %w", err)
		}
	}
}

// definite reports whether asking again would bring the same answer.
func definite(err error) bool {
	switch schemas.KindOf(err) {
	case schemas.KindForbidden, schemas.KindInvalid, schemas.KindNotFound, schemas.KindConflict, schemas.KindExpired:
		return true
	default:
		return false
	}
}

// do does one step.
func (r *run) do(ctx context.Context, s Step) error {
	switch s.Do {
	case Issue:
		return r.issue(ctx, s)
	case Send:
		return r.send(ctx, s)
	case Revoke:
		return r.revoke(ctx, s)
	default:
		return r.suspend(ctx, s)
	}
}

// The one kind of event that is sent, and the permission that it needs.
const eventType schemas.EventType = "org.linkage.attendance.recorded.v1"

var (
	cell  = schemas.Cell{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}
	basis = schemas.BasisJusticeConsent
)

// issue gives a grant. Before it tries again it looks whether it was given, as a
// person would: a grant has no id before it is given.
func (r *run) issue(ctx context.Context, s Step) error {
	g, client := r.sched.Grants[s.Grant], r.clients[r.sched.Grants[s.Grant].From]
	r.people[g.From].RLock()
	defer r.people[g.From].RUnlock()
	day := schemas.DateOf(time.Now())
	var id schemas.GrantID
	err := insist(ctx, func(ctx context.Context) (err error) {
		all, err := client.Permissions(ctx, "")
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(p agent.Permission) bool { return p.Client == g.Client }); i >= 0 {
			id = all[i].ID
			return nil
		}
		id, err = client.Issue(ctx, agent.NewGrant{
			Recipient: g.To, Client: g.Client, Cells: []schemas.Cell{cell}, Basis: basis, From: day.AddDays(-2), Until: day.AddDays(30),
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("grant %d: %w", s.Grant, err)
	}
	r.rec.add(Line{What: Given, Grant: s.Grant, ID: id})
	r.given[s.Grant].id = id
	close(r.given[s.Grant].issued)
	return nil
}

// awaitIssued waits until a grant was given.
func (r *run) awaitIssued(ctx context.Context, grant int) error {
	select {
	case <-r.given[grant].issued:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("grant %d was not given in time", grant)
	}
}

// send hands events in, all at once.
func (r *run) send(ctx context.Context, s Step) error {
	if err := r.awaitIssued(ctx, s.Grant); err != nil {
		return err
	}
	errs := make(chan error, len(s.Events))
	for _, id := range s.Events {
		go func() { errs <- r.offer(ctx, s, id) }()
	}
	var first error
	for range s.Events {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// offer hands one event in until there is an answer.
func (r *run) offer(ctx context.Context, s Step, id schemas.EventID) error {
	g := r.sched.Grants[s.Grant]
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": "/chaos", "type": eventType, "time": "2025-11-03T10:00:00Z",
		"subject": "attendance-" + string(id), "client": g.Client, "recipient": g.To, "data": map[string]string{"date": "2025-11-03", "status": "attended"},
	})
	if err != nil {
		return err
	}
	r.people[g.From].RLock()
	defer r.people[g.From].RUnlock()
	ended := r.given[s.Grant].isEnded()
	r.rec.add(Line{What: Offered, Grant: s.Grant, Event: id})
	accept := func(ctx context.Context) error {
		_, err := r.clients[g.From].Accept(ctx, body)
		return err
	}
	err = insist(ctx, accept)
	switch {
	case err == nil && ended:
		r.rec.add(Line{What: Broken, Grant: s.Grant, Event: id, Text: "an event was accepted under a grant whose revocation had returned"})
	case err == nil:
		r.rec.add(Line{What: Accepted, Grant: s.Grant, Event: id})
	case definite(err):
		r.rec.add(Line{What: Refused, Grant: s.Grant, Event: id, Code: schemas.CodeOf(err)})
		return nil
	default:
		return fmt.Errorf("event %s: %w", id, err)
	}
	if s.Twice && insist(ctx, accept) != nil {
		r.rec.add(Line{What: Broken, Event: id, Text: "an event that was accepted was refused when it was handed in again"})
	}
	return nil
}

// revoke ends a grant, first here, then everywhere.
func (r *run) revoke(ctx context.Context, s Step) error {
	if err := r.awaitIssued(ctx, s.Grant); err != nil {
		return err
	}
	g, id := r.given[s.Grant], r.given[s.Grant].id
	from := r.sched.Grants[s.Grant].From
	client := r.clients[from]
	r.people[from].RLock()
	defer r.people[from].RUnlock()
	for {
		var stopped agent.Stopped
		err := insist(ctx, func(ctx context.Context) (err error) {
			stopped, err = client.Revoke(ctx, "", id, patience/2)
			return err
		})
		if err != nil {
			return fmt.Errorf("revocation of grant %d: %w", s.Grant, err)
		}
		if !g.isEnded() {
			r.rec.add(Line{What: Ended, Grant: s.Grant, ID: id})
			g.mu.Lock()
			g.ended = true
			g.mu.Unlock()
		}
		if !stopped.Everywhere.IsZero() {
			epoch, position := r.hubNow(ctx)
			r.rec.add(Line{What: Stopped, Grant: s.Grant, ID: id, Epoch: epoch, Position: position})
			return nil
		}
	}
}

// hubNow says where the hub stands; zero if no broker answers at once.
func (r *run) hubNow(ctx context.Context) (schemas.ULID, uint64) {
	ctx, cancel := context.WithTimeout(ctx, patience/4)
	defer cancel()
	s, err := r.admin(ctx).State(ctx)
	if err != nil {
		return "", 0
	}
	return s.Epoch, s.HubRecords
}

// suspend takes a member's standing and gives it back after a while.
func (r *run) suspend(ctx context.Context, s Step) error {
	if err := r.standing(ctx, s.Agency, schemas.MemberSuspended); err != nil {
		return err
	}
	epoch, position := r.hubNow(ctx)
	r.rec.add(Line{What: Excluded, Agency: s.Agency, Epoch: epoch, Position: position})
	rest(ctx, s.For)
	if err := r.standing(ctx, s.Agency, schemas.MemberActive); err != nil {
		return err
	}
	r.rec.add(Line{What: Readmits, Agency: s.Agency})
	return nil
}

// standing publishes a roll on which the member stands so, unless it does
// already: the answer to an earlier attempt may have been lost.
func (r *run) standing(ctx context.Context, a schemas.AgencyID, status schemas.MemberStatus) error {
	r.roll.Lock()
	defer r.roll.Unlock()
	return insist(ctx, func(ctx context.Context) error {
		admin := r.admin(ctx)
		state, err := admin.State(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(state.Members, func(m broker.MemberState) bool { return m.Agency == a && m.Status == status }) {
			return nil
		}
		roll, err := r.lead.SetStanding(state, a, status)
		if err != nil {
			return err
		}
		_, err = admin.Publish(ctx, roll, nil)
		return err
	})
}
