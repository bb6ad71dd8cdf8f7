package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/children"
	"github.com/linkage-exchange/linkage/schemas"
)

// settle waits until every sender has a receipt for what had to arrive, and
// nothing but what waits for somebody who is away is left.
func (p *player) settle(ctx context.Context) error {
	var waits []func() error
	for _, a := range p.example.Network.Agencies {
		if !p.course.Away(a.ID) {
			waits = append(waits, func() error { return p.settled(ctx, a.ID) })
		}
	}
	return children.Together(waits)
}

func (p *player) settled(ctx context.Context, a schemas.AgencyID) error {
	waiting, withdrawn := 0, 0
	for _, c := range p.course.Crossings {
		switch {
		case c.From != a || c.Arrived:
		case c.Withdrawn:
			withdrawn++
		default:
			waiting++
		}
	}
	var last agent.NetworkStatus
	err := children.Poll(ctx, "the mail of "+string(a), func(ctx context.Context) (bool, error) {
		s, err := p.net.status(ctx, a)
		if err != nil {
			return false, p.net.Alive(string(a))
		}
		last = s
		return s.Outbox["waiting"] == 0 && s.Outbox["frozen"] == 0 && s.Outbox["held"] == 0 &&
			s.Outbox["accepted"] == waiting && s.Outbox["withdrawn"] == withdrawn, nil
	})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: expected %d waiting at the broker and %d withdrawn, found %v\n%s", err, waiting, withdrawn, last.Outbox, p.net.Tail(string(a)))
	}
	return err
}

// name is what an agency calls a client: its own id, or else the handle under
// which it first heard of the client.
func (p *player) name(ctx context.Context, a schemas.AgencyID, client string) (string, error) {
	person, _ := p.example.Person(client)
	if id := person.IDs[a]; id != "" {
		return id, nil
	}
	about := map[schemas.EventID]bool{}
	for _, e := range p.example.Events {
		if e.Client == client {
			about[e.ID] = true
		}
	}
	handle := ""
	err := children.Poll(ctx, string(a)+" to hear of "+client, func(ctx context.Context) (bool, error) {
		page, err := agent.OpenClient(p.net.agentDir(a)).Events(ctx, agent.EventQuery{Limit: heardAtMost}, 0)
		if err != nil {
			return false, p.net.Alive(string(a))
		}
		handle, err = firstHandle(page.Events, about)
		return handle != "", err
	})
	return handle, err
}

// heardAtMost is more than an agency hears in the week.
const heardAtMost = 1000

// firstHandle finds the client of the first event that was heard about one.
func firstHandle(all []agent.Event, about map[schemas.EventID]bool) (string, error) {
	for _, e := range all {
		var inner struct {
			ID     schemas.EventID `json:"id"`
			Client string          `json:"client"`
		}
		if err := json.Unmarshal(e.Event, &inner); err != nil {
			return "", fmt.Errorf("read event %d: %w", e.Number, err)
		}
		if e.Direction == "heard" && about[inner.ID] {
			return inner.Client, nil
		}
	}
	return "", nil
}
