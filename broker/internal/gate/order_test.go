package gate_test

import (
	"context"
	"crypto/ed25519"
	"sync"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// slow is a hub whose commits wait while it is held, so that a test can say
// what meets in the next one.
type slow struct {
	gate.Hub
	held sync.Mutex
}

func (s *slow) Commit(ctx context.Context, last uint64, records []journal.Record) error {
	s.held.Lock()
	defer s.held.Unlock()
	return s.Hub.Commit(ctx, last, records)
}

func onSlow(t *testing.T, agencies int) (*network, *slow) {
	c := newClock()
	hub := &slow{Hub: &memory{now: c.now}}
	n := prepare(t, hub, c)
	n.found(agencies)
	return n, hub
}

// together holds the hub, queues the calls one after the other, and lets go.
func (n *network) together(hub *slow, calls ...func()) {
	n.t.Helper()
	n.sweep()
	var running sync.WaitGroup
	hub.held.Lock()
	running.Go(func() { n.agencies[0].submitRaw(nil, nil) }) // the commit that all others wait for
	eventually.True(n.t, "the writer commits", func() bool { return n.gate.Load() > 0 && n.gate.Queued() == 0 })
	for i, call := range calls {
		running.Go(call)
		eventually.True(n.t, "the call waits for the writer", func() bool { return n.gate.Queued() == i+1 })
	}
	hub.held.Unlock()
	running.Wait()
}

// TestOneInvitationOneMember has two cards meet in one commit.
func TestOneInvitationOneMember(t *testing.T) {
	n, hub := onSlow(t, 1)
	key := schemas.InvitationKey(schemas.NewSecret(), "newcomer")
	n.roll.Members = append(n.roll.Members, schemas.RollMember{
		Agency: "newcomer", Account: "NEW", Status: schemas.MemberActive, Invitation: schemas.KeyIDOf(key.Public().(ed25519.PublicKey)),
	})
	n.publishRoll()
	check(t, n.reg.Invite(n.ctx(), n.sign(schemas.RecordInvitation, schemas.Invitation{
		V: 1, Network: networkID, Agency: "newcomer", Account: "NEW", Key: key.Public().(ed25519.PublicKey), Expires: schemas.At(n.clock.now().Add(time.Hour)),
	})))
	errs := make(chan error, 2)
	join := func() {
		_, own, err := ed25519.GenerateKey(nil)
		check(t, err)
		_, err = n.reg.Join(n.ctx(), (&agency{n: n, id: "newcomer", key: own}).joinRequest(key))
		errs <- err
	}
	n.together(hub, join, join)
	codes := map[schemas.Code]int{schemas.CodeOf(<-errs): 1}
	codes[schemas.CodeOf(<-errs)]++
	if codes[""] != 1 || codes[schemas.CodeNotMember] != 1 {
		t.Errorf("got %v, want one admitted and one not", codes)
	}
}

// TestS5NothingQueuedComesFromASuspendedMember: what passed the first checks
// before the suspension and is decided after it.
func TestS5NothingQueuedComesFromASuspendedMember(t *testing.T) {
	n, hub := onSlow(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	c, g := a.thread(b), a.grant(b)
	e, _ := b.thread(a).send(schemas.CharterGrant)
	envelope, receipt, grant := c.next(g), a.receipt(b.id, receiptItem(e)), a.sign(schemas.RecordGrant, a.terms(b, 0, 9))
	var codes [3]schemas.Code
	n.together(hub,
		func() { n.standing(a, schemas.MemberSuspended) },
		func() { codes[0] = a.submit(envelope).Code },
		func() { _, err := n.gate.Receipt(n.ctx(), a.account, receipt); codes[1] = schemas.CodeOf(err) },
		func() {
			_, err := n.reg.Grants(n.ctx(), a.id, schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{grant}})
			codes[2] = schemas.CodeOf(err)
		},
	)
	for i, code := range codes {
		if code != schemas.CodeSuspended {
			t.Errorf("call %d: got %q", i, code)
		}
	}
	records := n.records()
	if count(records, journal.Accepted) != 1 || count(records, journal.Stored) != 0 {
		t.Error("something of a suspended member was committed")
	}
}

// TestS4HandOverStandsBeforeTheRevocation lets a revocation arrive while a page
// is being given to the connection.
func TestS4HandOverStandsBeforeTheRevocation(t *testing.T) {
	n := inMemory(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	g := a.grant(b)
	_, cursor := b.collect(0)
	n.sweep()
	_, position := a.thread(b).send(g)
	out := make(chan journal.Outcome, 1)
	check(t, n.gate.Pull(n.ctx(), b.account, schemas.PullRequest{V: 1, After: cursor}, func(header map[string][]string, data []byte) error {
		if itemFrom(header, data).kind == schemas.ItemEnvelope {
			go func() { out <- a.revoke(g) }()
			eventually.True(t, "the revocation waits for the page", n.gate.TakingAway)
		}
		return nil
	}))
	if o := <-out; o.HandedOver != 1 || o.Withdrawn != 0 || o.Unknown != 0 {
		t.Errorf("got %+v, want one handed over", o)
	}
	recorded := false
	for _, r := range n.records() {
		switch r.Kind() {
		case journal.HandedOver:
			recorded = recorded || r.Position > position
		case journal.GrantRevoked:
			if !recorded {
				t.Error("the hand-over is recorded after the revocation only")
			}
		}
	}
}
