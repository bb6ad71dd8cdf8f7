package api

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// uploadTimeout bounds one upload; within it each read has [bodyTimeout].
const uploadTimeout = time.Hour

// putAttachment takes in a document, whatever its type, and never holds it as a
// whole. One that says that it is too large is refused without being read.
func (s *Server) putAttachment(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > schemas.MaxAttachment {
		w.Header().Set("Connection", "close") // so that nobody reads it
		s.refuse(w, r, schemas.ErrAttachmentTooLarge)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), uploadTimeout)
	defer cancel()
	answer, err := s.opts.Agent.Attach(ctx, network(r), &slow{r.Body, http.NewResponseController(w)})
	if err != nil {
		w.Header().Set("Connection", "close") // the rest of it is not wanted
	}
	s.answer(w, r, http.StatusCreated, answer, err)
}

// slow is a body that may take long as a whole, but not stand still.
type slow struct {
	io.Reader
	control *http.ResponseController
}

// Read sets new deadlines for every read.
func (b *slow) Read(p []byte) (int, error) {
	if err := b.control.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return 0, err
	}
	if err := b.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return b.Reader.Read(p)
}

func (s *Server) getAttachments(w http.ResponseWriter, r *http.Request) {
	all, err := s.opts.Agent.Attachments(network(r))
	s.answer(w, r, http.StatusOK, all, err)
}

// getAttachment streams a document. Its type is the event's to say: here it is
// bytes that no browser shows.
func (s *Server) getAttachment(w http.ResponseWriter, r *http.Request) {
	id, ok := schemas.ParseHash(r.PathValue("id"))
	if !ok {
		s.refuse(w, r, schemas.Malformed("id", "must be 64 lower-case hexadecimal digits"))
		return
	}
	bytes, content, err := s.opts.Agent.Attachment(network(r), id)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(bytes))
	h.Set("Content-Disposition", "attachment")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if _, err := content.WriteTo(w); err != nil {
		s.log.WarnContext(r.Context(), "attachment not read to its end", "error", err)
		panic(http.ErrAbortHandler) // the length is out already: only a cut shows that something is missing
	}
}
