package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

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

// Server is a running message server. Its methods are safe for concurrent use
// except where they say otherwise.
type Server struct {
	opts     Options
	signing  nkeys.KeyPair // operator's; signs accounts
	accounts *server.DirAccResolver
	nats     *server.Server
	system   *nats.Conn
	gate     *nats.Conn      // services and hints
	hub      *Hub            // has a connection of its own: a flood of requests must not delay a commit's answer
	writable context.Context // ends, with the cause, when the hub could not be written
	fail     context.CancelCauseFunc
	teardown lifecycle.Teardown

	stopping chan struct{}  // closed by Stop
	late     sync.WaitGroup // who looks for late connections
}

// Start locks the directory, starts the server and opens the hub. If a step
// fails, the earlier ones are undone before Start returns. The context bounds
// the start only.
func Start(ctx context.Context, opts Options) (_ *Server, err error) {
	opts.setDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s := &Server{opts: opts, stopping: make(chan struct{})}
	s.writable, s.fail = context.WithCancelCause(context.Background())
	defer func() {
		if err != nil {
			_ = s.Stop(context.WithoutCancel(ctx)) // err already says why
		}
	}()
	if err := s.lock(); err != nil {
		return nil, err
	}
	if err := s.checkHub(); err != nil {
		return nil, err
	}
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	if err := s.run(ctx, config); err != nil {
		return nil, err
	}
	s.teardown.Push("late connections", func(context.Context) error {
		close(s.stopping)
		s.late.Wait()
		return nil
	})
	if s.system, err = s.connect("system", opts.Keys.System); err != nil {
		return nil, err
	}
	if s.gate, err = s.connect("services", opts.Keys.Broker); err != nil {
		return nil, err
	}
	if s.hub, err = s.newHub(); err != nil {
		return nil, err
	}
	if opts.Cluster != nil {
		return s, nil // it may be the first of the three: see OpenHub
	}
	return s, s.hub.open(ctx)
}

// OpenHub makes the hub of a cluster usable, once two of the three servers have
// found each other; until then it waits. Of a server that is alone the hub is
// open when [Start] returns.
func (s *Server) OpenHub(ctx context.Context) error {
	var told error
	for {
		attempt, cancel := context.WithTimeout(ctx, requestOfOther)
		err := s.hub.open(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if told == nil || told.Error() != err.Error() {
			s.opts.Logger.InfoContext(ctx, "waiting for the other brokers", "connected", s.Connected(), "reason", err.Error())
		}
		told = err
		if err := pause(ctx, openPatience); err != nil {
			return fmt.Errorf("wait for the other brokers: %w", told)
		}
	}
}

// Failed is closed when the hub could not be written, for example because the
// disk is full: from then on every commit fails, and only a new start helps. It
// then shows what became of the record.
func (s *Server) Failed() <-chan struct{} { return s.writable.Done() }

// Failure is why the hub could not be written, nil if it could.
func (s *Server) Failure() error { return context.Cause(s.writable) }

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

// InUse reports whether a server runs on a directory.
func InUse(dir string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(filepath.Clean(dir), "lock"), os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open lock: %w", err)
	}
	used := tryLock(f) != nil
	return used, f.Close()
}

func (s *Server) run(ctx context.Context, config *server.Options) error {
	srv, err := server.NewServer(config)
	if err != nil {
		return fmt.Errorf("start message server: %w", err)
	}
	s.nats = srv
	srv.SetLoggerV2(serverLog{s.opts.Logger, s.fail}, false, false, false)
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
