package schemas

import (
	"log/slog"
	"time"
)

// ReferralWaitlisted says that the client waits for a place (FHIR Task on-hold). It is not a decline.
type ReferralWaitlisted struct {
	// When the client was put on the list.
	ListedAt time.Time `json:"listedAt"`
	// The place on the list.
	Position int `json:"position,omitzero"`
	// The unique identifier on the waiting list (45 CFR 96.126(c)).
	ListID string `json:"listId,omitempty"`
	// The day on which a place is expected.
	ExpectedOn Date `json:"expectedOn,omitzero"`
	// The order of admission. A fact about health.
	PriorityPopulation PriorityPopulation `json:"priorityPopulation,omitempty"`
	// Whether interim services were offered.
	InterimOffered *bool `json:"interimOffered,omitempty"`
	// Every how many days the client will be contacted.
	ContactEvery int `json:"contactEvery,omitzero"`
	// The next day of contact.
	NextContact Date `json:"nextContact,omitzero"`
	// Why there is no place.
	Reason Reason `json:"reason,omitzero"`
	// The clocks that keep running.
	Clocks []Clock `json:"clocks,omitempty"`
}

// LogValue shows ids only.
func (p ReferralWaitlisted) LogValue() slog.Value { return loggedIDs("listId", p.ListID) }

// ReferralInterimService is a service that bridges the wait (45 CFR 96.121, 96.126).
type ReferralInterimService string

// The values of ReferralInterimService.
const (
	// counselling and education about HIV and tuberculosis
	ReferralInterimServiceHIVTBEducation    ReferralInterimService = "hiv-tb-education"
	ReferralInterimServiceNeedleSharingRisk ReferralInterimService = "needle-sharing-risk" // risk of needle sharing
	ReferralInterimServicePartnerInfantRisk ReferralInterimService = "partner-infant-risk" // risk of transmission to partners and infants
	ReferralInterimServiceTransmissionSteps ReferralInterimService = "transmission-steps"  // steps against transmission
	ReferralInterimServiceHIVTBReferral     ReferralInterimService = "hiv-tb-referral"     // referral for HIV or tuberculosis treatment
	ReferralInterimServiceFetalEffects      ReferralInterimService = "fetal-effects"       // counselling on effects on the fetus
	ReferralInterimServicePrenatalReferral  ReferralInterimService = "prenatal-referral"   // referral for prenatal care
	ReferralInterimServicePeerSupport       ReferralInterimService = "peer-support"
	ReferralInterimServiceMedication        ReferralInterimService = "medication"
	ReferralInterimServiceShelter           ReferralInterimService = "shelter"
	ReferralInterimServiceOther             ReferralInterimService = "other"
)

// Values lists them, as the schema does.
func (ReferralInterimService) Values() []string {
	return values(
		ReferralInterimServiceHIVTBEducation, ReferralInterimServiceNeedleSharingRisk,
		ReferralInterimServicePartnerInfantRisk, ReferralInterimServiceTransmissionSteps,
		ReferralInterimServiceHIVTBReferral, ReferralInterimServiceFetalEffects,
		ReferralInterimServicePrenatalReferral, ReferralInterimServicePeerSupport, ReferralInterimServiceMedication,
		ReferralInterimServiceShelter, ReferralInterimServiceOther,
	)
}

// ReferralInterimServiceProvided says that the client got help while waiting. It stops the 48-hour clock.
type ReferralInterimServiceProvided struct {
	// When.
	ProvidedAt time.Time `json:"providedAt"`
	// What was given. It says something about health.
	Services []ReferralInterimService `json:"services,omitempty"`
	// The agency that gave it, when it is not the sender of the event.
	ProvidedBy AgencyID `json:"providedBy,omitempty"`
	// What else happened.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p ReferralInterimServiceProvided) LogValue() slog.Value {
	return loggedIDs("providedBy", string(p.ProvidedBy))
}

// ReferralTransferReason is why a referral is sent on.
type ReferralTransferReason string

// The values of ReferralTransferReason.
const (
	ReferralTransferReasonNoCapacity          ReferralTransferReason = "no-capacity"
	ReferralTransferReasonLevelOfCareMismatch ReferralTransferReason = "level-of-care-mismatch"
	ReferralTransferReasonCloserToHome        ReferralTransferReason = "closer-to-home"
	ReferralTransferReasonClientChoice        ReferralTransferReason = "client-choice"
	ReferralTransferReasonProgramClosed       ReferralTransferReason = "program-closed"
	ReferralTransferReasonPlacedByState       ReferralTransferReason = "placed-by-state" // the State finds a place where the program has none
	ReferralTransferReasonAgencyLeaves        ReferralTransferReason = "agency-leaves"   // the agency leaves the network
	ReferralTransferReasonOther               ReferralTransferReason = "other"
)

// Values lists them, as the schema does.
func (ReferralTransferReason) Values() []string {
	return values(
		ReferralTransferReasonNoCapacity, ReferralTransferReasonLevelOfCareMismatch,
		ReferralTransferReasonCloserToHome, ReferralTransferReasonClientChoice, ReferralTransferReasonProgramClosed,
		ReferralTransferReasonPlacedByState, ReferralTransferReasonAgencyLeaves, ReferralTransferReasonOther,
	)
}

