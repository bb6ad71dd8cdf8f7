package agent

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/attachments"
	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/directory"
	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/agent/internal/ledgerview"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Status is what a person sees at a glance. It names no client.
type Status struct {
	Name     string          `json:"name"`
	Networks []NetworkStatus `json:"networks"`
}

// NetworkStatus is the state of one membership.
type NetworkStatus struct {
	Network     schemas.NetworkID    `json:"network"`
	Agency      schemas.AgencyID     `json:"agency"`
	Fingerprint string               `json:"fingerprint"`
	Standing    schemas.MemberStatus `json:"standing"`
	Broker      string               `json:"broker"` // its address
	Connected   bool                 `json:"connected"`
	// Obstacle is why there is no connection.
	Obstacle string `json:"obstacle,omitempty"`
	// Heard is when the broker last answered, Ahead how far its clock is ahead
	// of ours in seconds.
	Heard time.Time `json:"heard,omitzero"`
	Ahead float64   `json:"ahead"`
	// Clock names a clock that is wrong, here or there; "" if they agree.
	Clock string `json:"clock,omitempty"`
	// Stalled says that the exchange does not get on; nil while it does.
	Stalled *Stall `json:"stalled,omitempty"`
	// Canary is when a message to ourselves last came back.
	Canary time.Time `json:"canary,omitzero"`
	Cursor uint64    `json:"cursor"`
	Events uint64    `json:"events"` // in the casebook
	// Outbox counts deliveries by state; Oldest is the oldest one that waits
	// for the line or the recipient.
	Outbox map[outbox.State]int `json:"outbox"`
	Oldest time.Time            `json:"oldest,omitzero"`
	// Waiting counts the same by recipient.
	Waiting map[schemas.AgencyID]Waiting `json:"waiting,omitempty"`
	// Retry lists deliveries that met an obstacle which time may remove, Person
	// those that a person has to decide about.
	Retry  []Trouble `json:"retry"`
	Person []Trouble `json:"person"`
	// Missing counts, by sender, envelopes that did not come.
	Missing map[schemas.AgencyID]uint64 `json:"missing,omitempty"`
	Alarms  []casebook.Alarm            `json:"alarms"`
	// Attachments lists those that are not complete, both ways.
	Attachments []Progress `json:"attachments"`
	// Recovery is set once this agency was restored from a backup.
	Recovery *Recovery `json:"recovery,omitempty"`
	// Doubled is since when the broker refuses this copy of the agency because
	// another one is running; nothing is sent or taken in.
	Doubled time.Time `json:"doubled,omitzero"`
	// Forked says that the broker's ledger does not hold together: nothing is
	// sent. Ledger is how many of its entries the newest good head covers.
	Forked  bool      `json:"forked"`
	Ledger  uint64    `json:"ledger"`
	Members []Partner `json:"members"`
}

// Waiting is what waits for the line or for one recipient.
type Waiting struct {
	Count  int       `json:"count"`
	Oldest time.Time `json:"oldest"`
}

// Trouble is a delivery that does not go on by itself, or not at once.
type Trouble struct {
	Delivery  uint64           `json:"delivery"`
	Event     uint64           `json:"event"`
	Recipient schemas.AgencyID `json:"recipient"`
	State     outbox.State     `json:"state"`
	Since     time.Time        `json:"since"`
	schemas.Refusal
}

// Partner is another member.
type Partner struct {
	Agency      schemas.AgencyID     `json:"agency"`
	Name        string               `json:"name"`
	Standing    schemas.MemberStatus `json:"standing"`
	Joined      bool                 `json:"joined"`
	Fingerprint string               `json:"fingerprint,omitempty"`
	// Unconfirmed is the fingerprint of new keys that a person has to compare.
	Unconfirmed string `json:"unconfirmed,omitempty"`
}

// maxTrouble bounds what a status lists of each kind.
const maxTrouble = 100

// Status describes the agent.
func (a *Agent) Status() (Status, error) {
	s := Status{Name: a.profile.Display}
	for _, m := range a.all() {
		n, err := m.status()
		if err != nil {
			return s, err
		}
		s.Networks = append(s.Networks, n)
	}
	slices.SortFunc(s.Networks, func(x, y NetworkStatus) int {
		if x.Network < y.Network {
			return -1
		}
		return 1
	})
	return s, nil
}

func (m *membership) status() (NetworkStatus, error) {
	target := m.target()
	s := NetworkStatus{
		Network: m.network, Agency: m.own, Fingerprint: m.identity().Public().SigningID().Fingerprint(), Broker: target.URL,
		Outbox: map[outbox.State]int{}, Waiting: map[schemas.AgencyID]Waiting{}, Retry: []Trouble{}, Person: []Trouble{}, Alarms: []casebook.Alarm{}, Members: []Partner{},
	}
	if l := m.link.Load(); l != nil {
		s.Connected = l.Connected()
		if err := l.LastError(); err != nil {
			s.Obstacle = err.Error()
		}
	}
	var ahead time.Duration
	s.Heard, ahead = m.inbox.Heard()
	s.Ahead, s.Clock = ahead.Seconds(), clockFault(ahead)
	var canary canaryState
	err := m.store.View(func(tx durable.Tx) (err error) {
		if canary, err = canaryOf(tx); err != nil {
			return err
		}
		s.Canary = canary.back()
		return m.readStatus(tx, &s)
	})
	s.Stalled = m.progress(s, canary).stalled()
	if standing := m.standing.Load(); standing != nil && !s.Connected {
		s.Standing, s.Obstacle = *standing, keptOut(*standing)
	}
	return s, err
}

