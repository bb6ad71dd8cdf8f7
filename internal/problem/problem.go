// Package problem answers HTTP requests with RFC 9457 problem documents that
// name the field, the rule and the remedy, and never an input's value.
package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/linkage-exchange/linkage/schemas"
)

// Document is an application/problem+json body. Code, Field and Remedy are our
// members.
type Document struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Code   schemas.Code `json:"code,omitempty"`
	Field  string       `json:"field,omitempty"`
	Remedy string       `json:"remedy,omitempty"`
}

var statuses = map[schemas.Kind]int{
	schemas.KindInternal:  http.StatusInternalServerError,
	schemas.KindInvalid:   http.StatusBadRequest,
	schemas.KindForbidden: http.StatusForbidden,
	schemas.KindNotFound:  http.StatusNotFound,
	schemas.KindConflict:  http.StatusConflict,
	schemas.KindExpired:   http.StatusGone,
	schemas.KindLater:     http.StatusServiceUnavailable,
}

// Status is the HTTP status of an error.
func Status(err error) int {
	switch schemas.CodeOf(err) {
	case schemas.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case schemas.CodeOverRate, schemas.CodeQuota:
		return http.StatusTooManyRequests
	default:
		return statuses[schemas.KindOf(err)]
	}
}

// of makes the document of an error. The text of an error without a code stays
// inside.
func of(status int, err error) Document {
	d := Document{Type: "about:blank", Title: http.StatusText(status), Status: status}
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		d.Detail = "something went wrong here; it has been logged"
		return d
	}
	d.Type = "urn:linkage:problem:" + string(e.Code)
	d.Detail, d.Code, d.Field, d.Remedy = e.Rule, e.Code, e.Field, e.Remedy
	return d
}

// Write answers with the document of err.
func Write(w http.ResponseWriter, err error) { WriteStatus(w, Status(err), err) }

// WriteStatus is [Write] with a status that says something about HTTP itself,
// such as 415.
func WriteStatus(w http.ResponseWriter, status int, err error) {
	d := of(status, err)
	w.Header().Set("Content-Type", "application/problem+json")
	if d.Status == http.StatusTooManyRequests || d.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	w.WriteHeader(d.Status)
	_ = json.NewEncoder(w).Encode(d) // the client is gone if this fails
}

// Read decodes a JSON body of at most limit bytes into v.
func Read(r *http.Request, limit int64, v any) error {
	b, err := Body(r, limit)
	if err != nil {
		return err
	}
	return schemas.DecodeJSON(b, v)
}

// Body reads a body of at most limit bytes. One that says that it is longer is
// refused without being read.
func Body(r *http.Request, limit int64) ([]byte, error) {
	tooLarge := schemas.Refuse(schemas.CodeTooLarge, "body", fmt.Sprintf("must be at most %d bytes", limit), "send less at once")
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, schemas.Malformed("body", "must arrive whole")
	}
	if int64(len(b)) > limit {
		return nil, tooLarge
	}
	return b, nil
}

// Respond answers with JSON.
func Respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}

// Parse turns a problem document back into the error that it stands for.
func Parse(body []byte) error {
	var d Document
	if err := json.Unmarshal(body, &d); err != nil || d.Status == 0 {
		return errors.New("the other side answered with something unexpected")
	}
	if d.Code == "" {
		return errors.New(d.Detail)
	}
	return schemas.Refuse(d.Code, d.Field, d.Detail, d.Remedy)
}
