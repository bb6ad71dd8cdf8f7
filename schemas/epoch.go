package schemas

import (
	"crypto/ed25519"
	"slices"
)

// Epoch opens a hub's life ([RecordEpoch], signed by the admission key). A
// broker that lost or changed its memory begins another one: with an empty hub,
// which its agents fill again.
type Epoch struct {
	V        int       `json:"v"`
	Network  NetworkID `json:"network"`
	Epoch    ULID      `json:"epoch"`
	Previous *ULID     `json:"previous"`
	Reason   string    `json:"reason"` // one of EpochReasons
	LastHead *string   `json:"lasthead"`
	Time     Instant   `json:"time"`
	// Roll is the highest number of the roll that whoever signed knew: no lower
	// one may be in force in this epoch. 0 at the founding.
	Roll uint64 `json:"roll,omitempty"`
}

// EpochReasons lists why a hub's life begins.
var EpochReasons = []string{"founded", "wiped", "restored", "corrupt"}

// Validate reports the first rule that e breaks.
func (e Epoch) Validate() error {
	if err := checkVersion(e.V); err != nil {
		return err
	}
	switch {
	case !e.Network.Valid():
		return Malformed("network", "must be a slug")
	case !e.Epoch.Valid():
		return Malformed("epoch", "must be a ULID")
	case !slices.Contains(EpochReasons, e.Reason):
		return Malformed("reason", "must be founded, wiped, restored or corrupt")
	case e.Previous != nil && (e.Reason == "founded" || !e.Previous.Valid() || *e.Previous == e.Epoch):
		return Malformed("previous", "must be the ULID of another epoch, and absent at the founding")
	case e.Time.IsZero():
		return Malformed("time", "must be a time")
	case e.LastHead != nil && len(*e.LastHead) > MaxHead:
		return Malformed("lasthead", "must be at most %d bytes", MaxHead)
	}
	return nil
}

// The bounds of what is said about epochs.
const (
	MaxEpochs = 1000 // statements of one network
	MaxHead   = 2048 // bytes of a ledger head
)

// CurrentEpoch verifies a network's statements, oldest first, and returns the
// last one, if the statements lead to it from the epoch that is known. Its error
// is history-forked when they do not: the one who shows them has another history.
func CurrentEpoch(statements []SignedRecord, admission ed25519.PublicKey, network NetworkID, known ULID) (Epoch, error) {
	if len(statements) == 0 || len(statements) > MaxEpochs {
		return Epoch{}, Malformed("epochs", "must hold 1 to %d statements", MaxEpochs)
	}
	forked := Refuse(CodeHistoryForked, "epochs", "must lead from the epoch that is known here to the broker's", "ask the network's lead agency whether it declared a new epoch")
	var last Epoch
	found := false
	for i, rec := range statements {
		e, err := ReadRecord[Epoch](rec, RecordEpoch, admission)
		if err != nil {
			return Epoch{}, err
		}
		if e.Network != network {
			return Epoch{}, Malformed("network", "must be %s", network)
		}
		if i > 0 && (e.Previous == nil || *e.Previous != last.Epoch) {
			return Epoch{}, forked
		}
		last = e
		found = found || e.Epoch == known
	}
	if !found {
		return Epoch{}, forked
	}
	return last, nil
}

// EpochsReply answers GET /enrol/epochs: every statement of the network, oldest
// first, and the roll in force.
type EpochsReply struct {
	V      int            `json:"v"`
	Epochs []SignedRecord `json:"epochs"`
	Roll   SignedRecord   `json:"roll"`
}

// ReturnRequest is posted to /enrol/return by a member of an earlier epoch: the
// broker does not know it any more. Roll is given when the broker's is older.
// Proof is a [Hello] signed with a key of the newest card.
type ReturnRequest struct {
	V     int           `json:"v"`
	Epoch ULID          `json:"epoch"` // into which it returns
	Entry Entry         `json:"entry"`
	Roll  *SignedRecord `json:"roll,omitempty"`
	Proof SignedRecord  `json:"proof"`
	// Head is the last head of the ledger of an earlier epoch that it holds.
	Head *string `json:"head"`
}

// ReturnReply makes the agent a member again, in the standing that the roll
// gives it. There are no credentials for one that is not active.
type ReturnReply struct {
	V       int          `json:"v"`
	Status  MemberStatus `json:"status"`
	Roll    SignedRecord `json:"roll"`
	JWT     string       `json:"jwt,omitempty"`
	Expires Instant      `json:"expires,omitzero"`
}
