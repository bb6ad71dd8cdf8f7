// Package outbox sees to it that every event which has to go to a partner gets
// there: sealed, signed, in the partner's hash chain, offered to the broker
// until it answers, kept until the partner has signed that it is stored.
//
// A delivery is one event for one recipient. Its state is on disk before and
// after every step, so a process may die anywhere: what was frozen is sent
// again byte for byte until there is a definite answer. One recipient's trouble
// never delays another (lane.go).
package outbox

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// State is where a delivery stands.
type State string

// The states.
const (
	Waiting   State = "waiting"   // to be sealed and sent
	Frozen    State = "frozen"    // sent or about to be; no definite answer yet
	Accepted  State = "accepted"  // in the broker's hub; the recipient has not signed for it
	Stored    State = "stored"    // the recipient has signed; done
	Held      State = "held"      // refused for good: a person has to decide
	Withdrawn State = "withdrawn" // taken back before it was handed over: a person has to decide
	Ended     State = "ended"     // a person decided that it will not go
)

// Open reports whether something is still to be done by this agency or the
// line, as opposed to the recipient or a person.
func (s State) Open() bool { return s == Waiting || s == Frozen }

// Delivery is one event on its way to one recipient.
type Delivery struct {
	Number    uint64           `json:"number"`
	Event     uint64           `json:"event"` // its number in the casebook
	EventID   schemas.EventID  `json:"eventid"`
	Recipient schemas.AgencyID `json:"recipient"`
	Grant     schemas.GrantID  `json:"grant"`
	State     State            `json:"state"`
	Since     time.Time        `json:"since"` // when it came into this state
	Created   time.Time        `json:"created"`
	// Refusal is the last refusal or obstacle, also of a delivery that will be
	// tried again.
	Refusal  schemas.Refusal `json:"refusal,omitzero"`
	Attempts int             `json:"attempts,omitempty"`
	// Envelope and what follows are set once the delivery was frozen.
	Envelope     schemas.EventID `json:"envelope,omitempty"`
	RecipientKey schemas.KeyID   `json:"recipientkey,omitempty"`
	SenderKey    schemas.KeyID   `json:"senderkey,omitempty"` // that signed what is sealed
	Time         time.Time       `json:"time,omitzero"`
	Chain        schemas.ULID    `json:"chain,omitempty"`
	Sequence     uint64          `json:"sequence,omitempty"`
	Previous     schemas.Hash    `json:"previous,omitzero"`
	Material     string          `json:"material,omitempty"`
	Hash         schemas.Hash    `json:"hash,omitzero"`
	// Data is the hash of the sealed data, Content that of the signed event in
	// it: with them the envelope can be shown again after its bytes are gone.
	Data    schemas.Hash `json:"data,omitzero"`
	Content schemas.Hash `json:"content,omitzero"`
	// Epoch and Position are where the broker says that it stands.
	Epoch    schemas.ULID `json:"epoch,omitempty"`
	Position uint64       `json:"position,omitempty"`
	Seen     time.Time    `json:"seen,omitzero"` // when the recipient signed that it was seen
	// Resent is the delivery that repeats this one because the recipient said
	// that it lacks it; 0 if there is none.
	Resent uint64 `json:"resent,omitempty"`
	// Repeats is how many deliveries before this one were of the same event to
	// the same recipient, each lacked by it.
	Repeats int `json:"repeats,omitempty"`
	// Restores is how many of them were lacked because the recipient had been
	// restored from a backup.
	Restores int `json:"restores,omitempty"`
	// Reason is why a person ended it.
	Reason string `json:"reason,omitempty"`
	// Part is set for a part of an attachment of the event.
	Part *Part `json:"part,omitempty"`
}

// Part names one part of an attachment that an event names.
type Part struct {
	Of         uint64       `json:"of"` // the delivery that brought the event
	Attachment schemas.Hash `json:"attachment"`
	Index      int          `json:"index"`
}

