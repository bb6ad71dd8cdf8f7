// Package gate is the only way through the broker: every envelope passes it or
// is refused with a reason.
//
// Three things happen here, each atomic against the two others. An envelope is
// decided on and committed to the hub (submit.go, writer.go). A committed
// envelope is checked again and handed over to its recipient (pull.go). A
// permission or a member's standing is taken away (writer.go, [Gate.Write] with
// an exclusive change): once that has returned, nothing that it concerns is
// handed over any more, and what was not is withdrawn (withdraw.go).
//
// The hub is the gate's only memory. Everything here is rebuilt from it at
// start by the same code that follows it while running (state.go).
package gate

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Hub is the journal, and reading of scattered pages from it.
type Hub interface {
	journal.Journal
	// ReadMany calls fn for the records at rising positions, in order.
	ReadMany(ctx context.Context, positions []uint64, fn func(journal.Record) error) error
}

// Members is what the gate asks about agencies.
type Members interface {
	// Apply follows the hub; the gate calls it for every record.
	Apply(journal.Record) error
	// AgencyOf names the agency that a NATS account belongs to.
	AgencyOf(account string) (schemas.AgencyID, bool)
	// Standing is "" for an agency that is not on the roll; joined says that it
	// has keys.
	Standing(schemas.AgencyID) (status schemas.MemberStatus, joined bool)
	// SigningKey returns a live key of the agency.
	SigningKey(a schemas.AgencyID, id schemas.KeyID, at time.Time) (ed25519.PublicKey, bool)
	// HasSealingKey reports whether events may be sealed to a key.
	HasSealingKey(a schemas.AgencyID, id schemas.KeyID, at time.Time) bool
	// Entry returns the agency's cards.
	Entry(schemas.AgencyID) schemas.Entry
	// Everybody lists the agencies on the roll.
	Everybody() []schemas.AgencyID
	// RollNumber is the highest number of the roll.
	RollNumber() uint64
	// Anew reports whether the present epoch continues an earlier one.
	Anew() bool
	// Offering reports whether a member has come back in this epoch and has
	// still to bring what it holds about permissions.
	Offering(schemas.AgencyID) bool
}

// Grants is what the gate asks about permissions.
type Grants interface {
	// Permission returns a grant, and its revocation if it was revoked.
	Permission(schemas.GrantID) (g schemas.Grant, revocation *schemas.SignedRecord, ok bool)
	// Registered reports whether the discloser's register came in this epoch.
	Registered(schemas.AgencyID) bool
}

// Limits bound what one member may use. The zero value means the defaults.
type Limits struct {
	Rate    float64       // envelopes a second of one member; default 2,000
	Burst   int           // envelopes at once; default 4,000
	Mailbox int           // envelopes that wait for one recipient from one sender; default 50,000
	MaxAge  time.Duration // how long an envelope waits for its recipient; default 90 days
	// Refusals is how many refusals of one member and code are written to the
	// hub one by one in a minute; further ones are counted in one record.
	// Default 20.
	Refusals int
}

func (l *Limits) setDefaults() {
	if l.Rate == 0 {
		l.Rate = 2000
	}
	if l.Burst == 0 {
		l.Burst = 4000
	}
	if l.Mailbox == 0 {
		l.Mailbox = 50_000
	}
	if l.MaxAge == 0 {
		l.MaxAge = 90 * 24 * time.Hour
	}
	if l.Refusals == 0 {
		l.Refusals = 20
	}
}

// Options are what a gate is made of. All fields but Limits, Head, Holds and
// Metrics are required.
type Options struct {
	Network schemas.NetworkID
	Hub     Hub
	Members Members
	Grants  Grants
	// Hint tells a member that something waits for it; best effort. It is
	// called by the one writer and must not wait for anything.
	Hint   func(a schemas.AgencyID, position uint64)
	Limits Limits
	// Head is the newest signed head of the ledger, which every answer brings;
	// nil for none.
	Head func() *string
	// Holds reports whether records of the hub are still what was decided, before
	// they are handed over; nil: nobody knows.
	Holds  func([]journal.Record) error
	Now    func() time.Time
	Logger *slog.Logger
	// Metrics is told of decisions and commits; nil for none.
	Metrics Metrics
	// Brokers are the addresses of the cluster's brokers, which every page ends
	// with; nil for a broker that is alone.
	Brokers []string
	// Leads reports whether this broker is the one of its cluster that writes,
	// at this moment; nil for a broker that is alone. See cluster.go.
	Leads func() bool
}

// Metrics is told what the gate does. No value ever names a client.
type Metrics interface {
	Decision(result schemas.Result, code schemas.Code)
	Commit(records int, took time.Duration, err error)
	HandedOver(envelopes int)
}

