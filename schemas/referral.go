package schemas

import (
	"log/slog"
	"reflect"
	"time"
)

// The event types of this noun. What each means stands at its payload.
const (
	TypeReferralDrafted                EventType = "org.linkage.referral.drafted.v1"
	TypeReferralRequested              EventType = "org.linkage.referral.requested.v1"
	TypeReferralReceived               EventType = "org.linkage.referral.received.v1"
	TypeReferralAccepted               EventType = "org.linkage.referral.accepted.v1"
	TypeReferralDeclined               EventType = "org.linkage.referral.declined.v1"
	TypeReferralInformationRequested   EventType = "org.linkage.referral.information-requested.v1"
	TypeReferralInformationSupplied    EventType = "org.linkage.referral.information-supplied.v1"
	TypeReferralEligibilityConfirmed   EventType = "org.linkage.referral.eligibility-confirmed.v1"
	TypeReferralAuthorizationDecided   EventType = "org.linkage.referral.authorization-decided.v1"
	TypeReferralWaitlisted             EventType = "org.linkage.referral.waitlisted.v1"
	TypeReferralInterimServiceProvided EventType = "org.linkage.referral.interim-service-provided.v1"
	TypeReferralTransferred            EventType = "org.linkage.referral.transferred.v1"
	TypeReferralRecallRequested        EventType = "org.linkage.referral.recall-requested.v1"
	TypeReferralCancelled              EventType = "org.linkage.referral.cancelled.v1"
	TypeReferralStarted                EventType = "org.linkage.referral.started.v1"
	TypeReferralCompleted              EventType = "org.linkage.referral.completed.v1"
	TypeReferralFailed                 EventType = "org.linkage.referral.failed.v1"
	TypeReferralExpired                EventType = "org.linkage.referral.expired.v1"
	TypeReferralOutcomeAcknowledged    EventType = "org.linkage.referral.outcome-acknowledged.v1"
	TypeReferralAppealed               EventType = "org.linkage.referral.appealed.v1"
)

var referralTypes = []TypeInfo{
	{Type: TypeReferralDrafted, Category: CategoryReferral, Local: true, Payload: reflect.TypeFor[ReferralDrafted]()},
	is[ReferralRequested](TypeReferralRequested, CategoryReferral),
	is[ReferralReceived](TypeReferralReceived, CategoryReferral),
	is[ReferralAccepted](TypeReferralAccepted, CategoryReferral),
	is[ReferralDeclined](TypeReferralDeclined, CategoryReferral),
	is[ReferralInformationRequested](TypeReferralInformationRequested, CategoryReferral),
	is[ReferralInformationSupplied](TypeReferralInformationSupplied, CategoryReferral),
	is[ReferralEligibilityConfirmed](TypeReferralEligibilityConfirmed, CategoryReferral),
	is[ReferralAuthorizationDecided](TypeReferralAuthorizationDecided, CategoryReferral),
	is[ReferralWaitlisted](TypeReferralWaitlisted, CategoryReferral),
	is[ReferralInterimServiceProvided](TypeReferralInterimServiceProvided, CategoryReferral),
	is[ReferralTransferred](TypeReferralTransferred, CategoryReferral),
	is[ReferralRecallRequested](TypeReferralRecallRequested, CategoryReferral),
	is[ReferralCancelled](TypeReferralCancelled, CategoryReferral),
	is[ReferralStarted](TypeReferralStarted, CategoryReferral),
	is[ReferralCompleted](TypeReferralCompleted, CategoryOutcome),
	is[ReferralFailed](TypeReferralFailed, CategoryOutcome),
	is[ReferralExpired](TypeReferralExpired, CategoryReferral),
	is[ReferralOutcomeAcknowledged](TypeReferralOutcomeAcknowledged, CategoryOutcome),
	is[ReferralAppealed](TypeReferralAppealed, CategoryReferral),
}

// ReferralUrgency is how soon the client must be served (FHIR ServiceRequest.priority).
type ReferralUrgency string

// The values of ReferralUrgency.
const (
	ReferralUrgencyRoutine ReferralUrgency = "routine"
	ReferralUrgencyUrgent  ReferralUrgency = "urgent" // before routine ones
	ReferralUrgencyAsap    ReferralUrgency = "asap"   // as soon as possible
	ReferralUrgencyStat    ReferralUrgency = "stat"   // now: no shelter tonight, overdose risk, withdrawal
)

