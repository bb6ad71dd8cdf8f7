package schemas

import (
	"log/slog"
	"time"
)

// The types about treatment at a program.
const (
	TypeTreatmentProgressReported    EventType = "org.linkage.treatment.progress-reported.v1"
	TypeTreatmentLevelChanged        EventType = "org.linkage.treatment.level-changed.v1"
	TypeTreatmentReturnToUseReported EventType = "org.linkage.treatment.return-to-use-reported.v1"
	TypeTreatmentDischargePlanned    EventType = "org.linkage.treatment.discharge-planned.v1"
	TypeTreatmentDischarged          EventType = "org.linkage.treatment.discharged.v1"
	TypeTreatmentDischargeAppealed   EventType = "org.linkage.treatment.discharge-appealed.v1"
)

var treatmentTypes = []TypeInfo{
	is[TreatmentProgressReported](TypeTreatmentProgressReported, CategoryProgress),
	is[TreatmentLevelChanged](TypeTreatmentLevelChanged, CategoryProgress),
	is[TreatmentReturnToUseReported](TypeTreatmentReturnToUseReported, CategoryProgress),
	is[TreatmentDischargePlanned](TypeTreatmentDischargePlanned, CategoryDischarge),
	is[TreatmentDischarged](TypeTreatmentDischarged, CategoryDischarge),
	is[TreatmentDischargeAppealed](TypeTreatmentDischargeAppealed, CategoryDischarge),
}

// TreatmentProgressReported is the payload of [TypeTreatmentProgressReported]: a program's report on a period
// of treatment. Unmarked fields are the whole of what a court needs: counts, compliance, phase, next date.
// Session content has no field.
type TreatmentProgressReported struct {
	// The case that the report belongs to.
	Case string `json:"case"`
	// The referral under which the client is served.
	Referral string `json:"referral,omitempty"`
	// The days reported on, both included.
	Period Days `json:"period"`
	// Sessions of the period by what became of them.
	Attendance AttendanceCounts `json:"attendance"`
	// The compliance statement, as a code.
	Compliance Compliance `json:"compliance"`
	// The same in one plain sentence, without clinical content.
	ComplianceStatement string `json:"complianceStatement,omitempty"`
	// How it goes, as a word for the court report.
	Progress Progress `json:"progress,omitempty"`
	// Where the client stands in a phased program.
	Phase Phase `json:"phase,omitzero"`
	// The next date that matters.
	Next NextDate `json:"next,omitzero"`
	// What the program recommends.
	Recommendation Recommendation `json:"recommendation,omitempty"`
	// The request that this report answers.
	ReportRequest string `json:"reportRequest,omitempty"`
	// Forensic tests of the period; clinical tests are never counted here.
	Tests TestCounts `json:"tests,omitzero"`
	// Present ASAM level.
	Level LevelOfCare `json:"level,omitzero"`
	// Stage of change.
	Motivation MotivationStage `json:"motivation,omitempty"`
	// Progress toward the goals of the plan.
	Goals []GoalProgress `json:"goals,omitempty"`
	// What stands in the way.
	Barriers []Barrier `json:"barriers,omitempty"`
	// Lapses that can announce a crisis and call for a case conference (TIP 27, monitoring).
	Warning CrisisSign `json:"warning,omitempty"`
	// Clinical summary in words.
	Summary string `json:"summary,omitempty"`
	// NOMs at the end of the period.
	Indicators OutcomeMeasures `json:"indicators,omitzero"`
}

// LogValue shows ids only.
func (p TreatmentProgressReported) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "referral", p.Referral, "reportRequest", p.ReportRequest)
}

