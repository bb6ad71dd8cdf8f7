package checker

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/linkage-exchange/linkage/schemas"
)

// permitted proves S1: everything crossed under a permission that covers it,
// and the manifest allows it.
func (n *network) permitted() Promise {
	var f faults
	under, charter := 0, 0
	for _, to := range n.order {
		for _, e := range n.members[to].Events {
			if e.Direction != heard || n.members[e.From] == nil {
				continue // foreign says it
			}
			if e.Grant == schemas.CharterGrant {
				charter++
			} else {
				under++
			}
			n.covered(&f, to, e)
		}
	}
	return f.promise("S1 nothing crosses without a permission", "%d crossings under %d grants that name recipient, client, category and purpose; %d under the charter, about no client",
		under, n.grants(), charter)
}

// grants counts the grants in the hub.
func (n *network) grants() int {
	count := 0
	for r := range n.records() {
		if r.Kind == kindIssued {
			count++
		}
	}
	return count
}

// covered holds one crossing against its grant and the manifest.
func (n *network) covered(f *faults, to schemas.AgencyID, e Entry) {
	d := delivery{
		event: e.inner.ID, from: e.From, to: to, kind: e.inner.Type, grant: e.Grant, accepted: n.accepted[e.Envelope].Time,
	}
	if info, ok := schemas.LookUp(e.inner.Type); ok {
		d.category = info.Category
	}
	if original := n.members[e.From].find(said, e.inner.ID, e.From); original != nil {
		d.client = original.inner.Client
	}
	if !n.manifest.permits(d) {
		f.add("event %s of %s at %s is not permitted by the manifest", d.event, d.from, to)
		return
	}
	q := schemas.Question{
		At: d.accepted, Sender: e.From, Recipient: to, Type: d.kind, Category: d.category, Client: schemas.Handle(e.inner.Client), Purpose: e.Purpose,
	}
	if e.Grant != schemas.CharterGrant {
		g := n.members[e.From].grant(e.Grant)
		if g == nil {
			f.add("event %s of %s at %s cites grant %s, which its sender never gave", d.event, d.from, to, e.Grant)
			return
		}
		terms, err := g.terms()
		if err != nil {
			f.add("grant %s at %s: %v", e.Grant, e.From, err)
			return
		}
		q.Grant, q.Terms = &g.Grant, terms
	}
	if _, err := schemas.Decide(q); err != nil {
		f.add("event %s of %s at %s: %v", d.event, d.from, to, err)
	}
}

// projected proves that a recipient sees what the permission covers and no more.
func (n *network) projected() Promise {
	const name = "S1 nothing more than the permission covers"
	var f faults
	count, cut := 0, 0
	for _, to := range n.order {
		for _, e := range n.members[to].Events {
			sender := n.members[e.From]
			if e.Direction != heard || sender == nil || e.Grant == schemas.CharterGrant {
				continue
			}
			original, g := sender.find(said, e.inner.ID, e.From), sender.grant(e.Grant)
			if original == nil || g == nil {
				continue // foreign and permitted say it
			}
			terms, err := g.terms()
			if err != nil || terms == nil {
				continue // permitted says it
			}
			removed, err := sees(original.Event, e.inner, *terms, e.Purpose)
			if err != nil {
				f.add("event %s of %s at %s: %v", e.inner.ID, e.From, to, err)
			}
			count++
			if removed > 0 {
				cut++
			}
		}
	}
	return f.promise(name, "%d events are to the letter what their permission leaves of the original; %d had fields that the recipient may not see and does not have", count, cut)
}

// sees compares what a recipient has with what the permission leaves of the
// original, and returns how many fields of the data it took away.
func sees(original json.RawMessage, got inner, t schemas.Terms, p schemas.Purpose) (removed int, err error) {
	e, err := schemas.ParseEvent(original)
	if err != nil {
		return 0, err
	}
	want, paths, err := schemas.Project(e, t, p)
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		if strings.HasPrefix(path, "data.") {
			removed++
		}
	}
	var a, b any
	if err := json.Unmarshal(want.Data(), &a); err != nil {
		return removed, err
	}
	if err := json.Unmarshal(got.Data, &b); err != nil {
		return removed, err
	}
	if !reflect.DeepEqual(a, b) || want.Type() != string(got.Type) || got.Client != string(t.Client) {
		return removed, schemas.Refuse(schemas.CodeCategoryNotCovered, "data", "is not what the permission leaves of the original", "")
	}
	return removed, nil
}
