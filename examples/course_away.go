package examples

import (
	"fmt"
	"slices"

	"github.com/linkage-exchange/linkage/schemas"
)

// This file is what becomes of mail when somebody is away.

// absence is why an agency is away.
type absence string

const (
	stopped   absence = "stopped"
	suspended absence = "suspended"
)

// settle marks what must have arrived: everything whose recipient is there.
func (c *Course) settle() error {
	if c.brokerDown {
		return fmt.Errorf("nothing can arrive while the %s is down", Broker)
	}
	for _, x := range c.Crossings {
		if !x.Withdrawn && !c.Away(x.From) && !c.Away(x.To) {
			x.Arrived = true
		}
	}
	return nil
}

func (c *Course) revoke(end Ending) error {
	p, ok := c.permissions[end.Permission]
	if !ok || c.revoked[end.Permission] {
		return fmt.Errorf("permission %q must be one that is alive", end.Permission)
	}
	if c.brokerDown || c.Away(p.From) {
		return fmt.Errorf("%s and the %s must be there to revoke", p.From, Broker)
	}
	var waiting []string
	for _, x := range c.Crossings {
		if x.Permission != end.Permission || x.Arrived {
			continue
		}
		if !x.away || !c.Away(x.To) {
			return fmt.Errorf("%s: settle first, it may have arrived or not", x.Event)
		}
		x.Withdrawn = true
		waiting = append(waiting, x.Event)
	}
	if !slices.Equal(waiting, end.Withdrawn) {
		return fmt.Errorf("withdrawn must list what waits under the permission: %v", waiting)
	}
	c.revoked[end.Permission] = true
	return nil
}

func (c *Course) leave(a schemas.AgencyID, why absence) error {
	if !c.example.Network.Has(a) || c.Away(a) {
		return fmt.Errorf("%s must be an agency that is there", a)
	}
	for _, x := range c.Crossings {
		if why == suspended && x.From == a && !x.Arrived && !x.Withdrawn {
			return fmt.Errorf("%s: settle first, what a suspended member sent is not handed over", x.Event)
		}
	}
	c.away[a] = why
	return nil
}

func (c *Course) come(a schemas.AgencyID, why absence) error {
	if c.away[a] != why {
		return fmt.Errorf("%s must be an agency that is %s", a, why)
	}
	delete(c.away, a)
	return nil
}

func (c *Course) kill(what string) error {
	if what != Broker || c.brokerDown {
		return fmt.Errorf("only the %s can be killed, while it runs", Broker)
	}
	c.brokerDown = true
	return nil
}

func (c *Course) start(what string) error {
	if what != Broker {
		return c.come(schemas.AgencyID(what), stopped)
	}
	if !c.brokerDown {
		return fmt.Errorf("the %s runs already", Broker)
	}
	c.brokerDown = false
	return nil
}

// Away reports whether an agency is stopped or suspended.
func (c *Course) Away(a schemas.AgencyID) bool { return c.away[a] != "" }
