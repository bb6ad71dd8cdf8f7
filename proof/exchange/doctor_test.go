package exchange_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// office is an agency that has joined and whose agent does not run, and what
// stands between it and its broker.
type office struct {
	n     *exchange.Network
	relay *relay
	opts  agent.Options
}

func newOffice(t *testing.T) office {
	t.Helper()
	var o office
	o.n = exchange.StartWith(t, exchange.Setting{Public: func(listen string) string {
		o.relay = newRelay(t, listen)
		return o.relay.addr
	}})
	running := o.n.Join("riverside-treatment")
	if err := running.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	o.opts = o.n.AgentOptions("riverside-treatment")
	return o
}

func diagnose(t testing.TB, opts agent.Options) []agent.Check {
	t.Helper()
	checks, err := agent.Diagnose(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return checks
}

// wantCause wants exactly one cause: the hop, what was expected and what was
// found there, and something to do about it; nothing before it broken.
func wantCause(t testing.TB, checks []agent.Check, hop agent.Hop, expected, found string) {
	t.Helper()
	broken := agent.Broken(checks)
	if len(broken) != 1 || broken[0].Hop != hop {
		t.Fatalf("cause: got %d, want %s\n%s", len(broken), hop, table(t, checks))
	}
	c := broken[0]
	if !strings.Contains(c.Expected, expected) || !strings.Contains(c.Found, found) || c.Remedy == "" {
		t.Errorf("at %s: expected %q, found %q, remedy %q\nwant %q and %q", hop, c.Expected, c.Found, c.Remedy, expected, found)
	}
	for _, before := range checks[:slices.IndexFunc(checks, func(c agent.Check) bool { return c.Cause })] {
		if !before.OK {
			t.Errorf("before the cause: %+v", before)
		}
	}
	if len(checks) != 12 {
		t.Errorf("%d checks, want one for each of 12 hops", len(checks))
	}
}

func table(t testing.TB, checks []agent.Check) string {
	t.Helper()
	b, err := json.MarshalIndent(checks, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// skipped lists the hops that were not tried.
func skipped(checks []agent.Check) (hops []agent.Hop) {
	for _, c := range checks {
		if c.Skipped {
			hops = append(hops, c.Hop)
		}
	}
	return hops
}

func TestDoctorFindsNothing(t *testing.T) {
	o := newOffice(t)
	t.Run("the agent does not run", func(t *testing.T) {
		checks := diagnose(t, o.opts)
		if len(agent.Broken(checks)) > 0 || !slices.Equal(skipped(checks), []agent.Hop{agent.HopCanary}) {
			t.Errorf("%s", table(t, checks))
		}
	})
	t.Run("another time zone", func(t *testing.T) {
		opts := o.opts
		opts.Now = func() time.Time { return time.Now().In(time.FixedZone("elsewhere", 11*60*60)) }
		if checks := diagnose(t, opts); len(agent.Broken(checks)) > 0 {
			t.Errorf("%s", table(t, checks))
		}
	})
	t.Run("it reads only", func(t *testing.T) {
		before, err := os.ReadFile(o.opts.DataDir + "/store.db")
		if err != nil {
			t.Fatal(err)
		}
		diagnose(t, o.opts)
		after, err := os.ReadFile(o.opts.DataDir + "/store.db")
		if err != nil || !slices.Equal(before, after) {
			t.Errorf("the store changed, %v", err)
		}
	})
	t.Run("the agent runs", func(t *testing.T) {
		running := o.n.Run("riverside-treatment")
		eventually.True(t, "it is connected", func() bool { return connected(t, running) })
		checks := running.Diagnose(context.Background())
		if len(agent.Broken(checks)) > 0 || len(skipped(checks)) > 0 {
			t.Errorf("%s", table(t, checks))
		}
		checks = diagnose(t, o.opts)
		if broken := agent.Broken(checks); len(broken) != 1 || broken[0].Hop != agent.HopStore || !strings.Contains(broken[0].Found, "the agent runs and uses them") {
			t.Errorf("beside it: %s", table(t, checks))
		}
	})
}

func TestDoctorWithoutRecords(t *testing.T) {
	opts := agent.Options{DataDir: t.TempDir()}
	checks := diagnose(t, opts)
	if broken := agent.Broken(checks); len(broken) != 1 || broken[0].Hop != agent.HopStore || !strings.Contains(broken[0].Found, "no agent's records") {
		t.Errorf("an empty directory: %s", table(t, checks))
	}
	opts.DataDir += "/agent"
	if _, err := agent.Init(context.Background(), opts, "Agency"); err != nil {
		t.Fatal(err)
	}
	checks = diagnose(t, opts)
	if broken := agent.Broken(checks); len(broken) != 1 || broken[0].Hop != agent.HopJoined || !strings.Contains(broken[0].Remedy, "agent join") {
		t.Errorf("joined nowhere: %s", table(t, checks))
	}
	if err := os.Rename(opts.DataDir+".key", opts.DataDir+".gone"); err != nil {
		t.Fatal(err)
	}
	checks = diagnose(t, opts)
	if broken := agent.Broken(checks); len(broken) != 1 || broken[0].Hop != agent.HopStore || broken[0].Remedy == "" {
		t.Errorf("without its key: %s", table(t, checks))
	}
}

func TestDoctorPort(t *testing.T) {
	o := newOffice(t)
	o.relay.point("") // the port is open, and nobody behind it
	wantCause(t, diagnose(t, o.opts), agent.HopEncryption, "a certificate signed by the exchange", "cut at once")
	plain := listen(t) // another service has the port
	go func() {
		for {
			c, err := plain.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("220 mail.example.org ESMTP\r\n"))
			_ = c.Close()
		}
	}()
	o.relay.point(plain.Addr().String())
	wantCause(t, diagnose(t, o.opts), agent.HopEncryption, "a certificate signed by the exchange", "without encryption")
	o.relay.close() // the broker is down
	checks := diagnose(t, o.opts)
	_, port, _ := net.SplitHostPort(o.relay.addr)
	wantCause(t, checks, agent.HopPort, "port "+port+" of 127.0.0.1 answers", "refused: nothing listens there")
	if got, want := len(skipped(checks)), 7; got != want {
		t.Errorf("%d hops not tried, want %d: %s", got, want, table(t, checks))
	}
}

func TestDoctorName(t *testing.T) {
	n, p := behindProxy(t)
	running, opts := joinThrough(t, n, p, "riverside-treatment")
	if err := running.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Run("the exchange's", func(t *testing.T) {
		opts := opts
		opts.Proxy = ""
		wantCause(t, diagnose(t, opts), agent.HopName, "exchange.invalid is known to this machine", "n") // no such name, or no answer where nothing may be asked
	})
	t.Run("the proxy's", func(t *testing.T) {
		opts := opts
		opts.Proxy = "http://gateway.invalid:3128"
		wantCause(t, diagnose(t, opts), agent.HopName, "the proxy's name gateway.invalid", "n")
	})
	t.Run("through the proxy", func(t *testing.T) {
		if checks := diagnose(t, opts); len(agent.Broken(checks)) > 0 {
			t.Errorf("%s", table(t, checks))
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		opts := opts
		opts.Proxy = p.url("wr0ng-password")
		checks := diagnose(t, opts)
		wantCause(t, checks, agent.HopProxy, "lets us through to exchange.invalid:7443", "does not accept the user name and password")
		if said := table(t, checks); strings.Contains(said, "wr0ng-password") {
			t.Errorf("the password is in the diagnosis: %s", said)
		}
	})
	t.Run("no password", func(t *testing.T) {
		opts := opts
		opts.Proxy = "http://" + p.addr
		wantCause(t, diagnose(t, opts), agent.HopProxy, "lets us through", "wants a user name and a password")
	})
	t.Run("it forbids the address", func(t *testing.T) {
		p.set(func(p *proxy) { p.status = 403 })
		wantCause(t, diagnose(t, opts), agent.HopProxy, "lets us through", "forbids this address: 403")
		p.set(func(p *proxy) { p.status = 0 })
	})
	t.Run("it cannot reach the exchange", func(t *testing.T) {
		p.set(func(p *proxy) { p.status = 502 })
		wantCause(t, diagnose(t, opts), agent.HopPort, "exchange.invalid:7443 answers the proxy", "the proxy cannot reach it: 502")
		p.set(func(p *proxy) { p.status = 0 })
	})
	t.Run("it is down", func(t *testing.T) {
		opts := opts
		opts.Proxy = "http://" + closedPort(t)
		wantCause(t, diagnose(t, opts), agent.HopProxy, "lets us through", "the proxy itself: refused")
	})
	t.Run("it is none", func(t *testing.T) {
		opts := opts
		opts.Proxy = "http://" + opener(t, companyAuthority(t).certificate(t, "127.0.0.1", time.Now(), time.Now().AddDate(1, 0, 0)), n.Listen, "")
		wantCause(t, diagnose(t, opts), agent.HopProxy, "lets us through", "the proxy itself")
	})
}

func TestDoctorEncryption(t *testing.T) {
	o := newOffice(t)
	now := time.Now()
	company, own := companyAuthority(t), brokerAuthority(t, o.n)
	const expected = "a certificate signed by the exchange, "
	t.Run("somebody opens the connection", func(t *testing.T) {
		o.relay.point(opener(t, company.certificate(t, "127.0.0.1", now, now.AddDate(1, 0, 0)), o.n.Listen, ""))
		checks := diagnose(t, o.opts)
		wantCause(t, checks, agent.HopEncryption, expected, "issued by CN=Springfield County Web Filter; behind it the exchange itself answers")
		if remedy := agent.Broken(checks)[0].Remedy; !strings.Contains(remedy, "inspects traffic") {
			t.Errorf("remedy: %s", remedy)
		}
	})
	t.Run("somebody else", func(t *testing.T) {
		l := listen(t)
		go serveNothing(l, company.certificate(t, "127.0.0.1", now, now.AddDate(1, 0, 0)))
		o.relay.point(l.Addr().String())
		wantCause(t, diagnose(t, o.opts), agent.HopEncryption, expected, "issued by CN=Springfield County Web Filter")
	})
	t.Run("made out for another name", func(t *testing.T) {
		o.relay.point(opener(t, own.certificate(t, "exchange.example.org", now, now.AddDate(1, 0, 0)), o.n.Listen, ""))
		wantCause(t, diagnose(t, o.opts), agent.HopEncryption, expected, "made out for other names than 127.0.0.1")
	})
	t.Run("expired", func(t *testing.T) {
		o.relay.point(opener(t, own.certificate(t, "127.0.0.1", now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0)), o.n.Listen, ""))
		wantCause(t, diagnose(t, o.opts), agent.HopEncryption, expected, "this machine's clock says")
	})
	t.Run("another exchange", func(t *testing.T) {
		other := exchange.StartWith(t, exchange.Setting{Network: "lake-county"})
		o.relay.point(other.Listen)
		wantCause(t, diagnose(t, o.opts), agent.HopIdentity, "the exchange of river-county, fingerprint ", "the exchange of lake-county, fingerprint ")
		same := exchange.Start(t)
		o.relay.point(same.Listen)
		wantCause(t, diagnose(t, o.opts), agent.HopIdentity, o.n.Broker.State().BrokerKey.Fingerprint(), same.Broker.State().BrokerKey.Fingerprint())
	})
	t.Run("no web sockets", func(t *testing.T) {
		o.relay.point(opener(t, own.certificate(t, "127.0.0.1", now, now.AddDate(1, 0, 0)), o.n.Listen, "/nats"))
		checks := diagnose(t, o.opts)
		wantCause(t, checks, agent.HopSignIn, "accepts this agency's credentials", "no connection")
		if remedy := agent.Broken(checks)[0].Remedy; !strings.Contains(remedy, "WebSockets") {
			t.Errorf("remedy: %s", remedy)
		}
	})
	t.Run("another web server", func(t *testing.T) {
		o.relay.point(opener(t, own.certificate(t, "127.0.0.1", now, now.AddDate(1, 0, 0)), o.n.Listen, "/enrol"))
		wantCause(t, diagnose(t, o.opts), agent.HopIdentity, "the exchange of river-county", "another web server answers (403)")
	})
}

// serveNothing shakes hands and closes.
func serveNothing(l net.Listener, cert tls.Certificate) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		server := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		_ = server.Handshake() // how it ends shows on the other side
		_ = server.Close()
	}
}

