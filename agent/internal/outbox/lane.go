package outbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// lane sends what goes to one recipient, in order.
type lane struct {
	outbox    *Outbox
	recipient schemas.AgencyID
	signal    chan struct{} // capacity 1: there may be work
	again     chan struct{} // capacity 1: an obstacle may be gone
	backoff   time.Duration
	window    int // how many are sent at a time; see learn

	mu sync.Mutex // guards what follows
	// frozen lists the deliveries whose envelopes have no definite answer, by
	// their place in the chain; waiting those that come after, by age; parts
	// those that were found to be parts of attachments, which go when nothing
	// else waits; unready those whose grant the broker does not know yet.
	frozen, waiting, parts, unready []uint64
}

// partsAtOnce is how many parts of attachments are frozen at a time: a small
// event that comes then waits for no more than these.
const partsAtOnce = 1

const (
	// slowRound and quickRound are how long a window takes that was too large,
	// or could have been larger.
	slowRound  = 10 * time.Second
	quickRound = 2 * time.Second

	minBackoff = time.Second
	maxBackoff = time.Minute
)

// lane returns the recipient's lane; there is one from the first call on.
func (o *Outbox) lane(recipient schemas.AgencyID) *lane {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lanes[recipient]
	if l == nil {
		l = &lane{outbox: o, recipient: recipient, signal: make(chan struct{}, 1), again: make(chan struct{}, 1), window: maxWindow}
		o.lanes[recipient] = l
		signal(l.signal)
		if o.started && o.ctx.Err() == nil {
			o.wg.Go(l.run)
		}
	}
	return l
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run works until the outbox closes. After a round that met an obstacle which
// time may remove, it waits.
func (l *lane) run() {
	ctx := l.outbox.ctx
	for {
		select {
		case <-l.signal:
		case <-l.again:
			l.reconsider()
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil {
			more, err := l.round(ctx)
			if err != nil {
				if ctx.Err() == nil && !errors.Is(err, errLater) {
					l.outbox.opts.Logger.WarnContext(ctx, "delivery goes on later", "recipient", string(l.recipient), "error", err)
				}
				if !l.pause(ctx) {
					return
				}
				continue
			}
			l.backoff = 0
			if !more {
				break
			}
		}
	}
}

// errLater says that the broker asked to come again.
var errLater = errors.New("later")

// pause waits longer after each failure. The outbox's Wake shortens it, but not
// below minBackoff: a broker that refuses is not asked again with every event
// that arrives. It returns false when the outbox closes.
func (l *lane) pause(ctx context.Context) bool {
	l.backoff = min(max(2*l.backoff, minBackoff), maxBackoff)
	wait := l.backoff/2 + rand.N(l.backoff) // #nosec G404 -- jitter
	least := min(wait, minBackoff)
	if !sleep(ctx, least, nil) || !sleep(ctx, wait-least, l.again) {
		return false
	}
	l.reconsider()
	return true
}

// sleep waits for d or for a signal; false if ctx ended.
func sleep(ctx context.Context, d time.Duration, until <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-until:
	case <-ctx.Done():
		return false
	}
	return true
}

// round sends one window. Frozen envelopes come first, as they are: their fate
// is open.
func (l *lane) round(ctx context.Context) (more bool, err error) {
	if !l.outbox.opts.Line.Connected() {
		return false, nil // the connection wakes us
	}
	l.outbox.rounds.RLock()
	defer l.outbox.rounds.RUnlock()
	select {
	case <-l.again: // also while there is always more to do
		l.reconsider()
	default:
	}
	work, more, err := l.next(ctx)
	if err != nil || len(work) == 0 {
		return more, err
	}
	crash.Point(crash.AgentFrozen)
	if err := l.outbox.takePlaces(ctx, len(work)); err != nil {
		return false, err
	}
	defer l.outbox.givePlaces(len(work))
	envelopes := make([]schemas.Envelope, len(work))
	for i, w := range work {
		envelopes[i] = w.envelope
	}
	var replies []schemas.SubmitReply
	begun := time.Now()
	sendErr := l.outbox.opts.Line.SubmitAll(ctx, envelopes, func(r schemas.SubmitReply) { replies = append(replies, r) })
	l.learn(time.Since(begun), sendErr)
	crash.Point(crash.AgentSubmitted)
	states, later, err := l.outbox.settle(context.WithoutCancel(ctx), work, replies)
	l.settled(states)
	l.outbox.opts.Content.Committed()
	switch {
	case err != nil:
		return false, err
	case sendErr != nil:
		return false, sendErr
	case later:
		return false, errLater
	}
	return l.open(), nil
}

// learn fits the window to the line: on a thin one a full window would take so
// long that a cut costs much, and a revocation waits behind it.
func (l *lane) learn(d time.Duration, err error) {
	switch {
	case err != nil || d > slowRound:
		l.window = max(l.window/4, 1)
	case d < quickRound:
		l.window = min(l.window*2, maxWindow)
	}
}

// takePlaces waits for n places on the connection. Lanes gather theirs one
// after the other: if several did so at once, each could hold what the others
// wait for.
func (o *Outbox) takePlaces(ctx context.Context, n int) error {
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-o.turn }()
	for i := range n {
		select {
		case o.places <- struct{}{}:
		case <-ctx.Done():
			o.givePlaces(i)
			return ctx.Err()
		}
	}
	return nil
}

