// Package casebook is the agency's record: every event that it said or heard,
// the permissions under which it tells and is told, and the views over them.
//
// It writes inside the transactions of others and keeps nothing in memory.
// Events are never changed or removed; what is true now is a view over all of
// them (view.go), so a late or corrected event changes the view and no history.
package casebook

import (
	"encoding/json"
	"errors"
	"sort"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Direction tells who an event comes from.
type Direction string

// The directions.
const (
	Said  Direction = "said"  // by this agency, through its people or systems
	Heard Direction = "heard" // from a partner
)

// Entry is one event of the casebook.
type Entry struct {
	Number    uint64           `json:"-"` // the place in the log, which is the cursor of GET /events
	Direction Direction        `json:"direction"`
	From      schemas.AgencyID `json:"from"`
	// To lists the agencies to whom a said event goes.
	To []schemas.AgencyID `json:"to,omitempty"`
	// Grant, Purpose and Envelope are those of a heard event.
	Grant    schemas.GrantID `json:"grant,omitempty"`
	Purpose  schemas.Purpose `json:"purpose,omitempty"`
	Envelope schemas.EventID `json:"envelope,omitempty"`
	// Outline is a heard event's envelope without its data, signed by the
	// sender; Epoch and Position are where it stands in the broker's ledger.
	Outline  *schemas.Outline `json:"outline,omitempty"`
	Epoch    schemas.ULID     `json:"epoch,omitempty"`
	Position uint64           `json:"position,omitempty"`
	Recorded time.Time        `json:"recorded"`
	// Event is the inner CloudEvent in JSON format. Of a said event it is the
	// whole, before projection.
	Event json.RawMessage `json:"event"`
	// Proof is the sender's signed record of a heard event: with it, authorship
	// can be shown to a third party.
	Proof *schemas.SignedRecord `json:"proof,omitempty"`
}

// Housekeeping reports whether the event is the agents' own business: canaries,
// requests for what a chain lacks, and what follows a restore.
func (e Entry) Housekeeping() bool {
	var inner struct {
		Type schemas.EventType `json:"type"`
	}
	_ = json.Unmarshal(e.Event, &inner) // it was parsed when it was recorded
	return inner.Type.Housekeeping()
}

// Since is the number of the first event that was recorded at an instant or
// later, one more than the newest if there is none.
func Since(tx durable.Tx, at time.Time) (uint64, error) {
	last, err := Last(tx)
	if err != nil {
		return 0, err
	}
	var failed error
	n := sort.Search(int(last), func(i int) bool {
		e, _, err := Read(tx, uint64(i)+1)
		failed = errors.Join(failed, err)
		return !e.Recorded.Before(at)
	})
	return uint64(n) + 1, failed
}

const (
	logEvents   = "events"
	mapEventIDs = "event-ids"
	mapSubjects = "subjects"
	logAlarms   = "alarms"
	mapTallies  = "alarm-tallies"
)

// Append adds an event unless one with the same source and id is there, whose
// number it then returns as known.
func Append(tx durable.Tx, e Entry, parsed event.Event) (n uint64, known bool, err error) {
	key := parsed.Source() + "|" + parsed.ID()
	if n, known, err = durable.GetJSON[uint64](tx.Map(mapEventIDs), key); err != nil || known {
		return n, known, err
	}
	if n, err = durable.AppendJSON(tx.Log(logEvents), e); err != nil {
		return 0, false, err
	}
	if err := durable.PutJSON(tx.Map(mapEventIDs), key, n); err != nil {
		return 0, false, err
	}
	return n, false, addToSubject(tx, parsed.Subject(), n)
}

// Find returns the number of the event with a source and id.
func Find(tx durable.Tx, source, id string) (n uint64, ok bool, err error) {
	return durable.GetJSON[uint64](tx.Map(mapEventIDs), source+"|"+id)
}

// Read returns one event.
func Read(tx durable.Tx, n uint64) (Entry, bool, error) {
	e, ok, err := durable.LogJSON[Entry](tx.Log(logEvents), n)
	e.Number = n
	return e, ok, err
}

// Events calls fn for the events after a number, in the order in which they
// were recorded, until fn returns [durable.ErrStop].
func Events(tx durable.Tx, after uint64, fn func(Entry) error) error {
	return tx.Log(logEvents).Scan(after+1, func(n uint64, v []byte) error {
		e, err := durable.DecodeJSON[Entry](v)
		if err != nil {
			return err
		}
		e.Number = n
		return fn(e)
	})
}

// HeardSince counts the events that were recorded since a time and that a
// partner's key has signed, and names the first.
func HeardSince(tx durable.Tx, from schemas.AgencyID, key schemas.KeyID, since time.Time) (n int, first uint64, err error) {
	err = Events(tx, 0, func(e Entry) error {
		if e.Direction != Heard || e.From != from || e.Recorded.Before(since) || e.Proof == nil || e.Proof.KeyID() != key {
			return nil
		}
		if n++; n == 1 {
			first = e.Number
		}
		return nil
	})
	return n, first, err
}

// Last is the number of the newest event, 0 if there is none.
func Last(tx durable.Tx) (uint64, error) { return tx.Log(logEvents).Last() }

// Alarm is something that a person must look at. Its text names agencies, keys
// and ids of envelopes, never a client or what happened to one.
type Alarm struct {
	Number uint64           `json:"number"`
	At     time.Time        `json:"at"`
	Code   schemas.Code     `json:"code"`
	About  schemas.AgencyID `json:"about,omitempty"`
	Text   string           `json:"text"`
	Times  int              `json:"times"`
}

// tally counts the alarms of one code about one agency within a day.
type tally struct {
	Since time.Time `json:"since"`
	Count int       `json:"count"`
	Last  uint64    `json:"last"` // the newest one's number
}

// alarmsADay is how many alarms of one code about one agency stand one by one.
// Further ones count up the last: a partner that misbehaves must not bury what
// others have to be looked at for, nor fill the disk.
const alarmsADay = 20

// Raise records an alarm. The same one again within a day only counts up.
func Raise(tx durable.Tx, at time.Time, code schemas.Code, about schemas.AgencyID, text string) error {
	log := tx.Log(logAlarms)
	last, err := log.Last()
	if err != nil {
		return err
	}
	for n := last; n > 0 && n+20 > last; n-- {
		a, ok, err := durable.LogJSON[Alarm](log, n)
		if err != nil {
			return err
		}
		if ok && a.Code == code && a.About == about && a.Text == text && at.Sub(a.At) < 24*time.Hour {
			a.Times++
			return durable.PutLogJSON(log, n, a)
		}
	}
	tallies, key := tx.Map(mapTallies), string(code)+"|"+string(about)
	day, _, err := durable.GetJSON[tally](tallies, key)
	if err != nil {
		return err
	}
	if at.Sub(day.Since) >= 24*time.Hour {
		day = tally{Since: at}
	}
	if day.Count >= alarmsADay {
		a, ok, err := durable.LogJSON[Alarm](log, day.Last)
		if err != nil {
			return err
		}
		if ok { // nobody has dismissed it
			a.Times++
			return durable.PutLogJSON(log, day.Last, a)
		}
	}
	day.Count++
	if day.Last, err = durable.AppendJSON(log, Alarm{At: at, Code: code, About: about, Text: text, Times: 1}); err != nil {
		return err
	}
	return durable.PutJSON(tallies, key, day)
}

// Alarms lists the alarms that nobody has dismissed, oldest first.
func Alarms(tx durable.Tx) ([]Alarm, error) {
	var all []Alarm
	err := tx.Log(logAlarms).Scan(1, func(n uint64, v []byte) error {
		a, err := durable.DecodeJSON[Alarm](v)
		a.Number = n
		all = append(all, a)
		return err
	})
	return all, err
}

// Dismiss removes an alarm that a person has looked at.
func Dismiss(tx durable.Tx, n uint64) error { return tx.Log(logAlarms).Delete(n) }
