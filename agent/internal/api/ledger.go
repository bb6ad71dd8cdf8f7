package api

import (
	"net/http"

	"github.com/linkage-exchange/linkage/schemas"
)

func (s *Server) getLedger(w http.ResponseWriter, r *http.Request) {
	head, err := s.opts.Agent.LedgerHead(network(r))
	s.answer(w, r, http.StatusOK, head, err)
}

// getProofs answers with proof files, and, unless content=false, with what was
// disclosed in them.
func (s *Server) getProofs(w http.ResponseWriter, r *http.Request) {
	content := r.URL.Query().Get("content")
	if content != "" && content != "true" && content != "false" {
		s.refuse(w, r, schemas.Malformed("content", "must be true or false"))
		return
	}
	proofs, err := s.opts.Agent.Proofs(network(r), schemas.EventID(r.PathValue("id")), content != "false")
	s.answer(w, r, http.StatusOK, proofs, err)
}
