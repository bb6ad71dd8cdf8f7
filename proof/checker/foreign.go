package checker

import (
	"slices"

	"github.com/linkage-exchange/linkage/schemas"
)

// foreign proves S3: what a store holds as heard was said by the one who is
// named, for this recipient, and went through the broker.
func (n *network) foreign() Promise {
	var f faults
	count := 0
	for _, to := range n.order {
		for _, e := range n.members[to].Events {
			if e.Direction == heard {
				n.traced(&f, to, e)
				count++
			}
		}
	}
	for envelope, r := range n.accepted {
		if !n.known(r) {
			f.add("the broker holds envelope %s of %s, who did not send it", envelope, r.Sender)
		}
	}
	for _, a := range n.manifest.Absent {
		if n.heardAt(a.At, a.Event) != nil {
			f.add("event %s must not be at %s (%s)", a.Event, a.At, a.Because)
		}
	}
	return f.promise("S3 nothing is foreign", "%d events in the stores of their recipients, each with its sender's delivery and its envelope at the broker; none of %d that must be absent is there",
		count, len(n.manifest.Absent))
}

// traced follows a heard event back to its sender.
func (n *network) traced(f *faults, to schemas.AgencyID, e Entry) {
	sender := n.members[e.From]
	r, passed := n.accepted[e.Envelope]
	switch {
	case sender == nil:
		f.add("event %s at %s comes from %s, who is not in the network", e.inner.ID, to, e.From)
	case e.inner.Source != e.From.Source():
		f.add("event %s at %s came from %s and says that it is from %s", e.inner.ID, to, e.From, e.inner.Source)
	case sender.find(said, e.inner.ID, e.From) == nil:
		f.add("event %s at %s was never said by %s", e.inner.ID, to, e.From)
	case !slices.ContainsFunc(sender.Deliveries, func(d Delivery) bool { return d.EventID == e.inner.ID && d.Recipient == to }):
		f.add("event %s at %s was not meant for it by %s", e.inner.ID, to, e.From)
	case !passed:
		f.add("event %s at %s came in envelope %s, which the broker does not hold", e.inner.ID, to, e.Envelope)
	case r.Sender != e.From || r.Recipient != to || r.Grant != e.Grant:
		f.add("event %s at %s came in envelope %s, which the broker took from %s for %s under %s", e.inner.ID, to, e.Envelope, r.Sender, r.Recipient, r.Grant)
	}
}

// known reports whether the sender of an envelope in the hub has a delivery for
// it, or sealed one for the same recipient anew since.
func (n *network) known(r Record) bool {
	sender := n.members[r.Sender]
	if slices.Contains(n.manifest.Remade, r.Sender) {
		return true // an arrival is traced all the same
	}
	return sender != nil && slices.ContainsFunc(sender.Deliveries, func(d Delivery) bool {
		return d.Envelope == r.Envelope || d.Recipient == r.Recipient && d.Attempts > 1
	})
}
