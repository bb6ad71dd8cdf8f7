package schemas

import (
	"log/slog"
	"time"
)

// ReferralHandOver is how the client comes to the recipient.
type ReferralHandOver string

// The values of ReferralHandOver.
const (
	ReferralHandOverWarm        ReferralHandOver = "warm"         // sender, recipient and client speak together
	ReferralHandOverTransport   ReferralHandOver = "transport"    // the recipient or the sender drives
	ReferralHandOverClientAlone ReferralHandOver = "client-alone" // the client comes alone
)

// Values lists them, as the schema does.
func (ReferralHandOver) Values() []string {
	return values(ReferralHandOverWarm, ReferralHandOverTransport, ReferralHandOverClientAlone)
}

// ReferralAccepted says that the recipient will serve the client (FHIR Task accepted, BSeR 3.0).
type ReferralAccepted struct {
	// Whom sender and client can ask.
	Contact Contact `json:"contact"`
	// The recipient's own id of the referral (identifier FILL).
	FillerID string `json:"fillerId,omitempty"`
	// The program that will serve the client.
	Program ProgramRef `json:"program,omitzero"`
	// The service that will be given, when it is not the one asked for.
	Service Coded `json:"service,omitzero"`
	// The level at which the client will be served.
	LevelOfCare LevelOfCare `json:"levelOfCare,omitzero"`
	// The first appointment that was offered, whether taken or not.
	FirstAppointmentOffered time.Time `json:"firstAppointmentOffered,omitzero"`
	// How the client comes.
	HandOver ReferralHandOver `json:"handOver,omitempty"`
	// What the client has to bring or meet.
	Requirements string `json:"requirements,omitempty"`
	// The next step in words that the client can be told.
	NextStep string `json:"nextStep,omitempty"`
	// The clocks as the recipient keeps them.
	Clocks []Clock `json:"clocks,omitempty"`
}

// LogValue shows ids only.
func (p ReferralAccepted) LogValue() slog.Value { return loggedIDs("fillerId", p.FillerID) }

// ReferralSide is whose doing it is. Client and provider declines are different facts (HMIS results 2 and
// 3).
type ReferralSide string

// The values of ReferralSide.
const (
	ReferralSideProvider ReferralSide = "provider"
	ReferralSideClient   ReferralSide = "client"
	ReferralSideEither   ReferralSide = "either"
	ReferralSideSystem   ReferralSide = "system" // a clock, a duplicate
)

// Values lists them, as the schema does.
func (ReferralSide) Values() []string {
	return values(ReferralSideProvider, ReferralSideClient, ReferralSideEither, ReferralSideSystem)
}

// ReferralReasonCode is why a referral was declined or came to nothing.
type ReferralReasonCode string

// The values of ReferralReasonCode.
const (
	ReferralReasonCodeNoCapacity                     ReferralReasonCode = "no-capacity"                       // provider; may be tried again
	ReferralReasonCodeNoBeds                         ReferralReasonCode = "no-beds"                           // provider; may be tried again
	ReferralReasonCodeNotEligible                    ReferralReasonCode = "not-eligible"                      // provider; criterion says which rule
	ReferralReasonCodeLevelOfCareMismatch            ReferralReasonCode = "level-of-care-mismatch"            // provider
	ReferralReasonCodeOutOfServiceArea               ReferralReasonCode = "out-of-service-area"               // provider
	ReferralReasonCodeAgeRestriction                 ReferralReasonCode = "age-restriction"                   // provider
	ReferralReasonCodeSexRestriction                 ReferralReasonCode = "sex-restriction"                   // provider
	ReferralReasonCodeInsuranceNotAccepted           ReferralReasonCode = "insurance-not-accepted"            // provider
	ReferralReasonCodeIncompleteReferral             ReferralReasonCode = "incomplete-referral"               // provider; may be tried again
	ReferralReasonCodeDocumentationMissing           ReferralReasonCode = "documentation-missing"             // provider; may be tried again
	ReferralReasonCodeConsentMissing                 ReferralReasonCode = "consent-missing"                   // either; may be tried again
	ReferralReasonCodeConsentInvalid                 ReferralReasonCode = "consent-invalid"                   // either; may be tried again
	ReferralReasonCodeConflictOfInterest             ReferralReasonCode = "conflict-of-interest"              // provider
	ReferralReasonCodeSafety                         ReferralReasonCode = "safety"                            // provider: no-contact order, co-defendant present
	ReferralReasonCodePastResponseTime               ReferralReasonCode = "past-response-time"                // system: nobody answered in time
	ReferralReasonCodeDuplicate                      ReferralReasonCode = "duplicate"                         // system
	ReferralReasonCodeClientDeclinedBeforeAcceptance ReferralReasonCode = "client-declined-before-acceptance" // client (HMIS result 2)
	ReferralReasonCodeClientDeclinedAfterAcceptance  ReferralReasonCode = "client-declined-after-acceptance"  // client (HMIS result 2)
	ReferralReasonCodeCouldNotContact                ReferralReasonCode = "could-not-contact"                 // client; the attempts say when
	ReferralReasonCodeNoLongerNeeded                 ReferralReasonCode = "no-longer-needed"                  // client
	ReferralReasonCodeGotHelpElsewhere               ReferralReasonCode = "got-help-elsewhere"                // client
	ReferralReasonCodeIncarcerated                   ReferralReasonCode = "incarcerated"                      // client (TEDS 5)
	ReferralReasonCodeHospitalized                   ReferralReasonCode = "hospitalized"                      // client
	ReferralReasonCodeMoved                          ReferralReasonCode = "moved"                             // client
	ReferralReasonCodeDeceased                       ReferralReasonCode = "deceased"                          // client (TEDS 6)
	ReferralReasonCodeBarrier                        ReferralReasonCode = "barrier"                           // client; barriers say which
	ReferralReasonCodeOther                          ReferralReasonCode = "other"                             // any; text says what
)

