package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	codeUnauthenticated schemas.Code = "unauthenticated"
	codeMisdirected     schemas.Code = "misdirected"
)

// guarded lets through what is meant for this address and carries the token. A
// web page that had its name point here (DNS rebinding) does neither.
func (s *Server) guarded(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(s.opts.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.meant(r) {
			problem.WriteStatus(w, http.StatusMisdirectedRequest, schemas.Refuse(codeMisdirected, "Host", "must be localhost or the address on which this agent listens", "use the address in the agent's configuration"))
			return
		}
		if r.URL.Path != "/healthz" && r.URL.Path != "/readyz" {
			scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			got := sha256.Sum256([]byte(token)) // of equal length, so that comparing tells nothing
			if !strings.EqualFold(scheme, "Bearer") || s.opts.Token == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", `Bearer realm="linkage"`)
				problem.WriteStatus(w, http.StatusUnauthorized, schemas.Refuse(codeUnauthenticated, "Authorization", "must be Bearer and this agent's token", "take the token from api.token in the agent's data directory"))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// meant reports whether the request names this address. An address that the
// connection really arrived at cannot be a stranger's name for it.
func (s *Server) meant(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") || s.opts.Host != "" && strings.EqualFold(host, s.opts.Host) {
		return true
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ip.IsLoopback() || ok && ip.Equal(local.IP)
}

// logged notes each request by its route: no path, query or body, which may
// hold what concerns a client.
func (s *Server) logged(face string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun, note := time.Now(), &noted{ResponseWriter: w}
		next.ServeHTTP(note, r)
		s.log.DebugContext(r.Context(), "request", "face", face, "route", r.Pattern, "status", note.status, "took", time.Since(begun))
	})
}

// noted remembers the status of an answer.
type noted struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (n *noted) WriteHeader(status int) {
	if n.status == 0 {
		n.status = status
	}
	n.ResponseWriter.WriteHeader(status)
}

// Write notes that the status is 200 if nobody said otherwise.
func (n *noted) Write(b []byte) (int, error) {
	if n.status == 0 {
		n.status = http.StatusOK
	}
	return n.ResponseWriter.Write(b)
}

// Unwrap lets deadlines through to the connection.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// described answers with a problem document where the mux would write text: no
// such route, or not with this method.
func described(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		silent := &mute{header: w.Header()}
		handler.ServeHTTP(silent, r) // for its status, and the methods that it allows
		for _, name := range []string{"Content-Type", "Content-Length", "X-Content-Type-Options"} {
			w.Header().Del(name)
		}
		if silent.status == http.StatusMethodNotAllowed {
			problem.WriteStatus(w, silent.status, schemas.Refuse(schemas.CodeMalformed, "method", "must be one that this address takes: "+w.Header().Get("Allow"), "use another method"))
			return
		}
		problem.Write(w, schemas.Refuse(schemas.CodeNotFound, "path", "must be one of this agent's addresses", "see the list in docs/operations.md"))
	})
}

// mute keeps the status of an answer and drops its text.
type mute struct {
	header http.Header
	status int
}

// Header is that of the real answer.
func (m *mute) Header() http.Header { return m.header }

// WriteHeader keeps the status.
func (m *mute) WriteHeader(status int) { m.status = status }

// Write drops the text.
func (m *mute) Write(b []byte) (int, error) { return len(b), nil }
