package checker

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/linkage-exchange/linkage/schemas"
)

// agreement proves that sender, broker and recipient say the same of each
// delivery, grant and place in the hub.
func (n *network) agreement() Promise {
	var f faults
	deliveries, grants := 0, 0
	last := uint64(0)
	if len(n.hub.Records) > 0 {
		last = uint64(n.hub.Records[len(n.hub.Records)-1].Position)
	}
	for _, a := range n.order {
		m := n.members[a]
		for _, d := range m.Deliveries {
			n.sameDelivery(&f, a, d)
			deliveries++
		}
		for _, g := range m.Grants {
			n.sameGrant(&f, a, g)
			grants++
		}
		if m.Cursor.Epoch != n.hub.Epoch || m.Cursor.Position > last {
			f.add("%s stands at position %d of epoch %s, the broker at %d of %s", a, m.Cursor.Position, m.Cursor.Epoch, last, n.hub.Epoch)
		}
	}
	return f.promise("both sides and the broker agree", "%d deliveries and %d copies of grants say the same wherever they are", deliveries, grants)
}

// sameDelivery holds the sender's word on a delivery against the broker's.
func (n *network) sameDelivery(f *faults, from schemas.AgencyID, d Delivery) {
	r, ok := n.accepted[d.Envelope]
	switch d.State {
	case accepted, stored:
		if !ok {
			f.add("event %s: envelope %s is %s at %s, and the broker does not hold it", d.EventID, d.Envelope, d.State, from)
		} else if d.State == accepted && !n.present(r) {
			f.add("event %s: envelope %s is accepted at %s, and was not brought to the broker of the present epoch", d.EventID, d.Envelope, from)
		} else if r.hub.withdrawalOf(r) != nil && d.State == accepted {
			f.add("event %s: envelope %s was withdrawn, and %s does not know it", d.EventID, d.Envelope, from)
		}
	case withdrawn:
		if !ok || r.hub.withdrawalOf(r) == nil {
			f.add("event %s: envelope %s is withdrawn at %s and not at the broker", d.EventID, d.Envelope, from)
		}
	default:
		if ok && n.arrivedIn(r) != nil && !n.receiptBurnt(d) {
			f.add("event %s: envelope %s is %s at %s and has arrived at %s", d.EventID, d.Envelope, d.State, from, d.Recipient)
		}
	}
}

// receiptBurnt reports whether a delivery may have arrived without its sender
// knowing: the broker that had handed it over lost its memory, and the receipt
// with it, and the permission ended before the event could be offered again.
func (n *network) receiptBurnt(d Delivery) bool {
	r, ok := n.accepted[d.Envelope]
	return ok && !n.present(r) && d.State == held && d.Refusal.Code == schemas.CodeGrantRevoked &&
		r.hub.handedOver(r, math.MaxUint64)
}

// sameGrant holds one copy of a grant against the other party's and the
// broker's.
func (n *network) sameGrant(f *faults, a schemas.AgencyID, g Grant) {
	id := g.Grant.ID
	issued, revoked := n.grantRecords(id)
	if issued == nil && revoked != nil && a == g.Grant.Discloser && g.Revocation != nil && !n.used(id) {
		return // ended before the broker had heard of it, which has only the end
	}
	if issued == nil {
		f.add("grant %s is at %s and not at the broker", id, a)
		return
	}
	if !n.present(*issued) && revoked == nil {
		f.add("grant %s is at %s and was not brought to the broker of the present epoch", id, a)
	}
	if issued.Sender != g.Grant.Discloser || issued.Recipient != g.Grant.Recipient {
		f.add("grant %s is from %s to %s at %s, and from %s to %s at the broker", id, g.Grant.Discloser, g.Grant.Recipient, a, issued.Sender, issued.Recipient)
	}
	// A recipient that has not read so far cannot know of the end yet.
	cursor := Count(n.members[a].Cursor.Position)
	if revoked != nil && n.present(*revoked) && revoked.Recipient == "" && a == g.Grant.Recipient {
		return // the broker of the present epoch knows the end only, and not whose it is to be told
	}
	if revoked == nil && g.Revocation != nil || revoked != nil && g.Revocation == nil && (a == g.Grant.Discloser || !n.present(*revoked) || cursor >= revoked.Position) {
		f.add("grant %s: %s and the broker do not agree whether it ended", id, a)
	}
	discloser := n.members[g.Grant.Discloser]
	if a != g.Grant.Recipient || discloser == nil {
		return
	}
	theirs := discloser.grant(id)
	switch {
	case theirs == nil:
		f.add("grant %s is at %s and not at %s, who is to have given it", id, a, g.Grant.Discloser)
	case !reflect.DeepEqual(theirs.Grant, g.Grant):
		f.add("grant %s reads differently at %s and %s", id, a, g.Grant.Discloser)
	}
	// Both texts match the one commitment, so they are the same text.
	if _, err := g.terms(); err != nil {
		f.add("the terms of grant %s at %s: %v", id, a, err)
	}
}

