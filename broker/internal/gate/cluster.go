package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// In a cluster three gates follow one hub, and the one that leads writes it. A
// leader that was replaced and does not know it yet (its process was stopped,
// its line cut) must neither commit nor hand over:
//
//   - A commit stands at the position up to which its gate had read. If another
//     has written since, it is refused whole, so every decision in the hub was
//     made on everything before it.
//   - A page is recorded before it is given, by a commit like any other. So
//     whoever leads next knows what was handed over, and a gate that was
//     replaced has nothing to give.
//   - What was recorded is given within giveWithin, or not at all by this gate.
//     A new leader lets that time pass before it says that something was taken
//     away: no page that was recorded before is on its way then.

var errNotWriter = schemas.Refuse(schemas.CodeUnavailable, "", "another broker of this network is taking over", "try again; nothing was lost")

const giveWithin = 3 * time.Second

// term is the time for which this gate leads.
type term struct {
	mu    sync.Mutex // guards what follows
	ctx   context.Context
	end   context.CancelFunc // nil while it does not lead
	began time.Time
	empty bool // the hub was: nobody led before
}

func (t *term) begin(ctx context.Context, position uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end == nil {
		t.ctx, t.end = context.WithCancel(ctx)
		t.began, t.empty = time.Now(), position == 0
	}
}

func (t *term) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.end != nil {
		t.end()
		t.end = nil
	}
}

func (t *term) active() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end != nil
}

func (g *Gate) clustered() bool { return g.opts.Leads != nil }

// leads reports whether this gate may decide. It is asked before each commit
// and for each answer that rests on none.
func (g *Gate) leads() bool { return !g.clustered() || g.term.active() && g.opts.Leads() }

// termContext ends when this gate no longer leads.
func (g *Gate) termContext() context.Context {
	g.term.mu.Lock()
	defer g.term.mu.Unlock()
	if g.term.end == nil {
		return g.ctx
	}
	return g.term.ctx
}

// Follow reads on to the end of the hub, as far as this broker's copy goes.
func (g *Gate) Follow(ctx context.Context) error {
	return g.inOrder(ctx, func(ctx context.Context) error {
		_, err := g.readOn(ctx, false)
		return err
	})
}

// Lead begins to decide, after everything in the hub was read. The caller knows
// that this broker's copy has all that was committed.
func (g *Gate) Lead(ctx context.Context) error {
	err := g.inOrder(ctx, func(ctx context.Context) error {
		if _, err := g.readOn(ctx, false); err != nil {
			return err
		}
		g.look()
		g.term.begin(g.ctx, g.state.position)
		return nil
	})
	if err == nil {
		g.wake()
	}
	return err
}

// Yield ends this gate's time as the one that decides, at once. What became of
// a commit under way shows when it reads on.
func (g *Gate) Yield() { g.term.stop() }

// Retire ends it in order: what was asked before is decided, and the hub knows
// all that this gate knows.
func (g *Gate) Retire(ctx context.Context) error {
	defer g.Yield()
	return g.inOrder(ctx, func(context.Context) error {
		if !g.leads() {
			return nil
		}
		g.handover.Lock()
		defer g.handover.Unlock()
		return g.recordHandOvers(true)
	})
}

// inOrder has the writer run something between its commits.
func (g *Gate) inOrder(ctx context.Context, run func(context.Context) error) error {
	t := &task{follow: run, done: make(chan changed, 1)}
	if err := g.send(ctx, t); err != nil {
		return err
	}
	d := <-t.done
	return d.err
}

// quiet waits until no page is on its way that a leader before this one
// recorded.
func (g *Gate) quiet(ctx context.Context) error {
	if !g.clustered() {
		return nil
	}
	g.term.mu.Lock()
	wait, empty := giveWithin-time.Since(g.term.began), g.term.empty
	g.term.mu.Unlock()
	if wait <= 0 || empty {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(errNotWriter, ctx.Err())
	}
}

// pageOnRecord hands over a page of a cluster: recorded first, then given. The
// writer, which alone takes the hand-over's lock for writing, takes it for
// reading with the decision; it is released when the page was given.
func (g *Gate) pageOnRecord(ctx context.Context, a schemas.AgencyID, records []journal.Record, end schemas.PullEnd, send Send) (_ schemas.PullEnd, again bool, err error) {
	if len(records) == 0 {
		return end, false, nil
	}
	var check check
	var decided time.Time // zero while the lock is not held
	through := records[len(records)-1].Position
	_, err = g.Write(ctx, journal.Change{Keys: []string{"handover:" + string(a)}, Decide: func() ([]journal.Record, error) {
		if check = g.recheck(a, records); !check.ok() {
			return nil, nil
		}
		if decided.IsZero() {
			g.handover.RLock()
		}
		decided = time.Now()
		return []journal.Record{g.pageRecord(a, through)}, nil
	}})
	release := func() {
		if !decided.IsZero() {
			g.handover.RUnlock()
		}
	}
	if err != nil || !check.ok() {
		release() // a withdrawal takes it for writing
		if err == nil {
			err = g.withdrawFound(ctx, a, check)
		}
		return end, true, err
	}
	defer release()
	err = g.give(a, records, check.closed, func(header map[string][]string, data []byte) error {
		if time.Since(decided) > giveWithin || !g.leads() {
			return errNotWriter
		}
		return send(header, data)
	})
	return end, false, err
}

// pageRecord is the record of a hand-over that is about to be made.
func (g *Gate) pageRecord(a schemas.AgencyID, through uint64) journal.Record {
	g.mu.RLock()
	defer g.mu.RUnlock()
	box := *g.state.boxes[a]
	box.mark = max(box.mark, through)
	return handOverRecord(a, &box)
}
