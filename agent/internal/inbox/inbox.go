// Package inbox takes in what the broker has for this agency, exactly once.
//
// For each page it opens every seal, then, in one transaction, verifies,
// decides, applies the effect, queues the signed receipt and moves the cursor.
// The broker's word counts for nothing that can be checked: signatures, the
// hash chain of each sender, the grant's terms. What cannot be taken in is
// answered with a typed refusal and shown to a person.
package inbox

import (
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"log/slog"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Line is the way to the broker.
type Line interface {
	Connected() bool
	// Pull returns one page. If the line breaks, what came of it is returned with
	// the error.
	Pull(ctx context.Context, req schemas.PullRequest) ([]schemas.Item, schemas.PullEnd, error)
	Receipt(ctx context.Context, rec schemas.SignedRecord) error
}

// Taken is an event that passed every check.
type Taken struct {
	Sender   schemas.AgencyID
	Envelope schemas.EventID
	Grant    schemas.GrantID
	Purpose  schemas.Purpose
	Category schemas.Category
	Event    event.Event
	Record   schemas.SignedRecord // the sender's signature over the event
	Outline  schemas.Outline      // of the envelope
	Position uint64               // of the envelope in the hub
	Head     *string              // the last ledger head that the sender saw; not verified
	Attached []byte               // the bytes of a part of an attachment, which the event says it is
}

// GrantState is what this agency knows of a grant.
type GrantState struct {
	Grant   *schemas.Grant // as the broker told of it, nil if it did not
	Revoked bool
	Terms   bool // the verified text is kept already
}

// Effects is what the agency does with what comes in. Every method works in the
// inbox's transaction and must be repeatable.
type Effects interface {
	// SigningKey returns a member's key if it was live at the time of signing, nil
	// if it was not or is not known. Time zero asks for any key that the member
	// ever had: for what can only take something back, and was taken by the broker
	// while the key counted.
	SigningKey(tx durable.Tx, a schemas.AgencyID, id schemas.KeyID, at time.Time) (ed25519.PublicKey, error)
	// Grant returns a grant to this agency.
	Grant(tx durable.Tx, id schemas.GrantID) (GrantState, error)
	// KeepTerms keeps the verified text of a grant.
	KeepTerms(tx durable.Tx, rec schemas.SignedRecord, t schemas.Terms) error
	// Take records an event. One that is known already has no effect. Its
	// refusal becomes the answer to the envelope; what Take wrote before stays.
	Take(tx durable.Tx, t Taken) error
	// Apply takes over an item that is not an envelope, after verifying it.
	Apply(tx durable.Tx, item schemas.Item) error
	// Ask requests from a sender what its chain lacks here.
	Ask(tx durable.Tx, sender schemas.AgencyID, chain schemas.ULID, from, to uint64) error
	// Raise records an alarm.
	Raise(tx durable.Tx, code schemas.Code, about schemas.AgencyID, text string) error
	// Lost is told of an envelope that was handed over once, lost here, and may
	// not be handed over again.
	Lost(tx durable.Tx, o schemas.Outline) error
	// Committed is called after a transaction with effects is on disk.
	Committed()
	// CaughtUp is called, outside of any transaction, whenever everything that
	// waited at the broker has been taken in.
	CaughtUp(ctx context.Context) error
}

// Options are what an inbox is made of; all are required.
type Options struct {
	Network schemas.NetworkID
	Own     schemas.AgencyID
	Store   durable.Store // of this network
	Line    Line
	Effects Effects
	// Unseal returns the private key of an id, nil if this agency has none.
	Unseal func(schemas.KeyID) hpke.PrivateKey
	Key    func() ed25519.PrivateKey
	Now    func() time.Time
	Logger *slog.Logger
}

// Inbox takes in.
type Inbox struct {
	opts    Options
	pulls   chan struct{} // capacity 1: something may wait
	answers chan struct{} // capacity 1: receipts may wait
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup

	page     page // of the pull loop alone
	verified verifiedTerms
	owed     int // taken in since receipts were last asked for; the pull loop's

	mu     sync.Mutex // guards what follows
	pulled time.Time  // when the broker last answered
	clock  time.Duration
}

const (
	mapCursor   = "cursor"
	keyCursor   = "cursor"
	mapChains   = "in-chains"
	mapNewest   = "in-newest"  // sender -> its newest chain
	mapAnswers  = "in-answers" // sender|chain|sequence -> what was answered
	logReceipts = "receipts"

	// chunk is how many items share a transaction.
	chunk = 250
	// pulse is how often the broker is asked even if it gave no hint: a line
	// that is dead without saying so shows within two minutes.
	pulse    = time.Minute
	minPause = time.Second
	maxPause = time.Minute
)

// cursor is where this agency stands in the hub.
type cursor struct {
	Epoch    schemas.ULID `json:"epoch"`
	Position uint64       `json:"position"`
}

// New makes an inbox; Start begins to take in.
func New(opts Options) *Inbox {
	in := &Inbox{opts: opts, pulls: make(chan struct{}, 1), answers: make(chan struct{}, 1), page: firstPage}
	in.ctx, in.stop = context.WithCancel(context.Background())
	return in
}

// Start begins to take in.
func (in *Inbox) Start() {
	in.Wake()
	signal(in.answers)
	in.wg.Go(in.pullLoop)
	in.wg.Go(in.receiptLoop)
}

// Close stops. Nothing is lost: the cursor is on disk.
func (in *Inbox) Close() {
	in.stop()
	in.wg.Wait()
}

// Wake makes the inbox pull now, and send the receipts that are owed.
func (in *Inbox) Wake() {
	signal(in.pulls)
	signal(in.answers)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Heard says when the broker last answered a pull, and how far its clock is
// ahead of ours.
func (in *Inbox) Heard() (at time.Time, ahead time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.pulled, in.clock
}

// Now is the present by whichever clock is ahead, ours or the broker's. Keys and
// permissions begin by the broker's: a clock here that is behind must not make
// us refuse, for good, what has already begun.
func (in *Inbox) Now() time.Time {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.opts.Now().Add(max(in.clock, 0))
}

// Cursor returns where this agency stands in the hub.
func Cursor(tx durable.Tx) (epoch schemas.ULID, position uint64, err error) {
	c, _, err := durable.GetJSON[cursor](tx.Map(mapCursor), keyCursor)
	return c.Epoch, c.Position, err
}

// SetCursor begins after a position: at join, after 0.
func SetCursor(tx durable.Tx, epoch schemas.ULID, position uint64) error {
	return durable.PutJSON(tx.Map(mapCursor), keyCursor, cursor{epoch, position})
}

// BeginEpoch begins at the start of another epoch, in which the broker knows
// nothing of what this agency was sent before: receipts that were not sent would
// say nothing to it. Their senders offer again, and are answered then.
func BeginEpoch(tx durable.Tx, epoch schemas.ULID) error {
	var numbers []uint64
	err := tx.Log(logReceipts).Scan(1, func(n uint64, _ []byte) error {
		numbers = append(numbers, n)
		return nil
	})
	for _, n := range numbers {
		if err == nil {
			err = tx.Log(logReceipts).Delete(n)
		}
	}
	if err != nil {
		return err
	}
	return SetCursor(tx, epoch, 0)
}

// pullLoop pulls at every wake and every pulse.
func (in *Inbox) pullLoop() {
	in.loop(in.pulls, in.pullAll)
}

// receiptLoop sends receipts as they come.
func (in *Inbox) receiptLoop() {
	in.loop(in.answers, in.sendReceipts)
}

// loop does work at every wake and every pulse; after a failure it pauses,
// longer each time. A wake shortens the pause, but not below minPause: hints
// must not hammer a broker that refuses.
func (in *Inbox) loop(wake chan struct{}, work func(context.Context) error) {
	pause := time.Duration(0)
	for {
		wait := pulse
		if pause > 0 {
			if !in.sleep(minPause, nil) {
				return
			}
			wait = pause - minPause
		}
		if !in.sleep(wait, wake) {
			return
		}
		if !in.opts.Line.Connected() {
			pause = 0
			continue
		}
		if err := work(in.ctx); err != nil && in.ctx.Err() == nil {
			in.opts.Logger.WarnContext(in.ctx, "exchange with broker goes on later", "error", err)
			pause = min(max(2*pause, minPause), maxPause)
			continue
		}
		pause = 0
	}
}

// sleep waits for d or a signal; false if the inbox closes.
func (in *Inbox) sleep(d time.Duration, until <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-until:
	case <-timer.C:
	case <-in.ctx.Done():
		return false
	}
	return true
}
