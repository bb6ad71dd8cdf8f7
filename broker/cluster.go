package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/schemas"
)

// cluster is this broker's part in a cluster of three. All three follow the
// hub; the one whose copy orders the hub's commits also decides and hands over.
// What agencies ask reaches it from every broker, over the message server's own
// routes.
//
// Whether this broker leads is looked at by watch, which never waits for
// anything; act begins and ends what a leader does. Neither is what keeps two
// leaders apart: see the gate's cluster.go for that.
type cluster struct {
	b     *Broker
	place int

	began time.Time
	lease atomic.Int64 // nanoseconds after began, until which it may lead
	seen  atomic.Pointer[transport.Copies]
	leads atomic.Bool // everything that a leader serves is open
	wake  chan struct{}

	mu      sync.Mutex // guards what follows; held while this broker begins or ends to lead
	serving []func()   // close what a leader serves
	retired bool       // it is stopping and will not lead again
	roll    uint64     // whose consequences for accounts were drawn
}

const (
	watchEvery = 200 * time.Millisecond
	// A leader that has not heard of a second copy for so long does not lead.
	// The others do not choose another within four seconds of hearing of it.
	heardWithin = 3 * time.Second
	leaseFor    = 3500 * time.Millisecond
	// A process that was stopped for longer finds out what became of the others
	// before it leads again.
	stoppedFor   = 2500 * time.Millisecond
	distrustFor  = 2 * time.Second
	leadWithin   = time.Minute
	retireWithin = 5 * time.Second
)

var errNoWriter = schemas.Refuse(schemas.CodeUnavailable, "broker", "must be connected with at least one of the other two brokers", "try again; if it lasts, `linkage broker members` says which broker is missing")

func (b *Broker) newCluster() *cluster {
	return &cluster{b: b, place: b.opts.ClusterPlace, began: time.Now(), wake: make(chan struct{}, 1)}
}

// mayLead reports whether this broker's copy orders commits, as far as could be
// known a moment ago.
func (c *cluster) mayLead() bool { return int64(time.Since(c.began)) < c.lease.Load() }

// writes reports whether this broker decides and hands over.
func (b *Broker) writes() bool {
	return b.cluster == nil || b.cluster.leads.Load() && b.cluster.mayLead()
}

// run watches and acts until the broker stops.
func (c *cluster) run() {
	ctx, cancel := context.WithCancel(c.b.ctx)
	var wg sync.WaitGroup
	wg.Go(func() { c.watch(ctx) })
	wg.Go(func() { c.act(ctx) })
	c.b.teardown.Push("cluster", func(ctx context.Context) error {
		err := c.retire(ctx)
		cancel()
		wg.Wait()
		return err
	})
}

// watch keeps the lease.
func (c *cluster) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	last, trusted := time.Now(), time.Time{}
	for {
		if now := time.Now(); now.Sub(last) > stoppedFor {
			trusted = now.Add(distrustFor)
		}
		last = time.Now()
		lease := int64(0)
		copies, err := c.b.nats.Copies()
		if err == nil {
			c.seen.Store(&copies)
			if copies.Leads && copies.Heard < heardWithin && last.After(trusted) {
				lease = int64(last.Sub(c.began) - copies.Heard + leaseFor)
			}
		}
		c.lease.Store(lease)
		c.kick()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *cluster) kick() {
	select {
	case c.wake <- struct{}{}:
	default: // it has not looked since it was last told
	}
}

// act leads while the lease says so, and otherwise follows.
func (c *cluster) act(ctx context.Context) {
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		var err error
		switch may, leads := c.mayLead(), c.leads.Load(); {
		case may && !leads:
			err = c.lead(ctx)
		case leads && !may:
			c.yield()
			c.b.log.WarnContext(ctx, "another broker takes over, or none can", "place", c.place)
		case !leads:
			err = c.follow(ctx)
		}
		if err != nil && ctx.Err() == nil {
			c.b.log.WarnContext(ctx, "cluster goes on later", "place", c.place, "error", err)
		}
	}
}

// follow reads on, so that taking over is quick, and draws the consequences of
// rolls for this broker's connections.
func (c *cluster) follow(ctx context.Context) error {
	if seen := c.seen.Load(); seen == nil || seen.Last <= c.b.gate.Position() {
		return nil
	}
	if err := c.b.gate.Follow(ctx); err != nil {
		return err
	}
	return c.applyRoll(ctx)
}