// ReferralTransferred says that the referral went on to another agency under a consent that covers it. The
// clocks go along.
type ReferralTransferred struct {
	// The agency that has it now.
	To AgencyID `json:"to"`
	// The id of the referral there (FHIR Task.partOf).
	NewReferral string `json:"newReferral"`
	// The instant of the first request; it is kept.
	FirstContact time.Time `json:"firstContact"`
	// Why.
	Reason ReferralTransferReason `json:"reason"`
	// Whether the new recipient has already accepted.
	AcceptedThere *bool `json:"acceptedThere,omitempty"`
	// The program there.
	Program ProgramRef `json:"program,omitzero"`
	// The consent that covers the new recipient.
	Consent string `json:"consent,omitempty"`
	// The stations so far, the oldest first.
	Lineage []ReferralHop `json:"lineage,omitempty"`
	// More about why.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p ReferralTransferred) LogValue() slog.Value {
	return loggedIDs("to", string(p.To), "newReferral", p.NewReferral, "consent", p.Consent)
}

// ReferralRecallReason is why a sender takes a referral back.
type ReferralRecallReason string

// The values of ReferralRecallReason.
const (
	ReferralRecallReasonClientWithdrew       ReferralRecallReason = "client-withdrew"
	ReferralRecallReasonPlacedElsewhere      ReferralRecallReason = "placed-elsewhere"
	ReferralRecallReasonSentInError          ReferralRecallReason = "sent-in-error"
	ReferralRecallReasonDuplicate            ReferralRecallReason = "duplicate"
	ReferralRecallReasonConsentRevoked       ReferralRecallReason = "consent-revoked"
	ReferralRecallReasonCircumstancesChanged ReferralRecallReason = "circumstances-changed"
	ReferralRecallReasonOther                ReferralRecallReason = "other"
)

// Values lists them, as the schema does.
func (ReferralRecallReason) Values() []string {
	return values(
		ReferralRecallReasonClientWithdrew, ReferralRecallReasonPlacedElsewhere, ReferralRecallReasonSentInError,
		ReferralRecallReasonDuplicate, ReferralRecallReasonConsentRevoked, ReferralRecallReasonCircumstancesChanged,
		ReferralRecallReasonOther,
	)
}

// ReferralRecallRequested asks the recipient to stop (BSeR 5.2). An outcome may still win the race.
type ReferralRecallRequested struct {
	// Why.
	Reason ReferralRecallReason `json:"reason"`
	// Whether it went to the wrong agency; then it must be returned or destroyed.
	WrongRecipient *bool `json:"wrongRecipient,omitempty"`
	// More about why.
	Text string `json:"text,omitempty"`
	// By when the sender wants an answer.
	AnswerBy time.Time `json:"answerBy,omitzero"`
}

// LogValue shows ids only.
func (p ReferralRecallRequested) LogValue() slog.Value { return loggedIDs() }

// ReferralCancelledBy is who ended it.
type ReferralCancelledBy string

// The values of ReferralCancelledBy.
const (
	ReferralCancelledBySender    ReferralCancelledBy = "sender"    // before the recipient took it up
	ReferralCancelledByRecipient ReferralCancelledBy = "recipient" // in answer to a recall
)

// Values lists them, as the schema does.
func (ReferralCancelledBy) Values() []string {
	return values(ReferralCancelledBySender, ReferralCancelledByRecipient)
}

// ReferralCancelled ends a referral without an outcome (FHIR Task cancelled, BSeR 6.0).
type ReferralCancelled struct {
	// Who ended it.
	By ReferralCancelledBy `json:"by"`
	// Why.
	Reason ReferralRecallReason `json:"reason"`
	// The recall that it answers; a recipient's cancellation has one.
	Recall EventID `json:"recall,omitempty"`
	// Whether the recipient had already done something for the client.
	WorkDone *bool `json:"workDone,omitempty"`
	// More about why.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p ReferralCancelled) LogValue() slog.Value { return loggedIDs("recall", string(p.Recall)) }

// ReferralStarted says that the service has begun (FHIR Task in-progress).
type ReferralStarted struct {
	// When the service began.
	StartedAt time.Time `json:"startedAt"`
	// The program.
	Program ProgramRef `json:"program,omitzero"`
	// The service, when it is not the one asked for.
	Service Coded `json:"service,omitzero"`
	// The level of care.
	LevelOfCare LevelOfCare `json:"levelOfCare,omitzero"`
	// TEDS SERVICES, the type of service at admission.
	TEDS Coded `json:"teds,omitzero"`
	// Days from the first contact to the start (TEDS DAYWAIT).
	WaitDays *int `json:"waitDays,omitempty"`
	// The client's worker there.
	Contact Contact `json:"contact,omitzero"`
}

// LogValue shows ids only.
func (p ReferralStarted) LogValue() slog.Value { return loggedIDs() }
