package broker

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/broker/internal/ledger"
	"github.com/linkage-exchange/linkage/broker/internal/registry"
	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/internal/lifecycle"
	"github.com/linkage-exchange/linkage/schemas"
)

// Broker is a running broker.
type Broker struct {
	opts     Options
	log      *slog.Logger
	network  networkFile
	epoch    schemas.Epoch // the present one
	mark     mark          // belongs to followHub once that runs
	keys     keys
	nats     *transport.Server
	gate     *gate.Gate
	ledger   *ledger.Ledger
	registry *registry.Service
	metrics  *metrics
	certs    *certificates
	door     net.Listener // Listen
	status   net.Listener // StatusListen, nil if off
	inHand   inHand
	cluster  *cluster    // nil for a broker that is alone
	opened   atomic.Bool // hub, gate and ledger are there
	teardown lifecycle.Teardown
	ctx      context.Context // ends with Stop; of the work that requests began
	cancel   context.CancelFunc
}

// Start runs the broker of a directory. When it returns, agents can connect. If
// a step fails, the earlier ones are undone before Start returns. The context
// bounds the start only.
func Start(ctx context.Context, opts Options) (_ *Broker, err error) {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	b := &Broker{opts: opts, log: opts.Logger}
	b.metrics = newMetrics(b)
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			_ = b.Stop(context.WithoutCancel(ctx)) // err already says why
		}
	}()
	b.teardown.Push("requests", func(context.Context) error {
		b.cancel()
		b.inHand.close()
		return nil
	})
	for _, step := range b.steps() {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	b.log.InfoContext(ctx, "broker serves", "network", string(b.network.Network), "address", b.Addr().String(), "key", string(schemas.KeyIDOf(b.keys.public())))
	return b, nil
}

// steps are what a start consists of, in order. A broker of a cluster says how
// it is before it waits for the others, and serves what only one of them may
// once it is that one.
func (b *Broker) steps() []func(context.Context) error {
	listeners := []func(context.Context) error{b.listenDoor, b.listenAdmin}
	if !b.opts.clustered() {
		return append([]func(context.Context) error{b.open, b.startServer, b.startGate, b.beginHub, b.admitAll, b.serveAlone, b.listenStatus}, listeners...)
	}
	b.cluster = b.newCluster()
	steps := append([]func(context.Context) error{b.open, b.startServer, b.listenStatus, b.openHub, b.startGate, b.admitAll}, listeners...)
	return append(steps, b.joinCluster)
}

// openHub waits until two of the three brokers have found each other, and this
// one's copy of the hub has what they have.
func (b *Broker) openHub(ctx context.Context) error {
	if err := b.nats.OpenHub(ctx); err != nil {
		return err
	}
	return b.checkMark(ctx)
}

func (b *Broker) joinCluster(context.Context) error {
	end, err := b.nats.Answer(askStatus, func([]byte) []byte { return b.statusAnswer() })
	if err != nil {
		return err
	}
	b.teardown.Push("status answers", func(context.Context) error { end(); return nil })
	b.cluster.run()
	return nil
}

func (b *Broker) serveAlone(context.Context) error {
	_, err := b.serveVerbs() // they end with the message server
	return err
}

// open reads the directory's files and keys.
func (b *Broker) open(context.Context) error {
	var err error
	if b.network, b.epoch, err = readNetwork(b.opts.DataDir); err != nil {
		return err
	}
	if b.mark, err = readMark(b.opts.DataDir, b.epoch.Epoch); err != nil {
		return err
	}
	if b.keys, err = readKeys(b.opts.DataDir); err != nil {
		return err
	}
	b.certs, err = newCertificates(b.opts, b.keys, b.hosts())
	return err
}

