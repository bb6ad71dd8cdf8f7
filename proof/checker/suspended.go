package checker

import (
	"fmt"
	"math"
	"strings"

	"github.com/linkage-exchange/linkage/schemas"
)

// interval is a time without standing, in positions of the hub.
type interval struct {
	agency   schemas.AgencyID
	from, to Count
}

// afterSuspension proves S5: a suspended member was given nothing, and nothing
// was taken from it.
func (n *network) afterSuspension() Promise {
	var f faults
	var told []string
	count := map[schemas.AgencyID]int{}
	for _, h := range n.hubs {
		for _, i := range h.intervals() {
			count[i.agency]++
			told = append(told, h.without(&f, i))
		}
	}
	for agency, want := range n.manifest.Suspended {
		// Each epoch begins with a record of who is suspended.
		if count[agency] < want || count[agency] > want && len(n.hubs) == 1 {
			f.add("%s was suspended %d times, the broker knows of %d", agency, want, count[agency])
		}
	}
	evidence := "nobody was suspended"
	if len(told) > 0 {
		evidence = strings.Join(told, "; ")
	}
	return f.promise("S5 a suspended member gets nothing", "%s", evidence)
}

func (h Hub) intervals() []interval {
	var all []interval
	open := map[schemas.AgencyID]int{}
	for _, r := range h.Records {
		switch r.Kind {
		case kindSuspended:
			open[r.Recipient] = len(all)
			all = append(all, interval{r.Recipient, r.Position, math.MaxUint64})
		case kindReadmitted:
			if i, ok := open[r.Recipient]; ok {
				all[i].to = r.Position
				delete(open, r.Recipient)
			}
		}
	}
	return all
}

// without looks at every record within an interval.
func (h Hub) without(f *faults, i interval) string {
	given := Count(0) // the last position that the member had been given
	kept := 0
	for _, r := range h.Records {
		inside := r.Position > i.from && r.Position < i.to
		switch {
		case r.Kind == kindHandedOver && r.Recipient == i.agency && r.Position < i.from:
			given = max(given, r.Through)
		case !inside:
		case r.Kind == kindHandedOver && r.Recipient == i.agency && r.Through > given:
			f.add("%s was handed mail up to position %d at position %d, while suspended", i.agency, r.Through, r.Position)
		case r.Kind == kindAccepted && r.Sender == i.agency:
			f.add("envelope %s was taken from %s at position %d, while suspended", r.Envelope, i.agency, r.Position)
		case r.Kind == kindStored && r.Sender == i.agency:
			f.add("%s signed at position %d, while suspended, that it stored mail", i.agency, r.Position)
		case r.Kind == kindAccepted && r.Recipient == i.agency:
			kept++
		}
	}
	until := fmt.Sprintf("readmitted at %d", i.to)
	if i.to == math.MaxUint64 {
		until = "not readmitted"
	}
	return fmt.Sprintf("%s was suspended at position %d and %s: %d envelopes were kept for it meanwhile, none handed over", i.agency, i.from, until, kept)
}
