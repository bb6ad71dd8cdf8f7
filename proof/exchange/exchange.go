// Package exchange starts a whole network inside a test: a real broker on
// loopback with its hub on disk, and real agents that join it by code.
package exchange

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/schemas"
)

// Network is a running network. Everything stops with the test.
type Network struct {
	T      testing.TB
	Dir    string
	Lead   *broker.Lead
	Broker *broker.Broker
	Log    *Log
	Now    func() time.Time
	// Wire holds every byte that crossed between agents and broker.
	Wire *Log
	// Listen is where the broker listens. Agents know another address, at which
	// what crosses is recorded, unless [Setting] says otherwise.
	Listen string
	opts   broker.Options
}

// Setting is what a test may want otherwise about a network.
type Setting struct {
	// Network is its name; default river-county.
	Network schemas.NetworkID
	// Listen is where the broker listens; default a free port of loopback.
	Listen string
	// Public makes the host and port that agents know of the address at which
	// the broker listens.
	Public func(listen string) string
}

// Log collects everything that is logged; it is safe for concurrent use.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// String returns everything logged so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Start founds a network and runs its broker.
func Start(t testing.TB) *Network {
	t.Helper()
	return StartWith(t, Setting{})
}

// StartWith is [Start] for a network that is set up in another way.
func StartWith(t testing.TB, s Setting) *Network {
	t.Helper()
	n := &Network{T: t, Dir: t.TempDir(), Log: &Log{}, Wire: &Log{}, Now: time.Now, Listen: s.Listen}
	if n.Listen == "" {
		n.Listen = freeAddress(t)
	}
	if s.Network == "" {
		s.Network = "river-county"
	}
	if s.Public == nil {
		s.Public = n.tap
	}
	n.opts = broker.Options{
		DataDir: filepath.Join(n.Dir, "broker"), Listen: n.Listen, StatusListen: "127.0.0.1:0", Logger: n.Logger("broker"),
	}
	if _, err := broker.Init(broker.InitOptions{DataDir: n.opts.DataDir, Network: s.Network, URL: "https://" + s.Public(n.Listen)}); err != nil {
		t.Fatal(err)
	}
	var err error
	if n.Lead, err = broker.OpenLead(n.opts.DataDir+"-lead", n.Now); err != nil {
		t.Fatal(err)
	}
	n.StartBroker()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(n.Log.String())
		}
	})
	return n
}

// Logger logs into n.Log.
func (n *Network) Logger(who string) *slog.Logger {
	return slog.New(slog.NewTextHandler(n.Log, &slog.HandlerOptions{Level: slog.LevelDebug})).With("who", who)
}

// StartBroker runs the broker, the first time or again.
func (n *Network) StartBroker() {
	n.T.Helper()
	n.opts.Now = n.Now
	b, err := broker.Start(context.Background(), n.opts)
	if err != nil {
		n.T.Fatal(err)
	}
	n.Broker = b
	n.T.Cleanup(func() { _ = b.Stop(context.Background()) }) // a second stop does nothing
}

// StopBroker ends the broker.
func (n *Network) StopBroker() {
	n.T.Helper()
	if err := n.Broker.Stop(context.Background()); err != nil {
		n.T.Fatal(err)
	}
}

// Admin reaches the broker as its own commands do.
func (n *Network) Admin() *broker.Admin { return broker.OpenAdmin(n.opts.DataDir) }

// Invite makes a code for an agency.
func (n *Network) Invite(a schemas.AgencyID) schemas.InvitationCode {
	n.T.Helper()
	ctx := context.Background()
	account, err := n.Admin().Account(ctx, a)
	if err != nil {
		n.T.Fatal(err)
	}
	inv, err := n.Lead.Invite(n.Broker.State(), a, account, time.Hour)
	if err != nil {
		n.T.Fatal(err)
	}
	if _, err := n.Admin().Publish(ctx, inv.Roll, &inv.Invitation); err != nil {
		n.T.Fatal(err)
	}
	return inv.Code
}

// SetStanding suspends, readmits or lets go a member.
func (n *Network) SetStanding(a schemas.AgencyID, s schemas.MemberStatus) {
	n.T.Helper()
	roll, err := n.Lead.SetStanding(n.Broker.State(), a, s)
	if err == nil {
		_, err = n.Admin().Publish(context.Background(), roll, nil)
	}
	if err != nil {
		n.T.Fatal(err)
	}
}

// AgentOptions are those of an agency's agent in this network.
func (n *Network) AgentOptions(a schemas.AgencyID) agent.Options {
	return agent.Options{DataDir: filepath.Join(n.Dir, string(a)), Listen: "off", Logger: n.Logger(string(a)), Now: n.Now, Version: "test"}
}

// Join makes an agency a member and returns its running agent.
func (n *Network) Join(a schemas.AgencyID) *agent.Agent {
	n.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := agent.Init(ctx, n.AgentOptions(a), "Agency "+string(a)); err != nil {
		n.T.Fatal(err)
	}
	running := n.Run(a)
	if _, err := running.Join(ctx, n.Invite(a).String()); err != nil {
		n.T.Fatal(err)
	}
	return running
}

// Run starts the agent of an agency that was initialised.
func (n *Network) Run(a schemas.AgencyID) *agent.Agent {
	n.T.Helper()
	running, err := agent.Open(context.Background(), n.AgentOptions(a))
	if err != nil {
		n.T.Fatal(err)
	}
	n.T.Cleanup(func() { _ = running.Stop(context.Background()) }) // a second stop does nothing
	return running
}

// Event makes a CloudEvent in JSON format.
func Event(t schemas.EventType, to, client, subject string, data any) []byte {
	e := map[string]any{
		"specversion": "1.0", "id": rand.Text(), "source": "/local/system", "type": string(t), "subject": subject,
		"time": time.Now().UTC().Format(time.RFC3339), "datacontenttype": "application/json", "data": data, "recipient": to,
	}
	if client != "" {
		e["client"] = client
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("event for a test: %v", err))
	}
	return b
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // only its number was wanted
	return l.Addr().String()
}

// tap relays connections to an address and records what crosses in n.Wire.
func (n *Network) tap(to string) string {
	n.T.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.T.Fatal(err)
	}
	n.T.Cleanup(func() { _ = l.Close() }) // ends the loop below
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close() // as the broker itself refuses
				continue
			}
			go n.relay(out, in)
			go n.relay(in, out)
		}
	}()
	return l.Addr().String()
}

func (n *Network) relay(to, from net.Conn) {
	_, _ = io.Copy(io.MultiWriter(to, n.Wire), from) // the end of either side ends both
	_ = to.Close()
	_ = from.Close()
}
