package api

import "net/http"

// healthy says that the process serves.
func (s *Server) healthy(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }

// ready says that the store is open and every network connected, or which one
// is not.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.opts.Agent.Ready(); err != nil {
		s.refuse(w, r, err)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	status, err := s.opts.Agent.Status()
	s.answer(w, r, http.StatusOK, status, err)
}

// doctor answers with every check, also with those that found something broken.
func (s *Server) doctor(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, http.StatusOK, s.opts.Agent.Diagnose(r.Context()), nil)
}
