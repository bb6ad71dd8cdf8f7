package schemas

import "log/slog"

// LivingArrangement is how a person lives: homeless, dependent and independent are the categories of TEDS
// LIVARAG, the others are finer and each maps to one of them.
type LivingArrangement string

// The values of LivingArrangement.
const (
	LivingArrangementHomeless         LivingArrangement = "homeless"          // TEDS 1
	LivingArrangementShelter          LivingArrangement = "shelter"           // TEDS 1
	LivingArrangementDependent        LivingArrangement = "dependent"         // TEDS 2
	LivingArrangementInstitution      LivingArrangement = "institution"       // TEDS 2
	LivingArrangementRecoveryHousing  LivingArrangement = "recovery-housing"  // TEDS 2
	LivingArrangementSupportedHousing LivingArrangement = "supported-housing" // TEDS 2
	LivingArrangementIndependent      LivingArrangement = "independent"       // TEDS 3
	LivingArrangementUnknown          LivingArrangement = "unknown"
)

// Values lists them, as the schema does.
func (LivingArrangement) Values() []string {
	return values(
		LivingArrangementHomeless, LivingArrangementShelter, LivingArrangementDependent,
		LivingArrangementInstitution, LivingArrangementRecoveryHousing, LivingArrangementSupportedHousing,
		LivingArrangementIndependent, LivingArrangementUnknown,
	)
}

// OutcomeMeasures is the National Outcome Measures at one moment, as far as TEDS and the SUBG tables carry
// them.
type OutcomeMeasures struct {
	// The moment.
	AsOf Date `json:"asOf"`
	// Stable housing.
	Living LivingArrangement `json:"living,omitempty"`
	// Employment and education, as in TEDS EMPLOY.
	Employment Employment `json:"employment,omitempty"`
	// Enrolled in education or training.
	InEducation *bool `json:"inEducation,omitempty"`
	// Criminal justice: arrests in the past 30 days, a number only.
	ArrestsPast30Days *int `json:"arrestsPast30Days,omitempty"`
	// Social connectedness: self-help meetings attended in the past 30 days.
	SelfHelpPast30Days *int `json:"selfHelpPast30Days,omitempty"`
	// Abstinence: frequency by substance.
	UsePastMonth []SubstanceUse `json:"usePastMonth,omitempty"`
	// Retention: days in treatment.
	RetentionDays *int `json:"retentionDays,omitempty"`
	// Access: days from request to first service.
	DaysToAccess *int `json:"daysToAccess,omitempty"`
	// Social connectedness: somebody to turn to.
	SocialSupport SocialSupport `json:"socialSupport,omitempty"`
	// Perception of care, 1 lowest to 5 highest.
	Satisfaction *int `json:"satisfaction,omitempty"`
	// Evidence-based practices used.
	EvidenceBased []string `json:"evidenceBased,omitempty"`
	// Cost of the episode, whole US dollars.
	CostDollars *int `json:"costDollars,omitempty"`
}

// LogValue shows ids only.
func (p OutcomeMeasures) LogValue() slog.Value { return loggedIDs() }

// Employment is work, in the categories of TEDS EMPLOY.
type Employment string

// The values of Employment.
const (
	EmploymentFullTime        Employment = "full-time"
	EmploymentPartTime        Employment = "part-time"
	EmploymentUnemployed      Employment = "unemployed"
	EmploymentNotInLaborForce Employment = "not-in-labor-force"
)

// Values lists them, as the schema does.
func (Employment) Values() []string {
	return values(EmploymentFullTime, EmploymentPartTime, EmploymentUnemployed, EmploymentNotInLaborForce)
}

// SocialSupport is whom a person can turn to in trouble (GPRA, social connectedness).
type SocialSupport string

// The values of SocialSupport.
const (
	SocialSupportFamily        SocialSupport = "family"
	SocialSupportFriends       SocialSupport = "friends"
	SocialSupportClergy        SocialSupport = "clergy"
	SocialSupportSelfHelpGroup SocialSupport = "self-help-group"
	SocialSupportProfessional  SocialSupport = "professional"
	SocialSupportNobody        SocialSupport = "nobody"
	SocialSupportOther         SocialSupport = "other"
)

// Values lists them, as the schema does.
func (SocialSupport) Values() []string {
	return values(
		SocialSupportFamily, SocialSupportFriends, SocialSupportClergy, SocialSupportSelfHelpGroup,
		SocialSupportProfessional, SocialSupportNobody, SocialSupportOther,
	)
}
