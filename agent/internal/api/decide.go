package api

import (
	"context"
	"net/http"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// This file is what a person decides: to join, to send again, to look away, to
// replace keys.

const joinTimeout = 2 * time.Minute

func (s *Server) join(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Code string `json:"code"`
	}
	if err := object(w, r, &req); err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), joinTimeout)
	defer cancel()
	joined, err := s.opts.Agent.Join(ctx, req.Code)
	s.answer(w, r, http.StatusOK, joined, err)
}

// backupTimeout bounds the making of a backup: reading and writing everything.
const backupTimeout = time.Hour

func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	var req struct {
		File string `json:"file"`
	}
	if err := object(w, r, &req); err != nil {
		s.refuse(w, r, err)
		return
	}
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(backupTimeout)); err != nil {
		s.refuse(w, r, err)
		return
	}
	made, err := s.opts.Agent.Backup(r.Context(), req.File)
	s.answer(w, r, http.StatusOK, made, err)
}

func (s *Server) reclaim(w http.ResponseWriter, r *http.Request) {
	done, err := s.opts.Agent.Reclaim(r.Context(), network(r))
	s.answer(w, r, http.StatusOK, done, err)
}

func (s *Server) retry(w http.ResponseWriter, r *http.Request) {
	n, err := number(r)
	if err == nil {
		err = s.opts.Agent.Retry(r.Context(), network(r), n)
	}
	s.answer(w, r, 0, nil, err)
}

func (s *Server) end(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Reason string `json:"reason"`
	}
	n, err := number(r)
	if err == nil {
		err = object(w, r, &req)
	}
	if err == nil {
		err = s.opts.Agent.End(r.Context(), network(r), n, req.Reason)
	}
	s.answer(w, r, 0, nil, err)
}

func (s *Server) dismiss(w http.ResponseWriter, r *http.Request) {
	n, err := number(r)
	if err == nil {
		err = s.opts.Agent.Dismiss(r.Context(), network(r), n)
	}
	s.answer(w, r, 0, nil, err)
}

func (s *Server) confirm(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Fingerprint string `json:"fingerprint"`
	}
	agency := schemas.AgencyID(r.PathValue("agency"))
	err := object(w, r, &req)
	if err == nil && !agency.Valid() {
		err = schemas.Malformed("agency", "must be an agency's slug")
	}
	if err == nil {
		err = s.opts.Agent.Confirm(r.Context(), network(r), agency, req.Fingerprint)
	}
	s.answer(w, r, 0, nil, err)
}

// rotate replaces this agency's keys. They are on disk when it answers; with
// wait it answers once the broker has the card, or when the wait is over.
func (s *Server) rotate(w http.ResponseWriter, r *http.Request) {
	d, err := wait(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	how, err := body(w, r, maxBody, typeJSON)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := s.patience(r, d)
	defer cancel()
	rotated, err := s.opts.Agent.Rotate(ctx, how)
	s.answer(w, r, http.StatusOK, rotated, err)
}