// Values lists them, as the schema does.
func (ReferralUrgency) Values() []string {
	return values(ReferralUrgencyRoutine, ReferralUrgencyUrgent, ReferralUrgencyAsap, ReferralUrgencyStat)
}

// ReferralExpectation is what the sender wants back (HL7 v2 RF1-4, table 0282).
type ReferralExpectation string

// The values of ReferralExpectation.
const (
	ReferralExpectationReport           ReferralExpectation = "report"             // WR: send a written report
	ReferralExpectationConsultAndReturn ReferralExpectation = "consult-and-return" // RP: return the client after evaluation
	ReferralExpectationAssumeCare       ReferralExpectation = "assume-care"        // AM: assume management
	ReferralExpectationSecondOpinion    ReferralExpectation = "second-opinion"     // SO
)

// Values lists them, as the schema does.
func (ReferralExpectation) Values() []string {
	return values(
		ReferralExpectationReport, ReferralExpectationConsultAndReturn, ReferralExpectationAssumeCare,
		ReferralExpectationSecondOpinion,
	)
}

// ReferralContactBy is who makes the contact with the resource (TIP 27, figure 1-2).
type ReferralContactBy string

// The values of ReferralContactBy.
const (
	ReferralContactByAgency      ReferralContactBy = "agency"       // the case manager starts the contact
	ReferralContactByClientAlone ReferralContactBy = "client-alone" // the client goes alone
	ReferralContactByAccompanied ReferralContactBy = "accompanied"  // the case manager goes along
)

// Values lists them, as the schema does.
func (ReferralContactBy) Values() []string {
	return values(ReferralContactByAgency, ReferralContactByClientAlone, ReferralContactByAccompanied)
}

// ReferralRecordedAs tells a referral that asks for an answer from one that only notes what was done by
// telephone.
type ReferralRecordedAs string

// The values of ReferralRecordedAs.
const (
	ReferralRecordedAsLive   ReferralRecordedAs = "live"   // asks for an answer
	ReferralRecordedAsLogged ReferralRecordedAs = "logged" // made elsewhere before and noted here
)

// Values lists them, as the schema does.
func (ReferralRecordedAs) Values() []string {
	return values(ReferralRecordedAsLive, ReferralRecordedAsLogged)
}

// ReferralPreparation is a task done with the client before the contact (TIP 27, after Ballew and Mink).
type ReferralPreparation string

// The values of ReferralPreparation.
const (
	ReferralPreparationCommitment ReferralPreparation = "commitment" // enhanced commitment to contacting the resource
	ReferralPreparationPlan       ReferralPreparation = "plan"       // planned the contact
	ReferralPreparationObstacles  ReferralPreparation = "obstacles"  // analysed potential obstacles
	ReferralPreparationRehearsal  ReferralPreparation = "rehearsal"  // modelled and rehearsed
	ReferralPreparationSummary    ReferralPreparation = "summary"    // summarised the four for the client
)

// Values lists them, as the schema does.
func (ReferralPreparation) Values() []string {
	return values(
		ReferralPreparationCommitment, ReferralPreparationPlan, ReferralPreparationObstacles,
		ReferralPreparationRehearsal, ReferralPreparationSummary,
	)
}

// ReferralRiskKind is a risk that the recipient has to know of.
type ReferralRiskKind string

// The values of ReferralRiskKind.
const (
	ReferralRiskKindSelfHarm      ReferralRiskKind = "self-harm"
	ReferralRiskKindHarmToOthers  ReferralRiskKind = "harm-to-others"
	ReferralRiskKindOverdose      ReferralRiskKind = "overdose"
	ReferralRiskKindWithdrawal    ReferralRiskKind = "withdrawal"
	ReferralRiskKindMedical       ReferralRiskKind = "medical"
	ReferralRiskKindVictimization ReferralRiskKind = "victimization"
	ReferralRiskKindExposure      ReferralRiskKind = "exposure" // no shelter, weather
)

// Values lists them, as the schema does.
func (ReferralRiskKind) Values() []string {
	return values(
		ReferralRiskKindSelfHarm, ReferralRiskKindHarmToOthers, ReferralRiskKindOverdose, ReferralRiskKindWithdrawal,
		ReferralRiskKindMedical, ReferralRiskKindVictimization, ReferralRiskKindExposure,
	)
}

