package attachments

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Progress is how far a document has come, between this agency and one partner,
// for people and systems. It has no title.
type Progress struct {
	ID schemas.Hash `json:"id"` // the SHA-256 of the content
	// To or From is the partner; both are empty for a document that was handed
	// in and that no event names yet.
	To    schemas.AgencyID `json:"to,omitempty"`
	From  schemas.AgencyID `json:"from,omitempty"`
	Event uint64           `json:"event,omitempty"` // its number in the casebook
	Grant schemas.GrantID  `json:"grant,omitempty"`
	Bytes int              `json:"bytes"`
	Parts int              `json:"parts"`
	// There is how many parts are at the recipient, as far as is known here.
	There int          `json:"there"`
	State State        `json:"state,omitempty"`
	Code  schemas.Code `json:"code,omitempty"`
	Since time.Time    `json:"since"`
}

func (o Outgoing) progress() Progress {
	return Progress{
		ID: o.Attachment, To: o.Recipient, Event: o.Event, Grant: o.Grant, Bytes: o.Bytes, Parts: o.Parts, There: o.Stored.count(o.Parts),
		State: o.State, Code: o.Code, Since: o.Since,
	}
}

func (i Incoming) progress() Progress {
	return Progress{
		ID: i.Attachment, From: i.Sender, Event: i.Event, Grant: i.Grant, Bytes: i.Bytes, Parts: i.Parts, There: i.Arrived(),
		State: i.State, Code: i.Code, Since: i.Since,
	}
}

// All lists every document, the oldest first.
func All(tx durable.Tx) ([]Progress, error) {
	var all []Progress
	err := tx.Map(mapOutgoing).Each(func(_ string, v []byte) error {
		o, err := durable.DecodeJSON[Outgoing](v)
		all = append(all, o.progress())
		return err
	})
	if err != nil {
		return nil, err
	}
	err = tx.Map(mapIncoming).Each(func(_ string, v []byte) error {
		i, err := durable.DecodeJSON[Incoming](v)
		all = append(all, i.progress())
		return err
	})
	if err != nil {
		return nil, err
	}
	err = tx.Map(mapUnnamed).Each(func(key string, v []byte) error {
		c, err := durable.DecodeJSON[content](v)
		id, _ := schemas.ParseHash(key)
		all = append(all, Progress{ID: id, Bytes: c.Bytes, Parts: schemas.PartsOf(c.Bytes), Since: c.Kept})
		return err
	})
	slices.SortStableFunc(all, func(a, b Progress) int { return cmp.Or(cmp.Compare(a.Event, b.Event), a.Since.Compare(b.Since)) })
	return all, err
}

// mapInSight indexes what a person should see: what is neither complete nor
// given up, as o|key or i|key, outgoing or incoming.
const mapInSight = "attachment-in-sight"

// inSight is how long what stands still is shown by the status. It stays in the
// list of all.
const inSight = 30 * 24 * time.Hour

func show(tx durable.Tx, key string, s State) error {
	if s == Complete || s == Ended {
		return tx.Map(mapInSight).Delete(key)
	}
	return tx.Map(mapInSight).Put(key, []byte("1"))
}

// Incomplete lists what is not complete, both ways, for the status; the oldest
// first.
func Incomplete(tx durable.Tx) ([]Progress, error) {
	all := []Progress{}
	err := eachInSight(tx, func(_ string, p Progress) { all = append(all, p) })
	slices.SortStableFunc(all, func(a, b Progress) int { return cmp.Or(cmp.Compare(a.Event, b.Event), a.Since.Compare(b.Since)) })
	return all, err
}

func eachInSight(tx durable.Tx, fn func(key string, p Progress)) error {
	return tx.Map(mapInSight).Each(func(key string, _ []byte) error {
		which, at, _ := strings.Cut(key, "|")
		if which == "o" {
			o, ok, err := durable.GetJSON[Outgoing](tx.Map(mapOutgoing), at)
			if ok {
				fn(key, o.progress())
			}
			return err
		}
		i, ok, err := durable.GetJSON[Incoming](tx.Map(mapIncoming), at)
		if ok {
			fn(key, i.progress())
		}
		return err
	})
}

// hideOld takes out of sight what has stood still for long.
func hideOld(tx durable.Tx, now time.Time) error {
	var old []string
	err := eachInSight(tx, func(key string, p Progress) {
		if p.State != UnderWay && now.Sub(p.Since) >= inSight {
			old = append(old, key)
		}
	})
	for _, key := range old {
		err = errors.Join(err, tx.Map(mapInSight).Delete(key))
	}
	return err
}
