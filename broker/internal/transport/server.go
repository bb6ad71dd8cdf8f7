package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/linkage-exchange/linkage/internal/lifecycle"
)

const (
	maxPayload     = 1 << 20 // one message, headers included
	maxBatch       = 1000    // records in one commit
	readyTimeout   = 10 * time.Second
	serverName     = "broker"
	defaultClients = 10_000
)

// Options say where the server keeps its data and where it listens.
type Options struct {
	// Dir holds the hub and the accounts. It is made with mode 0700 and
	// belongs to one running server at a time.
	Dir  string
	Keys Keys
	// Listen is host:port for agents that use TLS without a web socket; empty
	// means none, port 0 any.
	Listen string
	// TLS is the server side of Listen. With GetCertificate set, a renewed
	// certificate needs no restart.
	TLS *tls.Config
	// MaxConnections bounds all connections together; 0 means 10,000.
	MaxConnections int
	// Limits bound one agency's account; zero fields take their defaults.
	Limits Limits
	// Logger receives the server's notices; nil means none. No line holds
	// what a client sent.
	Logger *slog.Logger
}

func (o *Options) setDefaults() {
	if o.MaxConnections == 0 {
		o.MaxConnections = defaultClients
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Limits.setDefaults()
}

func (o *Options) validate() error {
	switch {
	case o.Dir == "":
		return errors.New("message server: data directory is not set")
	case o.Listen != "" && o.TLS == nil:
		return errors.New("message server: listening without TLS is not offered")
	}
	return nil
}

// Server is a running message server. Its methods are safe for concurrent use
// except where they say otherwise.
type Server struct {
	opts     Options
	signing  nkeys.KeyPair // operator's; signs accounts
	accounts *server.DirAccResolver
	nats     *server.Server
	system   *nats.Conn
	gate     *nats.Conn // services and hints
	hub      *Hub       // has a connection of its own: a flood of requests must not delay a commit's answer
	teardown lifecycle.Teardown
}

// Start locks the directory, starts the server and opens the hub. If a step
// fails, the earlier ones are undone before Start returns. The context bounds
// the start only.
func Start(ctx context.Context, opts Options) (_ *Server, err error) {
	opts.setDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s := &Server{opts: opts}
	defer func() {
		if err != nil {
			_ = s.Stop(context.WithoutCancel(ctx)) // err already says why
		}
	}()
	if err := s.lock(); err != nil {
		return nil, err
	}
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	if err := s.run(ctx, config); err != nil {
		return nil, err
	}
	if s.system, err = s.connect("system", opts.Keys.System); err != nil {
		return nil, err
	}
	if s.gate, err = s.connect("services", opts.Keys.Broker); err != nil {
		return nil, err
	}
	conn, err := s.connect("hub", opts.Keys.Broker)
	if err != nil {
		return nil, err
	}
	if s.hub, err = openHub(ctx, conn); err != nil {
		return nil, err
	}
	return s, nil
}

// Stop ends all connections, then the server, and releases the directory. What
// was committed is on disk before and after; what waits in handlers is lost.
func (s *Server) Stop(ctx context.Context) error {
	return s.teardown.Run(ctx)
}

// lock makes the directory ours: the server library would start a second time
// on the same files without noticing.
func (s *Server) lock() error {
	if err := os.MkdirAll(s.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.opts.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open lock: %w", err)
	}
	if err := tryLock(f); err != nil {
		return errors.Join(fmt.Errorf("lock %s: another broker is running on this directory: %w", s.opts.Dir, err), f.Close())
	}
	s.teardown.Push("lock", func(context.Context) error { return f.Close() })
	return nil
}

func (s *Server) config() (*server.Options, error) {
	operator, signing, err := s.opts.Keys.operator()
	if err != nil {
		return nil, fmt.Errorf("server keys: %w", err)
	}
	s.signing = signing
	if s.accounts, err = openAccounts(filepath.Join(s.opts.Dir, "accounts"), s.opts.Keys, signing); err != nil {
		return nil, err
	}
	s.teardown.Push("accounts", func(context.Context) error { s.accounts.Close(); return nil })
	config := &server.Options{
		ServerName:         serverName,
		NoSigs:             true, // its handler would exit under our shutdown
		DontListen:         true,
		MaxConn:            s.opts.MaxConnections,
		MaxPayload:         maxPayload,
		MaxPending:         64 << 20, // also bounds our own in-process connections under a burst
		WriteDeadline:      5 * time.Second,
		AuthTimeout:        5,
		PingInterval:       30 * time.Second, // proxies drop a silent web socket after 60
		JetStream:          true,
		StoreDir:           filepath.Join(s.opts.Dir, "hub"),
		SyncAlways:         true,
		JetStreamMaxMemory: 64 << 20,
		// Left to itself the server takes three quarters of the space free at
		// start as the limit for what is stored already, too.
		JetStreamMaxStore: math.MaxInt64 / 2,
		JetStreamLimits:   server.JSLimitOpts{MaxBatchSize: maxBatch, DefaultMaxConsumers: 64},
		TrustedOperators:  []*jwt.OperatorClaims{operator},
		SystemAccount:     s.opts.Keys.System.ID,
		AccountResolver:   s.accounts,
		Websocket:         server.WebsocketOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoTLS: true, AuthTimeout: 5},
	}
	if s.opts.Listen == "" {
		return config, nil
	}
	host, port, err := net.SplitHostPort(s.opts.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address: %w", err)
	}
	if config.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("listen address %s: %w", s.opts.Listen, err)
	}
	if config.Port == 0 {
		config.Port = server.RANDOM_PORT
	}
	config.Host, config.DontListen = host, false
	config.TLSConfig, config.TLSTimeout = s.opts.TLS, 5
	// Clients may speak TLS at once or wait for the server's first line.
	config.TLSHandshakeFirst, config.TLSHandshakeFirstFallback = true, server.DEFAULT_TLS_HANDSHAKE_FIRST_FALLBACK_DELAY
	return config, nil
}

func (s *Server) run(ctx context.Context, config *server.Options) error {
	srv, err := server.NewServer(config)
	if err != nil {
		return fmt.Errorf("start message server: %w", err)
	}
	s.nats = srv
	srv.SetLoggerV2(serverLog{s.opts.Logger}, false, false, false)
	s.teardown.Push("message server", func(context.Context) error {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil
	})
	go srv.Start() // ends with Shutdown, which the teardown waits for
	timeout := readyTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = time.Until(deadline)
	}
	if !srv.ReadyForConnections(timeout) {
		return fmt.Errorf("start message server: not ready after %s", timeout)
	}
	return nil
}

// Addr is where agents reach the server by TLS without a web socket; nil if
// Options.Listen was empty.
func (s *Server) Addr() net.Addr {
	if s.opts.Listen == "" {
		return nil
	}
	return s.nats.Addr()
}
