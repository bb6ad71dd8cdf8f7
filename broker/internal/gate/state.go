package gate

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// state is everything that the gate derives from the hub. apply is the only
// thing that changes it, but for the hand-over marks and cursors of mailboxes,
// which run ahead of their records.
type state struct {
	members Members
	grants  Grants

	position    uint64 // of the last record applied
	epoch       schemas.ULID
	epochRecord schemas.SignedRecord
	chains      map[pair]*chain
	newest      map[schemas.AgencyID]schemas.ULID // each sender's newest chain
	boxes       map[schemas.AgencyID]*mailbox
	// gone lists envelopes that were withdrawn by a revocation or suspension
	// and whose own record is not yet written.
	gone map[uint64]withdrawal
}

// pair is one hash chain: one sender's incarnation and one recipient.
type pair struct {
	sender    schemas.AgencyID
	chain     schemas.ULID
	recipient schemas.AgencyID
}

// chain is what was committed of a pair. The n-th envelope stands at
// positions[n-1].
type chain struct {
	positions []uint64
	last      schemas.Hash
}

type withdrawal struct {
	recipient schemas.AgencyID
	code      schemas.Code
	grant     schemas.GrantID
}

// item is one thing that waits in a mailbox, or did.
type item struct {
	position uint64
	kind     schemas.ItemKind
	// For envelopes:
	sender schemas.AgencyID
	grant  schemas.GrantID
	expiry int64 // Unix seconds, 0 for none
	at     int64 // Unix seconds of the commit
	fate   fate
}

// fate is what became of an envelope apart from waiting and being handed over,
// which its position against the mailbox's mark tells.
type fate uint8

const (
	fateNone      fate = iota
	fateUnknown        // withdrawn, but perhaps handed over just before the broker last stopped
	fateWithdrawn      // never handed over
)

// mailbox is what waits for one member, by rising position.
type mailbox struct {
	items []item
	// mark is the last position that was handed over; recorded is what the hub
	// knows of it. They differ for an instant after each page.
	mark, recorded uint64
	cursor         uint64 // the member has stored everything up to here
	pulled         bool   // the member has pulled since this process started
	// unknown lists the positions whose fate is fateUnknown.
	unknown []uint64
	// from counts, by sender, the envelopes beyond the cursor.
	from map[schemas.AgencyID]int
}

func newState(members Members, grants Grants) *state {
	return &state{
		members: members, grants: grants,
		chains: map[pair]*chain{},
		newest: map[schemas.AgencyID]schemas.ULID{},
		boxes:  map[schemas.AgencyID]*mailbox{},
		gone:   map[uint64]withdrawal{},
	}
}

func (s *state) box(a schemas.AgencyID) *mailbox {
	b := s.boxes[a]
	if b == nil {
		b = &mailbox{from: map[schemas.AgencyID]int{}}
		s.boxes[a] = b
	}
	return b
}

// apply follows one record.
func (s *state) apply(r journal.Record) error {
	if r.Position != s.position+1 {
		return fmt.Errorf("hub goes from position %d to %d", s.position, r.Position)
	}
	if err := s.members.Apply(r); err != nil {
		return err
	}
	s.position = r.Position
	switch r.Kind() {
	case journal.Accepted:
		return s.applyEnvelope(r)
	case journal.Stored:
		s.deliver(schemas.AgencyID(r.Get(journal.HeaderRecipient)), item{position: r.Position, kind: schemas.ItemReceipt})
	case journal.HandedOver:
		return s.applyHandOver(r)
	case journal.Withdrawn:
		return s.applyWithdrawn(r)
	case journal.GrantIssued:
		s.deliver(schemas.AgencyID(r.Get(journal.HeaderRecipient)), item{position: r.Position, kind: schemas.ItemGrant})
	case journal.GrantRevoked:
		return s.applyRevoked(r)
	case journal.MemberSuspended, journal.MemberLeft:
		s.deliverAll(item{position: r.Position, kind: schemas.ItemRoll})
		s.takeFromSuspended()
	case journal.RollPublished, journal.MemberReadmitted:
		s.deliverAll(item{position: r.Position, kind: schemas.ItemRoll})
	case journal.MemberAdmitted, journal.KeyChanged:
		s.deliverAll(item{position: r.Position, kind: schemas.ItemEntry})
	case journal.Noticed:
		it := item{position: r.Position, kind: schemas.ItemNotice}
		s.deliver(schemas.AgencyID(r.Get(journal.HeaderSender)), it)
		s.deliver(schemas.AgencyID(r.Get(journal.HeaderRecipient)), it)
	case journal.EpochOpened:
		return s.applyEpoch(r)
	case journal.Refused, journal.RegisterPublished, journal.MemberInvited:
		// the record itself is all there is to it
	default:
		return fmt.Errorf("hub position %d has the unknown kind %q", r.Position, r.Kind())
	}
	return nil
}

