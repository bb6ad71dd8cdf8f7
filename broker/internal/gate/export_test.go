package gate

import (
	"github.com/linkage-exchange/linkage/schemas"
)

// Snapshot is what a gate has derived from its hub, in a form that compares
// with reflect.DeepEqual.
type Snapshot struct {
	Position uint64
	Epoch    schemas.ULID
	Chains   map[pair]chain
	Newest   map[schemas.AgencyID]schemas.ULID
	Receipts map[[2]schemas.AgencyID]receiptAt
	Boxes    map[schemas.AgencyID]Box
}

// Box is a mailbox in a [Snapshot].
type Box struct {
	Items        []item
	Mark, Cursor uint64
	From         map[schemas.AgencyID]int
}

// Snapshot copies the gate's state. Without marks it leaves out what an
// unclean stop may lose: hand-overs and cursors.
func (g *Gate) Snapshot(marks bool) Snapshot {
	g.mu.RLock()
	defer g.mu.RUnlock()
	s := Snapshot{
		Position: g.state.position, Epoch: g.state.epoch, Newest: map[schemas.AgencyID]schemas.ULID{},
		Chains: map[pair]chain{}, Receipts: map[[2]schemas.AgencyID]receiptAt{}, Boxes: map[schemas.AgencyID]Box{},
	}
	for k, v := range g.state.chains {
		s.Chains[k] = chain{append([]uint64(nil), v.positions...), v.last}
	}
	for k, v := range g.state.newest {
		s.Newest[k] = v
	}
	for k, v := range g.state.receipts {
		s.Receipts[k] = v
	}
	for a, b := range g.state.boxes {
		box := Box{Items: append([]item(nil), b.items...), From: map[schemas.AgencyID]int{}}
		for i := range box.Items {
			box.Items[i].at = 0 // a hub has its own clock
		}
		if marks {
			box.Mark, box.Cursor = b.mark, b.cursor
			for from, n := range b.from {
				if n != 0 {
					box.From[from] = n
				}
			}
		}
		if len(box.Items) > 0 { // an empty one is as good as none
			s.Boxes[a] = box
		}
	}
	return s
}

// Load is how many bytes undecided envelopes hold.
func (g *Gate) Load() int {
	g.load.mu.Lock()
	defer g.load.mu.Unlock()
	return g.load.all
}

// Items is how many items a mailbox keeps.
func (g *Gate) Items(a schemas.AgencyID) int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if b := g.state.boxes[a]; b != nil {
		return len(b.items)
	}
	return 0
}

// Queued is how many tasks wait for the writer.
func (g *Gate) Queued() int { return len(g.queue) }

// TakingAway reports whether an exclusive change waits for the pages under way.
func (g *Gate) TakingAway() bool {
	if g.handover.TryRLock() {
		g.handover.RUnlock()
		return false
	}
	return true
}
