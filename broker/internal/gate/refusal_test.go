package gate_test

import (
	"bytes"
	"crypto/ed25519"
	"maps"
	"strings"
	"testing"
	"time"

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
