package checker

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Hub is the broker's record in one epoch, as `linkage broker inspect --json` prints it.
type Hub struct {
	Network schemas.NetworkID `json:"network"`
	Epoch   schemas.ULID      `json:"epoch"`
	Records []Record          `json:"records"`
}

// The kinds of [Record] that the checks read.
const (
	kindAccepted   = "accepted"
	kindHandedOver = "handed-over"
	kindWithdrawn  = "withdrawn"
	kindStored     = "stored"
	kindIssued     = "grant-issued"
	kindRevoked    = "grant-revoked"
	kindSuspended  = "member-suspended"
	kindReadmitted = "member-readmitted"
)

// Record is one decision of the broker. It never holds what was said.
type Record struct {
	Position  Count            `json:"position"`
	Kind      string           `json:"kind"`
	Sender    schemas.AgencyID `json:"sender"`
	Recipient schemas.AgencyID `json:"recipient"`
	Envelope  schemas.EventID  `json:"envelope"`
	Grant     schemas.GrantID  `json:"grant"`
	Hash      string           `json:"hash"`
	Code      schemas.Code     `json:"code"`
	Items     Count            `json:"count"`
	// Through is, of a hand-over, the last position that was given to the
	// recipient; of a revocation, the last whose hand-over is unknown.
	Through Count     `json:"through"`
	Cursor  Count     `json:"cursor"`
	Of      Count     `json:"of"` // the position of the envelope that a withdrawal concerns
	Time    time.Time `json:"time"`
	// The place in the sender's chain.
	Chain    schemas.ULID `json:"chain"`
	Sequence Count        `json:"sequence"`
	Previous string       `json:"previous"`

	hub *Hub // the one that it is in
}

// Count is a number that may be printed as it stands in a header.
type Count uint64

// UnmarshalJSON reads 7, "7", "00000000000000000007" and "".
func (c *Count) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "" || text == "null" {
		*c = 0
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	*c = Count(n)
	return err
}

// ReadHub reads what `linkage broker inspect --json` printed.
func ReadHub(r io.Reader) (Hub, error) {
	var h Hub
	if err := json.NewDecoder(r).Decode(&h); err != nil {
		return h, fmt.Errorf("read hub: %w", err)
	}
	last := Count(0)
	for _, rec := range h.Records {
		if rec.Position <= last {
			return h, fmt.Errorf("read hub: record %d does not follow %d", rec.Position, last)
		}
		last = rec.Position
	}
	return h, nil
}

// handedOver reports whether an envelope had been given to its recipient before
// a position of the hub.
func (h Hub) handedOver(envelope Record, before Count) bool {
	for _, r := range h.Records {
		if r.Position >= before {
			return false
		}
		if r.Kind == kindHandedOver && r.Recipient == envelope.Recipient && r.Through >= envelope.Position {
			return true
		}
	}
	return false
}

// withdrawalOf returns the record that takes an envelope back, nil if there is
// none.
func (h Hub) withdrawalOf(envelope Record) *Record {
	for i, r := range h.Records {
		if r.Kind == kindWithdrawn && r.Of == envelope.Position && r.Envelope == envelope.Envelope {
			return &h.Records[i]
		}
	}
	return nil
}
