package schemas

import (
	"log/slog"
	"time"
)

// The types about court, probation and parole.
const (
	TypeSupervisionConditionSet          EventType = "org.linkage.supervision.condition-set.v1"
	TypeSupervisionOfficerChanged        EventType = "org.linkage.supervision.officer-changed.v1"
	TypeSupervisionLevelChanged          EventType = "org.linkage.supervision.level-changed.v1"
	TypeSupervisionReportRequested       EventType = "org.linkage.supervision.report-requested.v1"
	TypeSupervisionReportFiled           EventType = "org.linkage.supervision.report-filed.v1"
	TypeSupervisionHearingScheduled      EventType = "org.linkage.supervision.hearing-scheduled.v1"
	TypeSupervisionHearingHeld           EventType = "org.linkage.supervision.hearing-held.v1"
	TypeSupervisionResponseRecommended   EventType = "org.linkage.supervision.response-recommended.v1"
	TypeSupervisionResponseOrdered       EventType = "org.linkage.supervision.response-ordered.v1"
	TypeSupervisionDetained              EventType = "org.linkage.supervision.detained.v1"
	TypeSupervisionCustodyReleasePlanned EventType = "org.linkage.supervision.custody-release-planned.v1"
	TypeSupervisionReleased              EventType = "org.linkage.supervision.released.v1"
	TypeSupervisionDispositionEntered    EventType = "org.linkage.supervision.disposition-entered.v1"
)

var supervisionTypes = []TypeInfo{
	is[SupervisionConditionSet](TypeSupervisionConditionSet, CategorySupervision),
	is[SupervisionOfficerChanged](TypeSupervisionOfficerChanged, CategorySupervision),
	is[SupervisionLevelChanged](TypeSupervisionLevelChanged, CategorySupervision),
	is[SupervisionReportRequested](TypeSupervisionReportRequested, CategorySupervision),
	is[SupervisionReportFiled](TypeSupervisionReportFiled, CategorySupervision),
	is[SupervisionHearingScheduled](TypeSupervisionHearingScheduled, CategorySupervision),
	is[SupervisionHearingHeld](TypeSupervisionHearingHeld, CategorySupervision),
	is[SupervisionResponseRecommended](TypeSupervisionResponseRecommended, CategorySupervision),
	is[SupervisionResponseOrdered](TypeSupervisionResponseOrdered, CategorySupervision),
	is[SupervisionDetained](TypeSupervisionDetained, CategorySupervision),
	is[SupervisionCustodyReleasePlanned](TypeSupervisionCustodyReleasePlanned, CategorySupervision),
	is[SupervisionReleased](TypeSupervisionReleased, CategorySupervision),
	is[SupervisionDispositionEntered](TypeSupervisionDispositionEntered, CategorySupervision),
}

// SupervisionConditionSet is the payload of [TypeSupervisionConditionSet]: a court or an officer sets, changes
// or ends a condition. The case number and the condition's text travel, criminal history never does.
type SupervisionConditionSet struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The condition, the same through its changes.
	Condition string `json:"condition"`
	// The court's case number.
	CaseReference string `json:"caseReference"`
	// What must be done.
	Kind ConditionKind `json:"kind"`
	// The condition's words.
	Text string `json:"text"`
	// Whether it is in force.
	Status ConditionStatus `json:"status"`
	// Who set it.
	SetBy JusticeRole `json:"setBy"`
	// Day on which it was set.
	SetOn Date `json:"setOn"`
	// Who has the duty to monitor it (42 CFR 2.35(a)(1)).
	MonitoredBy JusticeRole `json:"monitoredBy,omitempty"`
	// Whether taking part in a Part 2 program is the condition, without which 42 CFR 2.35 does not apply.
	ParticipationRequired *bool `json:"participationRequired,omitempty"`
	// As in TEDS DETCRIM.
	LegalStatus LegalStatus `json:"legalStatus,omitempty"`
	// Last day in force.
	Until Date `json:"until,omitzero"`
	// The event that ends it, no later than final disposition.
	EndsWith ConditionEnd `json:"endsWith,omitempty"`
	// How often.
	Frequency Frequency `json:"frequency,omitzero"`
	// The order's condition, without criminal history.
	Document Attachment `json:"document,omitzero"`
	// Day on which requirements and consequences were explained to the client.
	ConsequencesExplainedOn Date `json:"consequencesExplainedOn,omitzero"`
}

// LogValue shows ids only.
func (p SupervisionConditionSet) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "condition", p.Condition)
}

