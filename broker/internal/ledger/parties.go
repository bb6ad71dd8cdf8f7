package ledger

import (
	"sync"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// parties knows whom each entry names, eight bytes an entry. It is kept in
// memory only: the audit after a start and the follower fill it from the hub.
type parties struct {
	mu      sync.RWMutex                // guards what follows
	numbers map[schemas.AgencyID]uint32 // from 1
	of      [][2]uint32                 // sender and recipient of position i+1
	// The first before positions are the audit's to fill; it has filled audited
	// of them.
	before, audited uint64
}

func newParties(before uint64) *parties {
	return &parties{numbers: map[schemas.AgencyID]uint32{}, of: make([][2]uint32, before), before: before}
}

// put notes whom a record names. The follower comes in order, and perhaps again
// to what it has put already.
func (p *parties) put(r journal.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sender, recipient := partiesOf(r)
	pair := [2]uint32{p.number(sender), p.number(recipient)}
	if r.Position > uint64(len(p.of)) {
		p.of = append(p.of, pair)
		return
	}
	p.of[r.Position-1] = pair
	if r.Position == p.audited+1 && r.Position <= p.before {
		p.audited++
	}
}

func (p *parties) number(a schemas.AgencyID) uint32 {
	if a == "" {
		return 0
	}
	n, ok := p.numbers[a]
	if !ok {
		n = uint32(len(p.numbers)) + 1 // #nosec G115 -- members, not entries
		p.numbers[a] = n
	}
	return n
}

// list returns the positions of a member's entries after one, at most so many,
// and the position up to which that is all.
func (p *parties) list(a schemas.AgencyID, after, upTo uint64, most int) (positions []uint64, next uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	known := uint64(len(p.of))
	if p.audited < p.before {
		known = p.audited
	}
	upTo = min(upTo, known)
	n, ok := p.numbers[a]
	if !ok {
		return nil, max(after, upTo)
	}
	for at := after; at < upTo; at++ {
		if p.of[at][0] != n && p.of[at][1] != n {
			continue
		}
		if len(positions) == most {
			return positions, positions[most-1]
		}
		positions = append(positions, at+1)
	}
	return positions, max(after, upTo)
}
