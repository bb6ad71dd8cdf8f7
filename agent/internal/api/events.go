package api

import (
	"net/http"
	"strconv"

	"github.com/linkage-exchange/linkage/schemas"
)

// The types of body that POST /events reads: one event in JSON format.
const (
	typeEvent = "application/cloudevents+json"
	typeJSON  = "application/json"
)

// The number of events on a page of GET /events.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// postEvent takes one event. Its answer means that the event is on disk.
func (s *Server) postEvent(w http.ResponseWriter, r *http.Request) {
	b, err := body(w, r, schemas.MaxEvent, typeEvent, typeJSON)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	accepted, err := s.opts.Agent.Accept(r.Context(), b)
	s.answer(w, r, http.StatusAccepted, accepted, err)
}

// getEvents answers with the events after a cursor. With wait it is a long
// poll: the answer comes with the first event, or empty when the wait is over.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) {
	q, err := eventQuery(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	d, err := wait(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := s.patience(r, d)
	defer cancel()
	page, err := s.opts.Agent.Events(ctx, q)
	s.answer(w, r, http.StatusOK, page, err)
}

func eventQuery(r *http.Request) (EventQuery, error) {
	values := r.URL.Query()
	q := EventQuery{Network: network(r), Limit: defaultLimit, Subject: values.Get("subject")}
	if text := values.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return q, schemas.Malformed("after", "must be the number of an event, or 0")
		}
		q.After = n
	}
	if text := values.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxLimit {
			return q, schemas.Malformed("limit", "must be a number from 1 to %d", maxLimit)
		}
		q.Limit = n
	}
	return q, nil
}

func (s *Server) getSubject(w http.ResponseWriter, r *http.Request) {
	view, err := s.opts.Agent.Subject(network(r), r.PathValue("subject"))
	s.answer(w, r, http.StatusOK, view, err)
}