// SupervisionOfficerChanged is the payload of [TypeSupervisionOfficerChanged]: another officer monitors the
// client.
type SupervisionOfficerChanged struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The officer from now on.
	Officer Contact `json:"officer"`
	// In what duty.
	Role JusticeRole `json:"role"`
	// First day.
	EffectiveOn Date `json:"effectiveOn"`
	// The officer until then.
	Former Contact `json:"former,omitzero"`
	// The reason.
	Reason OfficerChangeReason `json:"reason,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionOfficerChanged) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// SupervisionLevelChanged is the payload of [TypeSupervisionLevelChanged]: supervision becomes closer or
// looser. It must not drop at the moment that treatment steps down.
type SupervisionLevelChanged struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// Level from now on.
	To SupervisionLevel `json:"to"`
	// First day.
	EffectiveOn Date `json:"effectiveOn"`
	// Level until then.
	From SupervisionLevel `json:"from,omitempty"`
	// Phase from now on.
	Phase Phase `json:"phase,omitzero"`
	// The reason.
	Reason SupervisionLevelReason `json:"reason,omitempty"`
	// Contacts a month.
	ContactsPerMonth *int `json:"contactsPerMonth,omitempty"`
	// Drug tests a week.
	TestsPerWeek *int `json:"testsPerWeek,omitempty"`
	// The score that led to it.
	RiskNeed RiskNeed `json:"riskNeed,omitzero"`
	// Whether the treatment program was asked first.
	CoordinatedWithTreatment *bool `json:"coordinatedWithTreatment,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionLevelChanged) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// SupervisionReportRequested is the payload of [TypeSupervisionReportRequested]: the justice source asks for a
// report.
type SupervisionReportRequested struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The request.
	Request string `json:"request"`
	// What kind of report.
	Kind ReportKind `json:"kind"`
	// When it is due.
	DueAt time.Time `json:"dueAt"`
	// Who asks.
	RequestedBy JusticeRole `json:"requestedBy"`
	// The days to report on.
	Period Days `json:"period,omitzero"`
	// The hearing that it is for.
	Hearing string `json:"hearing,omitempty"`
	// Where the due time comes from.
	DueBasis DueBasis `json:"dueBasis,omitempty"`
	// What it should cover, and nothing beyond.
	Contents []ReportContent `json:"contents,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionReportRequested) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "request", p.Request, "hearing", p.Hearing)
}

// SupervisionReportFiled is the payload of [TypeSupervisionReportFiled]: the report to the justice source:
// counts, tests, phase, compliance, next date, recommendation. Not session content, diagnosis, family or
// counseling notes.
type SupervisionReportFiled struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// Time of filing.
	FiledAt time.Time `json:"filedAt"`
	// What kind.
	Kind ReportKind `json:"kind"`
	// The days reported on.
	Period Days `json:"period"`
	// Sessions of the period.
	Attendance AttendanceCounts `json:"attendance"`
	// The compliance statement, as a code.
	Compliance Compliance `json:"compliance"`
	// The same in one plain sentence, without clinical content.
	ComplianceStatement string `json:"complianceStatement,omitempty"`
	// The request that it answers.
	Request string `json:"request,omitempty"`
	// The hearing that it is for.
	Hearing string `json:"hearing,omitempty"`
	// Whether filed after it was due.
	Late *bool `json:"late,omitempty"`
	// Phase and since when.
	Phase Phase `json:"phase,omitzero"`
	// Next date that matters.
	Next NextDate `json:"next,omitzero"`
	// How it goes.
	Progress Progress `json:"progress,omitempty"`
	// What the program recommends.
	Recommendation Recommendation `json:"recommendation,omitempty"`
	// Days in jail in the period.
	JailDays *int `json:"jailDays,omitempty"`
	// Day of entry into the program.
	EnteredOn Date `json:"enteredOn,omitzero"`
	// Whether fees are paid.
	FeesPaid *bool `json:"feesPaid,omitempty"`
	// Work, as in TEDS EMPLOY.
	Employment Employment `json:"employment,omitempty"`
	// Whether arrested in the period; yes or no, never the record.
	NewArrest *bool `json:"newArrest,omitempty"`
	// Forensic tests of the period.
	Tests TestCounts `json:"tests,omitzero"`
	// How the client lives, as in TEDS LIVARAG.
	Housing LivingArrangement `json:"housing,omitempty"`
	// Incentives in the period.
	Incentives *int `json:"incentives,omitempty"`
	// Sanctions in the period.
	Sanctions *int `json:"sanctions,omitempty"`
	// Service adjustments in the period.
	ServiceAdjustments *int `json:"serviceAdjustments,omitempty"`
}

// LogValue shows ids only.
func (p SupervisionReportFiled) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "request", p.Request, "hearing", p.Hearing)
}