// A wrong clock is named as such, whether certificates still hold by it or not,
// and hides nothing that is behind it.
func TestDoctorClock(t *testing.T) {
	o := newOffice(t)
	tests := map[string]struct {
		offset time.Duration
		found  string
	}{
		"hours ahead":  {3 * time.Hour, "ahead of the exchange's"},
		"hours behind": {-3 * time.Hour, "behind the exchange's"},
		"days behind":  {-5 * 24 * time.Hour, "behind the exchange's"},
		"years ahead":  {3 * 365 * 24 * time.Hour, "ahead of the exchange's"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opts := o.opts
			opts.Now = func() time.Time { return time.Now().Add(test.offset) }
			checks := diagnose(t, opts)
			wantCause(t, checks, agent.HopClock, "at most 5 minutes from the exchange's", test.found)
			far, _, _ := strings.Cut(agent.Broken(checks)[0].Found, " ")
			if d, err := time.ParseDuration(far); err != nil || (d-test.offset.Abs()).Abs() > time.Minute {
				t.Errorf("how far: %q, want about %s", far, test.offset.Abs())
			}
			for _, c := range checks {
				if c.Hop == agent.HopStanding && !c.OK {
					t.Errorf("standing: %+v", c)
				}
			}
		})
	}
}

func TestDoctorStanding(t *testing.T) {
	o := newOffice(t)
	running := o.n.Run("riverside-treatment")
	eventually.True(t, "the line is open", func() bool { return connected(t, running) })
	o.n.SetStanding("riverside-treatment", schemas.MemberSuspended)
	eventually.True(t, "the line is closed", func() bool { return !connected(t, running) })
	const expected = "riverside-treatment is an active member of river-county"
	wantCause(t, running.Diagnose(context.Background()), agent.HopStanding, expected, "suspended")
	if err := running.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantCause(t, diagnose(t, o.opts), agent.HopStanding, expected, "suspended")
	o.n.SetStanding("riverside-treatment", schemas.MemberLeft)
	wantCause(t, diagnose(t, o.opts), agent.HopStanding, expected, "it has left the network")
}

// An agent that was off for longer than its credentials last comes back by
// itself.
func TestDoctorCredentials(t *testing.T) {
	o := newOffice(t)
	o.n.StopBroker()
	later := func() time.Time { return time.Now().Add(40 * 24 * time.Hour) }
	o.n.Now = later
	o.n.StartBroker()
	o.opts.Now = later
	checks := diagnose(t, o.opts)
	wantCause(t, checks, agent.HopCredentials, "not expired", "expired on")

	running := o.n.Run("riverside-treatment")
	eventually.True(t, "it has new ones", func() bool {
		checks := running.Diagnose(context.Background())
		for _, c := range checks {
			if c.Hop == agent.HopCredentials {
				return c.OK
			}
		}
		return false
	})
}
