// Package link is the agent's line to one broker: NATS over WebSocket on the
// broker's HTTPS port (or over TLS on its NATS port), outwards only, through an
// HTTP proxy where there is one.
//
// It reconnects for ever and buffers nothing: what could not be sent is an
// error, and the outbox is the buffer. It is the only importer of nats.go on
// this side.
package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/schemas"
)

// Options say which broker, and as whom. All are required but those that name a
// default, and Proxy and NATS.
type Options struct {
	Target
	// JWT returns the present user JWT; it is asked at every (re)connection.
	JWT func() (string, error)
	// Sign proves possession of the user key.
	Sign func(nonce []byte) ([]byte, error)
	// User is the public user key; answers come under its inbox.
	User string
	// Ping is how often a line on which nothing moves is tested; after two
	// pings without an answer it is made anew. Default 20 seconds.
	Ping time.Duration
	// Timeout bounds one request with its answer, and one attempt to connect.
	// Default 30 seconds.
	Timeout time.Duration
	// OnHint is called when the broker says that something waits, and after
	// every (re)connection. It must not block.
	OnHint func()
	Logger *slog.Logger
}

// ErrOffline is returned by every request while there is no connection.
var ErrOffline = schemas.Refuse(schemas.CodeUnavailable, "", "there is no connection to the broker", "run `linkage agent doctor` to see why")

// Link is the line. Its methods are safe for concurrent use.
type Link struct {
	opts    Options
	conn    *nats.Conn
	lastErr atomic.Pointer[error]
	since   atomic.Int64 // Unix seconds of the last change of state
	// alive ends with the present connection, and with it the requests that
	// nobody can answer any more.
	alive atomic.Pointer[lifetime]
	// up is whether there is a connection. The message client knows, but says
	// so only when it is not busy with an attempt to connect.
	up      atomic.Bool
	several several
	ready   chan struct{} // closed when Open is done
	begun   atomic.Bool   // the attempts to connect have begun
	ctx     context.Context
	stop    context.CancelFunc
}

type lifetime struct {
	ctx context.Context
	end context.CancelFunc
}

func newLifetime() *lifetime {
	var l lifetime
	l.ctx, l.end = context.WithCancel(context.Background())
	return &l
}

// The defaults of Options. Pings notice a dead line within a minute and a half.
const (
	defaultPing    = 20 * time.Second
	defaultTimeout = 30 * time.Second
)

// Open begins to connect and returns at once.
func Open(opts Options) (*Link, error) {
	l := newLink(opts)
	defer close(l.ready)
	address, options, err := l.options()
	if err != nil {
		return nil, err
	}
	if l.conn, err = nats.Connect(address, options...); err != nil {
		return nil, fmt.Errorf("open line to broker: %w", err)
	}
	hint := func(m *nats.Msg) {
		if m.Header.Get(schemas.HeaderAgain) != "" {
			l.again()
		}
		opts.OnHint()
	}
	if _, err := l.conn.Subscribe(schemas.HintSubject, hint); err != nil {
		l.conn.Close()
		return nil, fmt.Errorf("open line to broker: %w", err)
	}
	return l, nil
}

func newLink(opts Options) *Link {
	if opts.Ping == 0 {
		opts.Ping = defaultPing
		if len(opts.Others) > 0 {
			opts.Ping = severalPing
		}
	}
	if opts.Timeout == 0 {
		opts.Timeout = defaultTimeout
	}
	l := &Link{opts: opts, ready: make(chan struct{})}
	l.several.target = opts.Target
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.alive.Store(newLifetime())
	return l
}

