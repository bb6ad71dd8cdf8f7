package schemas

import "errors"

// This file is what agents and broker say to each other around envelopes. Every
// verb is a NATS request on broker.<verb>; its answer comes after the durable
// commit.

// The verbs.
const (
	VerbSubmit    = "submit"
	VerbPull      = "pull"
	VerbReceipt   = "receipt"
	VerbGrant     = "grant"
	VerbDirectory = "directory"
	VerbProof     = "proof"
	VerbRenew     = "renew"
	VerbCard      = "card"
)

// HintSubject is where an agent hears that something new waits for it. Nothing
// depends on a hint's arrival.
const HintSubject = "inbox.hint"

// HeaderAgain is a hint's header: what the agent asked before may never be
// answered, so it asks again.
const HeaderAgain = "again"

// Result is the gate's answer to an envelope.
type Result string

// The results.
const (
	ResultAccepted     Result = "accepted"      // durable in the hub
	ResultDuplicate    Result = "duplicate"     // was accepted before; Position is where
	ResultRefused      Result = "refused"       // Code says why; nothing was kept but the decision
	ResultNotAttempted Result = "not-attempted" // an earlier envelope of the same chain was refused
)

// SubmitReply answers an envelope on broker.submit.
type SubmitReply struct {
	V        int     `json:"v"`
	Envelope EventID `json:"envelope"`
	Result   Result  `json:"result"`
	Epoch    ULID    `json:"epoch"`
	Position uint64  `json:"position,omitempty"`
	Time     Instant `json:"time"`
	// Refusal holds code, field and remedy unless the envelope was accepted.
	Refusal
	Expect *Expect `json:"expect,omitempty"`
	// Waiting and Quota tell the sender how full its mailbox at the recipient
	// is, in envelopes, before it is full.
	Waiting int `json:"waiting"`
	Quota   int `json:"quota"`
	// Entry brings the recipient's current cards when the sealing key was not
	// live.
	Entry *Entry  `json:"entry,omitempty"`
	Head  *string `json:"head"`
}

