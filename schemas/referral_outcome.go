package schemas

import (
	"log/slog"
	"time"
)

// ReferralOutcome is how the service ended. Each has its TEDS discharge reason.
type ReferralOutcome string

// The values of ReferralOutcome.
const (
	ReferralOutcomeServiceCompleted ReferralOutcome = "service-completed" // TEDS 1
	// a service that has no end of its own, such as a meal or an appointment
	ReferralOutcomeServiceReceived ReferralOutcome = "service-received"
	ReferralOutcomeLeft            ReferralOutcome = "left"              // the client left before the end, TEDS 2
	ReferralOutcomeLostContact     ReferralOutcome = "lost-contact"      // TEDS 2
	ReferralOutcomeDeclinedService ReferralOutcome = "declined-service"  // TEDS 2
	ReferralOutcomeEndedByProvider ReferralOutcome = "ended-by-provider" // TEDS 3
	ReferralOutcomeTransferred     ReferralOutcome = "transferred"       // TEDS 4
	ReferralOutcomeIncarcerated    ReferralOutcome = "incarcerated"      // TEDS 5
	ReferralOutcomeDeceased        ReferralOutcome = "deceased"          // TEDS 6
	ReferralOutcomeMoved           ReferralOutcome = "moved"             // TEDS 7
	ReferralOutcomeOther           ReferralOutcome = "other"             // TEDS 7; text says what
)

// Values lists them, as the schema does.
func (ReferralOutcome) Values() []string {
	return values(
		ReferralOutcomeServiceCompleted, ReferralOutcomeServiceReceived, ReferralOutcomeLeft,
		ReferralOutcomeLostContact, ReferralOutcomeDeclinedService, ReferralOutcomeEndedByProvider,
		ReferralOutcomeTransferred, ReferralOutcomeIncarcerated, ReferralOutcomeDeceased, ReferralOutcomeMoved,
		ReferralOutcomeOther,
	)
}

// NOMsDomain is a domain of SAMHSA's national outcome measures.
type NOMsDomain string

// The values of NOMsDomain.
const (
	NOMsDomainAbstinence             NOMsDomain = "abstinence"
	NOMsDomainEmploymentEducation    NOMsDomain = "employment-education"
	NOMsDomainCriminalJustice        NOMsDomain = "criminal-justice"
	NOMsDomainStableHousing          NOMsDomain = "stable-housing"
	NOMsDomainSocialConnectedness    NOMsDomain = "social-connectedness"
	NOMsDomainAccessCapacity         NOMsDomain = "access-capacity"
	NOMsDomainRetention              NOMsDomain = "retention"
	NOMsDomainPerceptionOfCare       NOMsDomain = "perception-of-care"
	NOMsDomainCostEffectiveness      NOMsDomain = "cost-effectiveness"
	NOMsDomainEvidenceBasedPractices NOMsDomain = "evidence-based-practices"
)

// Values lists them, as the schema does.
func (NOMsDomain) Values() []string {
	return values(
		NOMsDomainAbstinence, NOMsDomainEmploymentEducation, NOMsDomainCriminalJustice, NOMsDomainStableHousing,
		NOMsDomainSocialConnectedness, NOMsDomainAccessCapacity, NOMsDomainRetention, NOMsDomainPerceptionOfCare,
		NOMsDomainCostEffectiveness, NOMsDomainEvidenceBasedPractices,
	)
}

// ReferralNextStep is what comes after.
type ReferralNextStep string

// The values of ReferralNextStep.
const (
	ReferralNextStepNone           ReferralNextStep = "none"
	ReferralNextStepContinuingCare ReferralNextStep = "continuing-care"
	ReferralNextStepNewReferral    ReferralNextStep = "new-referral"
	ReferralNextStepReturnToSender ReferralNextStep = "return-to-sender" // the sender goes on with the client
	ReferralNextStepSelfHelp       ReferralNextStep = "self-help"
	ReferralNextStepReopen         ReferralNextStep = "reopen" // a new referral that replaces this one
	ReferralNextStepAppeal         ReferralNextStep = "appeal"
	ReferralNextStepOther          ReferralNextStep = "other"
)

// Values lists them, as the schema does.
func (ReferralNextStep) Values() []string {
	return values(
		ReferralNextStepNone, ReferralNextStepContinuingCare, ReferralNextStepNewReferral,
		ReferralNextStepReturnToSender, ReferralNextStepSelfHelp, ReferralNextStepReopen, ReferralNextStepAppeal,
		ReferralNextStepOther,
	)
}

