package schemas

import (
	"log/slog"
	"time"
)

// Compliance is whether the client does what the program and the order ask.
type Compliance string

// The values of Compliance.
const (
	ComplianceCompliant       Compliance = "compliant"        // does
	CompliancePartlyCompliant Compliance = "partly-compliant" // does in part
	ComplianceNotCompliant    Compliance = "not-compliant"    // does not
	ComplianceNotAssessed     Compliance = "not-assessed"     // nothing can be said for this period
)

// Values lists them, as the schema does.
func (Compliance) Values() []string {
	return values(ComplianceCompliant, CompliancePartlyCompliant, ComplianceNotCompliant, ComplianceNotAssessed)
}

// Progress is how treatment goes, in the one word that a court report needs.
type Progress string

// The values of Progress.
const (
	ProgressOnTrack   Progress = "on-track"  // as planned
	ProgressSlow      Progress = "slow"      // slower than planned
	ProgressStalled   Progress = "stalled"   // no progress in the period
	ProgressRegressed Progress = "regressed" // worse than at the last report
)

// Values lists them, as the schema does.
func (Progress) Values() []string {
	return values(ProgressOnTrack, ProgressSlow, ProgressStalled, ProgressRegressed)
}

// Recommendation is what a program recommends in a report.
type Recommendation string

// The values of Recommendation.
const (
	RecommendationContinue          Recommendation = "continue"           // go on as planned
	RecommendationIncreaseIntensity Recommendation = "increase-intensity" // more service
	RecommendationStepDown          Recommendation = "step-down"          // less service
	RecommendationCaseConference    Recommendation = "case-conference"    // talk it over
	RecommendationJeopardyMeeting   Recommendation = "jeopardy-meeting"   // call a jeopardy meeting
	RecommendationDischarge         Recommendation = "discharge"          // end treatment
)

// Values lists them, as the schema does.
func (Recommendation) Values() []string {
	return values(
		RecommendationContinue, RecommendationIncreaseIntensity, RecommendationStepDown,
		RecommendationCaseConference, RecommendationJeopardyMeeting, RecommendationDischarge,
	)
}

// MotivationStage is the stage of change.
type MotivationStage string

// The values of MotivationStage.
const (
	MotivationStagePrecontemplation MotivationStage = "precontemplation" // no thought of change
	MotivationStageContemplation    MotivationStage = "contemplation"    // thinking of it
	MotivationStageDetermination    MotivationStage = "determination"    // decided, preparing
	MotivationStageAction           MotivationStage = "action"           // changing
	MotivationStageMaintenance      MotivationStage = "maintenance"      // holding the change
)

// Values lists them, as the schema does.
func (MotivationStage) Values() []string {
	return values(
		MotivationStagePrecontemplation, MotivationStageContemplation, MotivationStageDetermination,
		MotivationStageAction, MotivationStageMaintenance,
	)
}

// Barrier is what stands between a client and a service.
type Barrier string

// The values of Barrier.
const (
	BarrierTransportation Barrier = "transportation"
	BarrierInsurance      Barrier = "insurance"
	BarrierWaitlist       Barrier = "waitlist"
	BarrierNoBeds         Barrier = "no-beds"
	BarrierChildCare      Barrier = "child-care"
	BarrierDocumentation  Barrier = "documentation"
	BarrierLegal          Barrier = "legal"
	BarrierPhoneAccess    Barrier = "phone-access"
	BarrierCost           Barrier = "cost"
	BarrierHousing        Barrier = "housing"
	BarrierEmployment     Barrier = "employment"
	BarrierLanguage       Barrier = "language"
	BarrierHealth         Barrier = "health"
	BarrierFamily         Barrier = "family"
	BarrierOther          Barrier = "other"
)

// Values lists them, as the schema does.
func (Barrier) Values() []string {
	return values(
		BarrierTransportation, BarrierInsurance, BarrierWaitlist, BarrierNoBeds, BarrierChildCare,
		BarrierDocumentation, BarrierLegal, BarrierPhoneAccess, BarrierCost, BarrierHousing,
		BarrierEmployment, BarrierLanguage, BarrierHealth, BarrierFamily, BarrierOther,
	)
}

// CrisisSign is a sign that a crisis may be near.
type CrisisSign string

// The values of CrisisSign.
const (
	CrisisSignNone                  CrisisSign = "none"                    // none seen
	CrisisSignAttendanceLapse       CrisisSign = "attendance-lapse"        // sessions missed
	CrisisSignPoorProgress          CrisisSign = "poor-progress"           // progress has stopped
	CrisisSignTransition            CrisisSign = "transition"              // a change of setting is near
	CrisisSignWithdrawalFromContact CrisisSign = "withdrawal-from-contact" // the client has gone silent
)

