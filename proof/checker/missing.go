package checker

import (
	"slices"

	"github.com/linkage-exchange/linkage/schemas"
)

// missing proves R1: what a sender's agent took on is at its recipient, or
// visibly on its way, held or withdrawn.
func (n *network) missing() Promise {
	var f faults
	for _, s := range n.manifest.Accepted {
		if m := n.members[s.From]; m == nil || m.find(said, s.Event, s.From) == nil {
			f.add("event %s was accepted by %s and is not in its store", s.Event, s.From)
		}
	}
	counts := map[string]int{}
	for _, from := range n.order {
		for _, e := range n.members[from].Events {
			if e.Direction != said {
				continue
			}
			for _, to := range e.To {
				counts[n.whereabouts(&f, from, e.inner, to)]++
			}
		}
	}
	for _, a := range n.manifest.Arrived {
		if n.heardAt(a.At, a.Event) == nil {
			f.add("event %s must have arrived at %s and is not there", a.Event, a.At)
		}
	}
	return f.promise("R1 nothing is lost", "%d deliveries of accepted events: %d stored by the recipient, %d withdrawn, %d waiting in sight",
		counts[stored]+counts[withdrawn]+counts["waiting"], counts[stored], counts[withdrawn], counts["waiting"])
}

// heardAt finds an event in its recipient's store.
func (n *network) heardAt(a schemas.AgencyID, id schemas.EventID) *Entry {
	m := n.members[a]
	if m == nil {
		return nil
	}
	i := slices.IndexFunc(m.Events, func(e Entry) bool { return e.Direction == heard && e.inner.ID == id })
	if i < 0 {
		return nil
	}
	return &m.Events[i]
}

// whereabouts says where one event for one recipient is.
func (n *network) whereabouts(f *faults, from schemas.AgencyID, e inner, to schemas.AgencyID) string {
	var states []string
	inHub := false
	for _, d := range n.members[from].Deliveries {
		if d.EventID == e.ID && d.Recipient == to {
			states = append(states, d.State)
			r, ok := n.accepted[d.Envelope]
			inHub = inHub || ok && n.present(r)
		}
	}
	recipient := n.members[to]
	there := e.ownBusiness() || recipient != nil && recipient.find(heard, e.ID, from) != nil
	switch {
	case len(states) == 0:
		f.add("event %s of %s for %s is in no outbox", e.ID, from, to)
	case slices.Contains(states, stored) && !there:
		f.add("event %s of %s counts as stored by %s and is not there", e.ID, from, to)
	case slices.Contains(states, stored):
		return stored
	case slices.Contains(states, accepted) && !there && !inHub:
		f.add("event %s of %s for %s counts as accepted and is neither at the broker nor there", e.ID, from, to)
	case slices.Contains(states, withdrawn):
		return withdrawn
	}
	return "waiting"
}
