package schemas

import "log/slog"

// ConditionKind is what a condition asks for.
type ConditionKind string

// The values of ConditionKind.
const (
	ConditionKindTreatment        ConditionKind = "treatment" // take part in treatment
	ConditionKindDrugTesting      ConditionKind = "drug-testing"
	ConditionKindReporting        ConditionKind = "reporting"
	ConditionKindCurfew           ConditionKind = "curfew"
	ConditionKindNoContact        ConditionKind = "no-contact"
	ConditionKindResidence        ConditionKind = "residence"
	ConditionKindEmployment       ConditionKind = "employment"
	ConditionKindEducation        ConditionKind = "education"
	ConditionKindCommunityService ConditionKind = "community-service"
	ConditionKindFees             ConditionKind = "fees"
	ConditionKindMonitoringDevice ConditionKind = "monitoring-device"
	ConditionKindCaseManagement   ConditionKind = "case-management"
	ConditionKindOther            ConditionKind = "other"
)

// Values lists them, as the schema does.
func (ConditionKind) Values() []string {
	return values(
		ConditionKindTreatment, ConditionKindDrugTesting, ConditionKindReporting, ConditionKindCurfew,
		ConditionKindNoContact, ConditionKindResidence, ConditionKindEmployment, ConditionKindEducation,
		ConditionKindCommunityService, ConditionKindFees, ConditionKindMonitoringDevice,
		ConditionKindCaseManagement, ConditionKindOther,
	)
}

// ConditionStatus is whether a condition is in force.
type ConditionStatus string

// The values of ConditionStatus.
const (
	ConditionStatusActive    ConditionStatus = "active"
	ConditionStatusModified  ConditionStatus = "modified"
	ConditionStatusSuspended ConditionStatus = "suspended"
	ConditionStatusSatisfied ConditionStatus = "satisfied"
	ConditionStatusEnded     ConditionStatus = "ended"
)

// Values lists them, as the schema does.
func (ConditionStatus) Values() []string {
	return values(
		ConditionStatusActive, ConditionStatusModified, ConditionStatusSuspended, ConditionStatusSatisfied,
		ConditionStatusEnded,
	)
}

// JusticeRole is a duty in the criminal justice system; the first four can have one to monitor (42 CFR
// 2.35(a)).
type JusticeRole string

// The values of JusticeRole.
const (
	JusticeRoleCourt            JusticeRole = "court"
	JusticeRoleProsecutor       JusticeRole = "prosecutor"
	JusticeRoleProbation        JusticeRole = "probation"
	JusticeRoleParole           JusticeRole = "parole"
	JusticeRolePretrialServices JusticeRole = "pretrial-services"
	JusticeRoleCorrections      JusticeRole = "corrections"
	JusticeRoleDefense          JusticeRole = "defense"
	JusticeRoleTasc             JusticeRole = "tasc" // the bridge between justice and treatment
)

// Values lists them, as the schema does.
func (JusticeRole) Values() []string {
	return values(
		JusticeRoleCourt, JusticeRoleProsecutor, JusticeRoleProbation, JusticeRoleParole,
		JusticeRolePretrialServices, JusticeRoleCorrections, JusticeRoleDefense, JusticeRoleTasc,
	)
}

// LegalStatus is the kind of justice involvement, in the categories of TEDS DETCRIM.
type LegalStatus string

// The values of LegalStatus.
const (
	LegalStatusCourt              LegalStatus = "court"               // 1, State or federal court
	LegalStatusFormalAdjudication LegalStatus = "formal-adjudication" // 2
	LegalStatusProbationParole    LegalStatus = "probation-parole"    // 3
	LegalStatusOtherLegalEntity   LegalStatus = "other-legal-entity"  // 4, other recognized legal entity
	LegalStatusDiversion          LegalStatus = "diversion"           // 5, diversionary program
	LegalStatusPrison             LegalStatus = "prison"              // 6
	LegalStatusDuiDwi             LegalStatus = "dui-dwi"             // 7
	LegalStatusOther              LegalStatus = "other"               // 8
)

// Values lists them, as the schema does.
func (LegalStatus) Values() []string {
	return values(
		LegalStatusCourt, LegalStatusFormalAdjudication, LegalStatusProbationParole,
		LegalStatusOtherLegalEntity, LegalStatusDiversion, LegalStatusPrison, LegalStatusDuiDwi,
		LegalStatusOther,
	)
}

// ConditionEnd is the event that ends a condition.
type ConditionEnd string

// The values of ConditionEnd.
const (
	ConditionEndFinalDisposition    ConditionEnd = "final-disposition"
	ConditionEndCompletionOfProgram ConditionEnd = "completion-of-program"
	ConditionEndEndOfSupervision    ConditionEnd = "end-of-supervision"
	ConditionEndFurtherOrder        ConditionEnd = "further-order"
)