// refresh brings what this broker knows up to what its copy has, before somebody
// is told of it.
func (b *Broker) refresh(ctx context.Context) {
	if b.cluster == nil || b.writes() {
		return
	}
	if c, err := b.nats.Copies(); err != nil || c.Last <= b.gate.Position() {
		return
	}
	if err := b.gate.Follow(ctx); err != nil {
		b.log.WarnContext(ctx, "hub not read on", "error", err)
	}
}

func (c *cluster) applyRoll(ctx context.Context) error {
	_, rec, ok := c.b.registry.Roll()
	if number := c.b.registry.RollNumber(); ok && number != c.roll {
		if err := c.b.admitAll(ctx); err != nil {
			return fmt.Errorf("apply roll %s: %w", rec.Hash(), err)
		}
		c.roll = number
	}
	return nil
}

// lead begins to decide and serve. The ledger comes first: agencies may hold
// heads of the broker that led before, over everything up to here.
func (c *cluster) lead(ctx context.Context) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leadWithin)
	defer cancel()
	began := time.Now()
	if err := c.b.gate.Lead(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.end()
		}
	}()
	if err := c.b.ledger.Await(ctx, c.b.gate.Position()); err != nil {
		return err
	}
	if err := c.b.beginHub(ctx); err != nil {
		return err
	}
	if err := c.applyRoll(ctx); err != nil {
		return err
	}
	if err := c.serve(); err != nil {
		return err
	}
	c.leads.Store(true)
	for _, m := range c.b.registry.Members() {
		c.b.nats.HintAgain(m.Account)
	}
	c.b.log.InfoContext(ctx, "this broker decides now", "place", c.place, "position", c.b.gate.Position(), "took", time.Since(began).String())
	return nil
}

// serve opens what only the leader answers.
func (c *cluster) serve() error {
	closers, err := c.b.serveVerbs()
	c.serving = append(c.serving, closers...)
	if err != nil {
		return err
	}
	for name, handle := range map[string]func([]byte) []byte{
		askJoin:    answer(c.b, c.b.joinHere),
		askReturn:  answer(c.b, c.b.returnHere),
		askRevoke:  answer(c.b, c.b.revokeHere),
		askPublish: answer(c.b, c.b.publishHere),
	} {
		end, err := c.b.nats.Answer(name, handle)
		if err != nil {
			return err
		}
		c.serving = append(c.serving, end)
	}
	return nil
}

// end closes what a leader serves. What was asked and not decided is refused.
func (c *cluster) end() {
	c.leads.Store(false)
	for _, end := range c.serving {
		end()
	}
	c.serving = nil
	c.b.gate.Yield()
}

func (c *cluster) yield() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
}

// retire hands over to another broker in order: agencies notice a pause.
func (c *cluster) retire(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	led := c.leads.Load()
	for _, end := range c.serving {
		end()
	}
	c.serving = nil
	ctx, cancel := context.WithTimeout(ctx, retireWithin)
	defer cancel()
	err := c.b.gate.Retire(ctx)
	c.leads.Store(false)
	if led {
		err = errors.Join(err, c.b.nats.StepDown(ctx))
	}
	if err != nil {
		c.b.log.WarnContext(ctx, "the other brokers find out by themselves that this one stops", "error", err)
	}
	return nil
}

// problem says in plain words why the cluster cannot do its work, nil if it can.
func (c *cluster) problem() error {
	if c.leads.Load() && c.mayLead() {
		return nil
	}
	others := c.b.nats.Connected()
	if len(others) == 0 {
		return schemas.Refuse(schemas.CodeUnavailable, "cluster", "must have two of its three brokers connected; this one is alone",
			"start the others, and see that cluster_routes and the firewalls between the three let them through")
	}
	if seen := c.seen.Load(); seen == nil || seen.Leader == 0 {
		return schemas.Refuse(schemas.CodeUnavailable, "cluster", "must have agreed on the broker that writes; that takes up to ten seconds after one was lost",
			"wait; if it lasts, look at the brokers' logs")
	}
	return nil
}
