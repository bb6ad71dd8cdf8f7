package journal

import (
	"errors"
	"fmt"

	"github.com/linkage-exchange/linkage/schemas"
)

// Sound reports whether a record's content is what its own header says: that of
// an envelope hashes to M, that of a signed record to the record's hash. A bit
// that flipped on the disk shows here.
func (r Record) Sound() error {
	switch r.Kind() {
	case Refused, HandedOver, Noticed, OfferFinished: // nobody signed them, and the header says it all
		return nil
	}
	hash, err := r.hash()
	if err == nil && hash.String() == r.Get(HeaderHash) {
		return nil
	}
	return schemas.Refuse(schemas.CodeHistoryForked, "hub", fmt.Sprintf("must have at position %d what its header says (%s), has other content", r.Position, r.Kind()),
		"keep a copy of the data directory as evidence, and look for a fault of the disk; see docs/operations.md")
}

var errNoCard = errors.New("there is no card")

// hash is what the header has to say of the content.
func (r Record) hash() (schemas.Hash, error) {
	switch r.Kind() {
	case Accepted:
		e, err := schemas.ParseEnvelope(r.Header, r.Data)
		return e.Hash(), err
	case Withdrawn:
		w, err := schemas.ReadWithdrawn(r.Data)
		return w.Outline.Hash(), err
	case MemberAdmitted:
		var a struct {
			Card schemas.SignedRecord `json:"card"`
		}
		err := schemas.DecodeJSON(r.Data, &a)
		return a.Card.Hash(), err
	case MemberReturned:
		var e schemas.Entry
		if err := schemas.DecodeJSON(r.Data, &e); err != nil || len(e.Cards) == 0 {
			return schemas.Hash{}, errors.Join(err, errNoCard)
		}
		return e.Cards[len(e.Cards)-1].Hash(), nil
	case HeadBrought:
		return schemas.HashOf(r.Data), nil
	default:
		rec, err := schemas.ParseRecord(r.Data)
		return rec.Hash(), err
	}
}
