package link

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/schemas"
)

// Finding is what one step on the way to a broker came to, in words for
// somebody who is no programmer. It says "the exchange" for the broker, as the
// pages and commands do.
type Finding struct {
	OK              bool
	Expected, Found string
	Remedy          string // if it is not OK
}

// Probe looks at the way to a broker step by step. Each method is one step, to
// be called in the order of their appearance and only if the one before was OK.
type Probe struct {
	target Target
	host   string
	port   string
	proxy  *url.URL // nil for none
	conn   net.Conn // to the broker, from Reach on
	leaf   schemas.Hash
	// inner is a time within the certificate's days, if it is the broker's and
	// this machine's clock lies outside them.
	inner time.Time
	hello *schemas.Hello // who answers, as soon as that is known
}

// probeTimeout bounds each step.
const probeTimeout = 10 * time.Second

// NewProbe prepares to look at the way to a broker.
func NewProbe(t Target) *Probe { return &Probe{target: t} }

// Close ends what the steps opened.
func (p *Probe) Close() {
	if p.conn != nil {
		_ = p.conn.Close() // nothing was written that matters
	}
}

func (p *Probe) address() string { return net.JoinHostPort(p.host, p.port) }

// Name is the first step: the name of the machine to connect to is known.
func (p *Probe) Name(ctx context.Context) Finding {
	var err error
	if p.host, p.port, err = p.target.Host(); err != nil {
		return Finding{Expected: "an address that begins with https://", Found: "something else in the invitation", Remedy: "ask the network's lead agency for a new code"}
	}
	if p.proxy, err = p.target.proxy(); err != nil {
		return Finding{Expected: "a proxy's address that begins with http://", Found: "a setting that is no address", Remedy: "correct the setting proxy, or the variable HTTPS_PROXY"}
	}
	host, whose := p.host, "the exchange's"
	if p.proxy != nil {
		host, whose = p.proxy.Hostname(), "the proxy's"
	}
	f := Finding{Expected: fmt.Sprintf("%s name %s is known to this machine", whose, host)}
	if net.ParseIP(host) != nil {
		f.OK, f.Expected, f.Found = true, whose+" address", host+", which needs no name"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err == nil {
		f.OK, f.Found = true, "it stands for "+addresses[0]
		return f
	}
	f.Found = "no name server answered"
	f.Remedy = "check that this machine is on the network and which name server (DNS) it uses"
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		f.Found = "no such name"
		f.Remedy = "check this machine's name server (DNS); if other names work, ask the network's lead agency whether the address is still right"
		if p.proxy == nil {
			f.Remedy += "; if this office reaches the internet through a proxy only, set proxy"
		}
	}
	return f
}

// Proxy is the second step: there is no proxy, or it opens a tunnel. What the
// proxy says about the other end is the third step's.
func (p *Probe) Proxy(ctx context.Context) (f Finding, reach *Finding) {
	if p.proxy == nil {
		return Finding{OK: true, Expected: "none is set, or it lets us through", Found: "none is set"}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	proxy := net.JoinHostPort(p.proxy.Hostname(), proxyPort(p.proxy))
	f = Finding{Expected: fmt.Sprintf("the proxy %s lets us through to %s", proxy, p.address())}
	conn, err := dialer{p.target}.dial(ctx, "tcp", p.address())
	if err == nil {
		p.conn = conn
		f.OK, f.Found = true, "it does"
		return f, nil
	}
	refused, ok := errors.AsType[*ProxyError](err)
	switch {
	case ok && refused.Status == http.StatusProxyAuthRequired:
		f.Found, f.Remedy = "it wants a user name and a password", "put them into the setting proxy: http://user:password@"+proxy
		if p.proxy.User != nil {
			f.Found, f.Remedy = "it does not accept the user name and password that are set", "correct them in the setting proxy, or in HTTPS_PROXY"
		}
	case ok && refused.Status >= http.StatusInternalServerError:
		f.OK, f.Found = true, "it answers"
		return f, &Finding{
			Expected: p.address() + " answers the proxy", Found: "the proxy cannot reach it: " + refused.Reason,
			Remedy: "ask the network's lead agency whether the exchange runs; if it does, ask whoever runs the proxy",
		}
	case ok && refused.Status > 0:
		f.Found, f.Remedy = "it forbids this address: "+refused.Reason, "ask whoever runs the proxy to allow "+p.address()
	case ok && refused.Reason == reasonScheme:
		f.Found, f.Remedy = reasonScheme, "set proxy to the proxy's http:// address"
	default:
		f.Found, f.Remedy = "the proxy itself: "+unreachable(err), "check the setting proxy, and whether the proxy runs"
	}
	return f, nil
}

// Reach is the third step: the broker's port answers.
func (p *Probe) Reach(ctx context.Context) Finding {
	f := Finding{Expected: fmt.Sprintf("port %s of %s answers", p.port, p.host)}
	if p.conn != nil {
		f.OK, f.Found = true, "it does, through the proxy"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", p.address())
	if err == nil {
		p.conn = conn
		f.OK, f.Found = true, "it does"
		return f
	}
	f.Found = unreachable(err)
	f.Remedy = fmt.Sprintf("ask the network's lead agency whether the exchange runs; if it does, ask whoever runs this office's firewall to let this machine out to %s", p.address())
	return f
}

// unreachable says in words why a connection did not come about. It repeats no
// text of the error, which may hold anything.
func unreachable(err error) string {
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused: nothing listens there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "unreachable: this machine knows no way there"
	case errors.Is(err, context.DeadlineExceeded), ok && timeout.Timeout():
		return "no answer: a firewall may swallow it, or the machine is off"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was cut at once"
	default:
		return "no connection"
	}
}

// Encrypt is the fourth step: the other end presents the broker's certificate.
// Two faults are left to later steps, which can say more: another broker's
// certificate, and days that only this machine's clock finds wrong.
func (p *Probe) Encrypt(ctx context.Context) Finding {
	f := Finding{Expected: "a certificate signed by the exchange, " + p.target.Broker.Fingerprint()}
	if p.target.Roots {
		f.Expected = "a certificate for " + p.host + " that this machine trusts"
	}
	state, err := p.handshake(ctx)
	if err != nil {
		f.Found = noHandshake(err)
		f.Remedy = "ask the network's lead agency whether the address and port are right; if they are, something in between cuts encrypted connections"
		return f
	}
	err = p.verify(state, p.target.now())
	leaf := state.PeerCertificates[0]
	p.leaf = schemas.HashOf(leaf.Raw)
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return p.outOfDate(ctx, f, state)
	}
	if foreign, ok := errors.AsType[*ForeignCertificateError](err); ok {
		return p.strange(ctx, f, foreign)
	}
	switch {
	case err == nil:
		f.OK, f.Found = true, "the exchange's certificate, valid until "+day(leaf.NotAfter)
	case isHostname(err):
		f.Found = "the exchange's certificate, but made out for other names than " + p.host
		f.Remedy = "ask the network's lead agency which address to use; the exchange's own setting url names it"
	default:
		f.Found = "a certificate issued by " + leaf.Issuer.String() + ", which this machine does not trust"
		f.Remedy = inspected
	}
	return f
}

