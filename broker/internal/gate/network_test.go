package gate_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
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
		logger: slog.New(slog.DiscardHandler),
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

func (n *network) admissionKey() ed25519.PublicKey { return n.admission.Public().(ed25519.PublicKey) }
