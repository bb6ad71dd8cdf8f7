package gate_test

import (
	"sync"
	"testing"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestS5SuspensionAgainstCommit(t *testing.T) {
	for seed := range schedules(40, 1000) {
		suspensionAgainstCommit(t, uint64(seed))
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// suspensionAgainstCommit suspends x, who sends to b and is sent to by b.
func suspensionAgainstCommit(t *testing.T, seed uint64) {
	n := inMemory(t, 2)
	s := newSchedule(n, seed)
	x, b := n.agencies[0], n.agencies[1]
	fromX, toX := x.grant(b), b.grant(x)
	inboxX, inboxB := &mailbox{of: x}, &mailbox{of: b}
	progress := newMilestones(1 + s.upTo(12))
	length := len(progress) + s.upTo(6)

	var work, senders sync.WaitGroup
	senders.Go(func() {
		if code := s.stream(x.thread(b), fromX, length, progress); code != "" && code != schemas.CodeSuspended {
			t.Errorf("the suspended sender got %s", code)
		}
	})
	senders.Go(func() { // goes on: what is for x is accepted and kept
		if code := s.stream(b.thread(x), toX, length, nil); code != "" {
			t.Errorf("the other sender got %s", code)
		}
	})
	n.roll.Number++
	n.roll.Members[0].Status = schemas.MemberSuspended
	roll := n.sign(schemas.RecordRoll, n.roll)
	when := s.upTo(len(progress))
	var from uint64
	work.Go(func() {
		<-progress[when]
		_, err := persist(func() error {
			_, reg, _ := n.running()
			_, err := reg.PublishRoll(n.ctx(), roll)
			return err
		})
		check(t, err)
		from = s.tick.Add(1)
	})
	if s.chance(60) {
		work.Go(func() { s.restarts(progress) })
	}
	stopX, stopB := s.keepPulling(inboxX), s.keepPulling(inboxB)
	senders.Wait()
	work.Wait()
	stopX()
	stopB()

	// What x had sent and b has not been given is withdrawn.
	s.drain(inboxB)
	n.sweep()
	s.drain(inboxB)
	// Nothing is given to x, but it may still revoke.
	if more, code := s.pull(inboxX); code != schemas.CodeSuspended && !more {
		t.Errorf("the suspended member's pull was answered %q", code)
	}
	for id := range n.history(toX).accepted {
		for _, tick := range s.given[id] {
			if tick > from {
				t.Errorf("envelope %s was handed to a suspended member", id)
			}
		}
	}
	x.revoke(fromX)
	n.sweep()
	s.drain(inboxB)

	n.standing(x, schemas.MemberActive)
	s.drain(inboxX)
	s.settled(t, fromX, inboxX, inboxB, from, string(schemas.CodeSuspended))
	if s.settled(t, toX, inboxB, inboxX, 0) > 0 {
		t.Error("mail for the suspended member was withdrawn")
	}
	suspended := false
	for _, r := range n.records() {
		switch {
		case r.Kind() == journal.MemberSuspended:
			suspended = true
		case r.Kind() == journal.MemberReadmitted:
			suspended = false
		case suspended && r.Kind() == journal.Accepted && r.Get("ce-source") == x.id.Source():
			t.Errorf("position %d was committed from a suspended member", r.Position)
		}
	}
	if got := count(n.records(), journal.MemberSuspended); got != 1 {
		t.Errorf("the roll was written %d times", got)
	}
	n.sameAfterReplay(t)
}
