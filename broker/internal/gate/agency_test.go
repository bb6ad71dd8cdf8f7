package gate_test

import (
	"encoding/json"
	"strconv"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

func (a *agency) register() {
	a.n.t.Helper()
	a.number++
	rec := a.sign(schemas.RecordRegister, schemas.Register{V: 1, Network: networkID, Discloser: a.id, Number: a.number})
	_, err := a.n.reg.Grants(a.n.ctx(), a.id, schemas.GrantRequest{V: 1, Register: &rec})
	check(a.n.t, err)
}

// lockKey opens the lock of every grant of these tests.
func lockKey(id schemas.GrantID) []byte { return schemas.LockKey([]byte("the consent's secret"), id) }

// terms are a grant's public part for the days from and to, counted from today.
func (a *agency) terms(to *agency, from, until int) schemas.Grant {
	id := schemas.NewGrantID()
	return schemas.Grant{
		V: 1, Network: networkID, ID: id, Discloser: a.id, Recipient: to.id,
		NotBefore: a.n.clock.day(from), NotAfter: a.n.clock.day(until),
		Commit: schemas.HashOf([]byte(id)), Lock: schemas.HashOf(lockKey(id)),
	}
}

func (a *agency) issue(g schemas.Grant) schemas.GrantID {
	a.n.t.Helper()
	_, err := a.n.reg.Grants(a.n.ctx(), a.id, schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{a.sign(schemas.RecordGrant, g)}})
	check(a.n.t, err)
	return g.ID
}

func (a *agency) grant(to *agency) schemas.GrantID { return a.issue(a.terms(to, -1, 30)) }

func (a *agency) revocation(id schemas.GrantID) schemas.GrantRequest {
	return schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{a.sign(schemas.RecordRevocation, schemas.Revocation{
		V: 1, Network: networkID, Grant: id, At: a.n.clock.instant(), By: a.id,
	})}}
}

func (a *agency) revoke(id schemas.GrantID) journal.Outcome {
	a.n.t.Helper()
	out, err := a.n.reg.Grants(a.n.ctx(), a.id, a.revocation(id))
	check(a.n.t, err)
	return out
}

// thread is a sender's end of a hash chain.
type thread struct {
	from, to *agency
	chain    schemas.ULID
	sequence uint64
	previous schemas.Hash
}

func (a *agency) thread(to *agency) *thread {
	return &thread{from: a, to: to, chain: schemas.NewULID(a.n.clock.now())}
}

var sealed = append([]byte{1}, make([]byte, 100)...)

// next is the thread's next envelope, which is not yet part of it.
func (c *thread) next(grant schemas.GrantID) schemas.Envelope {
	return schemas.Envelope{
		ID: schemas.NewEventID(), Sender: c.from.id, Time: c.from.n.clock.instant().Time, Recipient: c.to.id, Grant: grant,
		RecipientKey: c.to.sealing, Chain: c.chain, Sequence: c.sequence + 1, Previous: c.previous, Data: sealed,
	}.Signed(c.from.key)
}

// took notes that the gate accepted an envelope.
func (c *thread) took(e schemas.Envelope) { c.sequence, c.previous = e.Sequence, e.Hash() }

// send submits the next envelope and waits for it to be accepted.
func (c *thread) send(grant schemas.GrantID) (schemas.Envelope, uint64) {
	c.from.n.t.Helper()
	e := c.next(grant)
	r := c.from.submit(e)
	must(c.from.n.t, r.Result == schemas.ResultAccepted, "got %s %s, want accepted", r.Result, r.Code)
	c.took(e)
	return e, r.Position
}

// submit sends an envelope from the agency's connection and waits.
func (a *agency) submit(e schemas.Envelope) schemas.SubmitReply {
	return a.submitRaw(e.Header(), e.Data)
}

func (a *agency) submitRaw(header map[string][]string, data []byte) schemas.SubmitReply {
	replies := make(chan schemas.SubmitReply, 2)
	g, _, _ := a.n.running()
	g.Submit(a.account, header, data, func(r schemas.SubmitReply) { replies <- r })
	return <-replies
}

// got is one item of a page.
type got struct {
	kind     schemas.ItemKind
	position uint64
	header   map[string][]string
	data     []byte
}

func (i got) id() schemas.EventID {
	if i.kind == schemas.ItemWithdrawn {
		var w schemas.Withdrawn
		if json.Unmarshal(i.data, &w) == nil {
			return w.Outline.Envelope.ID
		}
	}
	if v := i.header["ce-id"]; len(v) == 1 {
		return schemas.EventID(v[0])
	}
	return ""
}

func itemFrom(header map[string][]string, data []byte) got {
	i := got{kind: schemas.ItemKind(header[schemas.HeaderItem][0]), header: header, data: data}
	if v := header[schemas.HeaderPosition]; len(v) == 1 {
		i.position, _ = strconv.ParseUint(v[0], 10, 64)
	}
	return i
}

// pull asks for one page.
func (a *agency) pull(req schemas.PullRequest) ([]got, schemas.PullEnd) {
	var items []got
	var end schemas.PullEnd
	req.V = 1
	g, _, _ := a.n.running()
	_ = g.Pull(a.n.ctx(), a.account, req, func(header map[string][]string, data []byte) error {
		i := itemFrom(header, data)
		if i.kind == schemas.ItemEnd {
			return json.Unmarshal(data, &end)
		}
		items = append(items, i)
		return nil
	})
	return items, end
}

// collect pulls everything after a cursor.
func (a *agency) collect(after uint64) (items []got, cursor uint64) {
	a.n.t.Helper()
	for {
		page, end := a.pull(schemas.PullRequest{After: after})
		must(a.n.t, end.Code == "", "pull: %s %s", end.Code, end.Rule)
		items, after = append(items, page...), end.Next
		if !end.More {
			return items, after
		}
	}
}

func only(items []got, kind schemas.ItemKind) []got {
	var kept []got
	for _, i := range items {
		if i.kind == kind {
			kept = append(kept, i)
		}
	}
	return kept
}

func (n *network) sweep() { n.gate.Sweep(map[[2]schemas.AgencyID]string{}) }

// records reads the hub.
func (n *network) records() []journal.Record {
	n.t.Helper()
	var all []journal.Record
	check(n.t, n.hub.Scan(n.ctx(), 1, func(r journal.Record) error {
		all = append(all, r)
		return nil
	}))
	return all
}

func count(records []journal.Record, kind journal.Kind) int {
	c := 0
	for _, r := range records {
		if r.Kind() == kind {
			c++
		}
	}
	return c
}
