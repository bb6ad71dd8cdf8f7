package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/examples"
	"github.com/linkage-exchange/linkage/schemas"
)

// player plays a week on a network, step by step, through the same commands
// that a person would use.
type player struct {
	net      *demoNetwork
	example  *examples.Example
	course   *examples.Course
	grants   map[string]schemas.GrantID // by the permission's name
	manifest *demoManifest
	tell     *narrator
}

func (p *player) play(ctx context.Context) error {
	for i, day := range p.example.Week.Days {
		p.tell.day(p.example.Week.Begins.AddDate(0, 0, i), day)
		for _, step := range day.Steps {
			if err := p.step(ctx, step); err != nil {
				return fmt.Errorf("%s, %q (week.yaml, line %d): %w", day.Name, step.Say, step.Line(), err)
			}
		}
	}
	return nil
}

func (p *player) step(ctx context.Context, s examples.Step) error {
	p.tell.step(s.Say)
	if err := p.course.Take(s); err != nil {
		return err
	}
	switch {
	case s.Permit != nil:
		return p.permit(ctx, *s.Permit)
	case s.Send != nil:
		return p.send(ctx, s.Send)
	case s.Refuse != nil:
		return p.refuse(ctx, *s.Refuse)
	case s.Revoke != nil:
		return p.revoke(ctx, *s.Revoke)
	case s.Settle:
		return p.settle(ctx)
	case s.Suspend != "":
		p.manifest.suspend(s.Suspend)
		return p.standing(ctx, "suspend", s.Suspend)
	case s.Readmit != "":
		return p.standing(ctx, "readmit", s.Readmit)
	default:
		return p.process(ctx, s)
	}
}

// process starts, stops or kills one.
func (p *player) process(ctx context.Context, s examples.Step) error {
	switch {
	case s.Stop != "":
		return p.net.Stop(string(s.Stop))
	case s.Kill != "":
		return p.net.Kill(s.Kill)
	case s.Start == examples.Broker:
		return p.net.startBroker(ctx)
	default:
		return p.net.startAgent(ctx, schemas.AgencyID(s.Start))
	}
}

func (p *player) standing(ctx context.Context, verb string, a schemas.AgencyID) error {
	_, _, err := p.net.Run(ctx, nil, "broker", verb, string(a), "--data", p.net.brokerDir(), "--lead", p.net.leadDir())
	return err
}

func (p *player) permit(ctx context.Context, perm examples.Permission) error {
	client, err := p.name(ctx, perm.From, perm.Client)
	if err != nil {
		return err
	}
	until := perm.Ends(time.Now())
	args := []string{
		"grant", "issue", "--data", p.net.agentDir(perm.From), "--to", string(perm.To), "--client", client,
		"--basis", string(perm.Basis), "--until", until.String(), "--json",
	}
	for _, c := range perm.Cells {
		args = append(args, "--cell", c.String())
	}
	out, _, err := p.net.Run(ctx, nil, args...)
	if err != nil {
		return err
	}
	var issued struct {
		ID schemas.GrantID `json:"id"`
	}
	if err := json.Unmarshal(out, &issued); err != nil || !issued.ID.Valid() {
		return fmt.Errorf("read the answer of grant issue: %q", out)
	}
	p.grants[perm.Name] = issued.ID
	p.manifest.permit(perm, client, issued.ID, until)
	p.tell.detail("%s may tell %s: %s", p.plain(perm.From), p.plain(perm.To), cellNames(perm.Cells))
	return nil
}

// cellNames lists categories and purposes for a person.
func cellNames(all []examples.Cell) string {
	by := map[schemas.Purpose][]string{}
	var order []schemas.Purpose
	for _, c := range all {
		if by[c.Purpose] == nil {
			order = append(order, c.Purpose)
		}
		by[c.Purpose] = append(by[c.Purpose], string(c.Category))
	}
	var parts []string
	for _, purpose := range order {
		parts = append(parts, strings.Join(by[purpose], ", ")+" for "+string(purpose))
	}
	return strings.Join(parts, "; ")
}

func (p *player) revoke(ctx context.Context, end examples.Ending) error {
	perm, _ := p.course.Permission(end.Permission)
	id := p.grants[end.Permission]
	if _, _, err := p.net.Run(ctx, nil, "grant", "revoke", string(id), "--data", p.net.agentDir(perm.From)); err != nil {
		return err
	}
	p.manifest.revoke(id)
	for _, name := range end.Withdrawn {
		p.manifest.absent(p.example.Events[name], []schemas.AgencyID{perm.To}, "withdrawn: the permission ended while it waited")
	}
	p.tell.detail("stopped everywhere; %d events withdrawn before %s had them", len(end.Withdrawn), p.plain(perm.To))
	return nil
}

// plain is what people call an agency.
func (p *player) plain(a schemas.AgencyID) string {
	for _, agency := range p.example.Network.Agencies {
		if agency.ID == a {
			return agency.Short
		}
	}
	return string(a)
}
