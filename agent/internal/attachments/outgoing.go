package attachments

import (
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// State is where a document on its way stands.
type State string

// The states.
const (
	UnderWay  State = "under-way"
	Complete  State = "complete"  // every part is at the recipient
	Stopped   State = "stopped"   // sender: a part cannot go; Code says why
	Ended     State = "ended"     // sender: a person decided that it will not go
	Withdrawn State = "withdrawn" // recipient: its permission ended before it was complete
	Refused   State = "refused"   // recipient: what came is not what was announced
)

// Outgoing is one document on its way to one recipient.
type Outgoing struct {
	// Delivery is the one that brought the event, Event the event's number in
	// the casebook, EventID its id.
	Delivery   uint64           `json:"delivery"`
	Event      uint64           `json:"event"`
	EventID    schemas.EventID  `json:"eventid"`
	Recipient  schemas.AgencyID `json:"recipient"`
	Grant      schemas.GrantID  `json:"grant"`
	Attachment schemas.Hash     `json:"attachment"`
	Bytes      int              `json:"bytes"`
	Parts      int              `json:"parts"`
	Queued     int              `json:"queued"` // parts that went into the outbox, the first ones
	Stored     set              `json:"stored"` // parts that the recipient has signed for
	State      State            `json:"state"`
	Code       schemas.Code     `json:"code,omitempty"`
	Since      time.Time        `json:"since"` // in this state
}

const (
	mapOutgoing = "attachment-outgoing" // delivery|attachment -> Outgoing
	mapLines    = "attachment-lines"    // recipient -> keys of what is not done, in order
)

// window is how many parts may be on their way to one recipient at a time: sent
// or about to be, and not signed for. What lies behind them in the recipient's
// mailbox, such as a small event, waits for no more than these.
const window = 4

// Queue puts one part into the outbox, in the running transaction.
type Queue func(tx durable.Tx, o Outgoing, index int) error

func (o Outgoing) key() string { return fmt.Sprintf("%020d|%s", o.Delivery, o.Attachment) }

func (o Outgoing) put(tx durable.Tx, s State, code schemas.Code, now time.Time) error {
	if o.State != s {
		o.Since = now
	}
	o.State, o.Code = s, code
	if err := show(tx, "o|"+o.key(), s); err != nil {
		return err
	}
	return durable.PutJSON(tx.Map(mapOutgoing), o.key(), o)
}

// Begin lets the parts of a document go to the recipient who has the event that
// names it. With a code nothing goes: it says why not.
func Begin(tx durable.Tx, o Outgoing, code schemas.Code, now time.Time, queue Queue) error {
	if _, begun, err := durable.GetJSON[Outgoing](tx.Map(mapOutgoing), o.key()); err != nil || begun {
		return err
	}
	o.Parts = schemas.PartsOf(o.Bytes)
	o.Stored = newSet(o.Parts)
	if code != "" {
		return o.put(tx, Stopped, code, now)
	}
	line, err := lineOf(tx, o.Recipient)
	if err != nil {
		return err
	}
	if err := durable.PutJSON(tx.Map(mapLines), string(o.Recipient), append(line, o.key())); err != nil {
		return err
	}
	if err := o.put(tx, UnderWay, "", now); err != nil {
		return err
	}
	return feed(tx, o.Recipient, queue)
}

func lineOf(tx durable.Tx, recipient schemas.AgencyID) ([]string, error) {
	line, _, err := durable.GetJSON[[]string](tx.Map(mapLines), string(recipient))
	return line, err
}

// feed puts the next parts for a recipient into the outbox, as far as the
// window goes. Documents go one after the other.
func feed(tx durable.Tx, recipient schemas.AgencyID, queue Queue) error {
	going, err := underWay(tx, recipient)
	if err != nil {
		return err
	}
	room := window
	for _, o := range going {
		room -= o.Queued - o.Stored.count(o.Queued)
	}
	for _, o := range going {
		before := o.Queued
		for ; room > 0 && o.Queued < o.Parts; room-- {
			if err := queue(tx, o, o.Queued); err != nil {
				return err
			}
			o.Queued++
		}
		if o.Queued == before {
			continue
		}
		if err := durable.PutJSON(tx.Map(mapOutgoing), o.key(), o); err != nil {
			return err
		}
	}
	return nil
}

// underWay lists what goes to a recipient, in the order in which it began.
func underWay(tx durable.Tx, recipient schemas.AgencyID) ([]Outgoing, error) {
	line, err := lineOf(tx, recipient)
	if err != nil {
		return nil, err
	}
	var going []Outgoing
	for _, key := range line {
		o, ok, err := durable.GetJSON[Outgoing](tx.Map(mapOutgoing), key)
		if err != nil {
			return nil, err
		}
		if ok && o.State == UnderWay {
			going = append(going, o)
		}
	}
	return going, nil
}

// Moved is what became of a part in the outbox.
type Moved struct {
	Delivery   uint64 // that brought the event
	Attachment schemas.Hash
	Index      int
	// One of these holds: the recipient has signed for it; it does not go on,
	// and why; it goes after all; a person decided that it will not go.
	Stored bool
	Code   schemas.Code
	Again  bool
	Ended  bool
}

// PartMoved takes over what became of a part, and lets the next ones go.
func PartMoved(tx durable.Tx, m Moved, now time.Time, queue Queue) error {
	o, ok, err := durable.GetJSON[Outgoing](tx.Map(mapOutgoing), Outgoing{Delivery: m.Delivery, Attachment: m.Attachment}.key())
	if err != nil || !ok || o.State == Complete || m.Index < 0 || m.Index >= o.Parts {
		return err
	}
	state, code := o.State, o.Code
	switch {
	case m.Stored:
		if o.Stored.add(m.Index); o.Stored.count(o.Parts) == o.Parts {
			state, code = Complete, ""
		}
	case m.Code != "":
		state, code = Stopped, m.Code
	case m.Again:
		state, code = UnderWay, ""
	case m.Ended:
		state = Ended
	}
	if err := o.put(tx, state, code, now); err != nil {
		return err
	}
	if state == Complete || state == Ended {
		if err := leave(tx, o); err != nil {
			return err
		}
	}
	return feed(tx, o.Recipient, queue)
}

// leave takes a document out of its recipient's line.
func leave(tx durable.Tx, o Outgoing) error {
	line, err := lineOf(tx, o.Recipient)
	if err != nil {
		return err
	}
	rest := make([]string, 0, len(line))
	for _, key := range line {
		if key != o.key() {
			rest = append(rest, key)
		}
	}
	if len(rest) == 0 {
		return tx.Map(mapLines).Delete(string(o.Recipient))
	}
	return durable.PutJSON(tx.Map(mapLines), string(o.Recipient), rest)
}

// Stop lets no further part go under a grant that was revoked.
func Stop(tx durable.Tx, recipient schemas.AgencyID, grant schemas.GrantID, now time.Time) error {
	going, err := underWay(tx, recipient)
	if err != nil {
		return err
	}
	for _, o := range going {
		if o.Grant != grant {
			continue
		}
		if err := o.put(tx, Stopped, schemas.CodeGrantRevoked, now); err != nil {
			return err
		}
	}
	return nil
}