// Values lists them, as the schema does.
func (ConditionEnd) Values() []string {
	return values(
		ConditionEndFinalDisposition, ConditionEndCompletionOfProgram, ConditionEndEndOfSupervision,
		ConditionEndFurtherOrder,
	)
}

// Frequency is so many times in so long.
type Frequency struct {
	// Times.
	Count int `json:"count"`
	// Unit.
	Per FrequencyUnit `json:"per"`
}

// LogValue shows ids only.
func (p Frequency) LogValue() slog.Value { return loggedIDs() }

// FrequencyUnit is the unit of a frequency.
type FrequencyUnit string

// The values of FrequencyUnit.
const (
	FrequencyUnitDay     FrequencyUnit = "day"
	FrequencyUnitWeek    FrequencyUnit = "week"
	FrequencyUnitMonth   FrequencyUnit = "month"
	FrequencyUnitQuarter FrequencyUnit = "quarter"
)

// Values lists them, as the schema does.
func (FrequencyUnit) Values() []string {
	return values(FrequencyUnitDay, FrequencyUnitWeek, FrequencyUnitMonth, FrequencyUnitQuarter)
}

// OfficerChangeReason is why an officer changed.
type OfficerChangeReason string

// The values of OfficerChangeReason.
const (
	OfficerChangeReasonCaseload    OfficerChangeReason = "caseload"
	OfficerChangeReasonLevelChange OfficerChangeReason = "level-change"
	OfficerChangeReasonMoved       OfficerChangeReason = "moved"
	OfficerChangeReasonLeft        OfficerChangeReason = "left"
	OfficerChangeReasonConflict    OfficerChangeReason = "conflict"
)

// Values lists them, as the schema does.
func (OfficerChangeReason) Values() []string {
	return values(
		OfficerChangeReasonCaseload, OfficerChangeReasonLevelChange, OfficerChangeReasonMoved,
		OfficerChangeReasonLeft, OfficerChangeReasonConflict,
	)
}

// SupervisionLevel is how close supervision is.
type SupervisionLevel string

// The values of SupervisionLevel.
const (
	SupervisionLevelIntensive      SupervisionLevel = "intensive"
	SupervisionLevelHigh           SupervisionLevel = "high"
	SupervisionLevelStandard       SupervisionLevel = "standard"
	SupervisionLevelLow            SupervisionLevel = "low"
	SupervisionLevelAdministrative SupervisionLevel = "administrative"
	SupervisionLevelNone           SupervisionLevel = "none"
)

// Values lists them, as the schema does.
func (SupervisionLevel) Values() []string {
	return values(
		SupervisionLevelIntensive, SupervisionLevelHigh, SupervisionLevelStandard, SupervisionLevelLow,
		SupervisionLevelAdministrative, SupervisionLevelNone,
	)
}

// SupervisionLevelReason is why the level of supervision changed.
type SupervisionLevelReason string

// The values of SupervisionLevelReason.
const (
	SupervisionLevelReasonCompliance          SupervisionLevelReason = "compliance"
	SupervisionLevelReasonNoncompliance       SupervisionLevelReason = "noncompliance"
	SupervisionLevelReasonReassessment        SupervisionLevelReason = "reassessment"
	SupervisionLevelReasonTreatmentTransition SupervisionLevelReason = "treatment-transition"
	SupervisionLevelReasonCourtOrder          SupervisionLevelReason = "court-order"
	SupervisionLevelReasonScheduled           SupervisionLevelReason = "scheduled"
)

// Values lists them, as the schema does.
func (SupervisionLevelReason) Values() []string {
	return values(
		SupervisionLevelReasonCompliance, SupervisionLevelReasonNoncompliance,
		SupervisionLevelReasonReassessment, SupervisionLevelReasonTreatmentTransition,
		SupervisionLevelReasonCourtOrder, SupervisionLevelReasonScheduled,
	)
}

// RiskNeed is a risk and need score; the groups only, never answers.
type RiskNeed struct {
	// Risk group.
	Risk RiskNeedGroup `json:"risk"`
	// Need group.
	Need RiskNeedGroup `json:"need"`
	// Instrument and version.
	Instrument string `json:"instrument,omitempty"`
	// Day of scoring.
	ScoredOn Date `json:"scoredOn,omitzero"`
}

// LogValue shows ids only.
func (p RiskNeed) LogValue() slog.Value { return loggedIDs() }

// RiskNeedGroup is the group of a risk or need score.
type RiskNeedGroup string

// The values of RiskNeedGroup.
const (
	RiskNeedGroupLow      RiskNeedGroup = "low"
	RiskNeedGroupModerate RiskNeedGroup = "moderate"
	RiskNeedGroupHigh     RiskNeedGroup = "high"
	RiskNeedGroupVeryHigh RiskNeedGroup = "very-high"
)

// Values lists them, as the schema does.
func (RiskNeedGroup) Values() []string {
	return values(RiskNeedGroupLow, RiskNeedGroupModerate, RiskNeedGroupHigh, RiskNeedGroupVeryHigh)
}