// Values lists them, as the schema does.
func (CrisisSign) Values() []string {
	return values(
		CrisisSignNone, CrisisSignAttendanceLapse, CrisisSignPoorProgress, CrisisSignTransition,
		CrisisSignWithdrawalFromContact,
	)
}

// GoalProgress is progress toward one goal of the plan.
type GoalProgress struct {
	// The goal.
	Goal string `json:"goal"`
	// Where it stands.
	Status GoalStatus `json:"status"`
	// In one sentence.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p GoalProgress) LogValue() slog.Value { return loggedIDs("goal", p.Goal) }

// Phase is a phase of a phased program, such as a drug court's.
type Phase struct {
	// Its number, from 1.
	Number int `json:"number"`
	// The program's name for it.
	Name string `json:"name,omitempty"`
	// Since when.
	Since Date `json:"since,omitzero"`
}

// LogValue shows ids only.
func (p Phase) LogValue() slog.Value { return loggedIDs() }

// NextDate is the next date that matters, with what it is for; no place, no content.
type NextDate struct {
	// Its time.
	At time.Time `json:"at"`
	// What it is.
	Kind NextDateKind `json:"kind"`
}

// LogValue shows ids only.
func (p NextDate) LogValue() slog.Value { return loggedIDs() }

// NextDateKind is what a next date is for.
type NextDateKind string

// The values of NextDateKind.
const (
	NextDateKindSession     NextDateKind = "session"
	NextDateKindDrugTest    NextDateKind = "drug-test"
	NextDateKindHearing     NextDateKind = "hearing"
	NextDateKindStaffing    NextDateKind = "staffing"
	NextDateKindReportDue   NextDateKind = "report-due"
	NextDateKindReview      NextDateKind = "review"
	NextDateKindAppointment NextDateKind = "appointment"
	NextDateKindMeeting     NextDateKind = "meeting"
)

// Values lists them, as the schema does.
func (NextDateKind) Values() []string {
	return values(
		NextDateKindSession, NextDateKindDrugTest, NextDateKindHearing, NextDateKindStaffing,
		NextDateKindReportDue, NextDateKindReview, NextDateKindAppointment, NextDateKindMeeting,
	)
}

// AttendanceCounts is sessions of a period by what became of them. Only unexcused is a fact about the client.
type AttendanceCounts struct {
	// Sessions scheduled.
	Scheduled int `json:"scheduled"`
	// Sessions attended.
	Attended int `json:"attended"`
	// Absences excused.
	Excused int `json:"excused"`
	// Absences not excused.
	Unexcused int `json:"unexcused"`
	// Moved by the program.
	RescheduledByProgram *int `json:"rescheduledByProgram,omitempty"`
	// Days on which the program was closed.
	ProgramClosed *int `json:"programClosed,omitempty"`
}

// LogValue shows ids only.
func (p AttendanceCounts) LogValue() slog.Value { return loggedIDs() }

// TestCounts is forensic drug tests of a period. Presumptive results are not positives.
type TestCounts struct {
	// Tests scheduled or drawn.
	Scheduled int `json:"scheduled"`
	// Specimens collected.
	Collected int `json:"collected"`
	// No-shows; a fact apart, never recoded as positive.
	Missed int `json:"missed"`
	// Refusals.
	Refused *int `json:"refused,omitempty"`
	// No specimen in time.
	Unable *int `json:"unable,omitempty"`
	// Final negatives.
	Negative *int `json:"negative,omitempty"`
	// Screened positive, not confirmed, not for sanction.
	Presumptive *int `json:"presumptive,omitempty"`
	// Confirmed or admitted.
	ConfirmedPositive *int `json:"confirmedPositive,omitempty"`
	// Confirmed or admitted, by drug.
	PositiveByDrug []DrugCount `json:"positiveByDrug,omitempty"`
	// Last confirmed or admitted positive.
	LastPositiveOn Date `json:"lastPositiveOn,omitzero"`
	// Days from it to the end of the period.
	DaysSinceLastPositive *int `json:"daysSinceLastPositive,omitempty"`
	// The test events counted.
	Events []EventID `json:"events,omitempty"`
}

// LogValue shows ids only.
func (p TestCounts) LogValue() slog.Value { return loggedIDs() }

// DrugCount is confirmed positives for one drug.
type DrugCount struct {
	// The drug.
	Drug Substance `json:"drug"`
	// Confirmed or admitted positives.
	Count int `json:"count"`
}

// LogValue shows ids only.
func (p DrugCount) LogValue() slog.Value { return loggedIDs() }