// hosts are the names for which the broker's own certificate is made out.
func (b *Broker) hosts() []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	for _, address := range append(b.opts.brokers(), b.network.URL) {
		if u, err := url.Parse(address); err == nil && u.Hostname() != "" && !slices.Contains(hosts, u.Hostname()) {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

func (b *Broker) startServer(ctx context.Context) error {
	opts := transport.Options{
		Dir: filepath.Join(b.opts.DataDir, dirNATS), Keys: b.keys.nats, Listen: b.opts.NATSListen,
		MaxConnections: b.opts.Connections, Logger: b.log,
	}
	if opts.Listen != "" {
		opts.TLS = b.certs.config()
	}
	var err error
	if opts.Cluster, err = b.clusterTransport(); err != nil {
		return err
	}
	if b.nats, err = transport.Start(ctx, opts); err != nil {
		return err
	}
	b.teardown.Push("message server", b.nats.Stop)
	if b.cluster != nil {
		return nil
	}
	return b.checkMark(ctx)
}

func (b *Broker) startGate(ctx context.Context) error {
	reg := registry.New(b.network.Network, ed25519.PublicKey(b.network.AdmissionKey))
	var err error
	var leads func() bool
	if b.cluster != nil {
		leads = b.cluster.mayLead
	}
	b.gate, err = gate.New(ctx, gate.Options{
		Network: b.network.Network, Hub: b.nats.Hub(), Members: reg, Grants: reg, Hint: b.hint,
		Limits: gate.Limits{Rate: b.opts.Rate, Burst: b.opts.Burst, Mailbox: b.opts.MailboxEnvelopes, MaxAge: b.opts.MailboxAge},
		Leads:  leads, Brokers: b.opts.brokers(),
		Now: b.opts.Now, Logger: b.log, Metrics: b.metrics, Head: func() *string { return b.ledger.Head() },
		Holds: func(records []journal.Record) error { return b.ledger.Holds(records) },
	})
	if err != nil {
		return err
	}
	if err := b.checkEpoch(); err != nil {
		return err
	}
	if err := b.startLedger(ctx); err != nil {
		return err
	}
	b.startMark()
	b.registry = &registry.Service{Registry: reg, Writer: b.gate, Now: b.opts.Now}
	b.gate.Start()
	b.teardown.Push("gate", b.gate.Stop)
	b.opened.Store(true)
	return nil
}

// beginHub writes into an empty hub what it begins with.
func (b *Broker) beginHub(ctx context.Context) error {
	if b.gate.Epoch() == "" {
		if err := b.registry.OpenEpoch(ctx, b.network.statement()); err != nil {
			return fmt.Errorf("open epoch: %w", err)
		}
	}
	if b.registry.RollNumber() == 0 {
		if _, err := b.registry.PublishRoll(ctx, b.network.Roll); err != nil {
			return fmt.Errorf("publish the roll of the epoch's beginning: %w", err)
		}
	}
	return nil
}

// startLedger holds the ledger against the hub before anything is written to
// it, then follows.
func (b *Broker) startLedger(ctx context.Context) error {
	var err error
	b.ledger, err = ledger.Open(ctx, ledger.Options{
		Dir: filepath.Join(b.opts.DataDir, dirLedger, string(b.epoch.Epoch)), Network: b.network.Network, Epoch: b.epoch.Epoch, Hub: b.nats.Hub(),
		Key: b.keys.identity, SaltKey: b.keys.ledger, Logger: b.log,
	})
	if err != nil {
		return err
	}
	b.ledger.Start()
	b.teardown.Push("ledger", b.ledger.Stop)
	return nil
}

// startMark follows the hub with the mark. The last one is set when nothing is
// committed any more.
func (b *Broker) startMark() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.followHub()
	}()
	b.teardown.Push("mark", func(ctx context.Context) error {
		b.cancel()
		<-done
		return b.moveMark(ctx)
	})
}

// hint tells an agency that something waits for it.
func (b *Broker) hint(a schemas.AgencyID, position uint64) {
	if m, ok := b.registry.Member(a); ok {
		b.nats.Hint(m.Account, position)
	}
}

// admitAll gives every member the account that its standing calls for, so that
// a stop between a change of standing and its effect has no consequence.
func (b *Broker) admitAll(ctx context.Context) error {
	for _, m := range b.registry.Members() {
		if err := b.admit(ctx, m.Agency, m.Status); err != nil {
			return err
		}
	}
	return nil
}

// admit opens or closes an agency's account. Closing ends its live connections,
// and those of agents whose place another one took never stay open.
func (b *Broker) admit(ctx context.Context, a schemas.AgencyID, status schemas.MemberStatus) error {
	account, err := b.keys.account(a)
	if err != nil {
		return err
	}
	m, _ := b.registry.Member(a)
	return b.nats.Admit(ctx, account, string(a), status != schemas.MemberActive, m.Former...)
}

// publishRoll puts a roll in force, and its consequences for connections.
func (b *Broker) publishRoll(ctx context.Context, rec schemas.SignedRecord) error {
	changed, err := b.registry.PublishRoll(ctx, rec)
	if err != nil {
		return err
	}
	var errs error
	for _, line := range changed {
		b.log.WarnContext(ctx, "member's standing changed", "agency", string(line.Agency), "status", string(line.Status))
		errs = errors.Join(errs, b.admit(ctx, line.Agency, line.Status))
	}
	for _, m := range b.registry.Members() {
		b.nats.Hint(m.Account, 0)
	}
	return errs
}

// Stop ends the broker: no new work, what is under way is finished, the
// hand-overs that were made are recorded, everything is closed. It may be
// called more than once.
func (b *Broker) Stop(ctx context.Context) error { return b.teardown.Run(ctx) }

// Failed is closed when the broker cannot write to its disk any more. Whoever
// runs it then stops it and starts it again, as soon as there is room: what had
// been accepted is there, and what had no answer is offered again.
func (b *Broker) Failed() <-chan struct{} { return b.nats.Failed() }

// Failure is why the broker cannot write to its disk, nil if it can.
func (b *Broker) Failure() error {
	err := b.nats.Failure()
	if errors.Is(err, syscall.ENOSPC) {
		return schemas.Refuse(schemas.CodeUnavailable, b.opts.DataDir, "must be on a disk that has room", "make room, then start the broker again; nothing was lost")
	}
	return err
}

// Addr is where the broker listens, also when Listen asked for any port.
func (b *Broker) Addr() net.Addr { return b.door.Addr() }

// StatusAddr is where health and metrics are served, nil if they are not.
func (b *Broker) StatusAddr() net.Addr {
	if b.status == nil {
		return nil
	}
	return b.status.Addr()
}

// userValid is how long an agent's credentials last; it renews them at half
// that time.
const userValid = 30 * 24 * time.Hour