// ReferralCompleted is the outcome, confirmed by the agency that gave the service (FHIR Task completed,
// BSeR 7.0). Closed is not resolved.
type ReferralCompleted struct {
	// Whether the client got the service.
	ServiceReceived bool `json:"serviceReceived"`
	// Whether the need is met.
	Resolved bool `json:"resolved"`
	// How it ended.
	Outcome ReferralOutcome `json:"outcome"`
	// When it ended.
	EndedAt time.Time `json:"endedAt"`
	// The outcome in words.
	Text string `json:"text,omitempty"`
	// The services that were given.
	Services []Coded `json:"services,omitempty"`
	// From the first to the last service.
	Period Period `json:"period,omitzero"`
	// How many sessions the client attended.
	Sessions *int `json:"sessions,omitempty"`
	// The level of care at the end.
	LevelAtEnd LevelOfCare `json:"levelAtEnd,omitzero"`
	// The State's end-of-treatment reason.
	EndReason Coded `json:"endReason,omitzero"`
	// HMIS 4.20 result: 1 client accepted, 2 client rejected, 3 provider rejected.
	HMISResult int `json:"hmisResult,omitzero"`
	// The TEDS reason for discharge.
	TEDS TEDSDischarge `json:"teds,omitzero"`
	// National outcome measures at the start.
	MeasuresAtStart OutcomeMeasures `json:"measuresAtStart,omitzero"`
	// The same at the end.
	MeasuresAtEnd OutcomeMeasures `json:"measuresAtEnd,omitzero"`
	// The domains of the national outcome measures in which it got better.
	DomainsImproved []NOMsDomain `json:"domainsImproved,omitempty"`
	// What comes after.
	NextStep ReferralNextStep `json:"nextStep,omitempty"`
	// What comes after, in words.
	NextStepText string `json:"nextStepText,omitempty"`
	// The referral that follows.
	NextReferral string `json:"nextReferral,omitempty"`
	// The report and other documents (FHIR Task.output).
	Attachments []Attachment `json:"attachments,omitempty"`
	// Whom to ask.
	Contact Contact `json:"contact,omitzero"`
}

// LogValue shows ids only.
func (p ReferralCompleted) LogValue() slog.Value { return loggedIDs("nextReferral", p.NextReferral) }

// ReferralFailed is the outcome when the service never came about although the referral was accepted or
// tried (FHIR Task failed).
type ReferralFailed struct {
	// Why, whose doing, and whether to try again.
	Reason ReferralReason `json:"reason"`
	// Whether the need is met all the same, for instance elsewhere.
	Resolved bool `json:"resolved"`
	// When the recipient gave up.
	EndedAt time.Time `json:"endedAt"`
	// The attempts to reach the client.
	Attempts []ContactAttempt `json:"attempts,omitempty"`
	// What stood in the way.
	Barriers []ReferralBarrier `json:"barriers,omitempty"`
	// HMIS 4.20 result: 1 client accepted, 2 client rejected, 3 provider rejected.
	HMISResult int `json:"hmisResult,omitzero"`
	// The TEDS reason for discharge.
	TEDS TEDSDischarge `json:"teds,omitzero"`
	// What comes after.
	NextStep ReferralNextStep `json:"nextStep,omitempty"`
	// What the client can be told.
	ClientText string `json:"clientText,omitempty"`
	// Whom to ask.
	Contact Contact `json:"contact,omitzero"`
}

// LogValue shows ids only.
func (p ReferralFailed) LogValue() slog.Value { return loggedIDs() }

// ReferralExpired says that a clock ran out. Its id follows from the referral and the clock, so that two
// sides raising it make one effect.
type ReferralExpired struct {
	// The clock that ran out.
	Clock ClockKind `json:"clock"`
	// The instant at which it ran out.
	Due time.Time `json:"due"`
	// Whether the referral ends with it, or is only overdue.
	Ends bool `json:"ends"`
	// Where the clock's length comes from.
	Basis ClockBasis `json:"basis,omitempty"`
	// Until when a late answer still counts.
	LateAnswerUntil time.Time `json:"lateAnswerUntil,omitzero"`
}

// LogValue shows ids only.
func (p ReferralExpired) LogValue() slog.Value { return loggedIDs() }

// ReferralFollowUp is what the sender does now.
type ReferralFollowUp string

// The values of ReferralFollowUp.
const (
	ReferralFollowUpNone           ReferralFollowUp = "none"
	ReferralFollowUpContactClient  ReferralFollowUp = "contact-client"
	ReferralFollowUpNewReferral    ReferralFollowUp = "new-referral"
	ReferralFollowUpReopen         ReferralFollowUp = "reopen"
	ReferralFollowUpAppeal         ReferralFollowUp = "appeal"
	ReferralFollowUpCaseConference ReferralFollowUp = "case-conference"
	ReferralFollowUpOther          ReferralFollowUp = "other"
)