// ReferralAccessNeed is what the client needs in order to get there and take part.
type ReferralAccessNeed string

// The values of ReferralAccessNeed.
const (
	ReferralAccessNeedInterpreter     ReferralAccessNeed = "interpreter"
	ReferralAccessNeedWheelchair      ReferralAccessNeed = "wheelchair"
	ReferralAccessNeedHearing         ReferralAccessNeed = "hearing"
	ReferralAccessNeedVision          ReferralAccessNeed = "vision"
	ReferralAccessNeedLiteracy        ReferralAccessNeed = "literacy"
	ReferralAccessNeedTransportation  ReferralAccessNeed = "transportation"
	ReferralAccessNeedChildCare       ReferralAccessNeed = "child-care"
	ReferralAccessNeedPhone           ReferralAccessNeed = "phone"
	ReferralAccessNeedEveningHours    ReferralAccessNeed = "evening-hours"
	ReferralAccessNeedSameGenderStaff ReferralAccessNeed = "same-gender-staff"
	ReferralAccessNeedOther           ReferralAccessNeed = "other"
)

// Values lists them, as the schema does.
func (ReferralAccessNeed) Values() []string {
	return values(
		ReferralAccessNeedInterpreter, ReferralAccessNeedWheelchair, ReferralAccessNeedHearing,
		ReferralAccessNeedVision, ReferralAccessNeedLiteracy, ReferralAccessNeedTransportation,
		ReferralAccessNeedChildCare, ReferralAccessNeedPhone, ReferralAccessNeedEveningHours,
		ReferralAccessNeedSameGenderStaff, ReferralAccessNeedOther,
	)
}

