package schemas

import "log/slog"

// AssessmentKind is how broad an assessment is (TIP 27, figure 1-2).
type AssessmentKind string

// The values of AssessmentKind.
const (
	AssessmentKindImmediateNeeds  AssessmentKind = "immediate-needs" // specific to immediate needs: broker, generalist
	AssessmentKindStrengths       AssessmentKind = "strengths"       // strengths in any life area
	AssessmentKindBiopsychosocial AssessmentKind = "biopsychosocial" // broad
	AssessmentKindScreening       AssessmentKind = "screening"       // a screen only
)

// Values lists them, as the schema does.
func (AssessmentKind) Values() []string {
	return values(
		AssessmentKindImmediateNeeds, AssessmentKindStrengths, AssessmentKindBiopsychosocial,
		AssessmentKindScreening,
	)
}

// PlacementDifference is why the level placed differs from the level recommended.
type PlacementDifference string

// The values of PlacementDifference.
const (
	PlacementDifferenceNotAvailable     PlacementDifference = "not-available"     // the level is not available
	PlacementDifferenceClientChoice     PlacementDifference = "client-choice"     // the client chose
	PlacementDifferencePayerDecision    PlacementDifference = "payer-decision"    // the payer decided
	PlacementDifferenceCourtOrder       PlacementDifference = "court-order"       // an order decided
	PlacementDifferenceClinicalJudgment PlacementDifference = "clinical-judgment" // the clinician decided
	// out of reach for practical reasons
	PlacementDifferenceTransportOrChildCare PlacementDifference = "transport-or-child-care"
)

// Values lists them, as the schema does.
func (PlacementDifference) Values() []string {
	return values(
		PlacementDifferenceNotAvailable, PlacementDifferenceClientChoice, PlacementDifferencePayerDecision,
		PlacementDifferenceCourtOrder, PlacementDifferenceClinicalJudgment,
		PlacementDifferenceTransportOrChildCare,
	)
}

// EligibilityScreen is prescreening for one program.
type EligibilityScreen struct {
	// The program or service.
	Program string `json:"program"`
	// Whether the client is eligible.
	Eligible bool `json:"eligible"`
	// The criterion that decided.
	Criterion string `json:"criterion,omitempty"`
}

// LogValue shows ids only.
func (p EligibilityScreen) LogValue() slog.Value { return loggedIDs() }

// Instrument is the instrument of an assessment.
type Instrument struct {
	// Its name.
	Name string `json:"name"`
	// Its version.
	Version string `json:"version,omitempty"`
	// When it was completed.
	CompletedOn Date `json:"completedOn,omitzero"`
}

// LogValue shows ids only.
func (p Instrument) LogValue() slog.Value { return loggedIDs() }

// ASAMDimensions is findings in ASAM's six dimensions. What a number means depends on the edition.
type ASAMDimensions struct {
	// Edition of the criteria.
	Edition ASAMEdition `json:"edition"`
	// One for each dimension assessed.
	Findings []ASAMFinding `json:"findings"`
}

// LogValue shows ids only.
func (p ASAMDimensions) LogValue() slog.Value { return loggedIDs() }

