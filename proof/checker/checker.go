package checker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/linkage-exchange/linkage/schemas"
)

// Input is everything that there is to look at.
type Input struct {
	Manifest Manifest
	Stores   []Store
	Hubs     []Hub
	// Dirs are data directories, by name, to be searched for what nobody may be
	// able to read there.
	Dirs map[string]fs.FS
}

// Read adds what an inspect command printed: a store or a hub.
func (in *Input) Read(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read inspection: %w", err)
	}
	var which struct {
		Records  json.RawMessage `json:"records"`
		Networks json.RawMessage `json:"networks"`
	}
	if err := json.Unmarshal(b, &which); err != nil {
		return fmt.Errorf("read inspection: %w", err)
	}
	switch {
	case which.Records != nil:
		h, err := ReadHub(bytes.NewReader(b))
		in.Hubs = append(in.Hubs, h)
		return err
	case which.Networks != nil:
		s, err := ReadStore(bytes.NewReader(b))
		in.Stores = append(in.Stores, s)
		return err
	default:
		return schemas.Malformed("inspection", "must be what `linkage agent inspect --json` or `linkage broker inspect --json` prints")
	}
}

// Promise is one thing that a network promises, and whether it was kept.
type Promise struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
	// Evidence says what was looked at, or names what breaks the promise.
	Evidence string `json:"evidence"`
}

// Check looks at everything and reports each promise. Its error says that the
// input is not what a network leaves behind, so that nothing can be said.
func Check(in Input) ([]Promise, error) {
	n, err := newNetwork(in)
	if err != nil {
		return nil, err
	}
	promises := []Promise{
		n.missing(), n.doubled(), n.foreign(), n.permitted(), n.projected(), n.afterRevocation(), n.afterSuspension(),
		n.chains(), n.agreement(), n.receipts(), n.alarms(),
	}
	if len(in.Dirs) > 0 && len(in.Manifest.Unreadable) > 0 {
		p, err := unreadable(in.Manifest.Unreadable, in.Dirs)
		if err != nil {
			return nil, err
		}
		promises = append(promises, p)
	}
	return promises, nil
}

// Held reports whether every promise was kept.
func Held(promises []Promise) bool {
	for _, p := range promises {
		if !p.Held {
			return false
		}
	}
	return true
}

// network is the input, arranged for looking things up.
type network struct {
	manifest Manifest
	members  map[schemas.AgencyID]*Membership
	order    []schemas.AgencyID           // of the manifest
	hubs     []Hub                        // one for each epoch, oldest first
	hub      Hub                          // of the present epoch
	accepted map[schemas.EventID]Record   // by envelope, in the latest epoch that has it
	taken    map[schemas.EventID][]Record // the same in every epoch
}

func newNetwork(in Input) (*network, error) {
	n := &network{manifest: in.Manifest, members: map[schemas.AgencyID]*Membership{}, order: in.Manifest.Agencies, accepted: map[schemas.EventID]Record{}, taken: map[schemas.EventID][]Record{}}
	if err := n.arrange(in.Hubs); err != nil {
		return nil, err
	}
	for _, s := range in.Stores {
		for i, m := range s.Networks {
			if m.Network != n.manifest.Network {
				continue
			}
			if n.members[m.Agency] != nil {
				return nil, schemas.Malformed("agent", "of %s must be given once", m.Agency)
			}
			n.members[m.Agency] = &s.Networks[i]
		}
	}
	for _, a := range n.order {
		if n.members[a] == nil {
			return nil, schemas.Malformed("agent", "of %s must be given, the manifest names it", a)
		}
	}
	return n, nil
}

// arrange puts the hubs in the order of their epochs, and finds every envelope
// in them.
func (n *network) arrange(all []Hub) error {
	for _, h := range all {
		if h.Network == n.manifest.Network {
			n.hubs = append(n.hubs, h)
		}
	}
	slices.SortFunc(n.hubs, func(a, b Hub) int { return strings.Compare(string(a.Epoch), string(b.Epoch)) })
	for i := 1; i < len(n.hubs); i++ {
		if n.hubs[i].Epoch == n.hubs[i-1].Epoch {
			return schemas.Malformed("broker", "of network %s must be given once for each epoch", n.manifest.Network)
		}
	}
	if len(n.hubs) == 0 {
		return schemas.Malformed("broker", "of network %s must be given", n.manifest.Network)
	}
	for i := range n.hubs {
		for j := range n.hubs[i].Records {
			r := &n.hubs[i].Records[j]
			r.hub = &n.hubs[i]
			if r.Kind == kindAccepted {
				n.accepted[r.Envelope] = *r
				n.taken[r.Envelope] = append(n.taken[r.Envelope], *r)
			}
		}
	}
	n.hub = n.hubs[len(n.hubs)-1]
	return nil
}

// records are those of every epoch, oldest first.
func (n *network) records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, h := range n.hubs {
			for _, r := range h.Records {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// present reports whether a record is of the present epoch.
func (n *network) present(r Record) bool { return r.hub.Epoch == n.hub.Epoch }

// faults gathers what breaks a promise.
type faults []string

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// shown is how many faults a promise names.
const shown = 5

// promise is kept if there are no faults; the evidence then is what was looked
// at.
func (f faults) promise(name, evidence string, args ...any) Promise {
	if len(f) == 0 {
		return Promise{Name: name, Held: true, Evidence: fmt.Sprintf(evidence, args...)}
	}
	named := f[:min(len(f), shown)]
	text := strings.Join(named, "; ")
	if more := len(f) - len(named); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return Promise{Name: name, Evidence: text}
}