const inspected = "somebody in between opens the connection, such as a proxy that inspects traffic: ask whoever runs it to leave this address alone"

func (p *Probe) handshake(ctx context.Context) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	client := tls.Client(p.conn, &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: p.host,
		InsecureSkipVerify: true, // #nosec G402 -- nothing is said on this connection; what was presented is looked at below
	})
	err := client.HandshakeContext(ctx)
	return client.ConnectionState(), err
}

// noHandshake says in words why there is no encryption.
func noHandshake(err error) string {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "it answers, but without encryption: that is not the exchange"
	}
	return "no encrypted connection: " + unreachable(err)
}

// verify holds what was presented against the target at a time.
func (p *Probe) verify(state tls.ConnectionState, at time.Time) error {
	t := p.target
	t.Now = func() time.Time { return at }
	if !t.Roots {
		return t.verify(state)
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Intermediates: between, DNSName: p.host, CurrentTime: at})
	return err
}

func isHostname(err error) bool {
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}

// outOfDate finds out whose clock is wrong: the broker says its own, signed.
func (p *Probe) outOfDate(ctx context.Context, f Finding, state tls.ConnectionState) Finding {
	leaf, now := state.PeerCertificates[0], p.target.now()
	days := fmt.Sprintf("valid from %s to %s", day(leaf.NotBefore), day(leaf.NotAfter))
	f.Found = fmt.Sprintf("a certificate %s, and this machine's clock says %s", days, day(now))
	f.Remedy = "set this machine's clock if it is wrong; otherwise the exchange's operator has to renew its certificate"
	inner := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	if p.verify(state, inner) != nil {
		return f
	}
	p.inner = inner
	hello, err := p.ask(ctx, false)
	if err != nil || KeyOf(hello) != p.target.Broker || hello.Time.Before(leaf.NotBefore) || hello.Time.After(leaf.NotAfter) {
		return f
	}
	p.hello = &hello
	f.OK, f.Found, f.Remedy = true, "the exchange's certificate, "+days+"; only this machine's clock finds it wrong", ""
	return f
}

// strange finds out who answers in the broker's place.
func (p *Probe) strange(ctx context.Context, f Finding, foreign *ForeignCertificateError) Finding {
	f.Found = "a certificate issued by " + foreign.Issuer
	hello, err := p.ask(ctx, true)
	switch {
	case err != nil:
		f.Remedy = inspected + "; if there is none, the address belongs to somebody else now: ask the network's lead agency"
	case KeyOf(hello) == p.target.Broker:
		f.Found += "; behind it the exchange itself answers"
		f.Remedy = inspected
	default: // another exchange: the next step says which
		f.OK, f.Found, p.hello = true, "the certificate of another exchange, issued by "+foreign.Issuer, &hello
	}
	return f
}

