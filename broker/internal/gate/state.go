package gate

import (
	"fmt"
	"sort"
	"strconv"
	"time"
	"unique"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// state is everything that the gate derives from the hub. Only apply changes
// it, and only the writer calls apply, but for the marks and cursors of
// mailboxes, which pulls move and which run ahead of their records.
type state struct {
	members Members

	position    uint64 // of the last record applied
	epoch       schemas.ULID
	epochRecord schemas.SignedRecord
	chains      map[pair]*chain
	newest      map[schemas.AgencyID]schemas.ULID // each sender's newest chain
	boxes       map[schemas.AgencyID]*mailbox
	receipts    map[[2]schemas.AgencyID]receiptAt // the newest, by who signed it and for whom

	// arrived and ended collect, until the gate takes them, in whose mailbox
	// something new lies, and in whose something may have lost its permission.
	arrived map[schemas.AgencyID]uint64
	ended   map[schemas.AgencyID]bool
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

type receiptAt struct {
	hash     schemas.Hash
	position uint64
}

// item is one thing that waits in a mailbox, or did. There are many: names that
// stand in many of them are kept once.
type item struct {
	position  uint64
	at        int64 // Unix seconds of the commit
	expiry    int64 // Unix seconds, 0 for none
	sender    unique.Handle[schemas.AgencyID]
	grant     unique.Handle[schemas.GrantID]
	size      uint32
	envelope  bool // expiry, sender and grant are set
	withdrawn bool // an envelope that will never be handed over
}

// mailbox is what waits for one member, by rising position.
type mailbox struct {
	items []item
	// mark is the last position that was handed over, cursor the last that the
	// member has stored.
	mark, cursor uint64
	// What the hub knows of the two.
	recordedMark, recordedCursor uint64
	// pulled says that the member has pulled since this process started. Before
	// that, hand-overs of the process before may be missing from mark.
	pulled bool
	// from counts, by sender, the envelopes beyond the cursor that were not
	// withdrawn.
	from map[schemas.AgencyID]int
}

func newState(members Members) *state {
	return &state{
		members:  members,
		chains:   map[pair]*chain{},
		newest:   map[schemas.AgencyID]schemas.ULID{},
		boxes:    map[schemas.AgencyID]*mailbox{},
		receipts: map[[2]schemas.AgencyID]receiptAt{},
		arrived:  map[schemas.AgencyID]uint64{},
		ended:    map[schemas.AgencyID]bool{},
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
		return fmt.Errorf("hub position %d: %w", r.Position, err)
	}
	s.position = r.Position
	sender, recipient := schemas.AgencyID(r.Get(journal.HeaderSender)), schemas.AgencyID(r.Get(journal.HeaderRecipient))
	switch r.Kind() {
	case journal.Accepted:
		return s.applyEnvelope(r)
	case journal.HandedOver:
		return s.applyHandOver(r)
	case journal.Withdrawn:
		return s.applyWithdrawn(r)
	case journal.Stored:
		hash, _ := schemas.ParseHash(r.Get(journal.HeaderHash))
		s.receipts[[2]schemas.AgencyID{sender, recipient}] = receiptAt{hash, r.Position}
		s.deliver(r, recipient)
	case journal.GrantIssued:
		s.deliver(r, recipient, sender) // its discloser may have been restored from before it
	case journal.GrantRevoked:
		s.ended[recipient] = true
		s.deliver(r, recipient, sender)
	case journal.RollPublished, journal.MemberReadmitted, journal.MemberSuspended, journal.MemberLeft:
		for a := range s.boxes {
			s.ended[a] = true
		}
		s.deliver(r, s.members.Everybody()...)
	case journal.MemberAdmitted, journal.MemberReturned, journal.KeyChanged:
		s.deliver(r, s.members.Everybody()...)
	case journal.Noticed:
		s.deliver(r, sender, recipient)
	case journal.OfferFinished:
		s.arrived[sender] = r.Position // what waited for that
	case journal.EpochOpened:
		return s.applyEpoch(r)
	case journal.Refused, journal.RegisterPublished, journal.MemberInvited, journal.HeadBrought:
		// the record itself is all there is to it
	default:
		return fmt.Errorf("hub position %d has the unknown kind %q", r.Position, r.Kind())
	}
	return nil
}

// deliver puts a record that is no envelope into mailboxes.
func (s *state) deliver(r journal.Record, to ...schemas.AgencyID) {
	for i, a := range to {
		if a != "" && (i == 0 || a != to[0]) {
			s.put(a, item{position: r.Position, at: r.Time.Unix(), size: uint32(len(r.Data))})
		}
	}
}

func (s *state) put(a schemas.AgencyID, it item) {
	b := s.box(a)
	b.items = append(b.items, it)
	s.arrived[a] = it.position
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
		position: r.Position, at: r.Time.Unix(), size: uint32(len(r.Data)), envelope: true,
		sender: unique.Make(sender), grant: unique.Make(schemas.GrantID(r.Get("ce-grant"))),
	}
	if t, err := time.Parse(time.RFC3339, r.Get("ce-expirytime")); err == nil {
		it.expiry = t.Unix()
	}
	s.put(p.recipient, it)
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
	b.acknowledge(cursor)
	b.mark = max(b.mark, through)
	b.recordedMark, b.recordedCursor = max(b.recordedMark, through), max(b.recordedCursor, cursor)
	return nil
}

func (s *state) applyWithdrawn(r journal.Record) error {
	of, err := strconv.ParseUint(r.Get(journal.HeaderOf), 10, 64)
	if err != nil {
		return fmt.Errorf("hub position %d is not a withdrawal", r.Position)
	}
	recipient := schemas.AgencyID(r.Get(journal.HeaderRecipient))
	b := s.box(recipient)
	if it := b.find(of); it != nil && it.envelope && !it.withdrawn {
		it.withdrawn = true
		if of > b.cursor {
			b.from[it.sender.Value()]--
		}
	}
	s.deliver(r, recipient, schemas.AgencyID(r.Get(journal.HeaderSender)))
	return nil
}

// after returns the index of the first item beyond a position.
func (b *mailbox) after(position uint64) int {
	return sort.Search(len(b.items), func(i int) bool { return b.items[i].position > position })
}

// find returns the item at a position, nil if there is none.
func (b *mailbox) find(position uint64) *item {
	if i := b.after(position - 1); i < len(b.items) && b.items[i].position == position {
		return &b.items[i]
	}
	return nil
}

// acknowledge notes that the member has stored everything up to cursor. That
// it was handed over is thereby known, too.
func (b *mailbox) acknowledge(cursor uint64) {
	for i := b.after(b.cursor); i < len(b.items) && b.items[i].position <= cursor; i++ {
		it := b.items[i]
		if it.envelope && !it.withdrawn {
			b.from[it.sender.Value()]--
		}
		b.mark = max(b.mark, it.position)
	}
	b.cursor = max(b.cursor, cursor)
}

// waiting counts the envelopes beyond the cursor that may still be handed
// over, and finds the oldest.
func (b *mailbox) waiting() (n int, oldest time.Time) {
	for i := b.after(b.cursor); i < len(b.items); i++ {
		if it := b.items[i]; it.envelope && !it.withdrawn {
			if n++; n == 1 {
				oldest = time.Unix(it.at, 0)
			}
		}
	}
	return n, oldest
}

// handedOver counts the envelopes that were handed over and that no record
// says so of.
func (b *mailbox) handedOver() int {
	n := 0
	for i := b.after(b.recordedMark); i < len(b.items) && b.items[i].position <= b.mark; i++ {
		if b.items[i].envelope && !b.items[i].withdrawn {
			n++
		}
	}
	return n
}

// forget drops what the member has stored and what came before an instant: a
// member that was restored from a backup asks for it no more.
func (b *mailbox) forget(before time.Time) {
	n := 0
	for n < len(b.items) && b.items[n].position <= b.cursor && b.items[n].at < before.Unix() {
		n++
	}
	if n > 0 {
		b.items = append([]item(nil), b.items[n:]...)
	}
}