func (l *Link) options() (string, []nats.Option, error) {
	servers, err := l.opts.servers()
	if err != nil {
		return "", nil, err
	}
	address, config := strings.Join(servers, ","), tlsConfig(l.known)
	options := []nats.Option{
		nats.Name("linkage agent"),
		nats.UserJWT(l.opts.JWT, l.opts.Sign),
		nats.CustomInboxPrefix("_INBOX." + l.opts.User),
		nats.MaxReconnects(-1), nats.CustomReconnectDelay(l.delay),
		nats.RetryOnFailedConnect(true), nats.ReconnectBufSize(-1), nats.IgnoreAuthErrorAbort(),
		nats.PingInterval(l.opts.Ping), nats.MaxPingsOutstanding(2), nats.Timeout(l.opts.Timeout),
		nats.SetCustomDialer(lineDialer{l}),
		nats.DontRandomize(), nats.IgnoreDiscoveredServers(), // what the brokers say in their pages counts
		nats.SkipHostLookup(), // behind a proxy only the proxy may know the name
		nats.Secure(config),
		nats.ConnectHandler(l.connected), nats.ReconnectHandler(l.connected),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { l.disconnected(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { l.failed(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { l.failed(err) }),
	}
	if l.opts.NATS != "" {
		return address, append(options, nats.TLSHandshakeFirst()), nil
	}
	return address, append(options, nats.ProxyPath("/nats")), nil
}

// delay is how long to wait before the next attempt to connect. The first
// attempt that counts is made at once, in the background, as soon as Open is
// done: the message client is deaf while it tries.
func (l *Link) delay(attempts int) time.Duration {
	if !l.begun.Load() {
		<-l.ready
		l.begun.Store(true)
		return 0
	}
	return reconnectDelay(attempts)
}

// lineDialer connects the message client.
type lineDialer struct{ link *Link }

var errNotYet = errors.New("connects in the background")

// Dial opens a TCP connection, or a tunnel through the proxy. The very first
// call, for which Open would have to wait, fails at once. Dial leaves a deadline
// on the connection, which the client lifts once it is connected: its TLS
// handshake has none of its own, and a line that says nothing would hold it for
// ever.
func (d lineDialer) Dial(network, address string) (net.Conn, error) {
	if !d.link.begun.Load() {
		return nil, errNotYet
	}
	ctx, cancel := context.WithTimeout(d.link.ctx, d.link.opts.Timeout)
	defer cancel()
	conn, err := dialer{d.link.opts.Target}.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(d.link.opts.Timeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	past := func() { _ = conn.SetDeadline(time.Unix(1, 0)) } // fails only on a closed connection
	return lineConn{conn, context.AfterFunc(d.link.ctx, past)}, nil
}

// lineConn gives up what it waits for when the line is closed.
type lineConn struct {
	net.Conn
	release func() bool
}

// Close closes the connection.
func (c lineConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// reconnectDelay waits a quarter of a second after the first failure and up to
// ten after many, with jitter, so that a broker that comes back is found soon
// and not by all its agents at once.
func reconnectDelay(attempts int) time.Duration {
	wait := 10 * time.Second
	if attempts < 6 {
		wait = 250 * time.Millisecond << attempts
	}
	return wait/2 + rand.N(wait/2) // #nosec G404 -- jitter
}

func (l *Link) connected(*nats.Conn) {
	l.up.Store(true)
	l.lastErr.Store(nil)
	l.since.Store(time.Now().Unix())
	l.opts.Logger.Info("connected to broker")
	l.opts.OnHint()
}

func (l *Link) disconnected(err error) {
	l.up.Store(false)
	l.again()
	l.failed(err)
}

// bound makes the context of a request with one answer, which ends with the
// connection.
func (l *Link) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := l.whileUp(ctx)
	ctx, timeout := context.WithTimeout(ctx, l.opts.Timeout)
	return ctx, func() { timeout(); cancel() }
}

// whileUp makes a context that ends with the connection that there is now.
func (l *Link) whileUp(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.alive.Load().ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// next waits for one of the answers to a request: each has its own time, since
// on a thin line many together take long. What has come already is returned
// even if the connection has ended.
func (l *Link) next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	m, err := sub.NextMsgWithContext(ctx)
	if err == nil {
		return m, nil
	}
	if m, _ = sub.NextMsg(time.Nanosecond); m != nil {
		return m, nil
	}
	return nil, err
}

func (l *Link) failed(err error) {
	if err == nil || errors.Is(err, errNotYet) {
		return
	}
	l.lastErr.Store(&err)
	l.opts.Logger.Warn("no connection to broker", "error", err)
}

// Connected reports whether there is a connection now.
func (l *Link) Connected() bool { return l.up.Load() }

// LastError is why there is no connection; nil while there is one.
func (l *Link) LastError() error {
	if err := l.lastErr.Load(); err != nil && !l.Connected() {
		return *err
	}
	return nil
}

// Reconnect drops the connection and makes it anew, with a new JWT.
func (l *Link) Reconnect() error { return l.conn.ForceReconnect() }

// Close ends the line.
func (l *Link) Close() {
	l.up.Store(false)
	l.stop()
	l.conn.Close()
}

// request asks and decodes the one answer.
func request[T any](ctx context.Context, l *Link, verb string, header map[string][]string, data []byte) (T, error) {
	var reply T
	if !l.Connected() {
		return reply, ErrOffline
	}
	outer := ctx
	ctx, cancel := l.bound(ctx)
	defer cancel()
	m, err := l.conn.RequestMsgWithContext(ctx, &nats.Msg{Subject: "broker." + verb, Header: header, Data: data})
	if l.noted(outer, err) != nil {
		return reply, unanswered(err)
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return reply, fmt.Errorf("read answer of broker.%s: %w", verb, err)
	}
	return reply, nil
}

// unanswered means: nobody knows whether it was done. Send the same again.
func unanswered(err error) error {
	return fmt.Errorf("%w: %w", schemas.Refuse(schemas.CodeUnavailable, "", "the broker did not answer", "nothing was lost; it is tried again"), err)
}

// Receipt sends a signed receipt.
func (l *Link) Receipt(ctx context.Context, rec schemas.SignedRecord) error {
	reply, err := request[schemas.ReceiptReply](ctx, l, schemas.VerbReceipt, nil, rec.Encode())
	return errors.Join(err, reply.Err())
}

// Grant issues, revokes and registers grants.
func (l *Link) Grant(ctx context.Context, req schemas.GrantRequest) (schemas.GrantReply, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return schemas.GrantReply{}, fmt.Errorf("encode grants: %w", err)
	}
	reply, err := request[schemas.GrantReply](ctx, l, schemas.VerbGrant, nil, data)
	return reply, errors.Join(err, reply.Err())
}

// Card puts this agency's next card in force.
func (l *Link) Card(ctx context.Context, req schemas.CardRequest) error {
	data, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("encode card: %w", err)
	}
	reply, err := request[schemas.CardReply](ctx, l, schemas.VerbCard, nil, data)
	return errors.Join(err, reply.Err())
}

// Prove asks for proofs of the broker's ledger.
func (l *Link) Prove(ctx context.Context, req schemas.ProofRequest) (schemas.ProofReply, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return schemas.ProofReply{}, fmt.Errorf("encode proof: %w", err)
	}
	reply, err := request[schemas.ProofReply](ctx, l, schemas.VerbProof, nil, data)
	return reply, errors.Join(err, reply.Err())
}

// Renew asks for a new user JWT.
func (l *Link) Renew(ctx context.Context) (schemas.RenewReply, error) {
	reply, err := request[schemas.RenewReply](ctx, l, schemas.VerbRenew, nil, []byte(`{"v":1}`))
	return reply, errors.Join(err, reply.Err())
}