// Gate is the running gate.
type Gate struct {
	opts    Options
	hub     Hub
	members Members
	grants  Grants
	now     func() time.Time
	log     *slog.Logger

	// mu guards state. The writer alone changes it, so it reads without the
	// lock what no pull moves; see [state].
	mu    sync.RWMutex
	state *state

	// handover is held for reading from a page's last check until the page was
	// given to the connection, for writing while something is taken away. It is
	// taken before mu.
	handover sync.RWMutex

	rates     *rates
	load      *load
	refusals  *refusals
	pulls     *places
	queue     chan *task
	jobs      chan *submission
	lapses    chan struct{} // wakes the goroutine that withdraws
	startedAt uint64        // the hub's last position when this process began to serve
	term      term          // in a cluster

	door     sync.RWMutex // guards closed; held for reading while something is sent to queue
	closed   bool
	stopOnce sync.Once
	stopping chan struct{} // closed when Stop begins

	ctx  context.Context // ends with the writer, or when Stop no longer waits
	stop context.CancelFunc
	wg   sync.WaitGroup
}

const (
	queueLength  = 16384
	verifiers    = 4
	sweepEvery   = time.Minute
	commitWithin = 20 * time.Second
)

// New rebuilds the gate from the hub. It serves nothing before [Gate.Start].
func New(ctx context.Context, opts Options) (*Gate, error) {
	opts.Limits.setDefaults()
	if opts.Metrics == nil {
		opts.Metrics = noMetrics{}
	}
	if opts.Head == nil {
		opts.Head = func() *string { return nil }
	}
	if opts.Holds == nil {
		opts.Holds = func([]journal.Record) error { return nil }
	}
	g := &Gate{
		opts: opts, hub: opts.Hub, members: opts.Members, grants: opts.Grants, now: opts.Now, log: opts.Logger,
		state:    newState(opts.Members),
		rates:    newRates(opts.Limits),
		load:     newLoad(),
		refusals: newRefusals(opts.Limits.Refusals),
		pulls:    newPlaces(),
		queue:    make(chan *task, queueLength),
		jobs:     make(chan *submission, queueLength),
		lapses:   make(chan struct{}, 1),
		stopping: make(chan struct{}),
	}
	g.ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	if _, err := g.readOn(ctx, false); err != nil {
		g.stop()
		return nil, fmt.Errorf("rebuild gate from hub: %w", err)
	}
	g.startedAt = g.state.position
	g.look()
	return g, nil
}

// look begins with mail whose permission may be gone, whoever the change was
// made by. Members that connect ask by themselves for what has arrived.
func (g *Gate) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.state.arrived)
	for a := range g.state.boxes {
		g.state.ended[a] = true
	}
}

// Start begins to serve.
func (g *Gate) Start() {
	for range verifiers {
		g.wg.Go(g.verify)
	}
	g.wg.Go(g.write)
	g.wg.Go(g.sweep)
	g.wg.Go(g.settle)
	g.wake()
}

// Stop lets the pages under way end, decides what was submitted before, and
// records the hand-overs that were made. What comes later is refused. When ctx
// ends first, what is left is refused, too, and the last hand-overs may count
// as unknown after the next start.
func (g *Gate) Stop(ctx context.Context) (err error) {
	g.stopOnce.Do(func() {
		defer context.AfterFunc(ctx, g.stop)()
		close(g.stopping)
		err = g.pulls.close(ctx)
		g.door.Lock()
		g.closed = true
		close(g.queue)
		g.door.Unlock()
		g.wg.Wait()
	})
	return err
}

// Epoch is the hub's epoch, "" before the first statement.
func (g *Gate) Epoch() schemas.ULID {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.state.epoch
}

// Position is the last position of the hub that the gate has read.
func (g *Gate) Position() uint64 {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.state.position
}

// EpochRecord is the signed statement that opened the epoch.
func (g *Gate) EpochRecord() schemas.SignedRecord {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.state.epochRecord
}

// Mailbox says how full a member's mailbox is.
type Mailbox struct {
	Agency  schemas.AgencyID
	Waiting int       // envelopes not yet acknowledged
	Oldest  time.Time // of them; zero if none
	Cursor  uint64
}

// Mailboxes lists every member's mailbox.
func (g *Gate) Mailboxes() []Mailbox {
	everybody := g.members.Everybody()
	all := make([]Mailbox, 0, len(everybody))
	for _, a := range everybody {
		m := Mailbox{Agency: a}
		g.mu.RLock()
		if box := g.state.boxes[a]; box != nil {
			m.Waiting, m.Oldest = box.waiting()
			m.Cursor = box.cursor
		}
		g.mu.RUnlock()
		all = append(all, m)
	}
	return all
}

type noMetrics struct{}

func (noMetrics) Decision(schemas.Result, schemas.Code) {}
func (noMetrics) Commit(int, time.Duration, error)      {}
func (noMetrics) HandedOver(int)                        {}
