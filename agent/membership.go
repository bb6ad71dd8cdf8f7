package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/attachments"
	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/directory"
	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/agent/internal/ledgerview"
	"github.com/linkage-exchange/linkage/agent/internal/link"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// membershipRecord is what the store keeps of a membership. Before Joined it is
// an attempt to join, kept so that a lost answer can be asked for again with
// the same keys.
type membershipRecord struct {
	Target       link.Target         `json:"target"`
	Agency       schemas.AgencyID    `json:"agency"`
	Identity     []byte              `json:"identity"` // encoded; the store seals it
	Request      schemas.JoinRequest `json:"request"`
	Joined       bool                `json:"joined"`
	AdmissionKey []byte              `json:"admissionkey,omitempty"`
	JWT          string              `json:"jwt,omitempty"`
	JWTExpires   schemas.Instant     `json:"jwtexpires,omitzero"`
	// Cards are the successors of the card in Request that the broker has.
	Cards []schemas.SignedRecord `json:"cards,omitempty"`
	Next  *nextKeys              `json:"next,omitempty"`
	Past  []pastKey              `json:"past,omitempty"`
}

// membership is one network: everything in it uses its own part of the store
// and its own keys.
type membership struct {
	agent    *Agent
	network  schemas.NetworkID
	own      schemas.AgencyID
	log      *slog.Logger
	store    durable.Store // scoped to the network
	keys     atomic.Pointer[keyring]
	dir      *directory.Directory
	outbox   *outbox.Outbox
	inbox    *inbox.Inbox
	ledger   *ledgerview.View
	link     atomic.Pointer[link.Link]
	current  atomic.Pointer[schemas.ULID]         // the epoch in which this agency stands
	standing atomic.Pointer[schemas.MemberStatus] // as the door said while there was no connection
	// restoring is set while an agency that was restored takes in what waits for
	// it: it sends nothing before.
	restoring atomic.Bool
	// doubled is set while the broker refuses this copy of the agency for
	// another: nothing is sent or taken in.
	doubled atomic.Bool

	started   time.Time
	submitted submissions

	changing sync.Mutex // held by one change of the record after the other

	mu      sync.Mutex // guards what follows
	record  membershipRecord
	queued  []outbox.Queued // put into lanes once their transaction is on disk
	changed chan struct{}   // closed and replaced when a grant or canary changes

	sync    chan struct{} // capacity 1: grants may have news for the broker
	syncing sync.Mutex    // held while they are brought, and while an epoch begins
	epochs  chan struct{} // capacity 1: the broker's epochs are to be looked at
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

func (a *Agent) newMembership(r membershipRecord) (*membership, error) {
	keys, err := keyringOf(r)
	if err != nil {
		return nil, err
	}
	m := &membership{
		agent: a, network: r.Target.Network, own: r.Agency, record: r, started: a.opts.Now(),
		log:     a.log.With("network", string(r.Target.Network)),
		store:   durable.Scope(a.store, string(r.Target.Network)),
		sync:    make(chan struct{}, 1),
		epochs:  make(chan struct{}, 1),
		changed: make(chan struct{}),
	}
	m.keys.Store(keys)
	m.ctx, m.stop = context.WithCancel(context.Background())
	if err := m.store.View(func(tx durable.Tx) error {
		epoch, _, err := inbox.Cursor(tx)
		m.current.Store(&epoch)
		return err
	}); err != nil {
		return nil, err
	}
	m.dir = &directory.Directory{
		Network: m.network, Own: m.own, Admission: ed25519.PublicKey(r.AdmissionKey), Now: func() time.Time { return m.inbox.Now() },
		OwnCards: m.ownCards, Changed: m.keysChanged, Raise: m.raise,
	}
	m.ledger, err = ledgerview.Open(ledgerview.Options{
		Network: m.network, Own: m.own, Broker: r.Target.Broker, Store: m.store, Prove: m.prove, Sent: m.sent, Raise: m.raise, Now: a.opts.Now, Logger: m.log,
	})
	if err != nil {
		return nil, fmt.Errorf("read ledger heads of network %s: %w", m.network, err)
	}
	if err := m.store.View(func(tx durable.Tx) error {
		r, restored, err := recoveryOf(tx)
		m.restoring.Store(restored && r.Pulled.IsZero())
		_, is, failed := doubledOf(tx)
		m.doubled.Store(is)
		return errors.Join(err, failed)
	}); err != nil {
		return nil, fmt.Errorf("read restore of network %s: %w", m.network, err)
	}
	m.inbox = inbox.New(inbox.Options{
		Network: m.network, Own: m.own, Store: m.store, Line: line{m}, Effects: effects{m}, Unseal: m.unseal,
		Key: m.signingKey, Now: a.opts.Now, Logger: m.log,
	})
	m.outbox, err = outbox.Open(outbox.Options{
		Network: m.network, Own: m.own, Store: m.store, Line: sending{line{m}}, Content: content{m},
		Key: m.signingKey, Now: a.opts.Now, Logger: m.log,
	})
	return m, err
}

// start begins to exchange. It does not wait for a connection.
func (m *membership) start() error {
	if err := m.store.Update(m.ctx, attachments.Recover); err != nil {
		return fmt.Errorf("tidy up attachments of network %s: %w", m.network, err)
	}
	m.outbox.Start()
	m.inbox.Start()
	l, err := m.openLink()
	if err != nil {
		return err
	}
	m.link.Store(l)
	m.wake()
	m.wg.Go(m.syncLoop)
	m.wg.Go(func() { m.ledger.Run(m.ctx) })
	m.wg.Go(m.epochLoop)
	m.lookAtEpochs() // one that began while this agent was off
	m.wg.Go(m.renewLoop)
	m.wg.Go(m.standingLoop)
	m.wg.Go(m.sweepLoop)
	return nil
}

func (m *membership) openLink() (*link.Link, error) {
	target := m.target()
	if natsOnly() && target.NATS == "" {
		return nil, schemas.Refuse(schemas.CodeUnavailable, "nats", "must be offered by the broker of "+string(m.network)+": with only FIPS 140-3 algorithms the WebSocket cannot be used",
			"have the broker run with --nats-listen :4222 and join again, or run with GODEBUG=fips140=on")
	}
	return link.Open(link.Options{
		Target: target, User: m.identity().Public().User, Sign: m.identity().SignNonce, OnHint: m.wake, Logger: m.log,
		Ping: m.agent.opts.PingInterval, Timeout: m.agent.opts.RequestTimeout,
		JWT: func() (string, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.record.JWT, nil
		},
	})
}

// target is the broker, with the way to it that this machine needs.
func (m *membership) target() link.Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.agent.reached(m.record.Target)
}

