package examples

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Crossing is one event for one recipient.
type Crossing struct {
	Event      string // its name in [Example.Events]
	From, To   schemas.AgencyID
	Permission string // "" when it concerns no client
	// Arrived says that it must be at the recipient, Withdrawn that it never
	// will be. Neither: it waits.
	Arrived, Withdrawn bool

	away bool // the recipient was away when it was sent
}

// Course follows a week step by step, and knows after each what is permitted,
// who is there, and what must have arrived. Its zero value is not usable; see
// [Example.Begin].
type Course struct {
	Crossings []*Crossing

	example     *Example
	permissions map[string]Permission
	revoked     map[string]bool
	away        map[schemas.AgencyID]absence
	brokerDown  bool
	heard       map[schemas.AgencyID]map[string]bool // who has heard of which client
}

// Begin returns the course of a week before its first step.
func (e *Example) Begin() *Course {
	return &Course{
		example: e, permissions: map[string]Permission{}, revoked: map[string]bool{},
		away: map[schemas.AgencyID]absence{}, heard: map[schemas.AgencyID]map[string]bool{},
	}
}

// Replay takes every step of the week.
func (e *Example) Replay() (*Course, error) {
	c := e.Begin()
	for _, d := range e.Week.Days {
		for _, s := range d.Steps {
			if err := c.Take(s); err != nil {
				return nil, fmt.Errorf("week.yaml: line %d: %w", s.line, err)
			}
		}
	}
	return c, nil
}

// Take follows one step. Its error says what the step refers to that is not
// there, or that is not permitted.
func (c *Course) Take(s Step) error {
	if s.Say == "" {
		return errors.New("the step must say what happens")
	}
	var acts []func() error
	add := func(given bool, act func() error) {
		if given {
			acts = append(acts, act)
		}
	}
	add(s.Permit != nil, func() error { return c.permit(*s.Permit) })
	add(s.Send != nil, func() error { return c.send(s.Send) })
	add(s.Refuse != nil, func() error { return c.refuse(*s.Refuse) })
	add(s.Revoke != nil, func() error { return c.revoke(*s.Revoke) })
	add(s.Settle, c.settle)
	add(s.Stop != "", func() error { return c.leave(s.Stop, stopped) })
	add(s.Kill != "", func() error { return c.kill(s.Kill) })
	add(s.Start != "", func() error { return c.start(s.Start) })
	add(s.Suspend != "", func() error { return c.leave(s.Suspend, suspended) })
	add(s.Readmit != "", func() error { return c.come(s.Readmit, suspended) })
	if len(acts) != 1 {
		return fmt.Errorf("the step must do exactly one thing, it does %d", len(acts))
	}
	return acts[0]()
}

// Permission returns a permission by its name.
func (c *Course) Permission(name string) (Permission, bool) {
	p, ok := c.permissions[name]
	return p, ok
}

func (c *Course) permit(p Permission) error {
	person, ok := c.example.Person(p.Client)
	switch {
	case p.Name == "" || c.permissions[p.Name].Name != "":
		return fmt.Errorf("permission %q must have a name of its own", p.Name)
	case !ok:
		return fmt.Errorf("client %q must be one of people.yaml", p.Client)
	case !slices.Contains(person.Serves, p.From) || !slices.Contains(person.Serves, p.To):
		return fmt.Errorf("%s and %s must both serve %s", p.From, p.To, p.Client)
	case p.From == p.To || c.Away(p.From):
		return fmt.Errorf("%s must be there, and permit another agency than itself", p.From)
	case !p.Basis.Valid() || p.Days < 1 || len(p.Cells) == 0:
		return errors.New("basis, days and cells must be given")
	}
	if err := c.knows(p.From, person); err != nil {
		return err
	}
	c.permissions[p.Name] = p
	return nil
}

// knows makes sure that an agency has a name for a client.
func (c *Course) knows(a schemas.AgencyID, p Person) error {
	if p.IDs[a] == "" && !c.heard[a][p.Key] {
		return fmt.Errorf("%s must have an id for %s, or have heard of the client", a, p.Key)
	}
	return nil
}

// Ends returns the last day of a permission that is recorded on a day.
func (p Permission) Ends(today time.Time) schemas.Date {
	return schemas.DateOf(today).AddDays(p.Days)
}