// Line is the way to the broker.
type Line interface {
	Connected() bool
	// SubmitAll sends envelopes in order and calls reply for each definite
	// answer as it comes. Its error means that some have none.
	SubmitAll(ctx context.Context, envelopes []schemas.Envelope, reply func(schemas.SubmitReply)) error
}

// Content is what a delivery needs to know of the agency's record.
type Content interface {
	// Prepare returns what has to be sealed for a recipient: the inner event,
	// projected, tied to the envelope and signed, and the terms. It makes the
	// sender's decision anew; its error is the refusal. ready is false while the
	// grant is not yet known to the broker.
	Prepare(tx durable.Tx, d Delivery, envelope schemas.EventID) (sealed schemas.Sealed, grant schemas.GrantID, ready bool, err error)
	// Moved is told of every change of a delivery's state, in its transaction.
	Moved(tx durable.Tx, from State, d Delivery) error
	// Committed is called when a transaction of the outbox's own is on disk.
	Committed()
	// Due reports whether a delivery that the recipient had signed for is to go
	// again after it lost it: not if it was about the line itself. Its error is
	// the refusal.
	Due(tx durable.Tx, d Delivery) (bool, error)
	// Forgotten is told of a receipt for an envelope of a chain before the
	// present one that is not known here.
	Forgotten(tx durable.Tx, from schemas.AgencyID, item schemas.ReceiptItem) error
	// Doubled is told that another copy of this agency is sending.
	Doubled(tx durable.Tx) error
	// Quiet reports whether a grant was revoked here and the broker has not yet
	// said that it knows: until then nothing under it is offered again.
	Quiet(tx durable.Tx, grant schemas.GrantID) (bool, error)
	// SealingKey returns the recipient's present key.
	SealingKey(tx durable.Tx, recipient schemas.AgencyID) ([]byte, error)
	// ApplyEntry takes over cards that a refusal brought.
	ApplyEntry(tx durable.Tx, e schemas.Entry) error
	// Raise records an alarm.
	Raise(tx durable.Tx, code schemas.Code, about schemas.AgencyID, text string) error
}

// Options are what an outbox is made of; all are required.
type Options struct {
	Network schemas.NetworkID
	Own     schemas.AgencyID
	Store   durable.Store // of this network
	Line    Line
	Content Content
	Key     func() ed25519.PrivateKey
	Now     func() time.Time
	Logger  *slog.Logger
}

// Outbox delivers.
type Outbox struct {
	opts Options
	// rounds is held for reading while a lane freezes, sends and settles, for
	// writing while all begin anew.
	rounds sync.RWMutex

	mu      sync.Mutex // guards lanes and started
	lanes   map[schemas.AgencyID]*lane
	started bool

	places chan struct{} // for envelopes without an answer
	turn   chan struct{} // capacity 1: to take several places
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

const (
	logDeliveries = "deliveries"
	mapSeals      = "seals"       // envelope -> sealed data
	mapByEnvelope = "by-envelope" // envelope -> number
	mapByChain    = "by-chain"    // recipient|chain|sequence -> number
	mapActive     = "active"      // number -> recipient; every delivery that is not done
	mapChains     = "chains"      // recipient -> head; recipient|chain -> head of a chain before the present one

	// outstanding is how many envelopes may be without an answer on one
	// connection; the broker allows a hundred.
	outstanding = 96
	maxWindow   = 32 // of one recipient
)

// Open loads what is still to be delivered; Start sends it.
func Open(opts Options) (*Outbox, error) {
	o := &Outbox{opts: opts, lanes: map[schemas.AgencyID]*lane{}, places: make(chan struct{}, outstanding), turn: make(chan struct{}, 1)}
	o.ctx, o.stop = context.WithCancel(context.Background())
	if err := opts.Store.View(o.load); err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	return o, nil
}

// load puts every open delivery into its lane. It keeps no more of each than
// its number: there may be weeks of them.
func (o *Outbox) load(tx durable.Tx) error {
	numbers, err := activeNumbers(tx)
	if err != nil {
		return err
	}
	places := map[uint64]uint64{} // of the frozen ones in their chains
	for _, n := range numbers {
		d, err := read(tx, n)
		if err != nil {
			return err
		}
		switch l := o.lane(d.Recipient); d.State {
		case Waiting:
			l.add(n)
		case Frozen:
			l.frozen = append(l.frozen, n)
			places[n] = d.Sequence
		default:
		}
	}
	for _, l := range o.lanes {
		slices.SortFunc(l.frozen, func(a, b uint64) int { return cmp.Compare(places[a], places[b]) })
	}
	return nil
}

// Start begins to send.
func (o *Outbox) Start() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started = true
	for _, l := range o.lanes {
		o.wg.Go(l.run)
	}
}

