package gate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
	// maxRecords is what one commit can hold.
	maxRecords = 1000
)

var errStopping = schemas.Refuse(schemas.CodeUnavailable, "", "the broker is stopping", "try again later; nothing was lost")

// task is one thing for the writer: an envelope or a change.
type task struct {
	envelope *submission
	change   *journal.Change
	done     chan changed // answers the change
}

type changed struct {
	outcome journal.Outcome
	err     error
}

// Write decides a change between the gate's own decisions and commits it. When
// it returns without an error the change is on disk and in force everywhere in
// the broker. An error that carries a code is the change's own refusal; nothing
// was written.
func (g *Gate) Write(ctx context.Context, c journal.Change) (journal.Outcome, error) {
	t := &task{change: &c, done: make(chan changed, 1)}
	select {
	case g.queue <- t:
	case <-g.ctx.Done():
		return journal.Outcome{}, errStopping
	case <-ctx.Done():
		return journal.Outcome{}, ctx.Err()
	}
	select {
	case d := <-t.done:
		return d.outcome, d.err
	case <-g.ctx.Done():
		return journal.Outcome{}, errStopping
	case <-ctx.Done():
		return journal.Outcome{}, ctx.Err()
	}
}

// batch is one commit in the making.
type batch struct {
	records []journal.Record
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

// add appends a record and returns its offset from the batch's first position.
func (b *batch) add(r journal.Record) uint64 {
	b.records = append(b.records, r)
	return uint64(len(b.records))
}

// write is the writer's loop.
func (g *Gate) write() {
	var held []*task
	for {
		tasks := g.gather(held)
		if tasks == nil {
			return
		}
		held = g.commit(tasks)
	}
}

// gather waits for a task, then takes what else is there. Nothing else there,
// no waiting. It returns nil when the gate stops.
func (g *Gate) gather(held []*task) []*task {
	tasks := held
	if len(tasks) == 0 {
		select {
		case t := <-g.queue:
			tasks = append(tasks, t)
		case <-g.ctx.Done():
			return nil
		}
	}
	var timer <-chan time.Time
	for len(tasks) < gatherMost {
		select {
		case t := <-g.queue:
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
		case t := <-g.queue:
			tasks = append(tasks, t)
		case <-timer:
			return tasks
		case <-g.ctx.Done():
			return nil
		}
	}
	return tasks
}

// commit decides and writes as many of the tasks, from the first, as may share
// a commit, and returns the rest.
func (g *Gate) commit(tasks []*task) (rest []*task) {
	if c := tasks[0].change; c != nil && c.Exclusive {
		g.handover.Lock()
		defer g.handover.Unlock()
		g.attempt(tasks[:1])
		return tasks[1:]
	}
	n := 0
	for n < len(tasks) && (tasks[n].change == nil || !tasks[n].change.Exclusive) {
		n++
	}
	n = g.attempt(tasks[:n])
	return tasks[n:]
}

// attempt decides the tasks and commits them; if the hub moved or its answer
// was lost, it reads on and does so once more. It returns how many it took.
func (g *Gate) attempt(tasks []*task) int {
	var err error
	for range 2 {
		b := newBatch()
		n := g.decide(b, tasks)
		if err = g.put(b); err == nil {
			return n
		}
		g.log.WarnContext(g.ctx, "commit did not go through; reading on", "records", len(b.records), "error", err)
		if readErr := g.readOn(g.ctx); readErr != nil {
			err = errors.Join(err, readErr)
			break
		}
	}
	g.log.ErrorContext(g.ctx, "hub does not take commits", "error", err)
	for _, t := range tasks {
		t.fail(g, schemas.Refuse(schemas.CodeUnavailable, "", "the broker could not write to its disk", "try again later; nothing was lost"))
	}
	return len(tasks)
}

func (t *task) fail(g *Gate, err error) {
	if t.change != nil {
		t.done <- changed{err: err}
		return
	}
	g.answer(t.envelope, g.refusedReply(t.envelope, err))
}

// decide runs the tasks' decisions until one has to wait for the next commit.
func (g *Gate) decide(b *batch, tasks []*task) int {
	for _, t := range tasks {
		if t.envelope != nil {
			<-t.envelope.ready
		}
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	for i, t := range tasks {
		if len(b.records) > maxRecords-maxRecords/10 {
			return i
		}
		if t.envelope != nil {
			g.decideEnvelope(b, t.envelope)
			continue
		}
		if i > 0 && b.touches(t.change.Keys) {
			return i
		}
		g.decideChange(b, t)
	}
	return len(tasks)
}

func (b *batch) touches(keys []string) bool {
	for _, k := range keys {
		if b.keys[k] {
			return true
		}
	}
	for _, k := range keys {
		b.keys[k] = true
	}
	return false
}

// decideChange lets a change make its records, and works out what becomes of
// the envelopes that it concerns.
func (g *Gate) decideChange(b *batch, t *task) {
	records, err := t.change.Decide()
	if err != nil {
		b.after = append(b.after, func(uint64) { t.done <- changed{err: err} })
		return
	}
	out := journal.Outcome{Time: g.now()}
	if t.change.Exclusive {
		g.recordHandOvers(b)
	}
	var last uint64
	for _, r := range records {
		if r.Kind() == journal.GrantRevoked {
			g.foresee(&r, &out)
		}
		last = b.add(r)
	}
	b.after = append(b.after, func(before uint64) {
		if last > 0 {
			out.Position = before + last
		}
		t.done <- changed{outcome: out}
	})
}

// recordHandOvers writes down every hand-over that the hub does not know of, so
// that a replay of the hub sees them on the right side of the change.
func (g *Gate) recordHandOvers(b *batch) {
	for a, box := range g.state.boxes {
		if box.mark > box.recorded {
			b.add(handOverRecord(a, box))
		}
	}
}

func handOverRecord(a schemas.AgencyID, box *mailbox) journal.Record {
	count := 0
	for i := box.after(box.recorded); i < len(box.items) && box.items[i].position <= box.mark; i++ {
		if box.items[i].kind == schemas.ItemEnvelope && box.items[i].fate == fateNone {
			count++
		}
	}
	return journal.Record{
		Subject: "hub.0.decision." + string(a),
		Header: map[string][]string{
			journal.HeaderKind:      {string(journal.HandedOver)},
			journal.HeaderRecipient: {string(a)},
			journal.HeaderThrough:   {strconv.FormatUint(box.mark, 10)},
			journal.HeaderCursor:    {strconv.FormatUint(box.cursor, 10)},
			journal.HeaderCount:     {strconv.Itoa(count)},
		},
	}
}

// foresee counts what the revocation r will do, by the same rules as
// applyRevoked, and notes in r up to where hand-overs are unknown.
func (g *Gate) foresee(r *journal.Record, out *journal.Outcome) {
	recipient := schemas.AgencyID(r.Get(journal.HeaderRecipient))
	grant := schemas.GrantID(r.Get(journal.HeaderGrant))
	var unknown uint64
	box := g.state.boxes[recipient]
	if box == nil || !box.pulled {
		unknown = g.startedAt
	}
	r.Header[journal.HeaderThrough] = []string{strconv.FormatUint(unknown, 10)}
	if box == nil {
		return
	}
	for i := box.after(box.cursor); i < len(box.items); i++ {
		it := box.items[i]
		switch {
		case it.kind != schemas.ItemEnvelope || it.grant != grant || it.fate == fateWithdrawn:
		case it.position <= box.mark:
			out.HandedOver++
		case it.position <= unknown:
			out.Unknown++
		default:
			out.Withdrawn++
		}
	}
}

// put commits a batch and applies it.
func (g *Gate) put(b *batch) error {
	before := g.state.position
	if len(b.records) > 0 {
		crash.Point(crash.GateDecided)
		start := time.Now()
		ctx, cancel := context.WithTimeout(g.ctx, commitWithin)
		err := g.hub.Commit(ctx, before, b.records)
		cancel()
		g.opts.Metrics.Commit(len(b.records), time.Since(start), err)
		if err != nil {
			return err
		}
		if err := g.applyAll(b.records, before); err != nil {
			return err
		}
		g.crashAfter(b.records)
	}
	for _, fn := range b.after {
		fn(before)
	}
	if len(b.records) > 0 {
		g.settlePending()
	}
	return nil
}

// crashAfter passes the crash points that lie between a commit and its answer.
func (g *Gate) crashAfter(records []journal.Record) {
	for _, r := range records {
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
}

// applyAll applies what was just committed, as a replay will.
func (g *Gate) applyAll(records []journal.Record, before uint64) error {
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, r := range records {
		r.Position = before + uint64(i) + 1
		r.Time = now
		if err := g.state.apply(r); err != nil {
			return fmt.Errorf("apply committed record: %w", err)
		}
	}
	return nil
}

// settlePending asks for the records of withdrawals that follow from a
// revocation or suspension and are not yet written. It does not wait.
func (g *Gate) settlePending() {
	g.mu.RLock()
	n := len(g.state.gone)
	g.mu.RUnlock()
	if n == 0 {
		return
	}
	g.inBackground(journal.Change{Keys: []string{"withdrawals"}, Decide: g.withdrawals})
}

// inBackground queues a change whose outcome nobody waits for. If the queue is
// full it is dropped; the next sweep asks again.
func (g *Gate) inBackground(c journal.Change) {
	select {
	case g.queue <- &task{change: &c, done: make(chan changed, 1)}:
	default:
	}
}

// withdrawals makes the records of up to 200 withdrawals.
func (g *Gate) withdrawals() ([]journal.Record, error) {
	var records []journal.Record
	for position, w := range g.state.gone {
		r, err := g.withdrawnRecord(position, w)
		if err != nil {
			return nil, err
		}
		if records = append(records, r); len(records) == 200 {
			break
		}
	}
	return records, nil
}
