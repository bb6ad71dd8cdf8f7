package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/agent/internal/ledgerview"
	"github.com/linkage-exchange/linkage/agent/internal/link"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// A broker that lost its memory begins a new epoch, and its agents bring back
// what they hold, in this order: the roll and this agency's cards (comeBack),
// revocations, register and grants (syncGrants), then every envelope that no
// recipient has signed for (the outbox). Where it stands is on disk before and
// after each step.

// offer is how far this agency has come in bringing back what it holds. There is
// none in the epoch in which it joined.
type offer struct {
	Epoch    schemas.ULID `json:"epoch"`
	Returned bool         `json:"returned"` // the broker knows its cards
	Finished bool         `json:"finished"` // and what it holds about permissions
}

// past is what is kept of an epoch that is over.
type past struct {
	Ended    time.Time `json:"ended"`
	Position uint64    `json:"position"` // of the cursor
	ledgerview.Past
}

const (
	mapEpochs = "epochs" // epoch -> past
	mapOffer  = "offer"
	keyOffer  = "offer"
)

// epochRetry is how long to wait when the broker could not be asked.
const epochRetry = 5 * time.Second

func offerOf(tx durable.Tx) (offer, error) {
	o, _, err := durable.GetJSON[offer](tx.Map(mapOffer), keyOffer)
	return o, err
}

// offering reports whether the broker has still to be told something before
// grants can be issued as ever; away that it does not know this agency yet.
func (m *membership) offering() (offering, away bool, err error) {
	err = m.store.View(func(tx durable.Tx) error {
		o, err := offerOf(tx)
		offering, away = o.Epoch != "" && !o.Finished, o.Epoch != "" && !o.Returned
		return err
	})
	return offering, away, err
}

// lookAtEpochs has the broker's epochs looked at: it answered as if it knew
// another history, or not this agency.
func (m *membership) lookAtEpochs() {
	select {
	case m.epochs <- struct{}{}:
	default:
	}
}

// epochLoop learns of new epochs and comes back in them.
func (m *membership) epochLoop() {
	for {
		select {
		case <-m.epochs:
		case <-m.ctx.Done():
			return
		}
		if err := m.followEpochs(); err != nil && m.ctx.Err() == nil {
			m.log.WarnContext(m.ctx, "the exchange's epochs are looked at again later", "error", err)
			timer := time.NewTimer(epochRetry)
			select {
			case <-timer.C:
				m.lookAtEpochs()
			case <-m.ctx.Done():
				timer.Stop()
				return
			}
		}
	}
}

// followEpochs asks the broker for its statements and does what they call for.
// Without a valid one nothing changes here, and nothing is sent any more.
func (m *membership) followEpochs() error {
	ctx, cancel := context.WithTimeout(m.ctx, 30*time.Second)
	defer cancel()
	reply, err := link.NewDoor(m.target()).Epochs(ctx)
	if err != nil {
		return err
	}
	known := m.epoch()
	current, err := schemas.CurrentEpoch(reply.Epochs, m.dir.Admission, m.network, known)
	if err != nil {
		return m.ledger.Broken(ctx, "another history without a valid statement of the lead agency about it ("+err.Error()+")")
	}
	if current.Epoch != known {
		if ok, err := m.rollHolds(ctx, current); err != nil || !ok {
			return err
		}
		if err := m.changeEpoch(ctx, current); err != nil {
			return err
		}
	}
	if _, away, err := m.offering(); err != nil || !away {
		return err
	}
	return m.comeBack(ctx, current, reply.Roll)
}

// epoch is the one in which this agency stands.
func (m *membership) epoch() schemas.ULID {
	if e := m.current.Load(); e != nil {
		return *e
	}
	return ""
}

// rollHolds makes sure that an epoch does not begin with less than this agency
// knows about who is a member: somebody suspended could come back in it.
func (m *membership) rollHolds(ctx context.Context, e schemas.Epoch) (bool, error) {
	var known uint64
	err := m.store.View(func(tx durable.Tx) error {
		_, roll, err := m.dir.Roll(tx)
		known = roll.Number
		return err
	})
	if err != nil || e.Roll >= known {
		return err == nil, err
	}
	return false, m.ledger.Broken(ctx, fmt.Sprintf("a new epoch that begins with roll number %d, although this agency has number %d: the lead agency must declare it with its newest roll", e.Roll, known))
}

