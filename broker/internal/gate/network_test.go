package gate_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/broker/internal/registry"
	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

const networkID schemas.NetworkID = "hill-county"

// clock is a clock that a test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().Truncate(time.Second).UnixNano())
	return c
}

func (c *clock) now() time.Time           { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration)  { c.at.Add(int64(d)) }
func (c *clock) day(n int) schemas.Bound  { return schemas.OnDay(schemas.DateOf(c.now()).AddDays(n)) }
func (c *clock) instant() schemas.Instant { return schemas.At(c.now()) }
func check(t testing.TB, err error)       { t.Helper(); must(t, err == nil, "%v", err) }
func must(t testing.TB, ok bool, f string, a ...any) {
	t.Helper()
	if !ok {
		t.Fatalf(f, a...)
	}
}

// agency is a member with its keys.
type agency struct {
	n       *network
	id      schemas.AgencyID
	account string
	key     ed25519.PrivateKey
	sealing schemas.KeyID
	number  uint64 // of its register
}

// network is a broker's inside, gate and registry, with members that joined by
// the records that make real ones join.
type network struct {
	t         testing.TB
	clock     *clock
	hub       gate.Hub
	limits    gate.Limits
	logger    *slog.Logger
	admission ed25519.PrivateKey
	roll      schemas.Roll
	agencies  []*agency
	hints     func(schemas.AgencyID, uint64)

	mu   sync.RWMutex // guards what a restart replaces
	line *severed     // between the running gate and the hub
	gate *gate.Gate
	reg  *registry.Service
}

// running is the gate that serves at the moment; a call during a restart waits.
func (n *network) running() (*gate.Gate, *registry.Service, *severed) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.gate, n.reg, n.line
}

// severed is a hub that can be cut off at once, as kill -9 cuts a process off.
type severed struct {
	gate.Hub
	mu  sync.RWMutex // held for reading during commits
	cut bool
}

var errSevered = errors.New("the process is gone")

func (s *severed) Commit(ctx context.Context, last uint64, records []journal.Record) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.cut {
		return errSevered
	}
	return s.Hub.Commit(ctx, last, records)
}

func (s *severed) sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = true
}

var (
	sealingOnce sync.Once
	sealingKey  []byte // everybody's: the gate opens nothing
)

func publicSealingKey(t testing.TB) []byte {
	sealingOnce.Do(func() {
		key, err := schemas.NewSealingKey()
		check(t, err)
		sealingKey = key.PublicKey().Bytes()
	})
	return sealingKey
}

// prepare makes a network that is not started. Options of hub and limits may
// still be changed.
func prepare(t testing.TB, hub gate.Hub, c *clock) *network {
	_, admission, err := ed25519.GenerateKey(nil)
	check(t, err)
	return &network{
		t: t, clock: c, hub: hub, admission: admission,
		logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		hints:  func(schemas.AgencyID, uint64) {},
		roll:   schemas.Roll{V: 1, Network: networkID, Setup: "informal-partnership", At: c.instant()},
	}
}

// inMemory makes a running network of n agencies on a hub without a disk.
func inMemory(t testing.TB, n int) *network {
	c := newClock()
	net := prepare(t, &memory{now: c.now}, c)
	net.found(n)
	return net
}

// onDisk makes a running network of n agencies on the real hub.
func onDisk(t testing.TB, n int) *network {
	net := prepare(t, realHub(t), newClock())
	net.found(n)
	return net
}

func realHub(t testing.TB) gate.Hub {
	t.Helper()
	hub, _ := realHubIn(t, t.TempDir())
	return hub
}

func realHubIn(t testing.TB, dir string) (gate.Hub, *transport.Server) {
	t.Helper()
	keys, _, err := transport.NewKeys(string(networkID))
	check(t, err)
	s, err := transport.Start(context.Background(), transport.Options{Dir: dir, Keys: keys})
	check(t, err)
	t.Cleanup(func() { check(t, s.Stop(context.Background())) })
	return s.Hub(), s
}

