package api

import (
	"net/http"

	"github.com/linkage-exchange/linkage/schemas"
)

func (s *Server) getGrants(w http.ResponseWriter, r *http.Request) {
	grants, err := s.opts.Agent.Grants(network(r))
	s.answer(w, r, http.StatusOK, grants, err)
}

// postGrant issues a grant. Its answer means that the grant is on disk.
func (s *Server) postGrant(w http.ResponseWriter, r *http.Request) {
	b, err := body(w, r, maxBody, typeJSON)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	issued, err := s.opts.Agent.Issue(r.Context(), b)
	s.answer(w, r, http.StatusCreated, issued, err)
}

// revokeGrant ends a grant. This agency's own sending has stopped when it
// answers; with wait it answers once the broker has, or when the wait is over.
func (s *Server) revokeGrant(w http.ResponseWriter, r *http.Request) {
	id := schemas.GrantID(r.PathValue("id"))
	if !id.Valid() || id == schemas.CharterGrant {
		s.refuse(w, r, schemas.Malformed("grant", "must be a grant's id, 26 characters"))
		return
	}
	d, err := wait(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx, cancel := s.patience(r, d)
	defer cancel()
	stopped, err := s.opts.Agent.Revoke(ctx, network(r), id)
	s.answer(w, r, http.StatusOK, stopped, err)
}