// close ends the exchange. What was under way is on disk.
func (m *membership) close() {
	m.stop()
	m.wg.Wait()
	m.inbox.Close()
	m.outbox.Close()
	if l := m.link.Load(); l != nil {
		l.Close()
	}
}

// wake makes every part look for work: a hint came, or a connection.
func (m *membership) wake() {
	m.inbox.Wake()
	m.outbox.Wake()
	m.wakeSync()
}

func (m *membership) wakeSync() {
	select {
	case m.sync <- struct{}{}:
	default:
	}
}

func (m *membership) raise(tx durable.Tx, code schemas.Code, about schemas.AgencyID, text string) error {
	return casebook.Raise(tx, m.agent.opts.Now(), code, about, text)
}

// later hands deliveries to their lanes once the running transaction is on disk.
func (m *membership) later(q ...outbox.Queued) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queued = append(m.queued, q...)
}

// committed follows a transaction: lanes get their deliveries, whoever waits
// for a change looks again.
func (m *membership) committed() {
	m.addQueued()
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.changed)
	m.changed = make(chan struct{})
}

// addQueued gives lanes what later kept for them.
func (m *membership) addQueued() {
	m.mu.Lock()
	queued := m.queued
	m.queued = nil
	m.mu.Unlock()
	m.addAll(queued)
}

// addAll puts deliveries that are on disk into their lanes.
func (m *membership) addAll(queued []outbox.Queued) {
	for _, q := range queued {
		m.outbox.Add(q.Recipient, q.Number)
	}
}

// await waits until ok reports true, looking again at every change.
func (m *membership) await(ctx context.Context, ok func() (bool, error)) error {
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-m.ctx.Done():
			return schemas.Refuse(schemas.CodeUnavailable, "", "this agent is stopping", "try again once it runs")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// renewLoop renews the credentials at half their life, and sends a canary once
// an hour.
func (m *membership) renewLoop() {
	for {
		next := time.Hour
		if err := m.renew(); err != nil {
			m.log.WarnContext(m.ctx, "credentials not renewed; trying again in a minute", "error", err)
			next = time.Minute
		}
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-m.ctx.Done():
			timer.Stop()
			return
		}
		if next < time.Hour {
			continue
		}
		if err := m.outbox.LetGo(m.ctx); err != nil && m.ctx.Err() == nil {
			m.log.WarnContext(m.ctx, "deliveries of long ago are let go later", "error", err)
		}
		if _, err := m.sendCanary(m.ctx); err != nil && m.ctx.Err() == nil {
			m.log.WarnContext(m.ctx, "canary not sent", "error", err)
		}
	}
}