// Close stops sending. Nothing is lost: the next Open goes on.
func (o *Outbox) Close() {
	o.stop()
	o.wg.Wait()
}

// Wake makes every lane look for work, also one that waits after a failure: a
// connection came up, a key or a grant arrived.
func (o *Outbox) Wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.lanes {
		signal(l.again)
	}
}

// Add hands a delivery to its lane, after the transaction that queued it.
func (o *Outbox) Add(recipient schemas.AgencyID, number uint64) {
	l := o.lane(recipient)
	l.add(number)
	signal(l.signal)
}

// head is where this agency's chain for a recipient stands: the last envelope
// that the broker accepted.
type head struct {
	Chain    schemas.ULID `json:"chain"`
	Sequence uint64       `json:"sequence"`
	Hash     schemas.Hash `json:"hash"`
}

const keyChain = "*own" // not an agency's slug

// Chain returns this agency's present chain, "" before the first.
func Chain(tx durable.Tx) (schemas.ULID, error) {
	chain, _, err := durable.GetJSON[schemas.ULID](tx.Map(mapChains), keyChain)
	return chain, err
}

// BeginChain begins a new incarnation. Where the chains before it ended stays
// known, and what is frozen in them is offered as it is: if the broker has it,
// it says so, and if it has not, it goes in the new chain.
func BeginChain(tx durable.Tx, chain schemas.ULID) error {
	ended := map[string]head{}
	err := tx.Map(mapChains).Each(func(key string, v []byte) error {
		if key == keyChain || strings.Contains(key, "|") {
			return nil
		}
		h, err := durable.DecodeJSON[head](v)
		ended[key] = h
		return err
	})
	if err != nil {
		return err
	}
	for recipient, h := range ended {
		if err := durable.PutJSON(tx.Map(mapChains), endedKey(schemas.AgencyID(recipient), h.Chain), h); err != nil {
			return err
		}
	}
	return durable.PutJSON(tx.Map(mapChains), keyChain, chain)
}

// endedKey is where the end of a chain before the present one stands.
func endedKey(recipient schemas.AgencyID, chain schemas.ULID) string {
	return string(recipient) + "|" + string(chain)
}

func headOf(tx durable.Tx, recipient schemas.AgencyID) (head, error) {
	chain, err := Chain(tx)
	if err != nil {
		return head{}, err
	}
	h, ok, err := durable.GetJSON[head](tx.Map(mapChains), string(recipient))
	if !ok || h.Chain != chain {
		h = head{Chain: chain}
	}
	return h, err
}

// Queue adds a delivery. The caller's transaction also records the event, and
// calls Add when it is on disk.
func (o *Outbox) Queue(tx durable.Tx, event uint64, id schemas.EventID, recipient schemas.AgencyID, grant schemas.GrantID) (uint64, error) {
	return o.queue(tx, Delivery{Event: event, EventID: id, Recipient: recipient, Grant: grant})
}

// QueuePart adds a part of an attachment that the event of a delivery names. It
// goes behind everything that is no part.
func (o *Outbox) QueuePart(tx durable.Tx, of Delivery, attachment schemas.Hash, index int) (uint64, error) {
	return o.queue(tx, Delivery{
		Event: of.Event, EventID: schemas.NewEventID(), Recipient: of.Recipient, Grant: of.Grant,
		Part: &Part{Of: of.Number, Attachment: attachment, Index: index},
	})
}

