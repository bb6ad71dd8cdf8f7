package schemas

import (
	"log/slog"
	"time"
)

// SupervisionDetained is the payload of [TypeSupervisionDetained]: the client is in custody. Partners hold
// places and medication goes on.
type SupervisionDetained struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// Since when.
	DetainedAt time.Time `json:"detainedAt"`
	// What kind of place.
	FacilityKind FacilityKind `json:"facilityKind"`
	// Why, without charges.
	Reason DetentionReason `json:"reason"`
	// Its name.
	Facility string `json:"facility,omitempty"`
	// Release expected.
	ExpectedReleaseOn Date `json:"expectedReleaseOn,omitzero"`
	// Whom to ask there.
	Contact Contact `json:"contact,omitzero"`
	// Until when partners should hold a place.
	NotifyUntil Date `json:"notifyUntil,omitzero"`
	// Whether treatment is interrupted.
	TreatmentInterrupted *bool `json:"treatmentInterrupted,omitempty"`
	// Whether medication must go on there.
	MedicationNeeded *bool `json:"medicationNeeded,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionDetained) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// SupervisionCustodyReleasePlanned is the payload of [TypeSupervisionCustodyReleasePlanned]: release is
// planned, so that it falls on the day of admission to the next program.
type SupervisionCustodyReleasePlanned struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// Day planned.
	ReleaseOn Date `json:"releaseOn"`
	// Where to.
	ReleaseTo ReleaseTo `json:"releaseTo"`
	// Time of day, when known.
	ReleaseAt time.Time `json:"releaseAt,omitzero"`
	// From where.
	Facility string `json:"facility,omitempty"`
	// Conditions in force after it.
	Conditions []string `json:"conditions,omitempty"`
	// Officer to report to.
	ReportTo Contact `json:"reportTo,omitzero"`
	// By when to report.
	ReportBy time.Time `json:"reportBy,omitzero"`
	// Services that begin at release.
	Continuing []ContinuingCare `json:"continuing,omitempty"`
	// Whether somebody drives the client there.
	TransportArranged *bool `json:"transportArranged,omitempty"`
	// Whether identity documents are ready.
	IdentityDocumentsReady *bool `json:"identityDocumentsReady,omitempty"`
	// Days of medication given along.
	MedicationSupplyDays *int `json:"medicationSupplyDays,omitempty"`
	// Whether naloxone is given along.
	NaloxoneSupplied *bool `json:"naloxoneSupplied,omitempty"`
	// Where the client will live.
	Housing LivingArrangement `json:"housing,omitempty"`
	// Whether suspended benefits start again.
	BenefitsReinstated *bool `json:"benefitsReinstated,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionCustodyReleasePlanned) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// SupervisionReleased is the payload of [TypeSupervisionReleased]: the client is out of custody.
type SupervisionReleased struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// Time of release.
	ReleasedAt time.Time `json:"releasedAt"`
	// Where to.
	ReleaseTo ReleaseTo `json:"releaseTo"`
	// From where.
	Facility string `json:"facility,omitempty"`
	// Whether on the day planned; an early release puts the next admission in danger.
	AsPlanned *bool `json:"asPlanned,omitempty"`
	// Days in custody.
	JailDays *int `json:"jailDays,omitempty"`
	// First day of supervision.
	SupervisionFrom Date `json:"supervisionFrom,omitzero"`
	// Officer to report to.
	ReportTo Contact `json:"reportTo,omitzero"`
	// By when to report.
	ReportBy time.Time `json:"reportBy,omitzero"`
	// Services that begin now.
	Continuing []ContinuingCare `json:"continuing,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionReleased) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// SupervisionDispositionEntered is the payload of [TypeSupervisionDispositionEntered]: the matter is decided.
// A final disposition ends consents under 42 CFR 2.35.
type SupervisionDispositionEntered struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The court's case number.
	CaseReference string `json:"caseReference"`
	// Day of entry.
	EnteredOn Date `json:"enteredOn"`
	// What was decided.
	Kind DispositionKind `json:"kind"`
	// Whether it is final for the conditional release or other action (42 CFR 2.35(c)).
	Final bool `json:"final"`
	// How a court program ended.
	ProgramExit ProgramExit `json:"programExit,omitempty"`
	// Class of the charge, never its details.
	ChargeClass ChargeClass `json:"chargeClass,omitempty"`
	// Conditions that end with it.
	ConditionsEnded []string `json:"conditionsEnded,omitempty"`
	// Last day of supervision.
	SupervisionUntil Date `json:"supervisionUntil,omitzero"`
	// Days from entry to exit.
	DaysInProgram *int `json:"daysInProgram,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionDispositionEntered) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// FacilityKind is a place of custody.