// TreatmentLevelChanged is the payload of [TypeTreatmentLevelChanged]: the client moves between ASAM levels of
// care. A clinical change is never a sanction.
type TreatmentLevelChanged struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The referral under which the client is served.
	Referral string `json:"referral,omitempty"`
	// First day at the new level.
	EffectiveOn Date `json:"effectiveOn"`
	// Up, down or across.
	Direction LevelDirection `json:"direction"`
	// Level left.
	FromLevel LevelOfCare `json:"fromLevel,omitzero"`
	// Level entered.
	ToLevel LevelOfCare `json:"toLevel,omitzero"`
	// The reason.
	Reasons []LevelChangeReason `json:"reasons,omitempty"`
	// Last day at the former level; a gap to effective_on is an interruption of care.
	LastDayAtFormer Date `json:"lastDayAtFormer,omitzero"`
	// The agency that serves the new level, if another.
	ReceivingAgency AgencyID `json:"receivingAgency,omitempty"`
	// First appointment at the new level.
	FirstAppointmentAt time.Time `json:"firstAppointmentAt,omitzero"`
	// Whether the supervising officer was asked not to lower supervision at the same moment.
	SupervisionReviewAsked *bool `json:"supervisionReviewAsked,omitempty"`
	// The reasoning in words.
	Explanation string `json:"explanation,omitempty"`
}

// LogValue shows ids only.
func (p TreatmentLevelChanged) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "referral", p.Referral)
}

// TreatmentReturnToUseReported is the payload of [TypeTreatmentReturnToUseReported]: the program has learned
// of use after a time without it. Clinical information: the answer is a change of treatment, and a presumptive
// test is not proof.
type TreatmentReturnToUseReported struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The referral under which the client is served.
	Referral string `json:"referral,omitempty"`
	// The day on which the program learned of it.
	LearnedOn Date `json:"learnedOn"`
	// Whether treatment goes on.
	TreatmentContinues bool `json:"treatmentContinues"`
	// What the program does about it.
	Response ReturnToUseResponse `json:"response,omitempty"`
	// The next date that matters.
	Next NextDate `json:"next,omitzero"`
	// How it was learned.
	Source ReturnToUseSource `json:"source,omitempty"`
	// The day of use, when known.
	UsedOn Date `json:"usedOn,omitzero"`
	// What was used, as in the TEDS code book.
	Substances []Substance `json:"substances,omitempty"`
	// How, as in TEDS ROUTE.
	Route UseRoute `json:"route,omitempty"`
	// Whether it was an overdose.
	Overdose *bool `json:"overdose,omitempty"`
	// Relapse triggers recognised.
	Triggers []string `json:"triggers,omitempty"`
	// The drug test that showed it, if one did.
	Test string `json:"test,omitempty"`
	// What changes in the plan.
	PlanChange string `json:"planChange,omitempty"`
}

// LogValue shows ids only.
func (p TreatmentReturnToUseReported) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "referral", p.Referral)
}

// TreatmentDischargePlanned is the payload of [TypeTreatmentDischargePlanned]: disengagement is planned with
// the client, and the next program is ready on the day.
type TreatmentDischargePlanned struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The referral under which the client is served.
	Referral string `json:"referral,omitempty"`
	// The day of discharge planned.
	PlannedOn Date `json:"plannedOn"`
	// The reason expected, as in TEDS.
	Reason TEDSDischarge `json:"reason"`
	// Whether progress was reviewed and summed up with the client.
	ReviewedWithClient bool `json:"reviewedWithClient"`
	// What follows, one entry a service; nothing is left to chance.
	Continuing []ContinuingCare `json:"continuing,omitempty"`
	// Level at discharge.
	Level LevelOfCare `json:"level,omitzero"`
	// How medication goes on without a gap.
	MedicationBridge string `json:"medicationBridge,omitempty"`
	// Where the client will live, as in TEDS LIVARAG.
	Housing LivingArrangement `json:"housing,omitempty"`
	// Informal supports: family, friends, self-help groups.
	Supports []string `json:"supports,omitempty"`
	// Relapse triggers to watch.
	Triggers []string `json:"triggers,omitempty"`
	// Last day of the program's own follow-up.
	MonitoringUntil Date `json:"monitoringUntil,omitzero"`
	// What the client found helpful.
	Helpful string `json:"helpful,omitempty"`
	// What the client found not helpful.
	Unhelpful string `json:"unhelpful,omitempty"`
}