func (o *Outbox) givePlaces(n int) {
	for range n {
		<-o.places
	}
}

// work is one envelope to send and the delivery it belongs to.
type work struct {
	delivery Delivery
	envelope schemas.Envelope
}

// next returns the frozen envelopes of the lane, or freezes the next ones. It
// may return none although there are more: what it looked at is settled, held
// or not ready now.
func (l *lane) next(ctx context.Context) (batch []work, more bool, err error) {
	frozen, waiting, parts := l.lists()
	if len(frozen) > 0 {
		var gone []uint64
		quiet := false
		err = l.outbox.opts.Store.View(func(tx durable.Tx) error {
			batch, gone, quiet, err = l.outbox.thaw(tx, l.recipient, frozen)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		l.drop(gone)
		return batch, !quiet && l.open(), nil
	}
	if len(waiting)+len(parts) == 0 {
		return nil, false, nil
	}
	var unready, postponed []uint64
	aside, known := l.aside(), false
	err = l.outbox.opts.Store.Update(ctx, func(tx durable.Tx) error {
		// What came later must not overtake it between its grant becoming known
		// and the signal that says so.
		if known, err = l.outbox.known(tx, l.recipient, aside); err != nil || known {
			return err
		}
		batch, unready, postponed, err = l.outbox.freeze(tx, l.recipient, waiting, false)
		if err != nil || len(waiting) > 0 {
			return err
		}
		batch, unready, _, err = l.outbox.freeze(tx, l.recipient, parts, true)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if known {
		l.reconsider()
		return nil, true, nil
	}
	l.froze(len(waiting), len(parts), batch, unready, postponed)
	return batch, l.open(), nil
}

// lists returns the numbers of the next open deliveries, in order, a window of
// each; parts only if nothing else waits.
func (l *lane) lists() (frozen, waiting, parts []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	frozen, waiting = slices.Clone(l.frozen[:min(len(l.frozen), l.window)]), slices.Clone(l.waiting[:min(len(l.waiting), l.window)])
	if len(waiting) == 0 {
		parts = slices.Clone(l.parts[:min(len(l.parts), partsAtOnce)])
	}
	return frozen, waiting, parts
}

// open reports whether there is more to do at once.
func (l *lane) open() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.frozen) > 0 || len(l.waiting) > 0 || len(l.parts) > 0
}

// reconsider puts what was not ready in front of the waiting: its grant may be
// known by now.
func (l *lane) reconsider() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unready) > 0 {
		l.waiting, l.unready = append(l.unready, l.waiting...), nil
	}
}

// aside is the oldest delivery whose grant was not known, 0 if there is none.
func (l *lane) aside() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unready) == 0 {
		return 0
	}
	return l.unready[0]
}

// add puts a new delivery at the end of the lane.
func (l *lane) add(n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, n)
}

// drop takes out of the frozen what a receipt or a person settled meanwhile.
func (l *lane) drop(gone []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = slices.DeleteFunc(l.frozen, func(n uint64) bool { return slices.Contains(gone, n) })
}

// froze moves the first n waiting ones and the first parts on: to the frozen,
// aside if their grant is not ready, to the parts, or out of the lane if they
// were refused.
func (l *lane) froze(n, parts int, batch []work, unready, postponed []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = l.waiting[n:]
	l.parts = append(l.parts[parts:], postponed...)
	l.unready = append(l.unready, unready...)
	for _, w := range batch {
		l.frozen = append(l.frozen, w.delivery.Number)
	}
}

// settled takes over what became of frozen deliveries: those that have to be
// chained anew go to the front of the waiting.
func (l *lane) settled(states map[uint64]State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var again []uint64
	l.frozen = slices.DeleteFunc(l.frozen, func(n uint64) bool {
		s, ok := states[n]
		if ok && s == Waiting {
			again = append(again, n)
		}
		return ok && s != Frozen
	})
	if len(again) > 0 { // rare; the waiting may be many
		l.waiting = append(again, l.waiting...)
	}
}