type FacilityKind string

// The values of FacilityKind.
const (
	FacilityKindJail               FacilityKind = "jail"
	FacilityKindPrison             FacilityKind = "prison"
	FacilityKindDetentionCenter    FacilityKind = "detention-center"
	FacilityKindResidentialCustody FacilityKind = "residential-custody"
	FacilityKindHospitalUnderGuard FacilityKind = "hospital-under-guard"
)

// Values lists them, as the schema does.
func (FacilityKind) Values() []string {
	return values(
		FacilityKindJail, FacilityKindPrison, FacilityKindDetentionCenter, FacilityKindResidentialCustody,
		FacilityKindHospitalUnderGuard,
	)
}

// DetentionReason is why somebody is in custody; charges do not travel.
type DetentionReason string

// The values of DetentionReason.
const (
	DetentionReasonSanction  DetentionReason = "sanction"
	DetentionReasonNewArrest DetentionReason = "new-arrest"
	DetentionReasonViolation DetentionReason = "violation"
	DetentionReasonWarrant   DetentionReason = "warrant"
	DetentionReasonHold      DetentionReason = "hold"
	DetentionReasonSentence  DetentionReason = "sentence"
)

// Values lists them, as the schema does.
func (DetentionReason) Values() []string {
	return values(
		DetentionReasonSanction, DetentionReasonNewArrest, DetentionReasonViolation, DetentionReasonWarrant,
		DetentionReasonHold, DetentionReasonSentence,
	)
}

// ReleaseTo is where somebody is released to.
type ReleaseTo string

// The values of ReleaseTo.
const (
	ReleaseToCommunity            ReleaseTo = "community"
	ReleaseToResidentialTreatment ReleaseTo = "residential-treatment"
	ReleaseToRecoveryHousing      ReleaseTo = "recovery-housing"
	ReleaseToHalfwayHouse         ReleaseTo = "halfway-house"
	ReleaseToHospital             ReleaseTo = "hospital"
	ReleaseToOtherCustody         ReleaseTo = "other-custody"
)

// Values lists them, as the schema does.
func (ReleaseTo) Values() []string {
	return values(
		ReleaseToCommunity, ReleaseToResidentialTreatment, ReleaseToRecoveryHousing, ReleaseToHalfwayHouse,
		ReleaseToHospital, ReleaseToOtherCustody,
	)
}

// DispositionKind is how a matter was decided.
type DispositionKind string

// The values of DispositionKind.
const (
	DispositionKindDismissed              DispositionKind = "dismissed"
	DispositionKindCompleted              DispositionKind = "completed" // conditions completed
	DispositionKindSentenced              DispositionKind = "sentenced"
	DispositionKindContinuedOnSupervision DispositionKind = "continued-on-supervision"
	DispositionKindRevoked                DispositionKind = "revoked"
	DispositionKindTerminated             DispositionKind = "terminated" // ended unsuccessfully
	DispositionKindTransferred            DispositionKind = "transferred"
	DispositionKindDeceased               DispositionKind = "deceased"
)

// Values lists them, as the schema does.
func (DispositionKind) Values() []string {
	return values(
		DispositionKindDismissed, DispositionKindCompleted, DispositionKindSentenced,
		DispositionKindContinuedOnSupervision, DispositionKindRevoked, DispositionKindTerminated,
		DispositionKindTransferred, DispositionKindDeceased,
	)
}

// ProgramExit is how a court program ended.
type ProgramExit string

// The values of ProgramExit.
const (
	ProgramExitGraduated   ProgramExit = "graduated"
	ProgramExitTerminated  ProgramExit = "terminated"
	ProgramExitWithdrew    ProgramExit = "withdrew"
	ProgramExitDied        ProgramExit = "died"
	ProgramExitTransferred ProgramExit = "transferred"
)

// Values lists them, as the schema does.
func (ProgramExit) Values() []string {
	return values(
		ProgramExitGraduated, ProgramExitTerminated, ProgramExitWithdrew, ProgramExitDied,
		ProgramExitTransferred,
	)
}

// ChargeClass is class of a charge.
type ChargeClass string

// The values of ChargeClass.
const (
	ChargeClassFelony      ChargeClass = "felony"
	ChargeClassMisdemeanor ChargeClass = "misdemeanor"
	ChargeClassInfraction  ChargeClass = "infraction"
)

// Values lists them, as the schema does.
func (ChargeClass) Values() []string {
	return values(ChargeClassFelony, ChargeClassMisdemeanor, ChargeClassInfraction)
}