func (m *membership) readStatus(tx durable.Tx, s *NetworkStatus) error {
	s.Forked = m.ledger.Forked()
	head, err := ledgerview.Head(tx)
	if err != nil {
		return err
	}
	if head != nil {
		h, err := schemas.PeekLedgerHead(*head)
		if err != nil {
			return err
		}
		s.Ledger = h.Size
	}
	if _, s.Cursor, err = inbox.Cursor(tx); err != nil {
		return err
	}
	if s.Events, err = casebook.Last(tx); err != nil {
		return err
	}
	if s.Recovery, err = m.recovery(tx); err != nil {
		return err
	}
	twice, _, err := doubledOf(tx)
	if err != nil {
		return err
	}
	s.Doubled = twice.At
	if s.Missing, err = inbox.Holes(tx); err != nil {
		return err
	}
	alarms, err := casebook.Alarms(tx)
	if err != nil {
		return err
	}
	s.Alarms = append(s.Alarms, alarms...)
	incomplete, err := attachments.Incomplete(tx)
	if err != nil {
		return err
	}
	s.Attachments = incomplete[max(0, len(incomplete)-maxTrouble):]
	deliveries, err := outbox.Active(tx)
	if err != nil {
		return err
	}
	for _, d := range deliveries {
		s.add(d)
	}
	return m.readMembers(tx, s)
}

func (m *membership) readMembers(tx durable.Tx, s *NetworkStatus) error {
	members, err := m.dir.Members(tx)
	for _, member := range members {
		if member.Agency == m.own {
			s.Standing = member.Status
			continue
		}
		s.Members = append(s.Members, partnerOf(member))
	}
	slices.SortFunc(s.Members, func(x, y Partner) int { return cmp.Compare(x.Agency, y.Agency) })
	return err
}

func (s *NetworkStatus) add(d outbox.Delivery) {
	s.Outbox[d.State]++
	if d.State.Open() || d.State == outbox.Accepted {
		w := s.Waiting[d.Recipient]
		if w.Count++; w.Count == 1 || d.Created.Before(w.Oldest) {
			w.Oldest = d.Created
		}
		s.Waiting[d.Recipient] = w
		if s.Oldest.IsZero() || d.Created.Before(s.Oldest) {
			s.Oldest = d.Created
		}
	}
	t := Trouble{d.Number, d.Event, d.Recipient, d.State, d.Since, d.Refusal}
	switch {
	case d.State == outbox.Held || d.State == outbox.Withdrawn:
		if len(s.Person) < maxTrouble {
			s.Person = append(s.Person, t)
		}
	case d.Refusal.Code != "" && len(s.Retry) < maxTrouble:
		s.Retry = append(s.Retry, t)
	}
}

func partnerOf(m directory.Member) Partner {
	p := Partner{Agency: m.Agency, Name: m.Card.Names.Display, Standing: m.Status, Joined: m.Joined}
	if m.Joined {
		p.Fingerprint = m.Card.Fingerprint()
	}
	if m.Unconfirmed != nil {
		if card, err := schemas.PeekRecord[schemas.Card](m.Unconfirmed.Cards[len(m.Unconfirmed.Cards)-1], schemas.RecordCard); err == nil {
			p.Unconfirmed = card.Fingerprint()
		}
	}
	return p
}

// Event is one event of the casebook as the agency's systems read it. Number is
// the cursor.
type Event struct {
	Number    uint64             `json:"number"`
	Network   schemas.NetworkID  `json:"network"`
	Direction casebook.Direction `json:"direction"`
	From      schemas.AgencyID   `json:"from"`
	To        []schemas.AgencyID `json:"to,omitempty"`
	Grant     schemas.GrantID    `json:"grant,omitempty"`
	Purpose   schemas.Purpose    `json:"purpose,omitempty"`
	Envelope  schemas.EventID    `json:"envelope,omitempty"`
	Recorded  time.Time          `json:"recorded"`
	Event     json.RawMessage    `json:"event"`
}

// Events returns up to limit events of a network after a number, in the order
// in which they were recorded. What the agents say to each other about the line
// itself is not among them.
func (a *Agent) Events(network schemas.NetworkID, after uint64, limit int) ([]Event, error) {
	m, err := a.member(network)
	if err != nil {
		return nil, err
	}
	all := []Event{}
	err = m.store.View(func(tx durable.Tx) error {
		return casebook.Events(tx, after, func(e casebook.Entry) error {
			if len(all) == limit {
				return durable.ErrStop
			}
			if e.Housekeeping() {
				return nil
			}
			all = append(all, eventOf(m.network, e))
			return nil
		})
	})
	return all, err
}

func eventOf(n schemas.NetworkID, e casebook.Entry) Event {
	return Event{e.Number, n, e.Direction, e.From, e.To, e.Grant, e.Purpose, e.Envelope, e.Recorded, e.Event}
}

// Subject returns what the events about a referral, test or case come to.
func (a *Agent) Subject(network schemas.NetworkID, subject string) (casebook.View, error) {
	m, err := a.member(network)
	if err != nil {
		return casebook.View{}, err
	}
	var v casebook.View
	err = m.store.View(func(tx durable.Tx) error {
		var ok bool
		var err error
		if v, ok, err = casebook.Subject(tx, subject); err == nil && !ok {
			err = schemas.Refuse(schemas.CodeNotFound, "subject", "must be one that an event is about", "see GET /events")
		}
		return err
	})
	return v, err
}
