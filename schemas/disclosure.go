package schemas

import (
	"log/slog"
	"time"
)

// The event types of this noun. What each means stands at its payload.
const (
	TypeDisclosureEmergencyMade       EventType = "org.linkage.disclosure.emergency-made.v1"
	TypeDisclosureRestrictionAdded    EventType = "org.linkage.disclosure.restriction-added.v1"
	TypeDisclosureRestrictionEnded    EventType = "org.linkage.disclosure.restriction-ended.v1"
	TypeDisclosureMisdirected         EventType = "org.linkage.disclosure.misdirected.v1"
	TypeDisclosureReturnedOrDestroyed EventType = "org.linkage.disclosure.returned-or-destroyed.v1"
)

var disclosureTypes = []TypeInfo{
	is[DisclosureEmergencyMade](TypeDisclosureEmergencyMade, CategoryConsent),
	is[DisclosureRestrictionAdded](TypeDisclosureRestrictionAdded, CategoryConsent),
	is[DisclosureRestrictionEnded](TypeDisclosureRestrictionEnded, CategoryConsent),
	is[DisclosureMisdirected](TypeDisclosureMisdirected, CategoryCharter),
	is[DisclosureReturnedOrDestroyed](TypeDisclosureReturnedOrDestroyed, CategoryCharter),
}

// DisclosureEmergencyGround is which case of 42 CFR 2.51 it was.
type DisclosureEmergencyGround string

// The values of DisclosureEmergencyGround.
const (
	// a bona fide medical emergency in which consent cannot be obtained
	DisclosureEmergencyGroundConsentNotObtainable DisclosureEmergencyGround = "consent-not-obtainable"
	DisclosureEmergencyGroundProgramClosed        DisclosureEmergencyGround = "program-closed" // the program is closed in a declared emergency
	// a notice about a product under the Food and Drug Administration
	DisclosureEmergencyGroundFDANotice DisclosureEmergencyGround = "fda-notice"
)

// Values lists them, as the schema does.
func (DisclosureEmergencyGround) Values() []string {
	return values(
		DisclosureEmergencyGroundConsentNotObtainable, DisclosureEmergencyGroundProgramClosed,
		DisclosureEmergencyGroundFDANotice,
	)
}

// DisclosureEmergencyMade documents a disclosure in a medical emergency, with the four facts that 42 CFR
// 2.51(c) wants in writing at once.
type DisclosureEmergencyMade struct {
	// (1) The name of the medical personnel to whom it was made.
	MedicalPersonnel string `json:"medicalPersonnel"`
	// (1) Their affiliation with a health care facility.
	Affiliation string `json:"affiliation"`
	// (2) Who made it.
	DisclosedBy string `json:"disclosedBy"`
	// (3) Date and time.
	DisclosedAt time.Time `json:"disclosedAt"`
	// (4) The nature of the emergency.
	Nature string `json:"nature"`
	// Which case of the rule.
	Ground DisclosureEmergencyGround `json:"ground"`
	// The grant that was made for it.
	Grant GrantID `json:"grant,omitempty"`
	// What kinds of information were given.
	Categories []Category `json:"categories,omitempty"`
	// What was given, in words.
	Information string `json:"information,omitempty"`
	// The agency, when it is in the network.
	Recipient AgencyID `json:"recipient,omitempty"`
	// By when the privacy officers review it.
	ReviewBy time.Time `json:"reviewBy,omitzero"`
}

// LogValue shows ids only.
func (p DisclosureEmergencyMade) LogValue() slog.Value {
	return loggedIDs("grant", string(p.Grant), "recipient", string(p.Recipient))
}

// DisclosureRestrictionAdded says that an agency has agreed with a client not to disclose something that
// it otherwise might (42 CFR 2.26, 45 CFR 164.522).
type DisclosureRestrictionAdded struct {
	// The restriction's id.
	Restriction string `json:"restriction"`
	// The day of the client's request.
	RequestedOn Date `json:"requestedOn"`
	// The day of the agreement.
	AgreedOn Date `json:"agreedOn"`
	// What it concerns.
	Categories []Category `json:"categories"`
	// For which purposes; absent means all.
	Purposes []Purpose `json:"purposes,omitempty"`
	// Toward whom; absent means everybody.
	Recipients []AgencyID `json:"recipients,omitempty"`
	// Whether the client paid in full, so that the health plan must not be told.
	PaidInFull *bool `json:"paidInFull,omitempty"`
	// Whether an emergency is excepted.
	ExceptEmergency *bool `json:"exceptEmergency,omitempty"`
	// The restriction in words.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p DisclosureRestrictionAdded) LogValue() slog.Value {
	return loggedIDs("restriction", p.Restriction)
}

// DisclosureRestrictionEnd is how a restriction ended.
type DisclosureRestrictionEnd string

