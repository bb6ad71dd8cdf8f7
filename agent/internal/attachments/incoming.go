package attachments

import (
	"errors"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Incoming is one document that a partner's event names.
type Incoming struct {
	Sender schemas.AgencyID `json:"sender"`
	// EventID is the event's, Event its number in the casebook. Grant, Category
	// and Purpose are those under which it came, and every part must.
	EventID    schemas.EventID  `json:"eventid"`
	Event      uint64           `json:"event"`
	Grant      schemas.GrantID  `json:"grant"`
	Category   schemas.Category `json:"category"`
	Purpose    schemas.Purpose  `json:"purpose"`
	Attachment schemas.Hash     `json:"attachment"`
	Bytes      int              `json:"bytes"`
	Parts      int              `json:"parts"`
	Blob       uint64           `json:"blob,omitempty"` // what came so far
	Here       set              `json:"here"`
	State      State            `json:"state"`
	Code       schemas.Code     `json:"code,omitempty"`
	Since      time.Time        `json:"since"` // in this state
}

// Arrived is how many parts are here.
func (i Incoming) Arrived() int { return i.Here.count(i.Parts) }

const (
	mapIncoming = "attachment-incoming" // sender|event|attachment -> Incoming
	mapOpen     = "attachment-open"     // the same key -> open, for what is not complete
	mapTallies  = "attachment-tallies"  // sender -> tally of what is open
)

// open is what has to be known of an incomplete document to find it.
type open struct {
	Sender schemas.AgencyID `json:"sender"`
	Grant  schemas.GrantID  `json:"grant"`
	Bytes  int              `json:"bytes"` // that came so far
	Last   time.Time        `json:"last"`  // when a part came
}

// stale is how long an incomplete document waits for its next part: as long as
// the broker keeps mail.
const stale = 90 * 24 * time.Hour

// tally sums up what is open from one sender.
type tally struct {
	Count int `json:"count"`
	Bytes int `json:"bytes"`
}

// maxOpen bounds how many documents of one partner may be announced and not
// complete. Further ones are refused when they are announced.
const maxOpen = 1000

// MaxIncomplete bounds the bytes of one partner's incomplete documents. A
// partner whose documents come one after the other, as ours do, never has more
// than one.
const MaxIncomplete = 64 << 20

func incomingKey(sender schemas.AgencyID, e schemas.EventID, id schemas.Hash) string {
	return string(sender) + "|" + string(e) + "|" + id.String()
}

func (i Incoming) key() string { return incomingKey(i.Sender, i.EventID, i.Attachment) }

func (i Incoming) put(tx durable.Tx, s State, code schemas.Code, now time.Time) error {
	if i.State != s {
		i.Since = now
	}
	i.State, i.Code = s, code
	if err := show(tx, "i|"+i.key(), s); err != nil {
		return err
	}
	if err := i.count(tx, s == UnderWay, now); err != nil {
		return err
	}
	return durable.PutJSON(tx.Map(mapIncoming), i.key(), i)
}

// count keeps what is open, and its sum, as the document is now.
func (i Incoming) count(tx durable.Tx, isOpen bool, now time.Time) error {
	sum, _, err := durable.GetJSON[tally](tx.Map(mapTallies), string(i.Sender))
	if err != nil {
		return err
	}
	before, was, err := durable.GetJSON[open](tx.Map(mapOpen), i.key())
	if err != nil {
		return err
	}
	if was {
		sum.Count, sum.Bytes = sum.Count-1, sum.Bytes-before.Bytes
	}
	if isOpen {
		o := open{i.Sender, i.Grant, i.received(), now}
		sum.Count, sum.Bytes = sum.Count+1, sum.Bytes+o.Bytes
		err = durable.PutJSON(tx.Map(mapOpen), i.key(), o)
	} else {
		err = tx.Map(mapOpen).Delete(i.key())
	}
	if err != nil {
		return err
	}
	return durable.PutJSON(tx.Map(mapTallies), string(i.Sender), sum)
}

// received is how many bytes came so far.
func (i Incoming) received() int {
	n := 0
	for k := range i.Parts {
		if i.Here.has(k) {
			n += schemas.PartBytes(i.Bytes, k)
		}
	}
	return n
}

// Announce notes a document that an event names, whose parts will come.
func Announce(tx durable.Tx, i Incoming, now time.Time) error {
	if _, known, err := durable.GetJSON[Incoming](tx.Map(mapIncoming), i.key()); err != nil || known {
		return err
	}
	i.Parts = schemas.PartsOf(i.Bytes)
	i.Here = newSet(i.Parts)
	sum, _, err := durable.GetJSON[tally](tx.Map(mapTallies), string(i.Sender))
	if err != nil {
		return err
	}
	if sum.Count >= maxOpen {
		return i.put(tx, Refused, schemas.CodeQuota, now)
	}
	return i.put(tx, UnderWay, "", now)
}

// Arrival is a part that came, with the grant, category and purpose of its
// envelope and event.
type Arrival struct {
	Sender   schemas.AgencyID
	Grant    schemas.GrantID
	Category schemas.Category
	Purpose  schemas.Purpose
	Part     schemas.AttachmentPartShared
	Content  []byte
}

// TakePart keeps a part, and with the last one holds the document against its
// digest. A part that came before has no effect. Its error is a refusal for the
// sender, before which nothing was written but that the document is refused.
func TakePart(tx durable.Tx, a Arrival, now time.Time) error {
	i, announced, err := durable.GetJSON[Incoming](tx.Map(mapIncoming), incomingKey(a.Sender, a.Part.Event, a.Part.Attachment))
	if err != nil {
		return err
	}
	if !announced {
		return schemas.Refuse(schemas.CodeInvalidEvent, "data.event", "must be an event that came before and names this attachment", "send the event first")
	}
	if err := i.check(a); err != nil {
		return err
	}
	if i.State == Complete || i.Here.has(a.Part.Index) {
		return nil
	}
	if err := room(tx, a.Sender, len(a.Content)); err != nil {
		return err
	}
	if i.Blob == 0 {
		if i.Blob, err = newBlob(tx, i.Parts); err != nil {
			return err
		}
	}
	if err := putPart(tx, i.Blob, a.Part.Index, a.Content); err != nil {
		return err
	}
	i.Here.add(a.Part.Index)
	if i.Arrived() < i.Parts {
		return i.put(tx, UnderWay, "", now)
	}
	return i.complete(tx, now)
}

// check holds a part against what was announced.
func (i Incoming) check(a Arrival) error {
	const remedy = "send the parts as the event that names the attachment was sent"
	switch {
	case a.Grant != i.Grant:
		return schemas.Refuse(schemas.CodeNoGrant, "grant", "must be that of the event that names the attachment", remedy)
	case a.Category != i.Category:
		return schemas.Refuse(schemas.CodeCategoryNotCovered, "datacategory", "must be that of the event that names the attachment", remedy)
	case a.Purpose != i.Purpose:
		return schemas.Refuse(schemas.CodePurposeNotCovered, "purpose", "must be that of the event that names the attachment", remedy)
	case i.State == Withdrawn:
		return schemas.Refuse(i.Code, "grant", "has ended before the attachment was complete", "send the event and its attachment under another permission")
	case i.State == Refused:
		return schemas.Refuse(i.Code, "data.attachment", "is refused: what came was not what the event announced, or too many are incomplete", "complete what was begun, then send the event and its attachment again")
	}
	return a.Part.CheckPart(i.Bytes, a.Content)
}

// room refuses what would make a partner's incomplete documents too large.
func room(tx durable.Tx, sender schemas.AgencyID, bytes int) error {
	sum, _, err := durable.GetJSON[tally](tx.Map(mapTallies), string(sender))
	if err == nil && sum.Bytes+bytes > MaxIncomplete {
		err = schemas.Refuse(schemas.CodeQuota, "attachment", fmt.Sprintf("must find room: incomplete attachments of one partner have at most %d MiB together", MaxIncomplete>>20),
			"complete the attachments that were begun, or wait: what gets no part for 90 days is removed")
	}
	return err
}

// complete holds the whole against its digest.
func (i Incoming) complete(tx durable.Tx, now time.Time) error {
	got, err := digest(tx, i.Blob, i.Parts)
	if err != nil {
		return err
	}
	n := i.Blob
	i.Blob = 0
	if got != i.Attachment {
		i.Here = newSet(i.Parts)
		if err := i.put(tx, Refused, schemas.CodeInvalidEvent, now); err != nil {
			return err
		}
		if err := dropBlob(tx, n); err != nil {
			return err
		}
		return schemas.Refuse(schemas.CodeInvalidEvent, "data.attachment", "must be the digest of all its parts together", "send the event and its attachment again")
	}
	_, known, err := find(tx, i.Attachment)
	if err != nil {
		return err
	}
	if known {
		err = errors.Join(dropBlob(tx, n), tx.Map(mapUnnamed).Delete(i.Attachment.String()))
	} else {
		err = keep(tx, i.Attachment, content{Blob: n, Bytes: i.Bytes, Kept: now})
	}
	if err != nil {
		return err
	}
	return i.put(tx, Complete, "", now)
}

// Withdraw removes what came of the incomplete documents under grants that have
// ended, and of those whose next part does not come. ended says that a grant
// has ended, and with which code.
func Withdraw(tx durable.Tx, ended func(schemas.GrantID) (schemas.Code, error), now time.Time) error {
	var keys []string
	codes := map[string]schemas.Code{}
	err := tx.Map(mapOpen).Each(func(key string, v []byte) error {
		o, err := durable.DecodeJSON[open](v)
		if err != nil {
			return err
		}
		code, err := ended(o.Grant)
		if code == "" && now.Sub(o.Last) >= stale {
			code = schemas.CodeExpired
		}
		if code != "" {
			keys, codes[key] = append(keys, key), code
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		i, _, err := durable.GetJSON[Incoming](tx.Map(mapIncoming), key)
		if err != nil {
			return err
		}
		n := i.Blob
		i.Blob = 0
		if err := i.put(tx, Withdrawn, codes[key], now); err != nil {
			return err
		}
		if n != 0 {
			if err := dropBlob(tx, n); err != nil {
				return err
			}
		}
	}
	return nil
}
