package journal

// Kind says what a record of the hub decides. There is one ledger entry for
// each record, and its kind is this one.
type Kind string

// The kinds.
const (
	Accepted          Kind = "accepted"           // an envelope; Data is its seal
	Refused           Kind = "refused"            // an envelope or request that was not let through
	HandedOver        Kind = "handed-over"        // a page was given to a recipient's connection
	Withdrawn         Kind = "withdrawn"          // an envelope will never be handed over
	Stored            Kind = "stored"             // a recipient's signed receipt
	GrantIssued       Kind = "grant-issued"       // a signed grant
	GrantRevoked      Kind = "grant-revoked"      // a signed revocation
	RegisterPublished Kind = "register-published" // a discloser's signed register
	MemberInvited     Kind = "member-invited"     // a signed invitation
	MemberAdmitted    Kind = "member-admitted"    // a member's card and admission
	MemberReturned    Kind = "member-returned"    // the cards of a member of an earlier epoch
	HeadBrought       Kind = "head-brought"       // the last ledger head of an earlier epoch that a member holds
	OfferFinished     Kind = "offer-finished"     // a returned member has brought what it holds about permissions
	KeyChanged        Kind = "key-changed"        // a member's next card
	RollPublished     Kind = "roll-published"     // a signed roll that changes nobody's standing
	MemberSuspended   Kind = "member-suspended"   // a signed roll
	MemberReadmitted  Kind = "member-readmitted"  // a signed roll
	MemberLeft        Kind = "member-left"        // a signed roll
	EpochOpened       Kind = "epoch-opened"       // the signed statement that begins the hub
	Noticed           Kind = "noticed"            // a warning about a mailbox
)

// The headers of a hub record besides an envelope's ce- headers: what the
// ledger's entry needs, and what the gate needs to rebuild itself.
const (
	HeaderKind      = "Linkage-Kind"
	HeaderSender    = "Linkage-Sender"
	HeaderRecipient = "Linkage-Recipient"
	HeaderEnvelope  = "Linkage-Envelope"
	HeaderGrant     = "Linkage-Grant"
	HeaderHash      = "Linkage-Hash"
	HeaderCode      = "Linkage-Code"
	HeaderCount     = "Linkage-Count"
	// HeaderThrough is, of a hand-over, the last position given to the recipient.
	HeaderThrough = "Linkage-Through"
	// HeaderCursor is the position up to which the recipient has stored.
	HeaderCursor = "Linkage-Cursor"
	// HeaderOf is the position of the envelope that a withdrawal concerns.
	HeaderOf = "Linkage-Of"
	// HeaderBy is the member that brought a revocation before its grant came.
	HeaderBy = "Linkage-By"
)

// Kind is the record's kind, "" if it has none.
func (r Record) Kind() Kind { return Kind(r.Get(HeaderKind)) }
