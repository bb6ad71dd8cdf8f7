package agent

import (
	"context"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Inspection is everything that an agent's store holds, for checkers and for
// people who look for a fault. It holds clinical content.
type Inspection struct {
	Name     string              `json:"name"`
	Networks []NetworkInspection `json:"networks"`
}

// NetworkInspection is one membership.
type NetworkInspection struct {
	Network schemas.NetworkID `json:"network"`
	Agency  schemas.AgencyID  `json:"agency"`
	Cursor  struct {
		Epoch    schemas.ULID `json:"epoch"`
		Position uint64       `json:"position"`
	} `json:"cursor"`
	Events     []Event                     `json:"events"`
	Deliveries []outbox.Delivery           `json:"deliveries"`
	Grants     []casebook.Permission       `json:"grants"`
	Alarms     []casebook.Alarm            `json:"alarms"`
	Holes      map[schemas.AgencyID]uint64 `json:"holes"`
}

// Inspect reads the store of an agent that does not run. It changes nothing.
func Inspect(_ context.Context, opts Options) (in Inspection, err error) {
	a, err := openStopped(opts)
	if err != nil {
		return in, err
	}
	defer func() { _ = a.store.Close() }() // only read from
	records, err := a.readMemberships()
	if err != nil {
		return in, err
	}
	in.Networks = []NetworkInspection{}
	in.Name = a.profile.Display
	err = a.store.View(func(tx durable.Tx) error {
		for _, r := range records {
			n, err := inspect(durable.Sub(tx, string(r.Target.Network)), r)
			if err != nil {
				return err
			}
			in.Networks = append(in.Networks, n)
		}
		return nil
	})
	return in, err
}

func inspect(tx durable.Tx, r membershipRecord) (n NetworkInspection, err error) {
	n = NetworkInspection{Network: r.Target.Network, Agency: r.Agency, Events: []Event{}, Deliveries: []outbox.Delivery{}}
	if n.Cursor.Epoch, n.Cursor.Position, err = inbox.Cursor(tx); err != nil {
		return n, err
	}
	err = casebook.Events(tx, 0, func(e casebook.Entry) error {
		n.Events = append(n.Events, eventOf(n.Network, e))
		return nil
	})
	if err != nil {
		return n, err
	}
	if err = outbox.All(tx, func(d outbox.Delivery) error { n.Deliveries = append(n.Deliveries, d); return nil }); err != nil {
		return n, err
	}
	if n.Grants, err = casebook.Permissions(tx); err != nil {
		return n, err
	}
	for i := range n.Grants {
		n.Grants[i].LockKey = nil
	}
	if n.Alarms, err = casebook.Alarms(tx); err != nil {
		return n, err
	}
	n.Holes, err = inbox.Holes(tx)
	return n, err
}