// The values of DisclosureRestrictionEnd.
const (
	DisclosureRestrictionEndClientRequest   DisclosureRestrictionEnd = "client-request"
	DisclosureRestrictionEndClientAgreement DisclosureRestrictionEnd = "client-agreement"
	DisclosureRestrictionEndAgencyNotice    DisclosureRestrictionEnd = "agency-notice" // it then holds for what was recorded before
)

// Values lists them, as the schema does.
func (DisclosureRestrictionEnd) Values() []string {
	return values(
		DisclosureRestrictionEndClientRequest, DisclosureRestrictionEndClientAgreement,
		DisclosureRestrictionEndAgencyNotice,
	)
}

// DisclosureRestrictionEnded ends a restriction.
type DisclosureRestrictionEnded struct {
	// The restriction's id.
	Restriction string `json:"restriction"`
	// From when.
	EndedAt time.Time `json:"endedAt"`
	// How.
	How DisclosureRestrictionEnd `json:"how"`
	// Whether the client's word is on paper.
	Documented *bool `json:"documented,omitempty"`
}

// LogValue shows ids only.
func (p DisclosureRestrictionEnded) LogValue() slog.Value {
	return loggedIDs("restriction", p.Restriction)
}

// DisclosureMisdirection is what was wrong with a disclosure.
type DisclosureMisdirection string

// The values of DisclosureMisdirection.
const (
	DisclosureMisdirectionWrongRecipient  DisclosureMisdirection = "wrong-recipient"
	DisclosureMisdirectionWrongClient     DisclosureMisdirection = "wrong-client"
	DisclosureMisdirectionWrongGrant      DisclosureMisdirection = "wrong-grant"
	DisclosureMisdirectionTooMuch         DisclosureMisdirection = "too-much" // more than the grant covers
	DisclosureMisdirectionWrongAttachment DisclosureMisdirection = "wrong-attachment"
)

// Values lists them, as the schema does.
func (DisclosureMisdirection) Values() []string {
	return values(
		DisclosureMisdirectionWrongRecipient, DisclosureMisdirectionWrongClient, DisclosureMisdirectionWrongGrant,
		DisclosureMisdirectionTooMuch, DisclosureMisdirectionWrongAttachment,
	)
}

// DisclosureRequest is what the recipient is asked to do.
type DisclosureRequest string

// The values of DisclosureRequest.
const (
	DisclosureRequestReturn  DisclosureRequest = "return"
	DisclosureRequestDestroy DisclosureRequest = "destroy"
	// keep it unread until the privacy officers have spoken
	DisclosureRequestHold DisclosureRequest = "hold"
)

// Values lists them, as the schema does.
func (DisclosureRequest) Values() []string {
	return values(DisclosureRequestReturn, DisclosureRequestDestroy, DisclosureRequestHold)
}

// DisclosureMisdirected tells a recipient that something reached it by mistake. Ids and codes only.
type DisclosureMisdirected struct {
	// The envelope.
	Envelope EventID `json:"envelope"`
	// What was wrong.
	Code DisclosureMisdirection `json:"code"`
	// What the recipient is asked to do.
	Request DisclosureRequest `json:"request"`
	// When it was noticed.
	FoundAt time.Time `json:"foundAt"`
	// The grant under which it went.
	Grant GrantID `json:"grant,omitempty"`
	// By when an answer is wanted.
	AnswerBy time.Time `json:"answerBy,omitzero"`
}

// DisclosureRemedy is what a recipient did with what was not meant for it.
type DisclosureRemedy string

// The values of DisclosureRemedy.
const (
	DisclosureRemedyReturned  DisclosureRemedy = "returned"
	DisclosureRemedyDestroyed DisclosureRemedy = "destroyed"
	DisclosureRemedyHeld      DisclosureRemedy = "held"
	DisclosureRemedyRetained  DisclosureRemedy = "retained"  // a law forbids destruction
	DisclosureRemedyNotFound  DisclosureRemedy = "not-found" // nothing of it is here
)

// Values lists them, as the schema does.
func (DisclosureRemedy) Values() []string {
	return values(
		DisclosureRemedyReturned, DisclosureRemedyDestroyed, DisclosureRemedyHeld, DisclosureRemedyRetained,
		DisclosureRemedyNotFound,
	)
}

// DisclosureReturnedOrDestroyed answers a misdirected disclosure. Ids and codes only.
type DisclosureReturnedOrDestroyed struct {
	// The envelope.
	Envelope EventID `json:"envelope"`
	// What was done.
	Done DisclosureRemedy `json:"done"`
	// When.
	DoneAt time.Time `json:"doneAt"`
	// Whether a person had read it.
	Opened bool `json:"opened"`
	// The event that it answers.
	Misdirected EventID `json:"misdirected,omitempty"`
}