// Refusal is an [Error] on the wire.
type Refusal struct {
	Code   Code   `json:"code,omitempty"`
	Field  string `json:"field,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// RefusalOf renders an error for the wire. What is not an [Error] becomes
// unavailable, and its text stays here.
func RefusalOf(err error) Refusal {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = Refuse(CodeUnavailable, "", "the broker could not do this now", "try again later; nothing was lost")
	}
	return Refusal{Code: e.Code, Field: e.Field, Rule: e.Rule, Remedy: e.Remedy}
}

// Err is the refusal as an [Error], nil if there is none.
func (r Refusal) Err() error {
	if r.Code == "" {
		return nil
	}
	return Refuse(r.Code, r.Field, r.Rule, r.Remedy)
}

// PullRequest asks for what waits. After says that everything up to that
// position is durably stored by the one who asks.
type PullRequest struct {
	V     int    `json:"v"`
	Epoch ULID   `json:"epoch"` // "" before the first pull
	After uint64 `json:"after"`
	// Chain is the present chain of the one who asks: a copy of an agency that
	// is older than another which has sent gets nothing.
	Chain ULID `json:"chain,omitempty"`
	// From, if it lies beyond After, is where the page begins: what lies between
	// is on its way to the disk of the one who asks.
	From     uint64 `json:"from,omitempty"`
	Max      int    `json:"max"`      // items
	MaxBytes int    `json:"maxbytes"` // of data
}

// The limits of a page.
const (
	MaxPullItems = 500
	MaxPullBytes = 4 << 20
)

// ItemKind is what one message of a pull's streamed answer holds.
type ItemKind string

// The kinds of item. Positions rise within a page; "end" is always last.
const (
	ItemEnvelope   ItemKind = "envelope"   // ce- headers and sealed data
	ItemReceipt    ItemKind = "receipt"    // a [RecordReceipt], for the sender of envelopes
	ItemGrant      ItemKind = "grant"      // a [RecordGrant], for its recipient
	ItemRevocation ItemKind = "revocation" // a [Revoked], for both parties
	ItemWithdrawn  ItemKind = "withdrawn"  // a [Withdrawn], for both parties
	ItemRoll       ItemKind = "roll"       // a [RecordRoll], for everybody
	ItemEntry      ItemKind = "entry"      // an [Entry] that is new or changed, for everybody
	ItemNotice     ItemKind = "notice"     // a [Notice], for the two parties of a mailbox
	ItemEnd        ItemKind = "end"        // a [PullEnd]
)

// The headers of an item. A refused pull is an end item whose [PullEnd] holds
// the refusal.
const (
	HeaderItem     = "Linkage-Item"
	HeaderPosition = "Linkage-Position"
)

// Item is one item of a page, as the broker sent it: nothing is verified.
type Item struct {
	Kind     ItemKind
	Position uint64
	Header   map[string][]string
	Data     []byte
}

// PullEnd closes a page.
type PullEnd struct {
	V     int    `json:"v"`
	Epoch ULID   `json:"epoch"`
	Next  uint64 `json:"next"` // the cursor once the page is stored
	More  bool   `json:"more"`
	// Roll is the highest number of the roll that the broker knows.
	Roll uint64  `json:"roll"`
	Time Instant `json:"time"` // the broker's clock
	Head *string `json:"head"`
	// Chain is the newest chain of the one who asks, if it is not the one that
	// was named.
	Chain ULID `json:"chain,omitempty"`
	// Brokers are the addresses of all brokers of the network, if it has more
	// than one.
	Brokers []string `json:"brokers,omitempty"`
	Refusal
}

// Revoked tells the two parties of a grant that it ended.
type Revoked struct {
	Revocation SignedRecord `json:"revocation"`
	Position   uint64       `json:"position"`
}

// Withdrawn tells sender and recipient that an envelope will never be handed
// over, and proves it: no broker can call a loss a withdrawal of a grant that
// nobody revoked.
type Withdrawn struct {
	Outline Outline `json:"outline"`
	// Position is where the hub holds the envelope.
	Position uint64 `json:"position"`
	// Code is grant-revoked, grant-expired, suspended or expired.
	Code       Code          `json:"code"`
	Revocation *SignedRecord `json:"revocation,omitempty"`
}

// ReadWithdrawn reads a withdrawal and checks that it gives one of the reasons.
// A recipient repeats the reason as its answer to the envelope: with none it
// would sign that it has stored what never came.
func ReadWithdrawn(b []byte) (Withdrawn, error) {
	var w Withdrawn
	if err := DecodeJSON(b, &w); err != nil {
		return w, err
	}
	switch w.Code {
	case CodeGrantRevoked, CodeGrantExpired, CodeSuspended, CodeExpired:
		return w, nil
	}
	return w, Malformed("code", "must be grant-revoked, grant-expired, suspended or expired")
}

// Notice warns the two parties of a mailbox before anything happens to it.
type Notice struct {
	From AgencyID `json:"from"`
	To   AgencyID `json:"to"`
	// Kind is filling (the quota is nearly used up) or ageing (the oldest
	// envelope is about to expire).
	Kind    string  `json:"kind"`
	Waiting int     `json:"waiting"`
	Quota   int     `json:"quota"`
	Oldest  Instant `json:"oldest"`
	Expires Instant `json:"expires"`
}

// ReceiptReply answers broker.receipt.
type ReceiptReply struct {
	V        int    `json:"v"`
	Position uint64 `json:"position,omitempty"`
	Refusal
}

// GrantRequest is one of: grants to issue, revocations, a register, on
// broker.grant. Revocations are decided before grants. That a revocation's
// successor is among Issue is not asked: nothing may hold up a revocation.
//
// Finished says that the caller has brought to this epoch everything about
// permissions that it holds from earlier ones.
type GrantRequest struct {
	V        int            `json:"v"`
	Issue    []SignedRecord `json:"issue,omitempty"`
	Revoke   []SignedRecord `json:"revoke,omitempty"`
	Register *SignedRecord  `json:"register,omitempty"`
	Finished bool           `json:"finished,omitempty"`
}

// MaxGrantRecords bounds the records of one [GrantRequest].
const MaxGrantRecords = 100

// GrantReply answers broker.grant. When it has come, every envelope under a
// revoked grant is in exactly one of the three counts, which cover the envelopes that the
// recipient had not acknowledged by a cursor before.
type GrantReply struct {
	V        int    `json:"v"`
	Position uint64 `json:"position,omitempty"`
	// HandedOver counts envelopes that were given to the recipient: disclosed.
	HandedOver int `json:"handedover"`
	// Withdrawn counts envelopes that were not and never will be.
	Withdrawn int `json:"withdrawn"`
	// Unknown counts envelopes that were perhaps given to the recipient before
	// the broker stopped unexpectedly; its next cursor settles them.
	Unknown int     `json:"unknown"`
	Time    Instant `json:"time"`
	// Register is the number of the register that the broker knows of the one
	// who asks, also with a refusal: an agency that was restored goes on behind
	// it.
	Register uint64 `json:"register,omitempty"`
	Refusal
}

// DirectoryReply answers broker.directory: who is in the network.
type DirectoryReply struct {
	V       int            `json:"v"`
	Epoch   SignedRecord   `json:"epoch"`
	Roll    SignedRecord   `json:"roll"`
	Entries []Entry        `json:"entries"`
	Grants  []SignedRecord `json:"grants,omitempty"`
	Refusal
}

// CardRequest brings a member's next card, on broker.card.
type CardRequest struct {
	V    int          `json:"v"`
	Card SignedRecord `json:"card"`
}

// CardReply answers it: the card is in force. The same card again gets the same
// answer.
type CardReply struct {
	V int `json:"v"`
	Refusal
}

// RenewReply answers broker.renew: a new user JWT for the key that was
// admitted.
type RenewReply struct {
	V       int     `json:"v"`
	JWT     string  `json:"jwt"`
	Expires Instant `json:"expires"`
	Refusal
}