// KeyOf names the key by which a hello was signed.
func KeyOf(h schemas.Hello) schemas.KeyID { return schemas.KeyIDOf(h.Key) }

// Identify is the fifth step: the broker proves that it is the one of the
// invitation.
func (p *Probe) Identify(ctx context.Context) Finding {
	f := Finding{Expected: fmt.Sprintf("the exchange of %s, fingerprint %s", p.target.Network, p.target.Broker.Fingerprint())}
	if p.hello == nil {
		hello, err := p.ask(ctx, false)
		if err != nil {
			f.Found = "no exchange: " + notHello(err)
			f.Remedy = "ask the network's lead agency whether the address is right and whether the exchange runs"
			return f
		}
		p.hello = &hello
	}
	f.Found = fmt.Sprintf("the exchange of %s, fingerprint %s", p.hello.Network, KeyOf(*p.hello).Fingerprint())
	switch {
	case KeyOf(*p.hello) != p.target.Broker:
		f.Remedy = "do not go on: ask the network's lead agency by telephone for the exchange's address and fingerprint"
	case p.hello.Network != p.target.Network:
		f.Remedy = "ask the network's lead agency for the address of its own exchange"
	default:
		f.OK = true
	}
	if f.OK && p.target.Roots && p.hello.TLS != p.leaf {
		f.Found += "; something in between opens the connection: it belongs to the exchange, or inspects what leaves this office"
	}
	return f
}

// Clock is the broker's clock, once Identify was OK.
func (p *Probe) Clock() time.Time { return p.hello.Time.Time }

// Trusted is the target for further questions to a broker that was identified:
// it accepts the certificate also if this machine's clock does not.
func (p *Probe) Trusted() Target {
	t := p.target
	if inner := p.inner; !inner.IsZero() {
		t.Now = func() time.Time { return inner }
	}
	return t
}

// notHello tells answers apart that are no broker's.
func notHello(err error) string {
	if status, ok := errors.AsType[*statusError](err); ok {
		return fmt.Sprintf("another web server answers (%d)", status.code)
	}
	return unreachable(err)
}

type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("answered %d", e.code) }

// ask lets whoever answers say who it is. The signature is its own: whether it
// is the right one is for the caller to see.
func (p *Probe) ask(ctx context.Context, anyone bool) (schemas.Hello, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	client := NewDoor(p.Trusted()).client
	if anyone {
		config := &tls.Config{
			MinVersion: tls.VersionTLS12, ServerName: p.host,
			InsecureSkipVerify: true, // #nosec G402 -- only to find out who it is; nothing is entrusted to it
		}
		client.Transport.(*http.Transport).TLSClientConfig = config
	}
	nonce := string(schemas.NewGrantID()) // 128 random bits
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.target.URL+"/enrol/hello?nonce="+nonce, nil)
	if err != nil {
		return schemas.Hello{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return schemas.Hello{}, err
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	var rec schemas.SignedRecord
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return schemas.Hello{}, err
	}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(body, &rec) != nil {
		return schemas.Hello{}, &statusError{resp.StatusCode}
	}
	hello, err := schemas.PeekRecord[schemas.Hello](rec, schemas.RecordHello)
	if err != nil || hello.Nonce != nonce || rec.Verify(schemas.RecordHello, ed25519.PublicKey(hello.Key)) != nil {
		return schemas.Hello{}, &statusError{resp.StatusCode}
	}
	return hello, nil
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// SignIn connects once, as the agent does, and says what came of it. Of the
// options it needs Target, JWT, Sign and User.
func SignIn(opts Options) Finding {
	f := Finding{Expected: "the exchange accepts this agency's credentials"}
	opts.Timeout, opts.Ping = probeTimeout, defaultPing
	opts.OnHint, opts.Logger = func() {}, slog.New(slog.DiscardHandler)
	l := newLink(opts)
	defer l.stop()
	l.begun.Store(true)
	address, options, err := l.options()
	if err == nil {
		var conn *nats.Conn
		if conn, err = nats.Connect(address, append(options, nats.NoReconnect(), nats.RetryOnFailedConnect(false))...); err == nil {
			conn.Close()
			f.OK, f.Found = true, "it does"
			return f
		}
	}
	f.Found, f.Remedy = SignInFault(err)
	return f
}

// SignInFault says in words why the message server does not let this agency in.
func SignInFault(err error) (found, remedy string) {
	switch {
	case errors.Is(err, nats.ErrAuthExpired):
		return "they have expired", "let the agent run: it asks for new ones"
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return "it refuses them", "ask the network's lead agency whether this agency is a member in good standing"
	case errors.Is(err, nats.ErrMaxConnectionsExceeded), errors.Is(err, nats.ErrMaxAccountConnectionsExceeded):
		return "too many connections of this agency", "look for a second copy of this agency's Linkage that runs elsewhere"
	default:
		return "no connection: " + unreachable(err), "if everything above is well, something in between does not let WebSockets through: ask whoever runs the proxy or firewall"
	}
}
