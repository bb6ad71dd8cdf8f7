//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Line is one line of the record: what the campaign was about to do, or was
// told. What it was told binds the network.
type Line struct {
	Time time.Time `json:"time"`
	What What      `json:"what"`

	Grant  int              `json:"grant"` // its place in the schedule
	ID     schemas.GrantID  `json:"id,omitempty"`
	Event  schemas.EventID  `json:"event,omitempty"`
	Agency schemas.AgencyID `json:"agency,omitempty"`
	Code   schemas.Code     `json:"code,omitempty"`
	// Epoch and Position are where the hub stood just after a revocation or
	// suspension had returned: it took effect before that. Not set if the broker
	// could not be asked at once.
	Epoch    schemas.ULID `json:"epoch,omitempty"`
	Position uint64       `json:"position,omitempty"`
	Text     string       `json:"text,omitempty"`
}

// What is a kind of line.
type What string

// The kinds of lines.
const (
	Offered   What = "offered"  // an event is about to be handed in for the first time
	Accepted  What = "accepted" // it was accepted
	Refused   What = "refused"  // it was refused for good
	Given     What = "given"    // a grant was issued
	Ended     What = "ended"    // a revocation returned: nothing leaves the discloser any more
	Stopped   What = "stopped"  // a revocation returned: nothing is handed over any more
	Excluded  What = "excluded" // a suspension returned
	Readmits  What = "readmitted"
	Fell      What = "fault"  // a fault begins
	Rose      What = "healed" // a fault is over
	Restarted What = "restarted"
	Broken    What = "broken" // a promise was seen broken
	Pushed    What = "pushed" // agents were restarted so that the network came to rest sooner
	Note      What = "note"
)

// Record is the campaign's own record. A line is on disk before anything
// follows from it, so that what it says is known even if the campaign dies.
type Record struct {
	mu    sync.Mutex // guards what follows
	file  *os.File
	lines []Line
	err   error
}

func newRecord(path string) (*Record, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // #nosec G304 -- the campaign's own
	if err != nil {
		return nil, fmt.Errorf("open record: %w", err)
	}
	return &Record{file: f}, nil
}

// add writes a line and syncs it.
func (r *Record) add(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.Time = time.Now().UTC()
	r.lines = append(r.lines, l)
	b, err := json.Marshal(l)
	if err == nil {
		_, err = r.file.Write(append(b, '\n'))
	}
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("write record: %w", err)
	}
}

// all returns what was written so far.
func (r *Record) all() ([]Line, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Line(nil), r.lines...), r.err
}

func (r *Record) close() error { return r.file.Close() }
