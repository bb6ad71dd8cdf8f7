package gate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// faulty is a hub whose commits fail in every way that a real one's may.
type faulty struct {
	gate.Hub

	mu     sync.Mutex // guards what follows
	random *rand.Rand
	often  int // in percent
	late   func()
	full   bool
	fail   map[string]int
}

var errTimeout = fmt.Errorf("commit: %w", context.DeadlineExceeded)

func (f *faulty) Commit(ctx context.Context, last uint64, records []journal.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.late != nil { // a batch that was given up comes through before this one
		f.late()
		f.late = nil
	}
	if f.full {
		f.fail["full"]++
		return errors.New("no space left on device")
	}
	if f.random.IntN(100) >= f.often {
		return f.Hub.Commit(ctx, last, records)
	}
	switch f.random.IntN(4) {
	case 0: // the answer is lost
		f.fail["answer lost"]++
		if err := f.Hub.Commit(ctx, last, records); err != nil {
			return err
		}
		return errTimeout
	case 1: // the request is lost
		f.fail["request lost"]++
		return errTimeout
	case 2: // it comes through when nobody waits for it
		f.fail["late"]++
		kept := append([]journal.Record(nil), records...)
		f.late = func() { _ = f.Hub.Commit(context.Background(), last, kept) }
		return errTimeout
	default:
		f.fail["moved"]++
		return journal.ErrMoved
	}
}

func (f *faulty) set(often int, full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.often, f.full = often, full
}

func newFaulty(hub gate.Hub, seed uint64) *faulty {
	return &faulty{Hub: hub, random: rand.New(rand.NewPCG(seed, 1)), fail: map[string]int{}}
}

func TestR2CommitFailures(t *testing.T) {
	for seed := range schedules(15, 150) {
		commitFailures(t, newFaulty(nil, uint64(seed)), uint64(seed))
	}
}

func TestR2CommitFailuresOnDisk(t *testing.T) {
	for seed := range schedules(2, 5) {
		commitFailures(t, newFaulty(realHub(t), uint64(seed)), uint64(seed))
	}
}

func commitFailures(t *testing.T, hub *faulty, seed uint64) {
	c := newClock()
	if hub.Hub == nil {
		hub.Hub = &memory{now: c.now}
	}
	n := prepare(t, hub, c)
	n.found(4)
	s := newSchedule(n, seed)
	to := n.agencies[3]
	inbox := &mailbox{of: to}
	var grants [3]schemas.GrantID
	for i := range grants {
		grants[i] = n.agencies[i].grant(to)
	}

	hub.set(40, false)
	var answers atomic.Int64
	var senders, work sync.WaitGroup
	progress := newMilestones(12)
	for i := range grants {
		senders.Go(func() {
			m := progress
			if i > 0 {
				m = nil
			}
			if code := s.stream(n.agencies[i].thread(to), grants[i], 15, m); code != "" && (i > 0 || code != schemas.CodeGrantRevoked) {
				t.Errorf("sender %d got %s", i, code)
			}
			answers.Add(1)
		})
	}
	work.Go(func() { // the disk is full for a while
		<-progress[3]
		hub.set(0, true)
		r := n.agencies[1].submitRaw(map[string][]string{}, nil)
		if r.Result != schemas.ResultRefused {
			t.Errorf("on a full disk: got %s", r.Result)
		}
		hub.set(40, false)
	})
	var out journal.Outcome
	var once bool
	work.Go(func() {
		<-progress[8]
		var err error
		once, err = persist(func() (err error) {
			out, err = n.reg.Grants(n.ctx(), n.agencies[0].id, n.agencies[0].revocation(grants[0]))
			return err
		})
		check(t, err)
	})
	stop := s.keepPulling(inbox)
	senders.Wait()
	work.Wait()
	stop()
	hub.set(0, false)

	s.drain(inbox)
	n.sweep()
	s.drain(inbox)
	sender := &mailbox{of: n.agencies[0]}
	s.drain(sender)
	withdrawn := s.settled(t, grants[0], sender, inbox, 0, string(schemas.CodeGrantRevoked))
	if once && out.Withdrawn != withdrawn {
		t.Errorf("%d were withdrawn; the revocation said %+v", withdrawn, out)
	}
	for _, g := range grants[1:] {
		if got := len(n.history(g).accepted); got != 15 {
			t.Errorf("%d of 15 were accepted", got)
		}
		s.settled(t, g, &mailbox{}, inbox, 0)
	}
	revoked := 0
	for _, r := range n.records() {
		if r.Kind() == journal.GrantRevoked {
			revoked++
		}
	}
	if revoked != 1 {
		t.Errorf("the revocation was written %d times", revoked)
	}
	n.sameAfterReplay(t)
	if t.Failed() {
		t.Fatalf("with seed %d and failures %v", seed, hub.fail)
	}
}

