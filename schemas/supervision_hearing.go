package schemas

import (
	"log/slog"
	"time"
)

// SupervisionHearingScheduled is the payload of [TypeSupervisionHearingScheduled]: a hearing is on the
// calendar.
type SupervisionHearingScheduled struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The hearing, the same through its postponements.
	Hearing string `json:"hearing"`
	// What kind.
	Kind HearingKind `json:"kind"`
	// The time set.
	At time.Time `json:"at"`
	// Name of the court.
	Court string `json:"court,omitempty"`
	// Where, and how one takes part.
	Place Place `json:"place,omitzero"`
	// The court's case number.
	CaseReference string `json:"caseReference,omitempty"`
	// The team's staffing before it.
	StaffingAt time.Time `json:"staffingAt,omitzero"`
	// When reports are due.
	ReportDueAt time.Time `json:"reportDueAt,omitzero"`
	// The time that no longer stands, when postponed.
	ReplacesTime time.Time `json:"replacesTime,omitzero"`
	// Whether the client knows.
	ClientNotified *bool `json:"clientNotified,omitempty"`
	// Whether it is a proceeding against the client, for which 42 CFR 2.31(d) wants a consent of its own.
	AgainstClient *bool `json:"againstClient,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionHearingScheduled) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "hearing", p.Hearing)
}

// SupervisionHearingHeld is the payload of [TypeSupervisionHearingHeld]: what became of a hearing.
type SupervisionHearingHeld struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The hearing.
	Hearing string `json:"hearing"`
	// What kind.
	Kind HearingKind `json:"kind"`
	// The day.
	On Date `json:"on"`
	// Held, continued or missed.
	Outcome HearingOutcome `json:"outcome"`
	// Whether the client appeared.
	Appearance Appearance `json:"appearance,omitempty"`
	// Whether the team met before.
	StaffingHeld *bool `json:"staffingHeld,omitempty"`
	// Report requests whose answers were considered.
	ReportsConsidered []string `json:"reportsConsidered,omitempty"`
	// Phase from now on.
	Phase Phase `json:"phase,omitzero"`
	// Next date that matters.
	Next NextDate `json:"next,omitzero"`
	// Responses ordered there.
	Responses []string `json:"responses,omitempty"`
	// Whether a warrant was issued.
	WarrantIssued *bool `json:"warrantIssued,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionHearingHeld) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "hearing", p.Hearing)
}

// HearingKind is what a hearing is for.
type HearingKind string

// The values of HearingKind.
const (
	HearingKindStatus      HearingKind = "status"
	HearingKindReview      HearingKind = "review"
	HearingKindViolation   HearingKind = "violation"
	HearingKindRevocation  HearingKind = "revocation"
	HearingKindSentencing  HearingKind = "sentencing"
	HearingKindInitial     HearingKind = "initial"
	HearingKindDisposition HearingKind = "disposition"
	HearingKindGraduation  HearingKind = "graduation"
)

// Values lists them, as the schema does.
func (HearingKind) Values() []string {
	return values(
		HearingKindStatus, HearingKindReview, HearingKindViolation, HearingKindRevocation,
		HearingKindSentencing, HearingKindInitial, HearingKindDisposition, HearingKindGraduation,
	)
}

// HearingOutcome is what became of a hearing.
type HearingOutcome string

// The values of HearingOutcome.
const (
	HearingOutcomeHeld      HearingOutcome = "held"
	HearingOutcomeContinued HearingOutcome = "continued" // put off to another day
	HearingOutcomeMissed    HearingOutcome = "missed"    // the client did not appear
	HearingOutcomeVacated   HearingOutcome = "vacated"   // taken off the calendar
)

// Values lists them, as the schema does.
func (HearingOutcome) Values() []string {
	return values(HearingOutcomeHeld, HearingOutcomeContinued, HearingOutcomeMissed, HearingOutcomeVacated)
}

// Appearance is whether the client appeared.
type Appearance string

// The values of Appearance.
const (
	AppearanceAppeared       Appearance = "appeared"
	AppearanceExcused        Appearance = "excused"
	AppearanceFailedToAppear Appearance = "failed-to-appear"
	AppearanceInCustody      Appearance = "in-custody"
)

// Values lists them, as the schema does.
func (Appearance) Values() []string {
	return values(AppearanceAppeared, AppearanceExcused, AppearanceFailedToAppear, AppearanceInCustody)
}

// ReportKind is a kind of report to the justice source.
type ReportKind string

// The values of ReportKind.
const (
	ReportKindProgress   ReportKind = "progress"
	ReportKindAttendance ReportKind = "attendance"
	ReportKindTesting    ReportKind = "testing"
	ReportKindDischarge  ReportKind = "discharge"
	ReportKindViolation  ReportKind = "violation"
	ReportKindInterstate ReportKind = "interstate"
)

// Values lists them, as the schema does.
func (ReportKind) Values() []string {
	return values(
		ReportKindProgress, ReportKindAttendance, ReportKindTesting, ReportKindDischarge, ReportKindViolation,
		ReportKindInterstate,
	)
}

// DueBasis is where a report's due time comes from.
type DueBasis string

// The values of DueBasis.
const (
	DueBasisHearing           DueBasis = "hearing"   // due before a hearing
	DueBasisAgreement         DueBasis = "agreement" // the agencies' agreement
	DueBasisCourtOrder        DueBasis = "court-order"
	DueBasisInterstateCompact DueBasis = "interstate-compact" // 30 calendar days from the request (ICAOS)
)

// Values lists them, as the schema does.
func (DueBasis) Values() []string {
	return values(DueBasisHearing, DueBasisAgreement, DueBasisCourtOrder, DueBasisInterstateCompact)
}

// ReportContent is what a report covers.
type ReportContent string

// The values of ReportContent.
const (
	ReportContentAttendance      ReportContent = "attendance"
	ReportContentTestResults     ReportContent = "test-results"
	ReportContentCompliance      ReportContent = "compliance"
	ReportContentPhase           ReportContent = "phase"
	ReportContentProgress        ReportContent = "progress"
	ReportContentRecommendations ReportContent = "recommendations"
	ReportContentNextDates       ReportContent = "next-dates"
)

// Values lists them, as the schema does.
func (ReportContent) Values() []string {
	return values(
		ReportContentAttendance, ReportContentTestResults, ReportContentCompliance, ReportContentPhase,
		ReportContentProgress, ReportContentRecommendations, ReportContentNextDates,
	)
}
