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
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/internal/crash"
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

// pulled is the broker's answer to one pull.
type pulled struct {
	items []schemas.Item
	end   schemas.PullEnd
	err   error
	took  time.Duration
}

// request pulls the page that begins after a position, while others are stored.
// The cursor tells the broker what is.
func (in *Inbox) request(ctx context.Context, c cursor, from uint64) <-chan pulled {
	answer := make(chan pulled, 1) // so that nobody waits for one that is not wanted any more
	size := int(in.page)
	go func() {
		var p pulled
		begun := time.Now()
		p.items, p.end, p.err = in.opts.Line.Pull(ctx, schemas.PullRequest{
			V: 1, Epoch: c.Epoch, After: c.Position, From: from, Max: schemas.MaxPullItems, MaxBytes: size,
		})
		p.took = time.Since(begun)
		answer <- p
	}()
	return answer
}

// pullAll takes in everything that waits. While one page is stored, the next is
// on its way.
func (in *Inbox) pullAll(ctx context.Context) error {
	var c cursor
	err := in.opts.Store.View(func(tx durable.Tx) (err error) {
		c, _, err = durable.GetJSON[cursor](tx.Map(mapCursor), keyCursor)
		return err
	})
	if err != nil {
		return fmt.Errorf("read cursor: %w", err)
	}
	asking, cancel := context.WithCancel(ctx)
	coming := in.request(asking, c, 0)
	defer func() {
		cancel()
		if coming != nil {
			<-coming
		}
	}()
	for {
		p := <-coming
		coming = nil
		in.page.took(p.took, p.end.More, p.err)
		if p.err != nil {
			return in.pullFailed(ctx, errors.Join(p.err, in.takeRest(ctx, c, p.items)))
		}
		crash.Point(crash.AgentPulled)
		in.mu.Lock()
		in.pulled, in.clock = in.opts.Now(), p.end.Time.Sub(in.opts.Now()).Truncate(time.Second)
		in.mu.Unlock()
		if p.end.More && p.end.Epoch == c.Epoch {
			coming = in.request(asking, c, p.end.Next)
		}
		if err := in.takeIn(ctx, c, p.items, p.end); err != nil {
			return in.pullFailed(ctx, err)
		}
		if !p.end.More {
			return nil
		}
		c = cursor{p.end.Epoch, p.end.Next}
		if coming == nil { // the first page of an epoch has to be stored first
			coming = in.request(asking, c, 0)
		}
	}
}

// takeRest stores what came of a page before the line broke. A page's items
// come in order, so they are all that there is up to the last of them: a line
// that is cut before every page's end still gets on.
func (in *Inbox) takeRest(ctx context.Context, c cursor, items []schemas.Item) error {
	if len(items) == 0 || c.Epoch == "" {
		return nil
	}
	end := schemas.PullEnd{Epoch: c.Epoch, Next: items[len(items)-1].Position, More: true}
	return in.takeIn(context.WithoutCancel(ctx), c, items, end)
}

// pullFailed makes what a person must know of a refused pull visible.
func (in *Inbox) pullFailed(ctx context.Context, err error) error {
	code := schemas.CodeOf(err)
	if code != schemas.CodeEpochChanged && code != schemas.CodeHistoryForked {
		return err
	}
	raised := in.opts.Store.Update(ctx, func(tx durable.Tx) error {
		return in.opts.Effects.Raise(tx, code, "", "the broker's history is not the one that we know: it was replaced or restored from an old copy; ask its operator")
	})
	return errors.Join(err, raised)
}

// checkPage holds a page against where this agency stands. The broker's word
// moves no cursor backwards, and into no other history.
func checkPage(c cursor, items []schemas.Item, end schemas.PullEnd) error {
	if c.Epoch != "" && end.Epoch != c.Epoch {
		return schemas.Refuse(schemas.CodeEpochChanged, "epoch", "must be the one that was asked for", "ask the broker's operator")
	}
	last := c.Position
	for _, item := range items {
		if item.Position <= last {
			return schemas.Malformed("page", "must hold rising positions after the one that was asked for")
		}
		last = item.Position
	}
	return nil
}

// sameEpoch makes sure that no other epoch began here since a page was asked
// for.
func sameEpoch(tx durable.Tx, c cursor) error {
	now, ok, err := durable.GetJSON[cursor](tx.Map(mapCursor), keyCursor)
	if err == nil && ok && now.Epoch != "" && now.Epoch != c.Epoch {
		err = fmt.Errorf("page of epoch %s came too late", c.Epoch)
	}
	return err
}

// takeIn stores a page, a chunk a transaction.
func (in *Inbox) takeIn(ctx context.Context, c cursor, items []schemas.Item, end schemas.PullEnd) error {
	if err := checkPage(c, items, end); err != nil {
		return err
	}
	c.Epoch = end.Epoch
	for part := range in.chunks(items) {
		if part.err != nil {
			return part.err
		}
		c.Position = part.items[len(part.items)-1].Position
		err := in.opts.Store.Update(ctx, func(tx durable.Tx) error {
			if err := sameEpoch(tx, c); err != nil {
				return err
			}
			k := in.known()
			for i, item := range part.items {
				if err := in.take(tx, k, item, part.opened[i]); err != nil {
					return fmt.Errorf("take in position %d: %w", item.Position, err)
				}
			}
			return durable.PutJSON(tx.Map(mapCursor), keyCursor, c)
		})
		if err != nil {
			return err
		}
		crash.Point(crash.AgentStored)
		in.opts.Effects.Committed()
		if in.owed += len(part.items); in.owed >= owing || !end.More {
			in.owed = 0
			signal(in.answers)
		}
	}
	if !end.More && in.owed > 0 { // of pages before, if the last is empty
		in.owed = 0
		signal(in.answers)
	}
	c.Position = max(c.Position, end.Next)
	err := in.opts.Store.Update(ctx, func(tx durable.Tx) error {
		if err := sameEpoch(tx, c); err != nil {
			return err
		}
		old, _, err := durable.GetJSON[cursor](tx.Map(mapCursor), keyCursor)
		if err != nil || old == c {
			return err
		}
		return durable.PutJSON(tx.Map(mapCursor), keyCursor, c)
	})
	if err != nil || end.More {
		return err
	}
	if err := in.opts.Effects.CaughtUp(ctx); err != nil {
		return err
	}
	return in.askForHoles(ctx)
}
