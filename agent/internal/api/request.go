package api

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is what requests and answers have in common.

// maxBody bounds every body but an event's.
const maxBody = 64 << 10

// body reads a body of one of the accepted types, within its limit and in time.
func body(w http.ResponseWriter, r *http.Request, limit int64, accepted ...string) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(accepted, media) {
		return nil, unsupported{schemas.Refuse(schemas.CodeMalformed, "Content-Type", "must be "+strings.Join(accepted, " or "), "set the header and send it again")}
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // so that nobody reads the rest
	}
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return nil, fmt.Errorf("bound the reading of a body: %w", err)
	}
	b, err := problem.Body(r, limit)
	if err != nil {
		w.Header().Set("Connection", "close")
		return nil, err
	}
	return b, control.SetReadDeadline(time.Time{})
}

// object reads a small JSON body into v.
func object(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := body(w, r, maxBody, "application/json")
	if err != nil {
		return err
	}
	return schemas.DecodeJSON(b, v)
}

// unsupported is a body of a type that is not read here.
type unsupported struct{ refusal *schemas.Error }

func (u unsupported) Error() string { return u.refusal.Error() }

func (u unsupported) Unwrap() error { return u.refusal }

// answer sends a document, or the problem that there was instead.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, status int, document any, err error) {
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case document == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Cache-Control", "no-store")
		problem.Respond(w, status, document)
	}
}

// refuse answers with a problem document. What is our own fault is logged here,
// for its text stays here.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if u, ok := errors.AsType[unsupported](err); ok {
		problem.WriteStatus(w, http.StatusUnsupportedMediaType, u)
		return
	}
	if schemas.CodeOf(err) == "" && errors.Is(err, context.DeadlineExceeded) {
		err = schemas.Refuse(schemas.CodeUnavailable, "", "this took too long and was given up", "run `linkage agent status`, then try again")
	}
	if schemas.CodeOf(err) == "" {
		s.log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "error", err)
	}
	problem.Write(w, err)
}

// number reads a number of the path.
func number(r *http.Request) (uint64, error) {
	n, err := strconv.ParseUint(r.PathValue("n"), 10, 64)
	if err != nil || n == 0 {
		return 0, schemas.Malformed("number", "must be a whole number from 1")
	}
	return n, nil
}

func network(r *http.Request) schemas.NetworkID {
	return schemas.NetworkID(r.URL.Query().Get("network"))
}

// wait reads for how long the caller would like to wait.
func wait(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("wait")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxWait {
		return 0, schemas.Malformed("wait", "must be a duration from 0s to %s", maxWait)
	}
	return d, nil
}

// patience is the context of a request that waits: it ends when the wait is
// over, the caller is gone, or the server closes.
func (s *Server) patience(r *http.Request, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), d)
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel() }
}
