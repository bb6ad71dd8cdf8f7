package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// The writer is one goroutine and the hub's only writer. It gathers the tasks
// that wait, decides them one after the other on the state as it will be, and
// commits all their records at once.

const (
	gatherMost = 400
	gatherTime = time.Millisecond
	// The bounds of one commit. A change may add up to maxChange records.
	maxRecords = 1000
	maxChange  = 500
	maxBytes   = 16 << 20
	// attempts is how often the same tasks are decided when commits fail.
	attempts = 3
)

var (
	errStopping = schemas.Refuse(schemas.CodeUnavailable, "", "the broker is stopping", "try again later; nothing was lost")
	errFull     = schemas.Refuse(schemas.CodeUnavailable, "", "the broker has too much waiting", "try again later; nothing was lost")
	errDisk     = schemas.Refuse(schemas.CodeUnavailable, "", "the broker could not write to its disk", "try again later; nothing was lost")
)

// task is one thing for the writer: an envelope or a change.
type task struct {
	envelope *submission
	change   *journal.Change
	follow   func(context.Context) error // reads on, in place of a change
	gone     func() error                // not nil once nobody waits for the change
	done     chan changed                // answers the change
}

type changed struct {
	outcome journal.Outcome
	err     error
}

// Write decides a change between the gate's own decisions and commits it. When
// it returns without an error the change is on disk and in force everywhere in
// the broker. An error that carries a code is the change's own refusal; nothing
// was written then, unless the code is unavailable, which leaves that open.
// When ctx ends, a change whose turn has not come is dropped.
func (g *Gate) Write(ctx context.Context, c journal.Change) (journal.Outcome, error) {
	t := &task{change: &c, gone: ctx.Err, done: make(chan changed, 1)}
	if err := g.send(ctx, t); err != nil {
		return journal.Outcome{}, err
	}
	d := <-t.done // the writer answers everything in the queue
	if c.Exclusive && d.err == nil {
		d.err = g.quiet(ctx)
	}
	return d.outcome, d.err
}

// send waits for a place in the writer's order.
func (g *Gate) send(ctx context.Context, t *task) error {
	g.door.RLock()
	defer g.door.RUnlock()
	if g.closed {
		return errStopping
	}
	select {
	case g.queue <- t:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-g.ctx.Done():
		return errStopping
	}
}

// batch is one commit in the making.
type batch struct {
	records []journal.Record
	bytes   int
	chains  map[pair]*chainHead // as they will be
	from    map[[2]schemas.AgencyID]int
	newest  map[schemas.AgencyID]schemas.ULID
	keys    map[string]bool
	// after runs when the batch is on disk and applied, with the position of
	// the record before its first.
	after []func(before uint64)
}

func newBatch() *batch {
	return &batch{
		chains: map[pair]*chainHead{}, from: map[[2]schemas.AgencyID]int{},
		newest: map[schemas.AgencyID]schemas.ULID{}, keys: map[string]bool{},
	}
}

// add appends a record and returns its offset from the position before the
// batch.
func (b *batch) add(r journal.Record) uint64 {
	b.records = append(b.records, r)
	b.bytes += len(r.Data)
	return uint64(len(b.records))
}

func (b *batch) full() bool { return len(b.records)+maxChange > maxRecords || b.bytes > maxBytes }

// claim takes keys for a change. It reports false if another change in the
// batch has one of them.
func (b *batch) claim(keys []string) bool {
	for _, k := range keys {
		if b.keys[k] {
			return false
		}
	}
	for _, k := range keys {
		b.keys[k] = true
	}
	return true
}

// is reports whether these records of the hub begin with the batch.
func (b *batch) is(records []journal.Record) bool {
	if len(b.records) == 0 || len(records) < len(b.records) {
		return false
	}
	for i, r := range b.records {
		same := r.Subject == records[i].Subject && bytes.Equal(r.Data, records[i].Data) &&
			maps.EqualFunc(r.Header, records[i].Header, slices.Equal)
		if !same {
			return false
		}
	}
	return true
}