// ASAMFinding is the finding in one dimension. Fourth edition: 1 intoxication, withdrawal and addiction
// medications; 2 biomedical; 3 psychiatric and cognitive; 4 substance-use-related risks; 5 recovery
// environment interactions; 6 person-centered considerations. Third edition: 4 readiness to change; 5 relapse,
// continued use or continued problem potential; 6 recovery environment.
type ASAMFinding struct {
	// Number of the dimension.
	Dimension int `json:"dimension"`
	// 0 none to 4 severe.
	Risk int `json:"risk"`
	// Fourth edition's subdimension.
	Subdimension string `json:"subdimension,omitempty"`
	// In one sentence.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p ASAMFinding) LogValue() slog.Value { return loggedIDs() }

// DomainFinding is the finding in one life domain of TIP 27.
type DomainFinding struct {
	// The domain.
	Domain LifeDomain `json:"domain"`
	// How pressing.
	Need NeedLevel `json:"need"`
	// What the client can build on.
	Strength string `json:"strength,omitempty"`
	// What there is to say, in words.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p DomainFinding) LogValue() slog.Value { return loggedIDs() }

// LifeDomain is a life domain of TIP 27's assessment and planning.
type LifeDomain string

// The values of LifeDomain.
const (
	LifeDomainHousing               LifeDomain = "housing"
	LifeDomainFinances              LifeDomain = "finances"
	LifeDomainPhysicalHealth        LifeDomain = "physical-health"
	LifeDomainMentalHealth          LifeDomain = "mental-health"
	LifeDomainVocationalEducational LifeDomain = "vocational-educational"
	LifeDomainSocialSupports        LifeDomain = "social-supports"
	LifeDomainFamilyRelationships   LifeDomain = "family-relationships"
	LifeDomainRecreation            LifeDomain = "recreation"
	LifeDomainTransportation        LifeDomain = "transportation"
	LifeDomainSpiritualNeeds        LifeDomain = "spiritual-needs"
	LifeDomainSubstanceUse          LifeDomain = "substance-use"
	LifeDomainLegal                 LifeDomain = "legal"
)

// Values lists them, as the schema does.
func (LifeDomain) Values() []string {
	return values(
		LifeDomainHousing, LifeDomainFinances, LifeDomainPhysicalHealth, LifeDomainMentalHealth,
		LifeDomainVocationalEducational, LifeDomainSocialSupports, LifeDomainFamilyRelationships,
		LifeDomainRecreation, LifeDomainTransportation, LifeDomainSpiritualNeeds, LifeDomainSubstanceUse,
		LifeDomainLegal,
	)
}

// NeedLevel is how pressing a need is.
type NeedLevel string

// The values of NeedLevel.
const (
	NeedLevelNone     NeedLevel = "none"     // no need
	NeedLevelSome     NeedLevel = "some"     // can wait
	NeedLevelPressing NeedLevel = "pressing" // within weeks
	NeedLevelUrgent   NeedLevel = "urgent"   // now
)

// Values lists them, as the schema does.
func (NeedLevel) Values() []string {
	return values(NeedLevelNone, NeedLevelSome, NeedLevelPressing, NeedLevelUrgent)
}

// FunctionFinding is the finding in one functional area of TIP 27.
type FunctionFinding struct {
	// The area.
	Area FunctionalArea `json:"area"`
	// What the client can do alone.
	Skill SkillLevel `json:"skill"`
	// The ability meant, where it is one of TIP 27's list.
	Ability Ability `json:"ability,omitempty"`
	// What there is to say, in words.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p FunctionFinding) LogValue() slog.Value { return loggedIDs() }

// FunctionalArea is a functional area of TIP 27's assessment.
type FunctionalArea string

// The values of FunctionalArea.
const (
	FunctionalAreaServiceProcurement      FunctionalArea = "service-procurement"      // getting services
	FunctionalAreaPrevocationalVocational FunctionalArea = "prevocational-vocational" // skills for work
	FunctionalAreaSocialInterpersonal     FunctionalArea = "social-interpersonal"     // getting on with people
	FunctionalAreaPersonalLiving          FunctionalArea = "personal-living"          // daily living
)

// Values lists them, as the schema does.
func (FunctionalArea) Values() []string {
	return values(
		FunctionalAreaServiceProcurement, FunctionalAreaPrevocationalVocational,
		FunctionalAreaSocialInterpersonal, FunctionalAreaPersonalLiving,
	)
}

// Ability is an ability that TIP 27 lists under the functional areas.
type Ability string

// The values of Ability.
const (
	AbilityFollowThroughMedical Ability = "follow-through-medical" // follow through on medical services
	AbilityApplyForBenefits     Ability = "apply-for-benefits"     // apply for benefits
	AbilityObtainKeepHousing    Ability = "obtain-keep-housing"    // obtain and keep safe housing
	AbilityUseSocialAgencies    Ability = "use-social-agencies"    // use social service agencies
	AbilityReachTreatment       Ability = "reach-treatment"        // reach mental health and substance abuse treatment
	AbilityReadWrite            Ability = "read-write"             // read and write
	AbilityFollowInstructions   Ability = "follow-instructions"    // follow instructions
	AbilityUseTransport         Ability = "use-transport"          // use transportation
	AbilityDealWithSupervisors  Ability = "deal-with-supervisors"  // deal with supervisors
	AbilityBePunctual           Ability = "be-punctual"            // be on time
	AbilityUseTelephone         Ability = "use-telephone"          // use the telephone
)

// Values lists them, as the schema does.
func (Ability) Values() []string {
	return values(
		AbilityFollowThroughMedical, AbilityApplyForBenefits, AbilityObtainKeepHousing,
		AbilityUseSocialAgencies, AbilityReachTreatment, AbilityReadWrite, AbilityFollowInstructions,
		AbilityUseTransport, AbilityDealWithSupervisors, AbilityBePunctual, AbilityUseTelephone,
	)
}

// SkillLevel is what a person can do alone.
type SkillLevel string

// The values of SkillLevel.
const (
	SkillLevelAlone    SkillLevel = "alone"     // without help
	SkillLevelWithHelp SkillLevel = "with-help" // with help
	SkillLevelNotYet   SkillLevel = "not-yet"   // not yet
)

// Values lists them, as the schema does.
func (SkillLevel) Values() []string {
	return values(SkillLevelAlone, SkillLevelWithHelp, SkillLevelNotYet)
}

// SafetyScan is the scan for harm.
type SafetyScan struct {
	// Risk of harm to self.
	HarmToSelf Risk `json:"harmToSelf"`
	// Risk of harm to others.
	HarmToOthers Risk `json:"harmToOthers"`
	// Risk of overdose.
	Overdose Risk `json:"overdose,omitempty"`
	// Risk of dangerous withdrawal.
	Withdrawal Risk `json:"withdrawal,omitempty"`
	// Whether a safety plan exists.
	PlanInPlace *bool `json:"planInPlace,omitempty"`
}

// LogValue shows ids only.
func (p SafetyScan) LogValue() slog.Value { return loggedIDs() }

// Risk is how great a risk is, on the day of the finding.
type Risk string

// The values of Risk.
const (
	RiskNone     Risk = "none" // none found
	RiskLow      Risk = "low"
	RiskModerate Risk = "moderate"
	RiskHigh     Risk = "high"
	RiskImminent Risk = "imminent" // act now
)

// Values lists them, as the schema does.
func (Risk) Values() []string {
	return values(RiskNone, RiskLow, RiskModerate, RiskHigh, RiskImminent)
}