// LogValue shows ids only.
func (p TreatmentDischargePlanned) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "referral", p.Referral)
}

// TreatmentDischarged is the payload of [TypeTreatmentDischarged]: treatment at this program has ended.
type TreatmentDischarged struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The referral under which the client was served.
	Referral string `json:"referral,omitempty"`
	// Day of discharge.
	DischargedOn Date `json:"dischargedOn"`
	// Day of admission.
	AdmittedOn Date `json:"admittedOn,omitzero"`
	// Day of last contact, as in TEDS.
	LastContactOn Date `json:"lastContactOn,omitzero"`
	// Why, as in TEDS, with the version of its label.
	Reason TEDSDischarge `json:"reason"`
	// Whether the discharge followed a plan.
	Planned *bool `json:"planned,omitempty"`
	// Sessions of the whole stay.
	Attendance AttendanceCounts `json:"attendance,omitzero"`
	// Days from admission to discharge, as in TEDS LOS.
	LengthOfStayDays *int `json:"lengthOfStayDays,omitempty"`
	// Phase reached.
	Phase Phase `json:"phase,omitzero"`
	// The compliance statement over the whole stay.
	Compliance Compliance `json:"compliance,omitempty"`
	// What follows.
	Continuing []ContinuingCare `json:"continuing,omitempty"`
	// The receiving program; TEDS reason 4 needs it.
	TransferredTo AgencyID `json:"transferredTo,omitempty"`
	// Until when the discharge can be appealed.
	AppealBy Date `json:"appealBy,omitzero"`
	// Whether and how the client can come back.
	Readmission Readmission `json:"readmission,omitempty"`
	// Level at discharge.
	Level LevelOfCare `json:"level,omitzero"`
	// The State's own reason, such as Colorado's END_OF_TREATMENT_REASON.
	LocalReason OriginalCode `json:"localReason,omitzero"`
	// The rule broken, when the program ended it; only violence ends a program by itself.
	Infraction Infraction `json:"infraction,omitempty"`
	// NOMs at admission.
	MeasuresAtAdmission OutcomeMeasures `json:"measuresAtAdmission,omitzero"`
	// NOMs at discharge.
	MeasuresAtDischarge OutcomeMeasures `json:"measuresAtDischarge,omitzero"`
	// GPRA follow-up.
	FollowUpDue Date `json:"followUpDue,omitzero"`
	// Discharge summary.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p TreatmentDischarged) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "referral", p.Referral)
}

// TreatmentDischargeAppealed is the payload of [TypeTreatmentDischargeAppealed]: somebody asks the program to
// think again: advocacy, level by level, always toward the plan's goals.
type TreatmentDischargeAppealed struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The referral under which the client was served.
	Referral string `json:"referral,omitempty"`
	// The event that reported the discharge.
	Discharge EventID `json:"discharge"`
	// Why it should not stand (TIP 27, triggers of advocacy).
	Grounds []ReferralAppealGround `json:"grounds"`
	// The rung of the ladder.
	Level ReferralAppealLevel `json:"level"`
	// By when the program answers.
	DueOn Date `json:"dueOn"`
	// What is asked for.
	Asks AppealAsk `json:"asks"`
	// Who appeals.
	AppealedBy TeamRole `json:"appealedBy,omitempty"`
	// Tone of the appeal (TIP 27, matrix of advocacy).
	Approach ReferralAppealApproach `json:"approach,omitempty"`
	// How often the answer was no; three before the next level.
	RefusalsSoFar *int `json:"refusalsSoFar,omitempty"`
	// Whether the appellant's supervisor was consulted before this level.
	SupervisorConsulted *bool `json:"supervisorConsulted,omitempty"`
	// The case made, in words.
	Statement string `json:"statement,omitempty"`
}

// LogValue shows ids only.
func (p TreatmentDischargeAppealed) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "referral", p.Referral, "discharge", string(p.Discharge))
}