// write is the writer's loop. It ends when the queue is closed and empty.
func (g *Gate) write() {
	defer g.stop()
	var held []*task
	for {
		tasks := g.gather(held)
		if tasks == nil {
			break
		}
		held = g.commit(tasks)
	}
	if !g.leads() {
		return
	}
	if err := g.recordHandOvers(true); err != nil {
		g.log.WarnContext(g.ctx, "last hand-overs were not recorded", "error", err)
	}
}

// gather waits for a task, then takes what else is there. Nothing else there,
// no waiting. It returns nil when there will be no more.
func (g *Gate) gather(tasks []*task) []*task {
	if len(tasks) == 0 {
		t, ok := <-g.queue
		if !ok {
			return nil
		}
		tasks = append(tasks, t)
	}
	var timer <-chan time.Time
	for len(tasks) < gatherMost {
		select {
		case t, ok := <-g.queue:
			if !ok {
				return tasks
			}
			tasks = append(tasks, t)
			if timer == nil {
				timer = time.After(gatherTime)
			}
			continue
		default:
		}
		if timer == nil {
			return tasks
		}
		select {
		case t, ok := <-g.queue:
			if !ok {
				return tasks
			}
			tasks = append(tasks, t)
		case <-timer:
			return tasks
		}
	}
	return tasks
}

// commit decides and writes as many of the tasks, from the first, as may share
// a commit, and returns the rest. An exclusive change has a commit for itself.
func (g *Gate) commit(tasks []*task) (rest []*task) {
	if t := tasks[0]; t.follow != nil {
		t.done <- changed{err: t.follow(g.ctx)}
		return tasks[1:]
	}
	if !g.leads() {
		tasks[0].refuse(g, errNotWriter)
		return tasks[1:]
	}
	if c := tasks[0].change; c != nil && c.Exclusive {
		g.handover.Lock()
		defer g.handover.Unlock()
		// A replay has to see what was handed over on the right side of the
		// change.
		if err := g.recordHandOvers(false); err != nil {
			tasks[0].refuse(g, errDisk)
			return tasks[1:]
		}
		g.attempt(tasks[:1])
		return tasks[1:]
	}
	n := 0
	for n < len(tasks) && tasks[n].follow == nil && (tasks[n].change == nil || !tasks[n].change.Exclusive) {
		n++
	}
	n = g.attempt(tasks[:n])
	return tasks[n:]
}

// attempt decides the tasks and commits them. If the hub moved or its answer
// was lost, it reads on; if that shows no commit of its own, it decides again.
// It returns how many of the tasks it answered.
func (g *Gate) attempt(tasks []*task) int {
	var tried []*batch
	var taken []int
	var err error
	for range attempts {
		b, before := newBatch(), g.state.position
		n := g.decide(b, tasks)
		if err = g.put(b); err == nil {
			g.finish(b, before)
			return n
		}
		g.log.WarnContext(g.ctx, "commit did not go through; reading on", "records", len(b.records), "error", err)
		if !g.leads() { // what became of it shows when this broker reads on
			err = errNotWriter
			break
		}
		tried, taken = append(tried, b), append(taken, n)
		read, readErr := g.readOn(g.ctx, true)
		if readErr != nil {
			err = errors.Join(err, readErr)
			break
		}
		// An earlier one may have come through late, in place of this one.
		if i := slices.IndexFunc(tried, func(b *batch) bool { return b.is(read) }); i >= 0 {
			g.finish(tried[i], before)
			return taken[i]
		}
	}
	if !errors.Is(err, errNotWriter) {
		g.log.ErrorContext(g.ctx, "hub does not take commits", "error", err)
		err = errDisk
	}
	for _, t := range tasks {
		t.refuse(g, err)
	}
	return len(tasks)
}