// TestEverySubmissionIsAnsweredAtStop stops the gate while envelopes come in.
func TestEverySubmissionIsAnsweredAtStop(t *testing.T) {
	for _, patient := range []bool{true, false} {
		n := inMemory(t, 2)
		a := n.agencies[0]
		g, c := a.grant(n.agencies[1]), a.thread(n.agencies[1])
		var flight []schemas.Envelope
		for range 300 {
			e := c.next(g)
			c.took(e)
			flight = append(flight, e)
		}
		replies := make(chan schemas.SubmitReply, 2*len(flight))
		half := make(chan struct{})
		var sending sync.WaitGroup
		sending.Go(func() {
			for i, e := range flight {
				if i == len(flight)/2 {
					close(half)
				}
				n.gate.Submit(a.account, e.Header(), e.Data, func(r schemas.SubmitReply) { replies <- r })
			}
		})
		<-half
		ctx, cancel := context.WithCancel(n.ctx())
		if !patient {
			cancel()
		}
		_ = n.gate.Stop(ctx)
		cancel()
		sending.Wait()
		accepted := 0
		for range flight {
			switch r := <-replies; {
			case r.Result == schemas.ResultAccepted:
				accepted++
			case patient && r.Code != schemas.CodeUnavailable, r.Code != schemas.CodeUnavailable && r.Code != schemas.CodeSequenceGap && r.Code != schemas.CodeNotAttempted:
				t.Errorf("got %s %s", r.Result, r.Code)
			}
		}
		if len(replies) > 0 {
			t.Error("an envelope was answered twice")
		}
		if got := count(n.records(), journal.Accepted); got != accepted {
			t.Errorf("%d were committed, %d accepted", got, accepted)
		}
		if n.gate.Load() != 0 {
			t.Errorf("%d bytes are still held", n.gate.Load())
		}
		if _, err := n.gate.Write(n.ctx(), journal.Change{}); schemas.CodeOf(err) != schemas.CodeUnavailable {
			t.Errorf("a change after Stop: got %v", err)
		}
		if _, end := a.pull(schemas.PullRequest{}); end.Code != schemas.CodeUnavailable {
			t.Errorf("a pull after Stop: got %q", end.Code)
		}
	}
}

// TestChangeWithTooManyRecordsIsRefusedAlone: what one change does wrong does
// not reach the others in its commit.
func TestChangeWithTooManyRecordsIsRefusedAlone(t *testing.T) {
	n := inMemory(t, 2)
	many := make([]journal.Record, 501)
	for i := range many {
		many[i] = journal.Record{Subject: "hub.0.x", Header: map[string][]string{journal.HeaderKind: {string(journal.Refused)}}}
	}
	if _, err := n.gate.Write(n.ctx(), journal.Change{Decide: func() ([]journal.Record, error) { return many, nil }}); err == nil {
		t.Error("501 records in one change were written")
	}
	ctx, cancel := context.WithCancel(n.ctx())
	cancel()
	ran := false
	if _, err := n.gate.Write(ctx, journal.Change{Decide: func() ([]journal.Record, error) { ran = true; return nil, nil }}); !errors.Is(err, context.Canceled) || ran {
		t.Errorf("a change that nobody waits for: got %v, ran %v", err, ran)
	}
	n.agencies[0].thread(n.agencies[1]).send(schemas.CharterGrant)
}
