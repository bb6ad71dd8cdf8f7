package gate_test

import (
	"bytes"
	"crypto/ed25519"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// message is what a member sends to the gate, on whose connection.
type message struct {
	from   *agency
	header map[string][]string
	data   []byte
}

func (m message) with(name string, values ...string) message {
	m.header = maps.Clone(m.header)
	m.header[name] = values
	if len(values) == 0 {
		delete(m.header, name)
	}
	return m
}

// refusal is one way not to get through the gate. The later steps of its
// envelope may be wrong as well: the first failure answers.
type refusal struct {
	code  schemas.Code
	field string
	// message may arrange what it needs; valid is an envelope that would pass.
	message func(n *network, c *thread, valid schemas.Envelope) message
}

func of(e schemas.Envelope, from *agency) message { return message{from, e.Header(), e.Data} }

// changed signs what an envelope became.
func (c *thread) changed(e schemas.Envelope, change func(*schemas.Envelope)) message {
	change(&e)
	return of(e.Signed(c.from.key), c.from)
}

// refusals follow the order of the gate's steps. Each is combined with faults
// of later steps.
var refusals = map[string]refusal{
	"1 no id": {schemas.CodeMalformed, "ce-id", func(_ *network, c *thread, e schemas.Envelope) message {
		return of(e, c.from).with("ce-id")
	}},
	"1 header twice": {schemas.CodeMalformed, "ce-grant", func(_ *network, c *thread, e schemas.Envelope) message {
		return of(e, c.from).with("ce-grant", string(e.Grant), string(e.Grant))
	}},
	"1 further header": {schemas.CodeMalformed, "ce-subject", func(_ *network, c *thread, e schemas.Envelope) message {
		return of(e, c.from).with("ce-subject", "x")
	}},
	"1 too large": {schemas.CodeTooLarge, "data", func(_ *network, c *thread, e schemas.Envelope) message {
		m := of(e, c.from)
		m.data = append([]byte{1}, make([]byte, schemas.MaxSealed)...)
		return m
	}},
	"1 other version of seal": {schemas.CodeUnsupportedVersion, "data", func(_ *network, c *thread, e schemas.Envelope) message {
		m := of(e, c.from)
		m.data = []byte{2}
		return m
	}},
	"1 other type": {schemas.CodeUnsupportedVersion, "ce-type", func(_ *network, c *thread, e schemas.Envelope) message {
		return of(e, c.from).with("ce-type", "org.linkage.envelope.v2")
	}},
	"3 not a member": {schemas.CodeNotMember, "", func(n *network, _ *thread, e schemas.Envelope) message {
		return of(e, &agency{n: n, account: "NOBODY"})
	}},
	"3 left": {schemas.CodeNotMember, "", func(n *network, c *thread, e schemas.Envelope) message {
		n.standing(c.from, schemas.MemberLeft)
		return of(e, c.from)
	}},
	"3 suspended": {schemas.CodeSuspended, "", func(n *network, c *thread, e schemas.Envelope) message {
		n.standing(c.from, schemas.MemberSuspended)
		return of(e, c.from)
	}},
	"3 another member's envelope": {schemas.CodeSenderMismatch, "ce-source", func(n *network, _ *thread, e schemas.Envelope) message {
		return of(e, n.agencies[2])
	}},
	"4 clock": {schemas.CodeClockSkew, "ce-time", func(n *network, c *thread, e schemas.Envelope) message {
		return c.changed(e, func(e *schemas.Envelope) { e.Time = n.clock.now().Add(schemas.MaxClockSkew + time.Second) })
	}},
	"4 expired": {schemas.CodeExpired, "ce-expirytime", func(n *network, c *thread, e schemas.Envelope) message {
		return c.changed(e, func(e *schemas.Envelope) { e.Expiry = n.clock.now() })
	}},
	"5 sequence used": {schemas.CodeChainConflict, "ce-sequence", func(_ *network, c *thread, e schemas.Envelope) message {
		c.send(schemas.CharterGrant)
		return of(e, c.from)
	}},
	"5 older chain": {schemas.CodeChainConflict, "ce-chain", func(n *network, c *thread, e schemas.Envelope) message {
		n.clock.advance(time.Second)
		c.from.thread(n.agencies[2]).send(schemas.CharterGrant)
		return of(e, c.from)
	}},
	"6 unknown signing key": {schemas.CodeUnknownSigningKey, "ce-dssematerial", func(_ *network, c *thread, e schemas.Envelope) message {
		_, other, _ := ed25519.GenerateKey(nil)
		return of(e.Signed(other), c.from)
	}},
	"6 signature of other data": {schemas.CodeBadSignature, "ce-dssematerial", func(_ *network, c *thread, e schemas.Envelope) message {
		m := of(e, c.from)
		m.data = append(bytes.Clone(e.Data), 0)
		return m
	}},
	"6 signature of another recipient": {schemas.CodeBadSignature, "ce-dssematerial", func(n *network, c *thread, e schemas.Envelope) message {
		return of(e, c.from).with("ce-recipient", string(n.agencies[2].id))
	}},
	"7 unknown recipient": {schemas.CodeUnknownRecipient, "ce-recipient", func(_ *network, c *thread, e schemas.Envelope) message {
		return c.changed(e, func(e *schemas.Envelope) { e.Recipient = "nobody-here" })
	}},
	"7 recipient left": {schemas.CodeUnknownRecipient, "ce-recipient", func(n *network, c *thread, e schemas.Envelope) message {
		n.standing(c.to, schemas.MemberLeft)
		return of(e, c.from)
	}},
	"7 unknown sealing key": {schemas.CodeUnknownRecipientKey, "ce-recipientkey", func(_ *network, c *thread, e schemas.Envelope) message {
		return c.changed(e, func(e *schemas.Envelope) { e.RecipientKey = schemas.KeyIDOf([]byte("another")) })
	}},
	"8 no grant": {schemas.CodeNoGrant, "ce-grant", func(_ *network, c *thread, e schemas.Envelope) message {
		return c.changed(e, func(e *schemas.Envelope) { e.Grant = schemas.NewGrantID() })
	}},
	"8 another recipient's grant": {schemas.CodeNoGrant, "ce-grant", func(n *network, c *thread, e schemas.Envelope) message {
		g := c.from.grant(n.agencies[2])
		return c.changed(e, func(e *schemas.Envelope) { e.Grant = g })
	}},
	"8 another discloser's grant": {schemas.CodeNoGrant, "ce-grant", func(n *network, c *thread, e schemas.Envelope) message {
		g := n.agencies[2].grant(c.to)
		return c.changed(e, func(e *schemas.Envelope) { e.Grant = g })
	}},
	"8 the grant for the way back": {schemas.CodeNoGrant, "ce-grant", func(_ *network, c *thread, e schemas.Envelope) message {
		g := c.to.grant(c.from)
		return c.changed(e, func(e *schemas.Envelope) { e.Grant = g })
	}},
	"8 no register in this epoch": {schemas.CodeNoGrant, "ce-grant", func(n *network, c *thread, e schemas.Envelope) message {
		old := n.gate.Epoch()
		check(n.t, n.reg.OpenEpoch(n.ctx(), n.sign(schemas.RecordEpoch, schemas.Epoch{
			V: 1, Network: networkID, Epoch: schemas.NewULID(n.clock.now().Add(time.Hour)), Previous: &old, Reason: "restored", Time: n.clock.instant(),
		})))
		return of(e, c.from)
	}},
	"8 not yet valid": {schemas.CodeGrantNotYetValid, "ce-grant", func(_ *network, c *thread, e schemas.Envelope) message {
		g := c.from.issue(c.from.terms(c.to, 1, 2))
		return c.changed(e, func(e *schemas.Envelope) { e.Grant = g })
	}},
	"8 over": {schemas.CodeGrantExpired, "ce-grant", func(_ *network, c *thread, e schemas.Envelope) message {
		g := c.from.issue(c.from.terms(c.to, -3, -1))
		return c.changed(e, func(e *schemas.Envelope) { e.Grant = g })
	}},
	"8 revoked": {schemas.CodeGrantRevoked, "ce-grant", func(_ *network, c *thread, e schemas.Envelope) message {
		c.from.revoke(e.Grant)
		return of(e, c.from)
	}},
	"9 gap": {schemas.CodeSequenceGap, "ce-sequence", func(_ *network, c *thread, e schemas.Envelope) message {
		return c.changed(e, func(e *schemas.Envelope) { e.Sequence += 2 })
	}},
	"9 other predecessor": {schemas.CodeChainMismatch, "ce-previous", func(_ *network, c *thread, e schemas.Envelope) message {
		return c.changed(e, func(e *schemas.Envelope) { e.Previous = schemas.HashOf(nil) })
	}},
}

func TestS1NoEnvelopeWithoutLiveGrant(t *testing.T) {
	words := map[schemas.Code]schemas.Refusal{}
	for name, tt := range refusals {
		t.Run(name, func(t *testing.T) {
			n := inMemory(t, 3)
			c := n.agencies[0].thread(n.agencies[1])
			grant := c.from.grant(c.to)
			m := tt.message(n, c, c.next(grant))
			already := count(n.records(), journal.Accepted)

			r := m.from.submitRaw(m.header, m.data)
			if r.Result != schemas.ResultRefused || r.Code != tt.code || r.Field != tt.field || r.Rule == "" || r.Remedy == "" {
				t.Errorf("got %s %+v, want a refusal with %s for %q", r.Result, r.Refusal, tt.code, tt.field)
			}
			if r.Position != 0 || r.Epoch != n.gate.Epoch() || r.Envelope != schemas.EventID(strings.Join(m.header["ce-id"], "")) {
				t.Errorf("got %+v", r)
			}
			switch r.Code {
			case schemas.CodeSequenceGap, schemas.CodeChainMismatch:
				if r.Expect == nil || r.Expect.Chain != c.chain || r.Expect.Sequence != 1 || (r.Expect.Previous != schemas.Hash{}) {
					t.Errorf("got %+v, want the place of the first", r.Expect)
				}
			case schemas.CodeUnknownRecipientKey:
				if r.Entry == nil || len(r.Entry.Cards) != 1 {
					t.Error("the recipient's card is missing")
				}
			case schemas.CodeNoGrant: // whatever the reason
				if first, ok := words[r.Code]; ok && first != r.Refusal {
					t.Errorf("got %+v, elsewhere %+v", r.Refusal, first)
				}
				words[r.Code] = r.Refusal
			}
			records := n.records()
			if got := count(records, journal.Accepted); got != already {
				t.Errorf("%d envelopes were committed", got-already)
			}
			if last := records[len(records)-1]; last.Kind() != journal.Refused || last.Get(journal.HeaderCode) != string(tt.code) {
				t.Errorf("the last record is %s %v", last.Kind(), last.Header)
			}
			if status := n.roll.Members[1].Status; status == schemas.MemberActive {
				if got, _ := c.to.collect(0); len(only(got, schemas.ItemEnvelope)) != already-inOtherMailboxes(records, c.to.id) {
					t.Error("something lies in the mailbox")
				}
			}
			n.sameAfterReplay(t)
		})
	}
}

func inOtherMailboxes(records []journal.Record, a schemas.AgencyID) int {
	n := 0
	for _, r := range records {
		if r.Kind() == journal.Accepted && r.Get("ce-recipient") != string(a) {
			n++
		}
	}
	return n
}

// TestS1FirstFailureAnswers breaks every step from one on at once.
func TestS1FirstFailureAnswers(t *testing.T) {
	n := inMemory(t, 3)
	a, other := n.agencies[0], n.agencies[2]
	_, stranger, err := ed25519.GenerateKey(nil)
	check(t, err)
	c := a.thread(n.agencies[1])
	e := c.next(schemas.NewGrantID())                  // 8
	e.Sequence, e.Previous = 7, schemas.HashOf(nil)    // 9
	e.RecipientKey = schemas.KeyIDOf([]byte("nobody")) // 7
	e.Time = n.clock.now().Add(time.Hour)              // 4
	send := func(account *agency, key ed25519.PrivateKey) schemas.Code {
		return account.submit(e.Signed(key)).Code
	}
	steps := []struct {
		want   schemas.Code
		got    func() schemas.Code
		mended func()
	}{
		{schemas.CodeUnsupportedVersion, func() schemas.Code { return other.submitRaw(e.Signed(stranger).Header(), []byte{9}).Code }, func() {}},
		{schemas.CodeSenderMismatch, func() schemas.Code { return send(other, stranger) }, func() {}},
		{schemas.CodeClockSkew, func() schemas.Code { return send(a, stranger) }, func() { e.Time = n.clock.instant().Time }},
		{schemas.CodeUnknownSigningKey, func() schemas.Code { return send(a, stranger) }, func() {}},
		{schemas.CodeUnknownRecipientKey, func() schemas.Code { return send(a, a.key) }, func() { e.RecipientKey = a.sealing }},
		{schemas.CodeNoGrant, func() schemas.Code { return send(a, a.key) }, func() { e.Grant = schemas.CharterGrant }},
		{schemas.CodeSequenceGap, func() schemas.Code { return send(a, a.key) }, func() { e.Sequence = 1 }},
		{schemas.CodeChainMismatch, func() schemas.Code { return send(a, a.key) }, func() { e.Previous = schemas.Hash{} }},
		{"", func() schemas.Code { return send(a, a.key) }, func() {}},
	}
	for _, step := range steps {
		if got := step.got(); got != step.want {
			t.Errorf("got %s, want %s", got, step.want)
		}
		step.mended()
	}
}

func TestS1ANotRefusedEnvelopeIsHandedOver(t *testing.T) {
	for name, n := range map[string]*network{"memory": inMemory(t, 2), "disk": onDisk(t, 2)} {
		t.Run(name, func(t *testing.T) {
			a, b := n.agencies[0], n.agencies[1]
			c := a.thread(b)
			e, position := c.send(a.grant(b))
			items, _ := b.collect(0)
			got := only(items, schemas.ItemEnvelope)
			if len(got) != 1 || got[0].position != position {
				t.Fatalf("got %v", got)
			}
			received, err := schemas.ParseEnvelope(got[0].header, got[0].data)
			check(t, err)
			check(t, received.Verify(a.key.Public().(ed25519.PublicKey)))
			if received.Hash() != e.Hash() {
				t.Error("another envelope came out than went in")
			}
		})
	}
}

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
