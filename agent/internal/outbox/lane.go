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
	backoff   time.Duration

	mu sync.Mutex // guards what follows
	// frozen lists the deliveries whose envelopes have no definite answer, by
	// their place in the chain; waiting those that come after, by age.
	frozen, waiting []uint64
}

const (
	minBackoff = time.Second
	maxBackoff = time.Minute
)

// lane returns the recipient's lane; there is one from the first call on.
func (o *Outbox) lane(recipient schemas.AgencyID) *lane {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lanes[recipient]
	if l == nil {
		l = &lane{outbox: o, recipient: recipient, signal: make(chan struct{}, 1)}
		o.lanes[recipient] = l
		l.wake()
		if o.started {
			o.wg.Go(l.run)
		}
	}
	return l
}

func (l *lane) wake() {
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

// run works until the outbox closes. After a round that met an obstacle which
// time may remove, it waits; a wake ends the wait.
func (l *lane) run() {
	ctx := l.outbox.ctx
	for {
		select {
		case <-l.signal:
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

// pause waits longer after each failure, or for the next wake. It returns false
// when the outbox closes.
func (l *lane) pause(ctx context.Context) bool {
	l.backoff = min(max(2*l.backoff, minBackoff), maxBackoff)
	timer := time.NewTimer(l.backoff/2 + rand.N(l.backoff)) // #nosec G404 -- jitter
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.signal:
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
	work, more, err := l.next(ctx)
	if err != nil || len(work) == 0 {
		return false, err
	}
	crash.Point(crash.AgentFrozen)
	for range work {
		select {
		case l.outbox.slots <- struct{}{}:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	defer func() {
		for range work {
			<-l.outbox.slots
		}
	}()
	envelopes := make([]schemas.Envelope, len(work))
	for i, w := range work {
		envelopes[i] = w.envelope
	}
	var replies []schemas.SubmitReply
	sendErr := l.outbox.opts.Line.SubmitAll(ctx, envelopes, func(r schemas.SubmitReply) { replies = append(replies, r) })
	crash.Point(crash.AgentSubmitted)
	states, later, err := l.outbox.settle(context.WithoutCancel(ctx), l.recipient, work, replies)
	l.settled(states)
	switch {
	case err != nil:
		return false, err
	case sendErr != nil:
		return false, sendErr
	case later:
		return false, errLater
	}
	return more, nil
}

// work is one envelope to send and the delivery it belongs to.
type work struct {
	delivery Delivery
	envelope schemas.Envelope
}

// next returns the frozen envelopes of the lane, or freezes the next ones. more
// says that there are others behind them.
func (l *lane) next(ctx context.Context) (batch []work, more bool, err error) {
	frozen, waiting := l.lists()
	if len(frozen) > 0 {
		n := min(len(frozen), window)
		err = l.outbox.opts.Store.View(func(tx durable.Tx) error {
			batch, err = l.outbox.thaw(tx, l.recipient, frozen[:n])
			return err
		})
		if err == nil {
			l.keep(frozen[:n], batch)
		}
		return batch, len(frozen) > n || len(waiting) > 0, err
	}
	if len(waiting) == 0 {
		return nil, false, nil
	}
	n := min(len(waiting), window)
	var unready []uint64
	err = l.outbox.opts.Store.Update(ctx, func(tx durable.Tx) error {
		batch, unready, err = l.outbox.freeze(tx, l.recipient, waiting[:n])
		return err
	})
	if err != nil {
		return nil, false, err
	}
	l.froze(n, batch, unready)
	return batch, len(waiting) > n, nil
}

// lists returns the numbers of the open deliveries, in order.
func (l *lane) lists() (frozen, waiting []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.frozen), slices.Clone(l.waiting[:min(len(l.waiting), window+1)])
}

// add puts a new delivery at the end of the lane.
func (l *lane) add(n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, n)
}

// keep drops from the frozen those that a receipt or a person settled
// meanwhile.
func (l *lane) keep(asked []uint64, still []work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = slices.DeleteFunc(l.frozen, func(n uint64) bool {
		return slices.Contains(asked, n) && !contains(still, n)
	})
}

func contains(all []work, n uint64) bool {
	return slices.ContainsFunc(all, func(w work) bool { return w.delivery.Number == n })
}

// froze moves the first n waiting ones on: to the frozen, behind the others if
// their grant is not ready, or out of the lane if they were refused.
func (l *lane) froze(n int, batch []work, unready []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(slices.Clone(l.waiting[n:]), unready...)
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
	l.waiting = append(again, l.waiting...)
}

func readAll(tx durable.Tx, numbers []uint64) ([]Delivery, error) {
	slices.Sort(numbers)
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