// changeEpoch begins anew, in one transaction.
func (m *membership) changeEpoch(ctx context.Context, e schemas.Epoch) error {
	m.syncing.Lock()
	defer m.syncing.Unlock()
	now := m.agent.opts.Now()
	err := m.outbox.Anew(ctx, func(tx durable.Tx, again int) error {
		// The statement's time is the lead agency's: a clock here that is ahead must
		// not make a chain that the broker refuses.
		if err := beginChain(tx, e.Time.Time); err != nil {
			return err
		}
		p := past{Ended: now}
		var old schemas.ULID
		var err error
		if old, p.Position, err = inbox.Cursor(tx); err != nil {
			return err
		}
		if p.Past, err = ledgerview.End(tx); err != nil {
			return err
		}
		if err := durable.PutJSON(tx.Map(mapEpochs), string(old), p); err != nil {
			return err
		}
		if err := inbox.BeginEpoch(tx, e.Epoch); err != nil {
			return err
		}
		if err := casebook.Reoffer(tx, m.own, now); err != nil {
			return err
		}
		if err := durable.PutJSON(tx.Map(mapOffer), keyOffer, offer{Epoch: e.Epoch}); err != nil {
			return err
		}
		text := fmt.Sprintf("the exchange began anew (%s), as the lead agency has declared: this agency brings back what it holds, and offers %d deliveries again", e.Reason, again)
		return m.raise(tx, schemas.CodeEpochChanged, "", text)
	})
	if err != nil {
		return err
	}
	crash.Point(crash.AgentEpoch)
	m.ledger.Begin()
	m.current.Store(&e.Epoch)
	m.log.WarnContext(ctx, "the exchange began a new epoch", "epoch", string(e.Epoch), "reason", e.Reason)
	m.committed()
	return nil
}

// comeBack makes this agency known to the broker: with the newest roll that it
// holds, its cards, and the last head of the ledger before.
func (m *membership) comeBack(ctx context.Context, e schemas.Epoch, brokers schemas.SignedRecord) error {
	req := schemas.ReturnRequest{V: 1, Epoch: e.Epoch}
	err := m.store.View(func(tx durable.Tx) error { return m.fillReturn(tx, e, brokers, &req) })
	if err != nil {
		return err
	}
	if req.Proof, err = m.proveSelf(); err != nil {
		return err
	}
	reply, err := link.NewDoor(m.target()).Return(ctx, req)
	if err != nil {
		return err
	}
	crash.Point(crash.AgentReturned)
	err = m.change(ctx, func(tx durable.Tx, r *membershipRecord) error {
		if reply.JWT != "" {
			r.JWT, r.JWTExpires = reply.JWT, reply.Expires
		}
		if err := m.dir.ApplyRoll(tx, reply.Roll); err != nil {
			return err
		}
		return durable.PutJSON(tx.Map(mapOffer), keyOffer, offer{Epoch: e.Epoch, Returned: true})
	})
	if err != nil {
		return err
	}
	m.wake()
	return nil
}

func (m *membership) fillReturn(tx durable.Tx, e schemas.Epoch, brokers schemas.SignedRecord, req *schemas.ReturnRequest) error {
	entry, ok, err := m.dir.OwnEntry(tx)
	if err == nil && !ok {
		err = schemas.Refuse(schemas.CodeNotMember, "entry", "must be known: this agency never heard of its own admission", "ask the network's lead agency for a new code")
	}
	if err != nil {
		return err
	}
	m.mu.Lock()
	req.Entry = schemas.Entry{
		Invitation: entry.Invitation, Admission: m.record.Request.Admission, Cards: append([]schemas.SignedRecord{m.record.Request.Card}, m.record.Cards...),
	}
	m.mu.Unlock()
	rec, roll, err := m.dir.Roll(tx)
	if err != nil {
		return err
	}
	theirs, _ := schemas.PeekRecord[schemas.Roll](brokers, schemas.RecordRoll) // none is number 0
	if roll.Number > theirs.Number {
		req.Roll = &rec
	}
	if e.Previous == nil {
		return nil
	}
	last, _, err := durable.GetJSON[past](tx.Map(mapEpochs), string(*e.Previous))
	if last.Head != "" {
		req.Head = &last.Head
	}
	return err
}

// finishOffer tells the broker that it has everything about permissions.
func (m *membership) finishOffer(l *link.Link) error {
	if !l.Connected() {
		return nil // the connection wakes us
	}
	if _, err := l.Grant(m.ctx, schemas.GrantRequest{V: 1, Finished: true}); err != nil {
		return err
	}
	crash.Point(crash.AgentOffered)
	err := m.store.Update(m.ctx, func(tx durable.Tx) error {
		o, err := offerOf(tx)
		if err != nil {
			return err
		}
		o.Finished = true
		return durable.PutJSON(tx.Map(mapOffer), keyOffer, o)
	})
	if err == nil {
		m.wake()
	}
	return err
}