func (s *state) deliver(a schemas.AgencyID, it item) {
	b := s.box(a)
	b.items = append(b.items, it)
}

func (s *state) deliverAll(it item) {
	for _, a := range s.members.Everybody() {
		s.deliver(a, it)
	}
}

func (s *state) applyEpoch(r journal.Record) error {
	rec, err := schemas.ParseRecord(r.Data)
	if err != nil {
		return err
	}
	e, err := schemas.PeekRecord[schemas.Epoch](rec, schemas.RecordEpoch)
	s.epoch, s.epochRecord = e.Epoch, rec
	return err
}

func (s *state) applyEnvelope(r journal.Record) error {
	hash, ok := schemas.ParseHash(r.Get(journal.HeaderHash))
	sender, ok2 := schemas.AgencyOfSource(r.Get("ce-source"))
	if !ok || !ok2 {
		return fmt.Errorf("hub position %d is not an envelope", r.Position)
	}
	p := pair{sender, schemas.ULID(r.Get("ce-chain")), schemas.AgencyID(r.Get("ce-recipient"))}
	c := s.chains[p]
	if c == nil {
		c = &chain{}
		s.chains[p] = c
	}
	c.positions = append(c.positions, r.Position)
	c.last = hash
	s.newest[sender] = max(s.newest[sender], p.chain)
	it := item{
		position: r.Position, kind: schemas.ItemEnvelope, sender: sender,
		grant: schemas.GrantID(r.Get("ce-grant")), at: r.Time.Unix(),
	}
	if t, err := time.Parse(time.RFC3339, r.Get("ce-expirytime")); err == nil {
		it.expiry = t.Unix()
	}
	s.deliver(p.recipient, it)
	s.boxes[p.recipient].from[sender]++
	return nil
}

func (s *state) applyHandOver(r journal.Record) error {
	through, err1 := strconv.ParseUint(r.Get(journal.HeaderThrough), 10, 64)
	cursor, err2 := strconv.ParseUint(r.Get(journal.HeaderCursor), 10, 64)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("hub position %d is not a hand-over", r.Position)
	}
	b := s.box(schemas.AgencyID(r.Get(journal.HeaderRecipient)))
	b.recorded = max(b.recorded, through)
	b.mark = max(b.mark, through)
	b.acknowledge(cursor)
	for _, position := range b.unknown {
		if position <= cursor {
			b.find(position).fate = fateNone // it was stored, so it was handed over
		}
	}
	b.unknown = slices.DeleteFunc(b.unknown, func(position uint64) bool { return position <= cursor })
	return nil
}

func (s *state) applyWithdrawn(r journal.Record) error {
	of, err := strconv.ParseUint(r.Get(journal.HeaderOf), 10, 64)
	if err != nil {
		return fmt.Errorf("hub position %d is not a withdrawal", r.Position)
	}
	recipient := schemas.AgencyID(r.Get(journal.HeaderRecipient))
	if it := s.box(recipient).find(of); it != nil && it.kind == schemas.ItemEnvelope {
		s.withdraw(recipient, it, "")
	}
	delete(s.gone, of)
	it := item{position: r.Position, kind: schemas.ItemWithdrawn}
	s.deliver(recipient, it)
	if sender := schemas.AgencyID(r.Get(journal.HeaderSender)); sender != recipient {
		s.deliver(sender, it)
	}
	return nil
}

