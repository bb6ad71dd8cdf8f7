package checker

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Store is what an agent's store holds, as `linkage agent inspect --json`
// prints it.
type Store struct {
	Name     string       `json:"name"`
	Networks []Membership `json:"networks"`
}

// Membership is one network in a store.
type Membership struct {
	Network schemas.NetworkID `json:"network"`
	Agency  schemas.AgencyID  `json:"agency"`
	Cursor  struct {
		Epoch    schemas.ULID `json:"epoch"`
		Position uint64       `json:"position"`
	} `json:"cursor"`
	Events     []Entry                     `json:"events"`
	Deliveries []Delivery                  `json:"deliveries"`
	Grants     []Grant                     `json:"grants"`
	Alarms     []Alarm                     `json:"alarms"`
	Holes      map[schemas.AgencyID]uint64 `json:"holes"`
}

// The directions of an [Entry].
const (
	said  = "said"
	heard = "heard"
)

// Entry is one event of a store.
type Entry struct {
	Number    uint64             `json:"number"`
	Direction string             `json:"direction"`
	From      schemas.AgencyID   `json:"from"`
	To        []schemas.AgencyID `json:"to"`
	Grant     schemas.GrantID    `json:"grant"`
	Purpose   schemas.Purpose    `json:"purpose"`
	Envelope  schemas.EventID    `json:"envelope"`
	Event     json.RawMessage    `json:"event"`

	inner inner
}

// inner is as much of the CloudEvent as the checks need.
type inner struct {
	ID     schemas.EventID   `json:"id"`
	Source string            `json:"source"`
	Type   schemas.EventType `json:"type"`
	Client string            `json:"client"`
	Data   json.RawMessage   `json:"data"`
}

// ownBusiness reports whether the recipient's agent acts on the event and keeps
// no record of it.
func (e inner) ownBusiness() bool {
	return e.Type.Housekeeping()
}

// The states of a [Delivery].
const (
	accepted  = "accepted"
	stored    = "stored"
	withdrawn = "withdrawn"
	held      = "held"
)

// Delivery is one event on its way to one recipient, as the sender knows it.
type Delivery struct {
	Number    uint64           `json:"number"`
	EventID   schemas.EventID  `json:"eventid"`
	Recipient schemas.AgencyID `json:"recipient"`
	Grant     schemas.GrantID  `json:"grant"`
	State     string           `json:"state"`
	Refusal   schemas.Refusal  `json:"refusal"`
	Attempts  int              `json:"attempts"`
	Envelope  schemas.EventID  `json:"envelope"`
	Chain     schemas.ULID     `json:"chain"`
	Sequence  uint64           `json:"sequence"`
	Previous  schemas.Hash     `json:"previous"`
	Hash      schemas.Hash     `json:"hash"`
	Position  uint64           `json:"position"`
}

// Grant is a permission as one of its two parties knows it.
type Grant struct {
	Grant             schemas.Grant         `json:"grant"`
	TermsRecord       *schemas.SignedRecord `json:"termsrecord"`
	Revocation        *schemas.SignedRecord `json:"revocation"`
	StoppedEverywhere time.Time             `json:"stoppedeverywhere"`
	HandedOver        int                   `json:"handedover"`
	Withdrawn         int                   `json:"withdrawn"`
	Unknown           int                   `json:"unknown"`
}

// terms reads the grant's full text, as its discloser signed it, and holds it
// against the commitment in the public part. It is nil where no event under the
// grant has brought it yet.
func (g Grant) terms() (*schemas.Terms, error) {
	if g.TermsRecord == nil {
		return nil, nil //nolint:nilnil // not having them yet is no error
	}
	t, err := schemas.PeekRecord[schemas.Terms](*g.TermsRecord, schemas.RecordTerms)
	if err != nil {
		return nil, err
	}
	return &t, schemas.MatchTerms(g.Grant, t, *g.TermsRecord)
}

// Alarm is something that the agent shows to a person.
type Alarm struct {
	Code  schemas.Code     `json:"code"`
	About schemas.AgencyID `json:"about"`
	Text  string           `json:"text"`
}

// ReadStore reads what `linkage agent inspect --json` printed.
func ReadStore(r io.Reader) (Store, error) {
	var s Store
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return s, fmt.Errorf("read store: %w", err)
	}
	for i := range s.Networks {
		for j := range s.Networks[i].Events {
			e := &s.Networks[i].Events[j]
			if err := json.Unmarshal(e.Event, &e.inner); err != nil {
				return s, fmt.Errorf("read event %d of %s: %w", e.Number, s.Networks[i].Agency, err)
			}
		}
	}
	return s, nil
}

// has reports whether a direction holds an event.
func (m *Membership) find(direction string, id schemas.EventID, from schemas.AgencyID) *Entry {
	for i, e := range m.Events {
		if e.Direction == direction && e.inner.ID == id && e.inner.Source == from.Source() {
			return &m.Events[i]
		}
	}
	return nil
}

// grant returns a permission that the store knows, nil if it does not.
func (m *Membership) grant(id schemas.GrantID) *Grant {
	for i := range m.Grants {
		if m.Grants[i].Grant.ID == id {
			return &m.Grants[i]
		}
	}
	return nil
}
