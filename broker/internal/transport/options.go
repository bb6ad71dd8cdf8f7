package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
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
	// Cluster makes it one of three servers; nil means that it is alone.
	Cluster *Cluster
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
	case o.Cluster != nil:
		return o.Cluster.validate()
	}
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
	if s.opts.Cluster != nil {
		if err := s.opts.Cluster.join(config, s.opts.Keys.Network); err != nil {
			return nil, err
		}
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