// withdraw marks an envelope as never to be handed over. With a code its own
// record is still to be written.
func (s *state) withdraw(recipient schemas.AgencyID, it *item, code schemas.Code) {
	b := s.boxes[recipient]
	if it.fate == fateNone && it.position > b.cursor {
		b.from[it.sender]--
	}
	if it.fate == fateUnknown {
		b.unknown = slices.DeleteFunc(b.unknown, func(position uint64) bool { return position == it.position })
	}
	it.fate = fateWithdrawn
	if code != "" {
		s.gone[it.position] = withdrawal{recipient, code, it.grant}
	}
}

// applyRevoked ends a grant: what of it was not handed over is withdrawn.
func (s *state) applyRevoked(r journal.Record) error {
	grant := schemas.GrantID(r.Get(journal.HeaderGrant))
	recipient := schemas.AgencyID(r.Get(journal.HeaderRecipient))
	unknown, err := strconv.ParseUint(r.Get(journal.HeaderThrough), 10, 64)
	if err != nil {
		return fmt.Errorf("hub position %d is not a revocation", r.Position)
	}
	b := s.box(recipient)
	for i := b.after(b.mark); i < len(b.items); i++ {
		it := &b.items[i]
		switch {
		case it.kind != schemas.ItemEnvelope || it.grant != grant || it.fate != fateNone:
		case it.position <= unknown:
			it.fate = fateUnknown
			b.unknown = append(b.unknown, it.position)
		default:
			s.withdraw(recipient, it, schemas.CodeGrantRevoked)
		}
	}
	it := item{position: r.Position, kind: schemas.ItemRevocation}
	s.deliver(recipient, it)
	s.deliver(schemas.AgencyID(r.Get(journal.HeaderSender)), it)
	return nil
}

// takeFromSuspended withdraws what members without standing sent and nobody
// was given yet. (What waits for them is kept and handed over if they return.)
func (s *state) takeFromSuspended() {
	for recipient, b := range s.boxes {
		for i := b.after(b.mark); i < len(b.items); i++ {
			it := &b.items[i]
			if it.kind != schemas.ItemEnvelope || it.fate != fateNone {
				continue
			}
			if status, _ := s.members.Standing(it.sender); status != schemas.MemberActive {
				s.withdraw(recipient, it, schemas.CodeSuspended)
			}
		}
	}
}

// after returns the index of the first item beyond a position.
func (b *mailbox) after(position uint64) int {
	return sort.Search(len(b.items), func(i int) bool { return b.items[i].position > position })
}

func (b *mailbox) find(position uint64) *item {
	if i := b.after(position - 1); i < len(b.items) && b.items[i].position == position {
		return &b.items[i]
	}
	return nil
}

// acknowledge notes that the member has stored everything up to cursor.
func (b *mailbox) acknowledge(cursor uint64) {
	for i := b.after(b.cursor); i < len(b.items) && b.items[i].position <= cursor; i++ {
		if it := b.items[i]; it.kind == schemas.ItemEnvelope && it.fate == fateNone {
			b.from[it.sender]--
		}
	}
	b.cursor = max(b.cursor, cursor)
}

// waiting counts the envelopes beyond the cursor that may still be handed
// over, and finds the oldest.
func (b *mailbox) waiting() (n int, oldest time.Time) {
	for i := b.after(b.cursor); i < len(b.items); i++ {
		if it := b.items[i]; it.kind == schemas.ItemEnvelope && it.fate == fateNone {
			if n++; n == 1 {
				oldest = time.Unix(it.at, 0)
			}
		}
	}
	return n, oldest
}
