// Package cluster runs networks of three brokers, loses brokers of them in
// several ways, and looks at what was promised.
package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

const places = 3

// trio is a network of three brokers in this process. Everything stops with the
// test.
type trio struct {
	t       testing.TB
	dir     string
	log     *exchange.Log
	opts    [places]broker.Options
	brokers [places]*broker.Broker // nil while one does not run
	lead    *broker.Lead
}

func startTrio(t testing.TB) *trio {
	t.Helper()
	n := &trio{t: t, dir: t.TempDir(), log: &exchange.Log{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(n.log.String())
		}
	})
	public, routes := addresses(t), addresses(t)
	var urls []string
	for _, address := range public {
		urls = append(urls, "https://"+address)
	}
	first := filepath.Join(n.dir, "broker-1")
	_, err := broker.Init(broker.InitOptions{DataDir: first, LeadDir: filepath.Join(n.dir, "lead"), Network: "river-county", URL: urls[0]})
	check(t, err)
	file := filepath.Join(n.dir, "replica.json")
	code, err := broker.PackReplica(first, file)
	check(t, err)
	for i := range n.opts {
		place := i + 1
		n.opts[i] = broker.Options{
			DataDir: filepath.Join(n.dir, fmt.Sprint("broker-", place)), Listen: public[i], StatusListen: "127.0.0.1:0",
			ClusterBrokers: strings.Join(urls, " "), ClusterPlace: place, ClusterRoutes: strings.Join(routes[:], " "), ClusterListen: routes[i],
			Logger: n.logger(fmt.Sprint("broker-", place)),
		}
		if place > 1 {
			_, err := broker.UnpackReplica(file, code, n.opts[i].DataDir)
			check(t, err)
		}
	}
	n.lead, err = broker.OpenLead(filepath.Join(n.dir, "lead"), time.Now)
	check(t, err)
	n.start(1, 2, 3)
	return n
}

func (n *trio) logger(who string) *slog.Logger {
	return slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelInfo})).With("who", who)
}

// start runs brokers; the first ones wait for each other.
func (n *trio) start(which ...int) {
	n.t.Helper()
	var wg sync.WaitGroup
	for _, place := range which {
		wg.Go(func() {
			b, err := broker.Start(context.Background(), n.opts[place-1])
			if err != nil {
				n.t.Error(err)
				return
			}
			n.brokers[place-1] = b
			n.t.Cleanup(func() { _ = b.Stop(context.Background()) }) // a second stop does nothing
		})
	}
	wg.Wait()
	if n.t.Failed() {
		n.t.FailNow()
	}
}

// stop ends a broker in order.
func (n *trio) stop(place int) {
	n.t.Helper()
	check(n.t, n.brokers[place-1].Stop(context.Background()))
	n.brokers[place-1] = nil
}

// admin reaches a broker that runs.
func (n *trio) admin(place int) *broker.Admin { return broker.OpenAdmin(n.opts[place-1].DataDir) }

// state is how the network is, as one of the brokers that run sees it.
func (n *trio) state() (broker.State, bool) {
	for i, b := range n.brokers {
		if b == nil {
			continue
		}
		if s, err := n.admin(i + 1).State(n.t.Context()); err == nil {
			return s, true
		}
	}
	return broker.State{}, false
}

// join makes an agency a member, with a code from one of the brokers.
func (n *trio) join(a schemas.AgencyID, place int) *agent.Agent {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Minute)
	defer cancel()
	account, err := n.admin(place).Account(ctx, a)
	check(n.t, err)
	s, err := n.admin(place).State(ctx)
	check(n.t, err)
	inv, err := n.lead.Invite(s, a, account, time.Hour)
	check(n.t, err)
	_, err = n.admin(place).Publish(ctx, inv.Roll, &inv.Invitation)
	check(n.t, err)
	opts := agent.Options{DataDir: filepath.Join(n.dir, string(a)), Listen: "off", Logger: n.logger(string(a)), Version: "test"}
	_, err = agent.Init(ctx, opts, "Agency "+string(a))
	check(n.t, err)
	running, err := agent.Open(context.Background(), opts)
	check(n.t, err)
	n.t.Cleanup(func() { _ = running.Stop(context.Background()) })
	_, err = running.Join(ctx, inv.Code.String())
	check(n.t, err)
	return running
}

// addresses finds three free ones on loopback.
func addresses(t testing.TB) (all [places]string) {
	t.Helper()
	for i := range all {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		defer func() { _ = l.Close() }() // only its number was wanted
		all[i] = l.Addr().String()
	}
	return all
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