// Values lists them, as the schema does.
func (ReferralFollowUp) Values() []string {
	return values(
		ReferralFollowUpNone, ReferralFollowUpContactClient, ReferralFollowUpNewReferral, ReferralFollowUpReopen,
		ReferralFollowUpAppeal, ReferralFollowUpCaseConference, ReferralFollowUpOther,
	)
}

// ReferralOutcomeAcknowledged is the sender's last word: the outcome is known, the referral is closed.
type ReferralOutcomeAcknowledged struct {
	// The event that reported the outcome.
	Outcome EventID `json:"outcome"`
	// Whether the sender sees it the same way.
	Agreed bool `json:"agreed"`
	// Whether, for the sender, the need is met.
	Resolved *bool `json:"resolved,omitempty"`
	// What the sender does now.
	FollowUp ReferralFollowUp `json:"followUp,omitempty"`
	// A word back.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p ReferralOutcomeAcknowledged) LogValue() slog.Value {
	return loggedIDs("outcome", string(p.Outcome))
}

// ReferralAppealLevel is a step of the advocacy ladder (TIP 27).
type ReferralAppealLevel string

// The values of ReferralAppealLevel.
const (
	ReferralAppealLevelStaff          ReferralAppealLevel = "staff"
	ReferralAppealLevelAdministration ReferralAppealLevel = "administration"
	ReferralAppealLevelPolicy         ReferralAppealLevel = "policy"
)

// Values lists them, as the schema does.
func (ReferralAppealLevel) Values() []string {
	return values(ReferralAppealLevelStaff, ReferralAppealLevelAdministration, ReferralAppealLevelPolicy)
}

// ReferralAppealApproach is the manner of an appeal (TIP 27).
type ReferralAppealApproach string

// The values of ReferralAppealApproach.
const (
	ReferralAppealApproachPositive ReferralAppealApproach = "positive"
	ReferralAppealApproachNeutral  ReferralAppealApproach = "neutral"
	ReferralAppealApproachNegative ReferralAppealApproach = "negative"
)

// Values lists them, as the schema does.
func (ReferralAppealApproach) Values() []string {
	return values(ReferralAppealApproachPositive, ReferralAppealApproachNeutral, ReferralAppealApproachNegative)
}

// ReferralAppealGround is what calls for advocacy (TIP 27).
type ReferralAppealGround string

// The values of ReferralAppealGround.
const (
	ReferralAppealGroundDiscrimination         ReferralAppealGround = "discrimination" // refused for discrimination
	ReferralAppealGroundRefusedThoughEligible  ReferralAppealGround = "refused-though-eligible"
	ReferralAppealGroundDischargedOutsideRules ReferralAppealGround = "discharged-outside-rules" // discharged outside the service's own rules
	ReferralAppealGroundRefusedForHistory      ReferralAppealGround = "refused-for-history"      // refused because earlier services were not used
	ReferralAppealGroundServiceCanBeBroadened  ReferralAppealGround = "service-can-be-broadened"
	ReferralAppealGroundOther                  ReferralAppealGround = "other"
)

// Values lists them, as the schema does.
func (ReferralAppealGround) Values() []string {
	return values(
		ReferralAppealGroundDiscrimination, ReferralAppealGroundRefusedThoughEligible,
		ReferralAppealGroundDischargedOutsideRules, ReferralAppealGroundRefusedForHistory,
		ReferralAppealGroundServiceCanBeBroadened, ReferralAppealGroundOther,
	)
}

// ReferralAppealed asks the agency to think again, one level after the other.
type ReferralAppealed struct {
	// The event with which the sender disagrees.
	Decision EventID `json:"decision"`
	// The level that is asked.
	Level ReferralAppealLevel `json:"level"`
	// What calls for it.
	Ground ReferralAppealGround `json:"ground"`
	// In what manner.
	Approach ReferralAppealApproach `json:"approach,omitempty"`
	// How often the answer was no so far; three come before the next level.
	Refusals int `json:"refusals,omitzero"`
	// Whether the client wants the appeal.
	ClientAgrees *bool `json:"clientAgrees,omitempty"`
	// The argument.
	Text string `json:"text,omitempty"`
	// By when an answer is wanted.
	AnswerBy time.Time `json:"answerBy,omitzero"`
	// Who appeals.
	Contact Contact `json:"contact,omitzero"`
}

// LogValue shows ids only.
func (p ReferralAppealed) LogValue() slog.Value { return loggedIDs("decision", string(p.Decision)) }