// Values lists them, as the schema does.
func (ReferralReasonCode) Values() []string {
	return values(
		ReferralReasonCodeNoCapacity, ReferralReasonCodeNoBeds, ReferralReasonCodeNotEligible,
		ReferralReasonCodeLevelOfCareMismatch, ReferralReasonCodeOutOfServiceArea, ReferralReasonCodeAgeRestriction,
		ReferralReasonCodeSexRestriction, ReferralReasonCodeInsuranceNotAccepted,
		ReferralReasonCodeIncompleteReferral, ReferralReasonCodeDocumentationMissing,
		ReferralReasonCodeConsentMissing, ReferralReasonCodeConsentInvalid, ReferralReasonCodeConflictOfInterest,
		ReferralReasonCodeSafety, ReferralReasonCodePastResponseTime, ReferralReasonCodeDuplicate,
		ReferralReasonCodeClientDeclinedBeforeAcceptance, ReferralReasonCodeClientDeclinedAfterAcceptance,
		ReferralReasonCodeCouldNotContact, ReferralReasonCodeNoLongerNeeded, ReferralReasonCodeGotHelpElsewhere,
		ReferralReasonCodeIncarcerated, ReferralReasonCodeHospitalized, ReferralReasonCodeMoved,
		ReferralReasonCodeDeceased, ReferralReasonCodeBarrier, ReferralReasonCodeOther,
	)
}

// ReferralClockEffect is what a reason does to the clocks.
type ReferralClockEffect string

// The values of ReferralClockEffect.
const (
	ReferralClockEffectStops ReferralClockEffect = "stops" // the duty ends
	ReferralClockEffectKeeps ReferralClockEffect = "keeps" // the clock keeps running from the first contact
)

// Values lists them, as the schema does.
func (ReferralClockEffect) Values() []string {
	return values(ReferralClockEffectStops, ReferralClockEffectKeeps)
}

// ReferralReason is why a referral was declined or came to nothing, and what follows from it.
type ReferralReason struct {
	// The reason.
	Code ReferralReasonCode `json:"code"`
	// Whose doing it is.
	Side ReferralSide `json:"side"`
	// Whether asking again later can help.
	Retryable bool `json:"retryable"`
	// The eligibility rule that is not met; not-eligible has one.
	Criterion string `json:"criterion,omitempty"`
	// The reason in a sentence without facts about health; other has one.
	Text string `json:"text,omitempty"`
	// What else the agency that cares for the client should know.
	Detail string `json:"detail,omitempty"`
	// What it does to the clocks.
	Clock ReferralClockEffect `json:"clock,omitempty"`
}

// LogValue shows ids only.
func (p ReferralReason) LogValue() slog.Value { return loggedIDs() }

// ReferralBarrier is what kept a client from the service.
type ReferralBarrier string

