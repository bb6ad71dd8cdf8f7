package checker

import (
	"slices"
	"strings"

	"github.com/linkage-exchange/linkage/schemas"
)

// link is where a chain stands.
type link struct {
	sequence Count
	hash     string
}

// line names a chain: who to whom, in which incarnation, in which epoch.
type line struct {
	from, to schemas.AgencyID
	chain    schemas.ULID
	epoch    schemas.ULID
}

// chains proves that each envelope names the one before it, without a gap, and
// that sender and broker hold the same.
func (n *network) chains() Promise {
	var f faults
	heads := map[line]link{}
	for r := range n.records() {
		if r.Kind != kindAccepted {
			continue
		}
		key := line{r.Sender, r.Recipient, r.Chain, r.hub.Epoch}
		last, ok := heads[key]
		if !ok {
			last.hash = strings.Repeat("0", 2*len(schemas.Hash{}))
		}
		if r.Sequence != last.sequence+1 {
			f.add("%s to %s: envelope %s at position %d is number %d after %d", r.Sender, r.Recipient, r.Envelope, r.Position, r.Sequence, last.sequence)
		} else if r.Previous != last.hash {
			f.add("%s to %s: envelope %s at position %d does not name the one before it", r.Sender, r.Recipient, r.Envelope, r.Position)
		}
		heads[key] = link{r.Sequence, r.Hash}
	}
	for _, a := range n.order {
		n.sameChains(&f, a)
	}
	return f.promise("no chain is broken", "%d envelopes in %d chains, each naming the hash of the one before; the stores agree and lack none", len(n.accepted), len(heads))
}

// sameChains compares a store with the hub.
func (n *network) sameChains(f *faults, a schemas.AgencyID) {
	m := n.members[a]
	for _, d := range m.Deliveries {
		all := n.taken[d.Envelope]
		if len(all) == 0 || d.State != accepted && d.State != stored && d.State != withdrawn {
			continue
		}
		if !slices.ContainsFunc(all, func(r Record) bool { return n.samePlace(d, r) }) {
			f.add("envelope %s is number %d at %s and number %d at the broker, or has another hash there", d.Envelope, d.Sequence, a, all[len(all)-1].Sequence)
		}
	}
	for sender, lacks := range m.Holes {
		if lacks > 0 {
			f.add("%s lacks %d envelopes of %s", a, lacks, sender)
		}
	}
}

// samePlace reports whether a delivery has the place in its chain that a record
// gives it, and the same hash.
func (n *network) samePlace(d Delivery, r Record) bool {
	return r.Chain == d.Chain && uint64(r.Sequence) == d.Sequence && r.Hash == d.Hash.String() && r.Previous == d.Previous.String() &&
		(d.Position == 0 || d.Position == uint64(r.Position))
}
