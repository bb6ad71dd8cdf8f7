package gate_test

import (
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestS3SenderIsTheAccount(t *testing.T) {
	n := inMemory(t, 3)
	a, b, other := n.agencies[0], n.agencies[1], n.agencies[2]
	c := a.thread(b)
	e := c.next(a.grant(b))
	if r := other.submit(e); r.Code != schemas.CodeSenderMismatch {
		t.Errorf("another member's envelope: got %s", r.Code)
	}
	if r := a.submit(e.Signed(other.key)); r.Code != schemas.CodeUnknownSigningKey {
		t.Errorf("signed by another member: got %s", r.Code)
	}
	e.Sender = other.id
	if r := a.submit(e.Signed(other.key)); r.Code != schemas.CodeSenderMismatch {
		t.Errorf("in another member's name: got %s", r.Code)
	}
	if r := a.submit(e.Signed(a.key)); r.Code != schemas.CodeSenderMismatch {
		t.Errorf("in another member's name with the own key: got %s", r.Code)
	}
	for _, r := range n.records() {
		if r.Kind() == journal.Refused && r.Get(journal.HeaderSender) == "" {
			t.Error("a refusal does not say whose connection it came from")
		}
	}
}

func TestR2DuplicatesHaveNoEffect(t *testing.T) {
	for name, n := range map[string]*network{"memory": inMemory(t, 3), "disk": onDisk(t, 3)} {
		t.Run(name, func(t *testing.T) {
			a, b := n.agencies[0], n.agencies[1]
			g, c := a.grant(b), a.thread(b)
			var sent []schemas.Envelope
			var at []uint64
			for range 5 {
				e, position := c.send(g)
				sent, at = append(sent, e), append(at, position)
			}
			again := func(when string) {
				t.Helper()
				for _, i := range []int{0, 1, 4, 2, 4, 3} {
					if r := a.submit(sent[i]); r.Result != schemas.ResultDuplicate || r.Position != at[i] || r.Code != "" {
						t.Errorf("%s: envelope %d: got %s %s at %d, want a duplicate at %d", when, i, r.Result, r.Code, r.Position, at[i])
					}
				}
			}
			again("at once")
			n.restart(true)
			again("after a restart")
			n.restart(false)
			again("after kill -9")

			other := sent[2]
			other.ID = schemas.NewEventID()
			for _, e := range []schemas.Envelope{other.Signed(a.key), func() schemas.Envelope { e := sent[4]; e.Data = []byte{1, 2}; return e.Signed(a.key) }()} {
				if r := a.submit(e); r.Code != schemas.CodeChainConflict || r.Field != "ce-sequence" {
					t.Errorf("other bytes under a used sequence: got %s %s", r.Result, r.Code)
				}
			}
			// A newer copy of the agency has appeared: the older may not go on,
			// but hears what became of what it sent.
			n.clock.advance(time.Second)
			newer := a.thread(b)
			newer.send(g)
			if r := a.submit(c.next(g)); r.Code != schemas.CodeChainConflict || r.Field != "ce-chain" {
				t.Errorf("an older chain: got %s %s", r.Result, r.Code)
			}
			again("of an older chain")
			// What was committed stays a duplicate, whatever has ended since.
			a.revoke(g)
			n.clock.advance(time.Hour)
			again("after the revocation")
			if got := count(n.records(), journal.Accepted); got != 6 {
				t.Errorf("%d envelopes were committed, want 6", got)
			}
		})
	}
}

// TestR2DuplicatesInOneCommit submits repetitions together, so that some meet
// in one batch.
func TestR2DuplicatesInOneCommit(t *testing.T) {
	n := inMemory(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	g, c := a.grant(b), a.thread(b)
	var all []schemas.Envelope
	for range 50 {
		e := c.next(g)
		c.took(e)
		all = append(all, e)
	}
	replies := make(chan schemas.SubmitReply, 200)
	for i, e := range all {
		for _, again := range []schemas.Envelope{e, all[i/2], all[i]} {
			n.gate.Submit(a.account, again.Header(), again.Data, func(r schemas.SubmitReply) { replies <- r })
		}
	}
	positions := map[schemas.EventID]uint64{}
	accepted := 0
	for range 3 * len(all) {
		r := <-replies
		if r.Result == schemas.ResultAccepted {
			accepted++
		} else if r.Result != schemas.ResultDuplicate {
			t.Fatalf("got %s %s", r.Result, r.Code)
		}
		if before, ok := positions[r.Envelope]; ok && before != r.Position {
			t.Errorf("got positions %d and %d for one envelope", before, r.Position)
		}
		positions[r.Envelope] = r.Position
	}
	if accepted != len(all) {
		t.Errorf("%d were accepted, want %d", accepted, len(all))
	}
	n.sameAfterReplay(t)
}

func TestRefusedEnvelopeLeavesNoHole(t *testing.T) {
	n := inMemory(t, 3)
	a, b, other := n.agencies[0], n.agencies[1], n.agencies[2]
	good, bad := a.grant(b), schemas.NewGrantID()
	toOther := a.grant(other)
	c, d := a.thread(b), a.thread(other)
	d.chain = c.chain
	var flight []schemas.Envelope
	for i := range 20 {
		g := good
		if i == 3 {
			g = bad
		}
		e := c.next(g)
		c.took(e)
		flight = append(flight, e)
	}
	replies := make(chan schemas.SubmitReply, 100)
	reply := func(r schemas.SubmitReply) { replies <- r }
	answers := map[schemas.EventID]schemas.SubmitReply{}
	for _, e := range flight {
		n.gate.Submit(a.account, e.Header(), e.Data, reply)
		o := d.next(toOther)
		d.took(o)
		n.gate.Submit(a.account, o.Header(), o.Data, reply)
	}
	for range 2 * len(flight) {
		r := <-replies
		answers[r.Envelope] = r
	}
	for i, e := range flight {
		r := answers[e.ID]
		switch {
		case i < 3 && r.Result != schemas.ResultAccepted, i == 3 && r.Code != schemas.CodeNoGrant:
			t.Errorf("envelope %d: got %s %s", i, r.Result, r.Code)
		case i > 3 && r.Code != schemas.CodeNotAttempted && r.Code != schemas.CodeSequenceGap,
			i > 3 && (r.Result == schemas.ResultNotAttempted) != (r.Code == schemas.CodeNotAttempted):
			t.Errorf("envelope %d: got %s %s", i, r.Result, r.Code)
		case i > 3 && (r.Expect == nil || r.Expect.Sequence != 4 || r.Expect.Previous != flight[2].Hash() || r.Expect.Chain != c.chain):
			t.Errorf("envelope %d: expect is %+v", i, r.Expect)
		}
	}
	if got := count(n.records(), journal.Accepted); got != 3+len(flight) {
		t.Errorf("%d were committed: another recipient's wait", got)
	}
	// The same seals go again, chained anew to what is expected.
	c.sequence, c.previous = 3, flight[2].Hash()
	for _, e := range flight[4:] {
		e.Sequence, e.Previous = c.sequence+1, c.previous
		e = e.Signed(a.key)
		if r := a.submit(e); r.Result != schemas.ResultAccepted {
			t.Fatalf("got %s %s", r.Result, r.Code)
		}
		c.took(e)
	}
	n.sameAfterReplay(t)
}

func TestSuspendedRecipientsMailIsAcceptedAndKept(t *testing.T) {
	n := inMemory(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	g, c := a.grant(b), a.thread(b)
	n.standing(b, schemas.MemberSuspended)
	e, _ := c.send(g)
	if items, end := b.pull(schemas.PullRequest{}); len(items) > 0 || end.Code != schemas.CodeSuspended {
		t.Fatalf("got %v, %s", items, end.Code)
	}
	n.sweep()
	n.standing(b, schemas.MemberActive)
	items, _ := b.collect(0)
	if got := only(items, schemas.ItemEnvelope); len(got) != 1 || got[0].id() != e.ID {
		t.Fatalf("got %v", got)
	}
}

func TestOverRateComesBeforeCryptography(t *testing.T) {
	c := newClock()
	n := prepare(t, &memory{now: c.now}, c)
	n.limits = gate.Limits{Rate: 1, Burst: 5}
	n.found(2)
	a, b := n.agencies[0], n.agencies[1]
	chain := a.thread(b)
	var codes []schemas.Code
	for range 10 { // nothing about them could be verified
		codes = append(codes, a.submitRaw(map[string][]string{"ce-id": {string(schemas.NewEventID())}}, nil).Code)
	}
	for i, code := range codes {
		want := schemas.CodeUnsupportedVersion
		if i >= 5 {
			want = schemas.CodeOverRate
		}
		if code != want {
			t.Errorf("message %d: got %s, want %s", i, code, want)
		}
	}
	if err := n.gate.Allow(a.account); schemas.CodeOf(err) != schemas.CodeOverRate {
		t.Errorf("another verb got %v", err)
	}
	check(t, n.gate.Allow(b.account))
	n.clock.advance(time.Second)
	chain.send(schemas.CharterGrant)
}

// TestR6RefusalsInABurst has one member send rubbish while another works.
func TestR6RefusalsInABurst(t *testing.T) {
	c := newClock()
	n := prepare(t, &memory{now: c.now}, c)
	n.limits = gate.Limits{Rate: 1e6, Burst: 1e6}
	n.found(3)
	a, b, bad := n.agencies[0], n.agencies[1], n.agencies[2]
	const burst = 10_000
	replies := make(chan schemas.SubmitReply, burst)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range burst {
			n.gate.Submit(bad.account, map[string][]string{"ce-specversion": {"1.0"}, "ce-type": {schemas.EnvelopeType}}, []byte{1}, func(r schemas.SubmitReply) { replies <- r })
		}
	}()
	chain, g := a.thread(b), a.grant(b)
	for range 50 {
		chain.send(g)
	}
	<-done
	for range burst {
		if r := <-replies; r.Code != schemas.CodeMalformed {
			t.Fatalf("got %s", r.Code)
		}
	}
	n.sweep()
	single, counted := 0, 0
	for _, r := range n.records() {
		switch {
		case r.Kind() != journal.Refused:
		case r.Get(journal.HeaderSender) != string(bad.id):
			t.Errorf("a refusal of %s", r.Get(journal.HeaderSender))
		case r.Get(journal.HeaderCount) == "1":
			single++
		default:
			counted++
			if got := r.Get(journal.HeaderCount); got != "9980" {
				t.Errorf("got %s counted", got)
			}
		}
	}
	if single != 20 || counted != 1 {
		t.Errorf("got %d records of single refusals and %d of counted ones, want 20 and 1", single, counted)
	}
	if n.gate.Load() != 0 {
		t.Errorf("%d bytes are still held", n.gate.Load())
	}
	chain.send(g)
}