// used reports whether the broker took anything under a grant.
func (n *network) used(id schemas.GrantID) bool {
	for r := range n.records() {
		if r.Kind == kindAccepted && r.Grant == id {
			return true
		}
	}
	return false
}

func (n *network) grantRecords(id schemas.GrantID) (issued, revoked *Record) {
	for r := range n.records() {
		switch {
		case r.Grant != id:
		case r.Kind == kindIssued:
			issued = &r
		case r.Kind == kindRevoked:
			revoked = &r
		}
	}
	return issued, revoked
}

// receipts proves that what a recipient holds it has signed for, and that its
// signature reached the sender.
func (n *network) receipts() Promise {
	var f faults
	type pair struct{ from, to schemas.AgencyID } // of the receipt
	signed, owed, total := map[pair]int{}, map[pair]int{}, 0
	for r := range n.records() {
		if r.Kind == kindStored {
			signed[pair{r.Sender, r.Recipient}] += int(r.Items)
		}
	}
	for _, from := range n.order {
		for _, d := range n.members[from].Deliveries {
			if d.State == stored {
				owed[pair{d.Recipient, from}]++
				total++
			}
		}
	}
	for p, count := range owed {
		if signed[p] < count {
			f.add("%s counts %d envelopes as stored by %s, whose receipts at the broker cover %d", p.to, count, p.from, signed[p])
		}
	}
	for _, to := range n.order {
		for _, e := range n.members[to].Events {
			sender := n.members[e.From]
			if e.Direction == heard && sender != nil && !slices.ContainsFunc(sender.Deliveries, func(d Delivery) bool {
				return d.EventID == e.inner.ID && d.Recipient == to && (d.State == stored || n.receiptBurnt(d))
			}) {
				f.add("event %s is at %s, and %s has no receipt for it", e.inner.ID, to, e.From)
			}
		}
	}
	return f.promise("every arrival is signed for", "%d receipts reached their senders, and the broker holds as many", total)
}

// alarms proves that nobody saw another break a rule.
func (n *network) alarms() Promise {
	var f faults
	expected := map[schemas.Code]int{}
	for _, a := range n.order {
		for _, alarm := range n.members[a].Alarms {
			if slices.Contains(n.manifest.Alarms, alarm.Code) {
				expected[alarm.Code]++
				continue
			}
			if slices.Contains(n.manifest.Tolerated, alarm.Code) {
				continue
			}
			f.add("%s raised %s about %s: %s", a, alarm.Code, alarm.About, alarm.Text)
		}
	}
	for _, code := range n.manifest.Alarms {
		if expected[code] == 0 {
			f.add("nobody raised the alarm %s", code)
		}
	}
	evidence := "no alarm in any store"
	if len(n.manifest.Alarms) > 0 {
		evidence = fmt.Sprintf("no alarm but those that what happened had to raise: %v", n.manifest.Alarms)
	}
	return f.promise("no side saw another break a rule", "%s", evidence)
}
