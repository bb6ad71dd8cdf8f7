package checker

import (
	"fmt"

	"github.com/linkage-exchange/linkage/schemas"
)

// doubled proves R2: an event is in a store once, and the broker took each
// place of a chain once.
func (n *network) doubled() Promise {
	var f faults
	events := 0
	for _, a := range n.order {
		seen, envelopes := map[string]bool{}, map[schemas.EventID]bool{}
		for _, e := range n.members[a].Events {
			key := e.inner.Source + "|" + string(e.inner.ID)
			if seen[key] {
				f.add("event %s from %s is twice in the store of %s", e.inner.ID, e.From, a)
			}
			if e.Direction == heard && envelopes[e.Envelope] {
				f.add("envelope %s brought two events to %s", e.Envelope, a)
			}
			seen[key], envelopes[e.Envelope] = true, true
			events++
		}
	}
	places, taken := map[string]bool{}, map[string]bool{} // in one epoch
	for r := range n.records() {
		if r.Kind != kindAccepted {
			continue
		}
		place := fmt.Sprintf("%s|%s|%s|%s|%d", r.hub.Epoch, r.Sender, r.Chain, r.Recipient, r.Sequence)
		if places[place] {
			f.add("the broker took number %d of %s for %s twice, again at position %d with envelope %s", r.Sequence, r.Sender, r.Recipient, r.Position, r.Envelope)
		}
		envelope := string(r.hub.Epoch) + "|" + string(r.Envelope)
		if taken[envelope] {
			f.add("the broker took envelope %s twice, again at position %d", r.Envelope, r.Position)
		}
		places[place], taken[envelope] = true, true
	}
	return f.promise("R2 nothing has its effect twice", "%d events in %d stores and %d envelopes at the broker, each once", events, len(n.order), len(places))
}