// The values of ReferralBarrier.
const (
	ReferralBarrierTransportation ReferralBarrier = "transportation"
	ReferralBarrierInsurance      ReferralBarrier = "insurance"
	ReferralBarrierWaitlist       ReferralBarrier = "waitlist"
	ReferralBarrierNoBeds         ReferralBarrier = "no-beds"
	ReferralBarrierChildCare      ReferralBarrier = "child-care"
	ReferralBarrierDocumentation  ReferralBarrier = "documentation"
	ReferralBarrierLegal          ReferralBarrier = "legal"
	ReferralBarrierPhoneAccess    ReferralBarrier = "phone-access"
	ReferralBarrierCost           ReferralBarrier = "cost"
	ReferralBarrierLanguage       ReferralBarrier = "language"
	ReferralBarrierOther          ReferralBarrier = "other"
)

// Values lists them, as the schema does.
func (ReferralBarrier) Values() []string {
	return values(
		ReferralBarrierTransportation, ReferralBarrierInsurance, ReferralBarrierWaitlist, ReferralBarrierNoBeds,
		ReferralBarrierChildCare, ReferralBarrierDocumentation, ReferralBarrierLegal, ReferralBarrierPhoneAccess,
		ReferralBarrierCost, ReferralBarrierLanguage, ReferralBarrierOther,
	)
}

// ReferralAlternative is somewhere else to try.
type ReferralAlternative struct {
	// The agency's or program's name.
	Name string `json:"name"`
	// Its slug, when it is in the network.
	Agency AgencyID `json:"agency,omitempty"`
	// The service in the directory.
	Service string `json:"service,omitempty"`
}

// LogValue shows ids only.
func (p ReferralAlternative) LogValue() slog.Value {
	return loggedIDs("agency", string(p.Agency), "service", p.Service)
}

// ReferralDeclined says that the client will not be served under this referral, before or after acceptance
// (FHIR Task rejected, BSeR 4.0). Waitlisted is not declined.
type ReferralDeclined struct {
	// Why, whose doing, and whether to try again.
	Reason ReferralReason `json:"reason"`
	// The day from which it makes sense to ask again.
	RetryAfter Date `json:"retryAfter,omitzero"`
	// The attempts to reach the client.
	Attempts []ContactAttempt `json:"attempts,omitempty"`
	// What stood in the way.
	Barriers []ReferralBarrier `json:"barriers,omitempty"`
	// Where else to try.
	Alternatives []ReferralAlternative `json:"alternatives,omitempty"`
	// What the client can be told.
	ClientText string `json:"clientText,omitempty"`
	// Whom to ask.
	Contact Contact `json:"contact,omitzero"`
}

// LogValue shows ids only.
func (p ReferralDeclined) LogValue() slog.Value { return loggedIDs() }

// ReferralInformationItem is a piece of information that a recipient asks for.
type ReferralInformationItem string

// The values of ReferralInformationItem.
const (
	ReferralInformationItemIdentity         ReferralInformationItem = "identity"
	ReferralInformationItemContact          ReferralInformationItem = "contact"
	ReferralInformationItemCoverage         ReferralInformationItem = "coverage"
	ReferralInformationItemAssessment       ReferralInformationItem = "assessment"
	ReferralInformationItemDiagnosis        ReferralInformationItem = "diagnosis"
	ReferralInformationItemMedication       ReferralInformationItem = "medication"
	ReferralInformationItemTuberculosisTest ReferralInformationItem = "tuberculosis-test"
	ReferralInformationItemCourtOrder       ReferralInformationItem = "court-order"
	ReferralInformationItemConsent          ReferralInformationItem = "consent"
	ReferralInformationItemProofOfIncome    ReferralInformationItem = "proof-of-income"
	ReferralInformationItemHousingStatus    ReferralInformationItem = "housing-status"
	ReferralInformationItemOther            ReferralInformationItem = "other" // questions say what
)

// Values lists them, as the schema does.
func (ReferralInformationItem) Values() []string {
	return values(
		ReferralInformationItemIdentity, ReferralInformationItemContact, ReferralInformationItemCoverage,
		ReferralInformationItemAssessment, ReferralInformationItemDiagnosis, ReferralInformationItemMedication,
		ReferralInformationItemTuberculosisTest, ReferralInformationItemCourtOrder, ReferralInformationItemConsent,
		ReferralInformationItemProofOfIncome, ReferralInformationItemHousingStatus, ReferralInformationItemOther,
	)
}

