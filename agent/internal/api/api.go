// Package api is the agent's local HTTP face: the agency's own systems and the
// command line put events in, read what came, and decide what a person has to
// decide.
//
// The same routes are served on a Unix socket, which only the agent's own user
// may open, and on TCP, where every request but the health checks needs the
// token. Every refusal is a problem document that names field, rule and remedy
// and repeats nothing of what was sent.
package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Agent is what the handlers need of the agent. Answers are documents: whatever
// they are, they encode to the JSON that is sent.
type Agent interface {
	Accept(ctx context.Context, event []byte) (answer any, err error)
	// Events waits until ctx ends for an event after the query's cursor, and
	// then answers with none.
	Events(ctx context.Context, q EventQuery) (answer any, err error)
	Subject(network schemas.NetworkID, subject string) (answer any, err error)
	// Attach takes in a document; its answer means that it is on disk.
	Attach(ctx context.Context, network schemas.NetworkID, content io.Reader) (answer any, err error)
	Attachments(network schemas.NetworkID) (answer any, err error)
	// Attachment finds a document that is whole.
	Attachment(network schemas.NetworkID, id schemas.Hash) (bytes int, content io.WriterTo, err error)
	Status() (answer any, err error)
	// Ready says what is in the way of an exchange, nil if nothing is.
	Ready() error
	// Diagnose looks at every hop to every broker.
	Diagnose(ctx context.Context) (answer any)

	Grants(network schemas.NetworkID) (answer any, err error)
	Issue(ctx context.Context, grant []byte) (answer any, err error)
	// Revoke waits for the broker until ctx ends; its answer is true either way.
	Revoke(ctx context.Context, network schemas.NetworkID, id schemas.GrantID) (answer any, err error)

	// LedgerHead answers with the newest head of a broker's ledger, Proofs with
	// proof files about an event or envelope.
	LedgerHead(network schemas.NetworkID) (answer any, err error)
	Proofs(network schemas.NetworkID, id schemas.EventID, content bool) (answer any, err error)

	Join(ctx context.Context, code string) (answer any, err error)
	Retry(ctx context.Context, network schemas.NetworkID, delivery uint64) error
	End(ctx context.Context, network schemas.NetworkID, delivery uint64, reason string) error
	Dismiss(ctx context.Context, network schemas.NetworkID, alarm uint64) error
	Confirm(ctx context.Context, network schemas.NetworkID, a schemas.AgencyID, fingerprint string) error
	// Reclaim makes this copy the agency, in place of another that is running.
	Reclaim(ctx context.Context, network schemas.NetworkID) (answer any, err error)
	// Backup writes a file on this machine.
	Backup(ctx context.Context, file string) (answer any, err error)
	// Rotate waits for the broker until ctx ends; its answer is true either way.
	Rotate(ctx context.Context, how []byte) (answer any, err error)
}

// EventQuery asks for events of the casebook.
type EventQuery struct {
	Network schemas.NetworkID // "" for the only one
	After   uint64            // the cursor: the number of the last event known
	Limit   int
	Subject string // "" for all
}

// Options are what a server is made of.
type Options struct {
	Agent Agent
	// Socket is served without a token; TCP may be nil.
	Socket, TCP net.Listener
	// Host is the host part of the address that TCP was asked to listen on.
	Host    string
	Token   string
	Metrics http.Handler
	Logger  *slog.Logger
}

// Server serves until it is closed.
type Server struct {
	opts    Options
	log     *slog.Logger
	servers []*http.Server
	wg      sync.WaitGroup
	// closing ends with Close; requests that wait for something give up then.
	closing context.Context
	close   context.CancelFunc
}

const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	writeTimeout  = 3 * time.Minute // longer than the longest wait
	idleTimeout   = 2 * time.Minute
	closeTimeout  = 5 * time.Second
	maxHeader     = 16 << 10
	maxWait       = time.Minute
)

// Serve begins to serve listeners that are bound already, and owns them from
// then on.
func Serve(opts Options) *Server {
	s := &Server{opts: opts, log: opts.Logger}
	s.closing, s.close = context.WithCancel(context.Background())
	routes := s.routes()
	s.serve(opts.Socket, s.logged("socket", s.operator(routes)))
	if opts.TCP != nil {
		s.serve(opts.TCP, s.logged("tcp", s.guarded(routes)))
	}
	return s
}

func (s *Server) serve(l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), // it would name addresses and nothing that helps
	}
	s.servers = append(s.servers, server)
	s.wg.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("local server ended", "error", err)
		}
	})
}

// Close lets the requests under way finish for a few seconds, then ends.
func (s *Server) Close(ctx context.Context) error {
	s.close()
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	var errs error
	for _, server := range s.servers {
		if err := server.Shutdown(ctx); err != nil {
			errs = errors.Join(errs, server.Close())
		}
	}
	s.wg.Wait()
	return errs
}

// operator adds the routes that only the socket has: whoever may open it owns
// the agent's files.
func (s *Server) operator(routes http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /backup", s.backup)
	mux.HandleFunc("POST /reclaim", s.reclaim)
	mux.Handle("/", routes)
	return mux
}

// routes is every route of the agent's local face.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthy)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.opts.Metrics)
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("GET /doctor", s.doctor)
	mux.HandleFunc("POST /events", s.postEvent)
	mux.HandleFunc("GET /events", s.getEvents)
	mux.HandleFunc("GET /subjects/{subject}", s.getSubject)
	mux.HandleFunc("PUT /attachments", s.putAttachment)
	mux.HandleFunc("GET /attachments", s.getAttachments)
	mux.HandleFunc("GET /attachments/{id}", s.getAttachment)
	mux.HandleFunc("GET /grants", s.getGrants)
	mux.HandleFunc("POST /grants", s.postGrant)
	mux.HandleFunc("POST /grants/{id}/revoke", s.revokeGrant)
	mux.HandleFunc("GET /ledger", s.getLedger)
	mux.HandleFunc("GET /ledger/proofs/{id}", s.getProofs)
	mux.HandleFunc("POST /join", s.join)
	mux.HandleFunc("POST /outbox/{n}/retry", s.retry)
	mux.HandleFunc("POST /outbox/{n}/end", s.end)
	mux.HandleFunc("POST /alarms/{n}/dismiss", s.dismiss)
	mux.HandleFunc("POST /members/{agency}/confirm", s.confirm)
	mux.HandleFunc("POST /keys/rotate", s.rotate)
	return described(mux)
}