// ReferralRisk is one risk and what is known of it.
type ReferralRisk struct {
	// Which risk.
	Kind ReferralRiskKind `json:"kind"`
	// The day from which it is known.
	Since Date `json:"since,omitzero"`
	// What is known of it.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p ReferralRisk) LogValue() slog.Value { return loggedIDs() }

// ReferralSupervision is what the recipient has to know of a court or supervision condition. Case number
// and condition, never a criminal history.
type ReferralSupervision struct {
	// The agency that supervises.
	Agency AgencyID `json:"agency,omitempty"`
	// Its or the court's case number.
	CaseReference string `json:"caseReference,omitempty"`
	// The officer.
	Officer Contact `json:"officer,omitzero"`
	// The condition in the court's words.
	Condition string `json:"condition,omitempty"`
	// TEDS DETCRIM, the detailed criminal-justice referral source.
	DetailedSource Coded `json:"detailedSource,omitzero"`
}

// LogValue shows ids only.
func (p ReferralSupervision) LogValue() slog.Value { return loggedIDs("agency", string(p.Agency)) }

// ReferralHop is one station of a referral that was sent on.
type ReferralHop struct {
	// The agency.
	Agency AgencyID `json:"agency"`
	// The id that the referral had there.
	Referral string `json:"referral"`
	// When that agency sent it on.
	SentOn time.Time `json:"sentOn,omitzero"`
}

// LogValue shows ids only.
func (p ReferralHop) LogValue() slog.Value {
	return loggedIDs("agency", string(p.Agency), "referral", p.Referral)
}

// ReferralDrafted is a referral in the making. It never leaves the agency.
type ReferralDrafted struct {
	// The service asked for, with the system and edition of its code (FHIR ServiceRequest.code).
	Service Coded `json:"service"`
	// The agencies under consideration.
	Recipients []AgencyID `json:"recipients,omitempty"`
	// How soon.
	Urgency ReferralUrgency `json:"urgency,omitempty"`
	// The need that several referrals answer together.
	Group string `json:"group,omitempty"`
	// The case manager's note.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p ReferralDrafted) LogValue() slog.Value { return loggedIDs("group", p.Group) }

// ReferralRequested asks another agency to serve a client (FHIR ServiceRequest active, Task requested).
// The event's subject is the sender's referral id.
type ReferralRequested struct {
	// The service asked for, with the system and edition of its code (FHIR ServiceRequest.code).
	Service Coded `json:"service"`
	// How soon (FHIR Task.priority).
	Urgency ReferralUrgency `json:"urgency"`
	// What the sender wants back.
	Expectation ReferralExpectation `json:"expectation"`
	// Who makes the contact.
	ContactBy ReferralContactBy `json:"contactBy"`
	// The instant of the client's first request, anywhere. Statutory clocks count from it, and it is kept
	// through re-routing (45 CFR 96.126(b)).
	FirstContact time.Time `json:"firstContact"`
	// The sender's worker or desk (FHIR Task.requester).
	Contact Contact `json:"contact"`
	// Whether an answer is asked for; absent means live.
	RecordedAs ReferralRecordedAs `json:"recordedAs,omitempty"`
	// The recipient's program, if the sender chose one (FHIR Task.owner).
	Program ProgramRef `json:"program,omitzero"`
	// The ASAM level asked for.
	LevelOfCare LevelOfCare `json:"levelOfCare,omitzero"`
	// The order of admission. A fact about health.
	PriorityPopulation PriorityPopulation `json:"priorityPopulation,omitempty"`
	// The need that several referrals answer together (FHIR Task.groupIdentifier).
	Group string `json:"group,omitempty"`
	// The referral that this one is part of (FHIR Task.partOf).
	Parent string `json:"parent,omitempty"`
	// The ended referral that this one reopens (FHIR ServiceRequest.replaces).
	Replaces string `json:"replaces,omitempty"`
	// The stations of a referral that was sent on, the oldest first.
	Lineage []ReferralHop `json:"lineage,omitempty"`
	// By when the sender wants an answer (FHIR Task.restriction.period).
	RespondBy time.Time `json:"respondBy,omitzero"`
	// After that the referral expires by itself.
	ValidUntil time.Time `json:"validUntil,omitzero"`
	// Every clock that runs, with the rule behind it. A statutory clock tells the population to which the
	// client belongs.
	Clocks []Clock `json:"clocks,omitempty"`
	// The consent under which the referral is made, by the sender's id.
	Consent string `json:"consent,omitempty"`
	// A clear explanation of the consent's scope (42 CFR 2.32(b)).
	ConsentScope string `json:"consentScope,omitempty"`
	// Why, for people (FHIR ServiceRequest.reasonCode.text).
	Reason string `json:"reason,omitempty"`
	// Why, in codes (FHIR ServiceRequest.reasonCode, Gravity domains).
	ReasonCodes []Coded `json:"reasonCodes,omitempty"`
	// Whom to meet.
	Client ClientPerson `json:"client,omitzero"`
	// What was done with the client before.
	Prepared []ReferralPreparation `json:"prepared,omitempty"`
	// Diagnoses (ICD-10-CM).
	Diagnoses []Coded `json:"diagnoses,omitempty"`
	// Current medications (RxNorm).
	Medications []Coded `json:"medications,omitempty"`
	// Risks to know of.
	Risks []ReferralRisk `json:"risks,omitempty"`
	// Health matters that placement must respect.
	HealthNeeds string `json:"healthNeeds,omitempty"`
	// What the client needs in order to get there.
	AccessNeeds []ReferralAccessNeed `json:"accessNeeds,omitempty"`
	// Where the client lives (TEDS LIVARAG or the State's list).
	LivingSituation Coded `json:"livingSituation,omitzero"`
	// The coordinated-entry event of HMIS element 4.20.2.
	HMISEvent int `json:"hmisEvent,omitzero"`
	// How the client came (TEDS PSOURCE or the State's list).
	ReferralSource Coded `json:"referralSource,omitzero"`
	// Who pays.
	Coverage []Coverage `json:"coverage,omitempty"`
	// The court or supervision condition.
	Supervision ReferralSupervision `json:"supervision,omitzero"`
	// Documents.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p ReferralRequested) LogValue() slog.Value {
	return loggedIDs("group", p.Group, "parent", p.Parent, "replaces", p.Replaces, "consent", p.Consent)
}

// ReferralReceived says that a person at the recipient has taken the referral up and is looking at it
// (FHIR Task received).
type ReferralReceived struct {
	// The recipient's own id of the referral (identifier FILL).
	FillerID string `json:"fillerId,omitempty"`
	// Who is looking at it.
	Contact Contact `json:"contact,omitzero"`
	// When the recipient expects to decide.
	AnswerBy time.Time `json:"answerBy,omitzero"`
}

// LogValue shows ids only.
func (p ReferralReceived) LogValue() slog.Value { return loggedIDs("fillerId", p.FillerID) }