// ReferralInformationRequested asks the sender for what is missing.
type ReferralInformationRequested struct {
	// What is missing.
	Items []ReferralInformationItem `json:"items"`
	// By when.
	DueBy time.Time `json:"dueBy,omitzero"`
	// The questions in words.
	Questions string `json:"questions,omitempty"`
	// Whether the recipient waits for it before deciding.
	DecisionPaused *bool `json:"decisionPaused,omitempty"`
	// Who asks.
	Contact Contact `json:"contact,omitzero"`
}

// LogValue shows ids only.
func (p ReferralInformationRequested) LogValue() slog.Value { return loggedIDs() }

// ReferralInformationSupplied answers a request for information.
type ReferralInformationSupplied struct {
	// The event that asked.
	Request EventID `json:"request"`
	// What is supplied.
	Items []ReferralInformationItem `json:"items"`
	// What will not be supplied, because no permission covers it or the client said no.
	Withheld []ReferralInformationItem `json:"withheld,omitempty"`
	// The answer in words.
	Text string `json:"text,omitempty"`
	// The client block, when identity or contact was asked for.
	Client ClientPerson `json:"client,omitzero"`
	// Who pays.
	Coverage []Coverage `json:"coverage,omitempty"`
	// Diagnoses (ICD-10-CM).
	Diagnoses []Coded `json:"diagnoses,omitempty"`
	// Current medications (RxNorm).
	Medications []Coded `json:"medications,omitempty"`
	// Documents.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p ReferralInformationSupplied) LogValue() slog.Value {
	return loggedIDs("request", string(p.Request))
}

// ReferralCriterion is one eligibility rule and whether it is met.
type ReferralCriterion struct {
	// The rule.
	Criterion string `json:"criterion"`
	// Whether it is met.
	Met bool `json:"met"`
}

// LogValue shows ids only.
func (p ReferralCriterion) LogValue() slog.Value { return loggedIDs() }

// ReferralEligibilityConfirmed says whether the client meets the program's rules. It does not promise a
// place.
type ReferralEligibilityConfirmed struct {
	// Whether the client is eligible.
	Eligible bool `json:"eligible"`
	// When it was checked.
	CheckedAt time.Time `json:"checkedAt"`
	// The last day on which the answer holds.
	ValidUntil Date `json:"validUntil,omitzero"`
	// The rules one by one.
	Criteria []ReferralCriterion `json:"criteria,omitempty"`
	// Who checked.
	Contact Contact `json:"contact,omitzero"`
}

// LogValue shows ids only.
func (p ReferralEligibilityConfirmed) LogValue() slog.Value { return loggedIDs() }

// ReferralAuthorization is a payer's decision.
type ReferralAuthorization string

// The values of ReferralAuthorization.
const (
	ReferralAuthorizationApproved       ReferralAuthorization = "approved"
	ReferralAuthorizationPartlyApproved ReferralAuthorization = "partly-approved"
	ReferralAuthorizationDenied         ReferralAuthorization = "denied"
	ReferralAuthorizationPended         ReferralAuthorization = "pended" // more information is needed
)

// Values lists them, as the schema does.
func (ReferralAuthorization) Values() []string {
	return values(
		ReferralAuthorizationApproved, ReferralAuthorizationPartlyApproved, ReferralAuthorizationDenied,
		ReferralAuthorizationPended,
	)
}

// ReferralAuthorizationDecided is a payer's decision about the service.
type ReferralAuthorizationDecided struct {
	// The decision.
	Decision ReferralAuthorization `json:"decision"`
	// Who decided.
	Payer string `json:"payer"`
	// When.
	DecidedAt time.Time `json:"decidedAt"`
	// The authorization number.
	Number string `json:"number,omitempty"`
	// The service that was authorized.
	Service Coded `json:"service,omitzero"`
	// The level that was authorized.
	LevelOfCare LevelOfCare `json:"levelOfCare,omitzero"`
	// How many units: sessions or days.
	Units int `json:"units,omitzero"`
	// For which days.
	Days Days `json:"days,omitzero"`
	// Why it was denied, cut or pended.
	Reason Reason `json:"reason,omitzero"`
	// The last day for an appeal.
	AppealBy Date `json:"appealBy,omitzero"`
}

// LogValue shows ids only.
func (p ReferralAuthorizationDecided) LogValue() slog.Value { return loggedIDs() }