func (o *Outbox) queue(tx durable.Tx, d Delivery) (uint64, error) {
	now := o.opts.Now()
	d.State, d.Since, d.Created = Waiting, now, now
	n, err := durable.AppendJSON(tx.Log(logDeliveries), d)
	if err != nil {
		return 0, err
	}
	return n, tx.Map(mapActive).Put(activeKey(n), []byte(d.Recipient))
}

func activeKey(n uint64) string { return fmt.Sprintf("%020d", n) }

func read(tx durable.Tx, n uint64) (Delivery, error) {
	d, ok, err := durable.LogJSON[Delivery](tx.Log(logDeliveries), n)
	if err == nil && !ok {
		err = fmt.Errorf("delivery %d is missing", n)
	}
	d.Number = n
	return d, err
}

// find returns a delivery of a recipient. A number that a transaction gave and
// then failed may be nobody's, or another's.
func find(tx durable.Tx, n uint64, recipient schemas.AgencyID) (Delivery, bool, error) {
	d, ok, err := durable.LogJSON[Delivery](tx.Log(logDeliveries), n)
	d.Number = n
	return d, ok && d.Recipient == recipient, err
}

// put stores a delivery in a state.
func (o *Outbox) put(tx durable.Tx, d Delivery, s State) error {
	from := d.State
	if from != s {
		d.State, d.Since = s, o.opts.Now()
	}
	if err := durable.PutLogJSON(tx.Log(logDeliveries), d.Number, d); err != nil {
		return err
	}
	if from != s {
		if err := o.opts.Content.Moved(tx, from, d); err != nil {
			return err
		}
	}
	if s == Stored || s == Ended {
		if err := tx.Map(mapSeals).Delete(string(d.Envelope)); err != nil {
			return err
		}
		return tx.Map(mapActive).Delete(activeKey(d.Number))
	}
	return tx.Map(mapActive).Put(activeKey(d.Number), []byte(d.Recipient))
}

// Outline is the envelope of a delivery without its data, ok false before it
// was frozen.
func (d Delivery) Outline(own schemas.AgencyID) (o schemas.Outline, ok bool) {
	o = schemas.Outline{DataHash: d.Data, Envelope: schemas.Envelope{
		ID: d.Envelope, Sender: own, Time: d.Time, Recipient: d.Recipient, Grant: d.Grant, RecipientKey: d.RecipientKey,
		Chain: d.Chain, Sequence: d.Sequence, Previous: d.Previous, Material: d.Material,
	}}
	return o, d.Material != "" && o.Hash() == d.Hash
}

// ByEnvelope returns the delivery that an envelope was, also of one that was
// sealed anew since.
func ByEnvelope(tx durable.Tx, id schemas.EventID) (d Delivery, ok bool, err error) {
	n, ok, err := durable.GetJSON[uint64](tx.Map(mapByEnvelope), string(id))
	if err != nil || !ok {
		return d, false, err
	}
	d, err = read(tx, n)
	return d, err == nil, err
}

// Active lists every delivery that is not done, oldest first.
func Active(tx durable.Tx) ([]Delivery, error) {
	numbers, err := activeNumbers(tx)
	if err != nil {
		return nil, err
	}
	all := make([]Delivery, 0, len(numbers))
	for _, n := range numbers {
		d, err := read(tx, n)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func activeNumbers(tx durable.Tx) ([]uint64, error) {
	var numbers []uint64
	err := tx.Map(mapActive).Each(func(k string, _ []byte) error {
		n, err := strconv.ParseUint(k, 10, 64)
		numbers = append(numbers, n)
		return err
	})
	slices.Sort(numbers)
	return numbers, err
}

// All calls fn for every delivery, oldest first, for inspection.
func All(tx durable.Tx, fn func(Delivery) error) error {
	return tx.Log(logDeliveries).Scan(1, func(n uint64, v []byte) error {
		d, err := durable.DecodeJSON[Delivery](v)
		if err != nil {
			return err
		}
		d.Number = n
		return fn(d)
	})
}
