package exchange_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// behindProxy starts a network that only a proxy knows the way to.
func behindProxy(t *testing.T) (*exchange.Network, *proxy) {
	t.Helper()
	const public = "exchange.invalid:7443" // no name server knows it, ever (RFC 6761)
	names := map[string]string{}
	n := exchange.StartWith(t, exchange.Setting{Public: func(listen string) string {
		names[public] = listen
		return public
	}})
	return n, newProxy(t, names)
}

// joinThrough makes an agency a member through the proxy.
func joinThrough(t *testing.T, n *exchange.Network, p *proxy, a schemas.AgencyID) (*agent.Agent, agent.Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	opts := n.AgentOptions(a)
	opts.Proxy = p.url(p.password)
	if _, err := agent.Init(ctx, opts, "Agency "+string(a)); err != nil {
		t.Fatal(err)
	}
	running, err := agent.Open(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	if _, err := running.Join(ctx, n.Invite(a).String()); err != nil {
		t.Fatal(err)
	}
	return running, opts
}

// An agency whose machines reach the world through an authenticating proxy
// joins, sends and receives. The broker's name means nothing to this machine, so
// that nothing can go past the proxy.
func TestThroughProxy(t *testing.T) {
	n, p := behindProxy(t)
	treatment, _ := joinThrough(t, n, p, "riverside-treatment")
	probation, _ := joinThrough(t, n, p, "county-probation")
	permit(t, treatment, "", "county-probation", "c-1")
	tell(t, treatment, "", "county-probation", "c-1", "a-1")
	eventually.True(t, "the event arrives", func() bool { return len(heard(t, probation)) == 1 })
	eventually.True(t, "the receipt is back", func() bool { return waiting(t, treatment, "") == 0 })
	if got := p.opened(); got < 4 { // each joins over the door and connects
		t.Errorf("%d tunnels", got)
	}
	if strings.Contains(n.Log.String(), p.password) {
		t.Error("the proxy's password is in the log")
	}
}

// With a wrong password nothing goes, the reason is plain, and the password is
// nowhere.
func TestProxyPasswordIsNowhere(t *testing.T) {
	n, p := behindProxy(t)
	running, opts := joinThrough(t, n, p, "riverside-treatment")
	if err := running.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	const wrong = "wr0ng-password"
	opts.Proxy = p.url(wrong)
	running, err := agent.Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	var obstacle string
	eventually.True(t, "the obstacle is named", func() bool {
		s, err := running.Status()
		if err != nil {
			t.Fatal(err)
		}
		obstacle = s.Networks[0].Obstacle
		return strings.Contains(obstacle, "407")
	})
	said := obstacle + n.Log.String()
	_, err = running.Join(context.Background(), n.Invite("county-probation").String())
	if err != nil {
		said += err.Error()
	}
	opts.Proxy = "http://user:" + wrong + "@\x7f:1"
	if _, err := agent.Open(context.Background(), opts); err == nil {
		t.Error("a proxy that is no address was taken")
	} else {
		said += err.Error()
	}
	for _, secret := range []string{wrong, p.password} {
		if strings.Contains(said, secret) {
			t.Errorf("a password is in what was said: %s", said)
		}
	}
}

// The proxy is given the broker's name, also if this machine knows an address
// for it: proxies allow names.
func TestProxyGetsTheName(t *testing.T) {
	names := map[string]string{}
	n := exchange.StartWith(t, exchange.Setting{Public: func(listen string) string {
		names["localhost:7443"] = listen
		return "localhost:7443"
	}})
	running, _ := joinThrough(t, n, newProxy(t, names), "riverside-treatment")
	if checks := running.Diagnose(context.Background()); len(agent.Broken(checks)) > 0 {
		t.Errorf("%s", table(t, checks))
	}
}
