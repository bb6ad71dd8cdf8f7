package examples

import (
	"fmt"
	"slices"

	"github.com/linkage-exchange/linkage/schemas"
)

// This file is who may send what to whom in a course.

func (c *Course) send(all []Sending) error {
	for _, s := range all {
		e, err := c.sendable(s)
		if err != nil {
			return err
		}
		for _, to := range s.To {
			name, ok := c.covering(e, to)
			if !ok {
				return fmt.Errorf("%s: no permission of %s covers it for %s", s.Event, e.From, to)
			}
			if e.Client != "" && !c.Away(to) {
				if c.heard[to] == nil {
					c.heard[to] = map[string]bool{}
				}
				c.heard[to][e.Client] = true
			}
			c.Crossings = append(c.Crossings, &Crossing{Event: s.Event, From: e.From, To: to, Permission: name, away: c.Away(to)})
		}
	}
	return nil
}

// sendable finds an event that has not been sent, by an agency that is there,
// to others.
func (c *Course) sendable(s Sending) (Event, error) {
	e, ok := c.example.Events[s.Event]
	switch {
	case !ok:
		return e, fmt.Errorf("event %q must be one of events/", s.Event)
	case c.Away(e.From):
		return e, fmt.Errorf("%s: %s is not there to send it", s.Event, e.From)
	case len(s.To) == 0 || slices.Contains(s.To, e.From):
		return e, fmt.Errorf("%s: must go to others than its sender", s.Event)
	case slices.ContainsFunc(c.Crossings, func(x *Crossing) bool { return x.Event == s.Event }):
		return e, fmt.Errorf("%s: was sent before", s.Event)
	}
	for _, to := range s.To {
		if !c.example.Network.Has(to) {
			return e, fmt.Errorf("%s: %s is not in the network", s.Event, to)
		}
	}
	if e.Client == "" {
		return e, nil
	}
	person, ok := c.example.Person(e.Client)
	if !ok {
		return e, fmt.Errorf("%s: client %q must be one of people.yaml", s.Event, e.Client)
	}
	return e, c.knows(e.From, person)
}

// covering names the permission under which an event may go to a recipient;
// "" and true if it concerns no client.
func (c *Course) covering(e Event, to schemas.AgencyID) (string, bool) {
	if e.Client == "" {
		return "", true
	}
	for name, p := range c.permissions {
		if p.From == e.From && p.To == to && p.Client == e.Client && !c.revoked[name] &&
			slices.ContainsFunc(p.Cells, func(cell Cell) bool { return cell.Category == e.Category }) {
			return name, true
		}
	}
	return "", false
}

func (c *Course) refuse(s Sending) error {
	e, err := c.sendable(s)
	if err != nil {
		return err
	}
	for _, to := range s.To {
		if name, ok := c.covering(e, to); ok {
			return fmt.Errorf("%s: must be refused, but %q covers it", s.Event, name)
		}
	}
	return nil
}
