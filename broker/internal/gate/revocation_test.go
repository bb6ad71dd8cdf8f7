package gate_test

import (
	"reflect"
	"sync"
	"testing"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// schedules is how many interleavings a property tries.
func schedules(few, many int) int {
	if testing.Short() {
		return few
	}
	return many
}

func TestS1RevocationAgainstPull(t *testing.T) {
	for seed := range schedules(40, 1000) {
		revocationAgainstPull(t, uint64(seed))
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

func revocationAgainstPull(t *testing.T, seed uint64) {
	n := inMemory(t, 3)
	s := newSchedule(n, seed)
	a, b, r := n.agencies[0], n.agencies[1], n.agencies[2]
	revoked, kept := a.grant(r), b.grant(r)
	inboxA, inboxR := &mailbox{of: a}, &mailbox{of: r}
	progress := newMilestones(1 + s.upTo(12))
	length := len(progress) + s.upTo(6)

	var work, senders sync.WaitGroup
	senders.Go(func() {
		if code := s.stream(a.thread(r), revoked, length, progress); code != "" && code != schemas.CodeGrantRevoked {
			t.Errorf("sender got %s", code)
		}
	})
	senders.Go(func() {
		if code := s.stream(b.thread(r), kept, length, nil); code != "" {
			t.Errorf("the other sender got %s", code)
		}
	})
	var out journal.Outcome
	var once bool
	var from uint64
	var at uint64
	when := s.upTo(len(progress))
	work.Go(func() {
		<-progress[when]
		var err error
		once, err = persist(func() (err error) {
			_, reg, _ := n.running()
			out, err = reg.Grants(n.ctx(), a.id, a.revocation(revoked))
			return err
		})
		check(t, err)
		from, at = s.tick.Add(1), out.Position
	})
	if s.chance(60) {
		work.Go(func() { s.restarts(progress) })
	}
	stop := s.keepPulling(inboxR)
	senders.Wait()
	work.Wait()
	stop()

	s.drain(inboxR) // settles what was unknown
	n.sweep()
	s.drain(inboxR)
	s.drain(inboxA)
	withdrawn := s.settled(t, revoked, inboxA, inboxR, from, string(schemas.CodeGrantRevoked))
	if once {
		if withdrawn < out.Withdrawn || withdrawn > out.Withdrawn+out.Unknown {
			t.Errorf("%d were withdrawn; the revocation said %+v", withdrawn, out)
		}
		if s.kills == 0 && out.HandedOver > len(n.history(revoked).accepted)-withdrawn {
			t.Errorf("%d were accepted, %d withdrawn; the revocation said %+v", len(n.history(revoked).accepted), withdrawn, out)
		}
	}
	for id, r := range n.history(revoked).accepted {
		if at > 0 && r.Position > at {
			t.Errorf("envelope %s was committed after the revocation", id)
		}
	}
	if s.settled(t, kept, &mailbox{}, inboxR, 0) > 0 {
		t.Error("envelopes under another grant were withdrawn")
	}
	n.sameAfterReplay(t)
}

// sameAfterReplay stops the gate and checks that a replay of the hub leads to
// its state.
func (n *network) sameAfterReplay(t *testing.T) {
	t.Helper()
	check(t, n.gate.Stop(n.ctx()))
	got, want := n.rebuilt().Snapshot(true), n.gate.Snapshot(true)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("a replay leads to another state:\n%+v\nnot\n%+v", got, want)
	}
}