const renewBefore = 15 * 24 * time.Hour

// renew asks for new credentials over the line. Ones that have expired, while
// this machine was off for weeks, open no line any more: then the request to
// join gets its answer once more, over the door.
func (m *membership) renew() error {
	m.mu.Lock()
	record := m.record
	m.mu.Unlock()
	l, left := m.link.Load(), record.JWTExpires.Sub(m.agent.opts.Now())
	switch {
	case left > renewBefore || left > 0 && !l.Connected():
		return nil
	case l.Connected():
		reply, err := l.Renew(m.ctx)
		if err != nil {
			return err
		}
		record.JWT, record.JWTExpires = reply.JWT, reply.Expires
	default:
		reply, err := link.NewDoor(m.target()).Join(m.ctx, record.Request)
		if err != nil {
			return err
		}
		record.JWT, record.JWTExpires = reply.JWT, reply.Expires
	}
	err := m.change(m.ctx, func(_ durable.Tx, r *membershipRecord) error {
		r.JWT, r.JWTExpires = record.JWT, record.JWTExpires
		return nil
	})
	if err != nil {
		return err
	}
	return l.Reconnect()
}

func (a *Agent) keepMembership(ctx context.Context, r membershipRecord) error {
	return a.store.Update(ctx, func(tx durable.Tx) error {
		return durable.PutJSON(tx.Map(mapMemberships), string(r.Target.Network), r)
	})
}

// prove asks the broker about its ledger.
func (m *membership) prove(ctx context.Context, req schemas.ProofRequest) (schemas.ProofReply, error) {
	return m.link.Load().Prove(ctx, req)
}

// line is the way to the broker as outbox and inbox see it; the connection may
// not be there yet.
type line struct{ m *membership }

func (l line) Connected() bool {
	c := l.m.link.Load()
	return c != nil && c.Connected() && !l.m.doubled.Load()
}

// errOtherEpoch is the answer to everything until the epochs were looked at.
var errOtherEpoch = schemas.Refuse(schemas.CodeUnavailable, "", "the broker is in another epoch than this agency", "nothing was lost; the lead agency's statement about it is looked at")

func (l line) SubmitAll(ctx context.Context, envelopes []schemas.Envelope, reply func(schemas.SubmitReply)) error {
	if l.m.ledger.Forked() {
		return schemas.Refuse(schemas.CodeHistoryForked, "", "nothing is sent to a broker whose history does not hold together", "ask the broker's operator")
	}
	other := false
	err := l.m.link.Load().SubmitAll(ctx, envelopes, func(r schemas.SubmitReply) {
		if r.Epoch != l.m.epoch() { // whatever it says, it is about another history
			other = true
			return
		}
		l.m.ledger.Saw(r.Head)
		l.m.submitted.note(l.m.agent.opts.Now(), r.Code)
		reply(r)
	})
	if err != nil && ctx.Err() == nil {
		l.m.submitted.note(l.m.agent.opts.Now(), schemas.CodeUnavailable)
	}
	if other {
		l.m.lookAtEpochs()
		err = errOtherEpoch
	}
	return err
}

func (l line) Pull(ctx context.Context, req schemas.PullRequest) ([]schemas.Item, schemas.PullEnd, error) {
	err := l.m.store.View(func(tx durable.Tx) (err error) {
		req.Chain, err = outbox.Chain(tx)
		return err
	})
	if err != nil {
		return nil, schemas.PullEnd{}, err
	}
	items, end, err := l.m.link.Load().Pull(ctx, req)
	switch {
	case schemas.CodeOf(err) == schemas.CodeChainConflict:
		return nil, end, errors.Join(err, l.m.refusedAsOlder(ctx, end.Chain))
	case schemas.CodeOf(err) == schemas.CodeNotMember:
		l.m.lookAtEpochs()
		return items, end, err
	case end.Epoch != "" && end.Epoch != l.m.epoch():
		l.m.lookAtEpochs()
		return nil, end, errOtherEpoch
	case err == nil:
		l.m.learnBrokers(ctx, end.Brokers)
	}
	l.m.ledger.Saw(end.Head)
	if schemas.CodeOf(err) == schemas.CodeHistoryForked {
		l.m.lookAtEpochs()
		err = errors.Join(err, l.m.ledger.Forgot(ctx, end.Head))
	}
	return items, end, err
}

func (l line) Receipt(ctx context.Context, rec schemas.SignedRecord) error {
	return l.m.link.Load().Receipt(ctx, rec)
}
