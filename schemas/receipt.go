package schemas

import (
	"fmt"
	"regexp"
)

// codePattern is the form of a code, known to this version or not. The broker
// reads receipts: they hold no text.
var codePattern = regexp.MustCompile(`^[a-z][a-z-]{1,39}$`)

// ReceiptKind is what a receipt proves.
type ReceiptKind string

// The kinds of receipt that a recipient signs. (The broker's own "accepted" is
// the reply to a submission.)
const (
	// ReceiptStored ends the sender's duty to deliver: the event is on the
	// recipient's disk.
	ReceiptStored ReceiptKind = "stored"
	// ReceiptSeen says that a person or the agency's own system took note.
	ReceiptSeen ReceiptKind = "seen"
	// ReceiptRefused says that the recipient could or would not take it in;
	// Code says why.
	ReceiptRefused ReceiptKind = "refused"
)

// MaxReceiptItems is how many envelopes one receipt may cover.
const MaxReceiptItems = 500

// Receipt is signed by the recipient of envelopes for their sender
// ([RecordReceipt]). It is idempotent by (envelope, kind), never receipted and
// never part of a chain.
type Receipt struct {
	V       int           `json:"v"`
	Network NetworkID     `json:"network"`
	From    AgencyID      `json:"from"` // who signs: the envelopes' recipient
	To      AgencyID      `json:"to"`   // the envelopes' sender
	At      Instant       `json:"at"`
	Items   []ReceiptItem `json:"items"`
	Head    *string       `json:"head"`
}

// ReceiptItem is the receipt of one envelope.
type ReceiptItem struct {
	Envelope EventID     `json:"envelope"`
	Chain    ULID        `json:"chain"`
	Sequence uint64      `json:"sequence"`
	Hash     Hash        `json:"hash"`
	Kind     ReceiptKind `json:"kind"`
	Code     Code        `json:"code,omitempty"` // why refused
}

// Validate reports the first rule that r breaks.
func (r Receipt) Validate() error {
	if err := checkVersion(r.V); err != nil {
		return err
	}
	switch {
	case !r.Network.Valid():
		return Malformed("network", "must be a slug")
	case !r.From.Valid():
		return Malformed("from", "must be an agency's slug")
	case !r.To.Valid():
		return Malformed("to", "must be an agency's slug")
	case len(r.Items) == 0 || len(r.Items) > MaxReceiptItems:
		return Malformed("items", "must be 1 to %d", MaxReceiptItems)
	}
	for i, item := range r.Items {
		switch {
		case !item.Envelope.Valid():
			return Malformed(fmt.Sprintf("items[%d].envelope", i), "must be an envelope's id")
		case !item.Chain.Valid():
			return Malformed(fmt.Sprintf("items[%d].chain", i), "must be a ULID")
		case item.Sequence == 0:
			return Malformed(fmt.Sprintf("items[%d].sequence", i), "must count from 1")
		case item.Kind != ReceiptStored && item.Kind != ReceiptSeen && item.Kind != ReceiptRefused:
			return Malformed(fmt.Sprintf("items[%d].kind", i), "must be stored, seen or refused")
		case (item.Kind == ReceiptRefused) != (item.Code != ""):
			return Malformed(fmt.Sprintf("items[%d].code", i), "must be given exactly when refused")
		case item.Code != "" && !codePattern.MatchString(string(item.Code)):
			return Malformed(fmt.Sprintf("items[%d].code", i), "must be a code")
		}
	}
	return nil
}
