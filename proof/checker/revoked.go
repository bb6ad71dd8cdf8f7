package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linkage-exchange/linkage/schemas"
)

// afterRevocation proves S1 for grants that ended: by the broker's positions,
// nothing was taken under them later, and nothing handed over later.
func (n *network) afterRevocation() Promise {
	var f faults
	var told []string
	ended := map[schemas.GrantID]bool{}
	for r := range n.records() {
		if r.Kind == kindRevoked {
			ended[r.Grant] = true
			told = append(told, n.ended(&f, r))
		}
	}
	for _, g := range n.manifest.Revoked {
		if !ended[g] {
			f.add("grant %s was revoked and the broker does not know it", g)
		}
	}
	n.returned(&f)
	evidence := "no grant was revoked"
	if len(told) > 0 {
		evidence = strings.Join(told, "; ")
	}
	return f.promise("S1 nothing after a revocation", "%s", evidence)
}

// returned proves that a revocation or a suspension had taken effect when its
// call returned.
func (n *network) returned(f *faults) {
	for _, c := range n.manifest.Returned {
		i := slices.IndexFunc(n.hubs, func(h Hub) bool { return h.Epoch == c.Epoch })
		if i < 0 {
			f.add("a call about %s%s returned in epoch %s, of which there is no record", c.Grant, c.Agency, c.Epoch)
		} else if !slices.ContainsFunc(n.hubs[i].Records, func(r Record) bool {
			return r.Position <= c.Position && (c.Grant != "" && r.Kind == kindRevoked && r.Grant == c.Grant ||
				c.Agency != "" && r.Kind == kindSuspended && r.Recipient == c.Agency)
		}) {
			f.add("a call about %s%s returned when the hub stood at %d, and had no effect by then", c.Grant, c.Agency, c.Position)
		}
	}
}

// ended looks at every envelope under a grant that ended.
func (n *network) ended(f *faults, revocation Record) string {
	handed, taken, unknown := 0, 0, 0
	for r := range n.records() {
		if r.Kind != kindAccepted || r.Grant != revocation.Grant || r.hub.Epoch < revocation.hub.Epoch {
			continue
		}
		back := r.hub.withdrawalOf(r)
		there := n.arrivedIn(r)
		switch {
		case r.hub.Epoch > revocation.hub.Epoch:
			f.add("envelope %s was taken in epoch %s under grant %s, which ended before%s", r.Envelope, r.hub.Epoch, r.Grant, brought(there))
		case r.Position > revocation.Position:
			f.add("envelope %s was taken at position %d under grant %s, which ended at %d%s", r.Envelope, r.Position, r.Grant, revocation.Position, brought(there))
		case back != nil && there != nil:
			f.add("envelope %s was withdrawn and is at %s%s", r.Envelope, r.Recipient, brought(there))
		case back != nil:
			taken++
		case r.hub.handedOver(r, revocation.Position):
			handed++
		case r.Position <= revocation.Through:
			unknown++
		case !n.present(r) && there == nil:
			taken++ // the broker's record ends before it says so
		default:
			f.add("envelope %s under grant %s, which ended at position %d, was neither handed over before nor withdrawn%s", r.Envelope, r.Grant, revocation.Position, brought(there))
		}
	}
	text := fmt.Sprintf("grant %s ended at position %d with %d envelopes handed over before and %d withdrawn", revocation.Grant, revocation.Position, handed, taken)
	if unknown > 0 {
		text += fmt.Sprintf(", %d unknown", unknown)
	}
	return text + ", none after"
}

func brought(e *Entry) string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf(" (event %s)", e.inner.ID)
}

// arrivedIn returns what an envelope brought to its recipient.
func (n *network) arrivedIn(r Record) *Entry {
	m := n.members[r.Recipient]
	if m == nil {
		return nil
	}
	i := slices.IndexFunc(m.Events, func(e Entry) bool { return e.Direction == heard && e.Envelope == r.Envelope })
	if i < 0 {
		return nil
	}
	return &m.Events[i]
}