// refuse answers a task that was not decided.
func (t *task) refuse(g *Gate, err error) {
	if t.change != nil {
		t.done <- changed{err: err}
		return
	}
	g.turnAway(t.envelope, err)
}

// decide runs the tasks' decisions until one has to wait for the next commit.
func (g *Gate) decide(b *batch, tasks []*task) int {
	for i, t := range tasks {
		switch {
		case b.full():
			return i
		case t.change == nil:
			select {
			case <-t.envelope.ready:
				g.decideEnvelope(b, t.envelope)
			case <-g.ctx.Done(): // nobody prepares it any more
				b.after = append(b.after, func(uint64) { t.refuse(g, errStopping) })
			}
		case t.gone() != nil:
			err := t.gone()
			b.after = append(b.after, func(uint64) { t.refuse(g, err) })
		case !b.claim(t.change.Keys):
			return i
		default:
			g.decideChange(b, t)
		}
	}
	return len(tasks)
}

// decideChange lets a change make its records, and counts what becomes of the
// envelopes whose grant it revokes.
func (g *Gate) decideChange(b *batch, t *task) {
	records, err := t.change.Decide()
	if err == nil && len(records) > maxChange {
		err = fmt.Errorf("change makes %d records, more than %d", len(records), maxChange)
	}
	if err != nil {
		b.after = append(b.after, func(uint64) { t.refuse(g, err) })
		return
	}
	out := journal.Outcome{Time: g.now()}
	var last uint64
	for _, id := range t.change.Revokes {
		g.foresee(id, &out)
	}
	for _, r := range records {
		last = b.add(r)
	}
	b.after = append(b.after, func(before uint64) {
		if last > 0 {
			out.Position = before + last
		}
		t.done <- changed{outcome: out}
	})
}

// put commits a batch and applies it.
func (g *Gate) put(b *batch) error {
	if len(b.records) == 0 {
		return nil
	}
	crash.Point(crash.GateDecided)
	before, start := g.state.position, time.Now()
	ctx, cancel := context.WithTimeout(g.termContext(), commitWithin)
	err := g.hub.Commit(ctx, before, b.records)
	cancel()
	g.opts.Metrics.Commit(len(b.records), time.Since(start), err)
	if err != nil {
		return err
	}
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, r := range b.records {
		r.Position, r.Time = before+uint64(i)+1, now
		if err := g.state.apply(r); err != nil {
			return fmt.Errorf("apply committed record: %w", err)
		}
	}
	return nil
}

// finish answers a batch that is on disk and applied, and tells whom it
// concerns.
func (g *Gate) finish(b *batch, before uint64) {
	for _, r := range b.records {
		switch r.Kind() {
		case journal.Accepted:
			crash.Point(crash.GateCommitted)
		case journal.GrantRevoked:
			crash.Point(crash.GateRevoked)
		case journal.Stored:
			crash.Point(crash.GateReceipted)
		case journal.MemberAdmitted:
			crash.Point(crash.EnrolAdmitted)
		default:
		}
	}
	for _, fn := range b.after {
		fn(before)
	}
	g.tell()
}

// tell sends hints for what has arrived and has lapsed mail looked through.
func (g *Gate) tell() {
	g.mu.Lock()
	arrived, ended := g.state.arrived, len(g.state.ended) > 0
	g.state.arrived = map[schemas.AgencyID]uint64{}
	g.mu.Unlock()
	for a, position := range arrived {
		g.opts.Hint(a, position)
	}
	if ended {
		g.wake()
	}
}

// readOn follows the hub to its end. With keep it returns what it read.
func (g *Gate) readOn(ctx context.Context, keep bool) (read []journal.Record, err error) {
	err = g.hub.Scan(ctx, g.state.position+1, func(r journal.Record) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if keep {
			read = append(read, r)
		}
		return g.state.apply(r)
	})
	return read, err
}