// found starts the gate on an empty hub and lets n agencies join.
func (n *network) found(agencies int) {
	n.t.Helper()
	n.start()
	n.t.Cleanup(func() { check(n.t, n.gate.Stop(context.Background())) })
	check(n.t, n.reg.OpenEpoch(n.ctx(), n.sign(schemas.RecordEpoch, schemas.Epoch{
		V: 1, Network: networkID, Epoch: schemas.NewULID(n.clock.now()), Reason: "founded", Time: n.clock.instant(),
	})))
	secrets := make([][]byte, agencies)
	for i := range agencies {
		_, key, err := ed25519.GenerateKey(nil)
		check(n.t, err)
		secrets[i] = schemas.NewSecret()
		a := &agency{
			n: n, id: schemas.AgencyID(fmt.Sprintf("agency-%d", len(n.agencies))), account: fmt.Sprintf("ACCOUNT%d", len(n.agencies)),
			key: key, sealing: schemas.KeyIDOf(publicSealingKey(n.t)),
		}
		n.agencies = append(n.agencies, a)
		n.roll.Members = append(n.roll.Members, schemas.RollMember{
			Agency: a.id, Account: a.account, Status: schemas.MemberActive,
			Invitation: schemas.KeyIDOf(schemas.InvitationKey(secrets[i], a.id).Public().(ed25519.PublicKey)),
		})
	}
	n.publishRoll()
	for i, a := range n.agencies {
		key := schemas.InvitationKey(secrets[i], a.id)
		check(n.t, n.reg.Invite(n.ctx(), n.sign(schemas.RecordInvitation, schemas.Invitation{
			V: 1, Network: networkID, Agency: a.id, Account: a.account, Key: key.Public().(ed25519.PublicKey),
			Expires: schemas.At(n.clock.now().Add(time.Hour)),
		})))
		_, err := n.reg.Join(n.ctx(), a.joinRequest(key))
		check(n.t, err)
		a.register()
	}
}

func (a *agency) joinRequest(invitation ed25519.PrivateKey) schemas.JoinRequest {
	card := a.sign(schemas.RecordCard, schemas.Card{
		V: 1, Network: networkID, Agency: a.id, Number: 1,
		Signing: []schemas.SigningKey{{Key: a.key.Public().(ed25519.PublicKey), From: a.n.clock.instant()}},
		Sealing: []schemas.SealingKey{{Suite: schemas.SealSuite, Key: publicSealingKey(a.n.t), From: a.n.clock.instant()}},
	})
	admission, err := schemas.Sign(schemas.RecordAdmission, schemas.Admission{
		V: 1, Network: networkID, Agency: a.id, Card: card.Hash(), User: "USER-" + string(a.id), At: a.n.clock.instant(),
	}, invitation)
	check(a.n.t, err)
	return schemas.JoinRequest{V: 1, Card: card, Admission: admission}
}

func (n *network) ctx() context.Context { return context.Background() }

func (n *network) sign(kind schemas.RecordType, v any) schemas.SignedRecord {
	rec, err := schemas.Sign(kind, v, n.admission)
	check(n.t, err)
	return rec
}

func (a *agency) sign(kind schemas.RecordType, v any) schemas.SignedRecord {
	rec, err := schemas.Sign(kind, v, a.key)
	check(a.n.t, err)
	return rec
}

func (s *severed) alive() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !s.cut
}

// start builds gate and registry on what the hub holds.
func (n *network) start() {
	n.t.Helper()
	n.line = &severed{Hub: n.hub}
	reg := registry.New(networkID, n.admission.Public().(ed25519.PublicKey))
	g, err := gate.New(n.ctx(), n.options(reg))
	check(n.t, err)
	n.gate, n.reg = g, &registry.Service{Registry: reg, Writer: g, Now: n.clock.now}
	g.Start()
}

func (n *network) options(reg *registry.Registry) gate.Options {
	return gate.Options{
		Network: networkID, Hub: n.line, Members: reg, Grants: reg, Hint: n.hints, Limits: n.limits,
		Now: n.clock.now, Logger: n.logger,
	}
}

// rebuilt is a gate that is made from the hub and serves nothing.
func (n *network) rebuilt() *gate.Gate {
	n.t.Helper()
	reg := registry.New(networkID, n.admission.Public().(ed25519.PublicKey))
	opts := n.options(reg)
	opts.Hub = n.hub
	g, err := gate.New(n.ctx(), opts)
	check(n.t, err)
	return g
}

// restart ends the gate and makes another; not orderly means as by kill -9.
func (n *network) restart(orderly bool) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	ctx := n.ctx()
	if !orderly {
		n.line.sever()
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		ctx = cancelled
	}
	if err := n.gate.Stop(ctx); orderly {
		check(n.t, err)
	}
	n.start()
}

// standing publishes a roll in which an agency has another status.
func (n *network) standing(a *agency, s schemas.MemberStatus) {
	n.t.Helper()
	for i := range n.roll.Members {
		if n.roll.Members[i].Agency == a.id {
			n.roll.Members[i].Status = s
		}
	}
	n.publishRoll()
}

func (n *network) publishRoll() {
	n.t.Helper()
	n.roll.Number++
	_, err := n.reg.PublishRoll(n.ctx(), n.sign(schemas.RecordRoll, n.roll))
	check(n.t, err)
}

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
