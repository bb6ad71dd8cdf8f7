package schemas

import "time"

// The event types of this noun. What each means stands at its payload.
const (
	TypeGrantRevoked   EventType = "org.linkage.grant.revoked.v1"
	TypeGrantCeased    EventType = "org.linkage.grant.ceased.v1"
	TypeGrantErased    EventType = "org.linkage.grant.erased.v1"
	TypeGrantRetained  EventType = "org.linkage.grant.retained.v1"
	TypeGrantRetracted EventType = "org.linkage.grant.retracted.v1"
)

var grantControlTypes = []TypeInfo{
	is[GrantRevoked](TypeGrantRevoked, CategoryCharter),
	is[GrantCeased](TypeGrantCeased, CategoryCharter),
	is[GrantErased](TypeGrantErased, CategoryCharter),
	is[GrantRetained](TypeGrantRetained, CategoryCharter),
	is[GrantRetracted](TypeGrantRetracted, CategoryCharter),
}

// GrantEnd is why a grant was revoked.
type GrantEnd string

// The values of GrantEnd.
const (
	GrantEndClientRevoked GrantEnd = "client-revoked"
	GrantEndSuperseded    GrantEnd = "superseded" // a later consent or a successor grant
	// a cell was taken out; the successor goes without it
	GrantEndNarrowed      GrantEnd = "narrowed"
	GrantEndBasisEnded    GrantEnd = "basis-ended" // the order, agreement or condition behind it ended
	GrantEndIssuedInError GrantEnd = "issued-in-error"
	GrantEndAgencyLeft    GrantEnd = "agency-left"
)

// Values lists them, as the schema does.
func (GrantEnd) Values() []string {
	return values(
		GrantEndClientRevoked, GrantEndSuperseded, GrantEndNarrowed, GrantEndBasisEnded, GrantEndIssuedInError,
		GrantEndAgencyLeft,
	)
}

// GrantRevoked tells a recipient that no more will come under a grant, and asks what became of what came.
type GrantRevoked struct {
	// The grant.
	Grant GrantID `json:"grant"`
	// When.
	At time.Time `json:"at"`
	// Why.
	Code GrantEnd `json:"code"`
	// The grant in its place.
	Successor GrantID `json:"successor,omitempty"`
	// By when the recipient answers.
	AnswerBy time.Time `json:"answerBy,omitzero"`
}

// GrantCeased answers that use of what came under a grant has stopped.
type GrantCeased struct {
	// The grant.
	Grant GrantID `json:"grant"`
	// When.
	At time.Time `json:"at"`
	// The event that it answers.
	Revocation EventID `json:"revocation,omitempty"`
}

// GrantErased answers that what came under a grant was erased.
type GrantErased struct {
	// The grant.
	Grant GrantID `json:"grant"`
	// When.
	At time.Time `json:"at"`
	// How many events were erased.
	Count int `json:"count"`
	// The day on which the last backup that holds them expires.
	BackupsUntil Date `json:"backupsUntil,omitzero"`
	// The event that it answers.
	Revocation EventID `json:"revocation,omitempty"`
}

// GrantRetention is why a recipient keeps what came under an ended grant.
type GrantRetention string

// The values of GrantRetention.
const (
	GrantRetentionMedicalRecord GrantRetention = "medical-record" // its own record-keeping duty
	// it has already acted in reliance (42 CFR 2.31(a)(6))
	GrantRetentionReliance   GrantRetention = "reliance"
	GrantRetentionLegalHold  GrantRetention = "legal-hold"
	GrantRetentionCourtOrder GrantRetention = "court-order"
	GrantRetentionAccounting GrantRetention = "accounting" // the accounting of disclosures
	GrantRetentionOwnBasis   GrantRetention = "own-basis"  // another lawful basis
)

// Values lists them, as the schema does.
func (GrantRetention) Values() []string {
	return values(
		GrantRetentionMedicalRecord, GrantRetentionReliance, GrantRetentionLegalHold, GrantRetentionCourtOrder,
		GrantRetentionAccounting, GrantRetentionOwnBasis,
	)
}

// GrantRetained answers that what came under a grant is kept, and why.
type GrantRetained struct {
	// The grant.
	Grant GrantID `json:"grant"`
	// When.
	At time.Time `json:"at"`
	// Why.
	Code GrantRetention `json:"code"`
	// Until when.
	Until Date `json:"until,omitzero"`
	// The event that it answers.
	Revocation EventID `json:"revocation,omitempty"`
}

// GrantRetraction is why an event must not be relied on.
type GrantRetraction string

// The values of GrantRetraction.
const (
	GrantRetractionWrongClient       GrantRetraction = "wrong-client"
	GrantRetractionWrongContent      GrantRetraction = "wrong-content"
	GrantRetractionEnteredInError    GrantRetraction = "entered-in-error"
	GrantRetractionConsentKnownFalse GrantRetraction = "consent-known-false" // 42 CFR 2.31(c)(4)
	GrantRetractionSenderCompromised GrantRetraction = "sender-compromised"  // the sender's key was in other hands
)

// Values lists them, as the schema does.
func (GrantRetraction) Values() []string {
	return values(
		GrantRetractionWrongClient, GrantRetractionWrongContent, GrantRetractionEnteredInError,
		GrantRetractionConsentKnownFalse, GrantRetractionSenderCompromised,
	)
}

// GrantRetracted says: do not rely on that event. It travels even when the grant has ended, so that a
// correction always arrives.
type GrantRetracted struct {
	// The grant.
	Grant GrantID `json:"grant"`
	// When.
	At time.Time `json:"at"`
	// The event that must not be relied on.
	Event EventID `json:"event"`
	// Why.
	Code GrantRetraction `json:"code"`
	// The event in its place; it comes under a grant of its own.
	Replacement EventID `json:"replacement,omitempty"`
}
