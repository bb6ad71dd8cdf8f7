// Package enrol is the broker's door for those who are not connected: an agency
// that has an invitation, one that wants to know why it is kept out, one that
// is suspended and must still be able to revoke, and one that the broker has
// forgotten.
//
// Everything here is HTTPS on the broker's one port, bounded and limited in
// rate, and says nothing about any client.
package enrol

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/schemas"
)

// Broker is what stands behind the door.
type Broker interface {
	// Hello signs who the broker is, over the caller's nonce.
	Hello(nonce string) (schemas.SignedRecord, error)
	// Join admits an invited agency.
	Join(ctx context.Context, req schemas.JoinRequest) (schemas.JoinReply, error)
	// Standing answers a member that proves by a signed [schemas.Hello] who it
	// is.
	Standing(ctx context.Context, req StandingRequest) (StandingReply, error)
	// Revoke takes revocations that are signed by a member in any standing.
	Revoke(ctx context.Context, req schemas.GrantRequest) (schemas.GrantReply, error)
	// Epochs says which lives the broker's hub has had.
	Epochs() schemas.EpochsReply
	// Return makes a member of an earlier epoch known again.
	Return(ctx context.Context, req schemas.ReturnRequest) (schemas.ReturnReply, error)
}

// StandingRequest asks how an agency stands.
type StandingRequest struct {
	Agency schemas.AgencyID     `json:"agency"`
	Proof  schemas.SignedRecord `json:"proof"`
}

// StandingReply answers it.
type StandingReply struct {
	Status schemas.MemberStatus `json:"status"`
	Roll   schemas.SignedRecord `json:"roll"`
}

const (
	maxBody     = 256 << 10
	maxReturn   = 2 << 20 // a roll and an agency's cards
	bodyTimeout = 30 * time.Second
)

// Handler serves the door. Every route is listed here.
func Handler(b Broker) http.Handler {
	h := &handler{broker: b, rates: map[string]*rate.Limiter{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /enrol/hello", h.hello)
	mux.HandleFunc("POST /enrol/join", h.join)
	mux.HandleFunc("POST /enrol/standing", h.standing)
	mux.HandleFunc("POST /enrol/revoke", h.revoke)
	mux.HandleFunc("GET /enrol/epochs", h.epochs)
	mux.HandleFunc("POST /enrol/return", h.comeBack)
	return h.limited(mux)
}

type handler struct {
	broker Broker
	mu     sync.Mutex // guards rates
	rates  map[string]*rate.Limiter
}

// limited allows each address ten requests a second, and bursts of a hundred.
func (h *handler) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		h.mu.Lock()
		if len(h.rates) > 10_000 {
			clear(h.rates)
		}
		l := h.rates[host]
		if l == nil {
			l = rate.NewLimiter(10, 100)
			h.rates[host] = l
		}
		h.mu.Unlock()
		if !l.Allow() {
			problem.Write(w, schemas.Refuse(schemas.CodeOverRate, "", "must not come so often", "wait a few seconds and try again"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (h *handler) hello(w http.ResponseWriter, r *http.Request) {
	nonce := r.URL.Query().Get("nonce")
	if len(nonce) < 16 || len(nonce) > 64 {
		problem.Write(w, schemas.Malformed("nonce", "must be 16 to 64 characters"))
		return
	}
	answer(w)(h.broker.Hello(nonce))
}

func (h *handler) join(w http.ResponseWriter, r *http.Request) {
	serve(w, r, maxBody, h.broker.Join)
}

func (h *handler) standing(w http.ResponseWriter, r *http.Request) {
	serve(w, r, maxBody, h.broker.Standing)
}

func (h *handler) revoke(w http.ResponseWriter, r *http.Request) {
	serve(w, r, maxBody, h.broker.Revoke)
}

func (h *handler) epochs(w http.ResponseWriter, _ *http.Request) {
	problem.Respond(w, http.StatusOK, h.broker.Epochs())
}

func (h *handler) comeBack(w http.ResponseWriter, r *http.Request) {
	serve(w, r, maxReturn, h.broker.Return)
}

// serve decodes a request, lets fn answer it, and writes the answer.
func serve[Req, Rep any](w http.ResponseWriter, r *http.Request, most int64, fn func(context.Context, Req) (Rep, error)) {
	var req Req
	// Whoever sends a byte now and then must not hold a connection for ever.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // a connection that is gone says so when it is read
	if err := problem.Read(r, most, &req); err != nil {
		w.Header().Set("Connection", "close") // nobody reads the rest
		problem.Write(w, err)
		return
	}
	rep, err := fn(r.Context(), req)
	if err != nil {
		problem.Write(w, err)
		return
	}
	problem.Respond(w, http.StatusOK, rep)
}

func answer(w http.ResponseWriter) func(schemas.SignedRecord, error) {
	return func(rec schemas.SignedRecord, err error) {
		if err != nil {
			problem.Write(w, err)
			return
		}
		problem.Respond(w, http.StatusOK, rec)
	}
}
