package schemas

import "log/slog"

// LevelDirection is which way a client moves between levels.
type LevelDirection string

// The values of LevelDirection.
const (
	LevelDirectionStepUp   LevelDirection = "step-up"   // to more intensive care
	LevelDirectionStepDown LevelDirection = "step-down" // to less intensive care
	LevelDirectionLateral  LevelDirection = "lateral"   // to the same intensity elsewhere
)

// Values lists them, as the schema does.
func (LevelDirection) Values() []string {
	return values(LevelDirectionStepUp, LevelDirectionStepDown, LevelDirectionLateral)
}

// LevelChangeReason is why the level changed.
type LevelChangeReason string

// The values of LevelChangeReason.
const (
	LevelChangeReasonGoalsMet            LevelChangeReason = "goals-met"             // goals of the former level are met
	LevelChangeReasonNewProblems         LevelChangeReason = "new-problems"          // new problems call for another level
	LevelChangeReasonNotProgressing      LevelChangeReason = "not-progressing"       // no progress at this level
	LevelChangeReasonDeterioration       LevelChangeReason = "deterioration"         // the client is worse
	LevelChangeReasonClientChoice        LevelChangeReason = "client-choice"         // the client chose
	LevelChangeReasonMedicalNeed         LevelChangeReason = "medical-need"          // a medical or psychiatric need
	LevelChangeReasonCapacity            LevelChangeReason = "capacity"              // place at a needed level became free
	LevelChangeReasonFunding             LevelChangeReason = "funding"               // payer's decision
	LevelChangeReasonContinuedStayReview LevelChangeReason = "continued-stay-review" // outcome of a scheduled review
	LevelChangeReasonOther               LevelChangeReason = "other"
)

// Values lists them, as the schema does.
func (LevelChangeReason) Values() []string {
	return values(
		LevelChangeReasonGoalsMet, LevelChangeReasonNewProblems, LevelChangeReasonNotProgressing,
		LevelChangeReasonDeterioration, LevelChangeReasonClientChoice, LevelChangeReasonMedicalNeed,
		LevelChangeReasonCapacity, LevelChangeReasonFunding, LevelChangeReasonContinuedStayReview,
		LevelChangeReasonOther,
	)
}

// ReturnToUseSource is how a program learns of use.
type ReturnToUseSource string

// The values of ReturnToUseSource.
const (
	ReturnToUseSourceClientTold    ReturnToUseSource = "client-told"    // the client said so
	ReturnToUseSourceDrugTest      ReturnToUseSource = "drug-test"      // a test
	ReturnToUseSourceObserved      ReturnToUseSource = "observed"       // staff saw signs
	ReturnToUseSourceFamilyTold    ReturnToUseSource = "family-told"    // family or friends said so
	ReturnToUseSourceEmergencyCare ReturnToUseSource = "emergency-care" // an emergency department or ambulance said so
)

// Values lists them, as the schema does.
func (ReturnToUseSource) Values() []string {
	return values(
		ReturnToUseSourceClientTold, ReturnToUseSourceDrugTest, ReturnToUseSourceObserved,
		ReturnToUseSourceFamilyTold, ReturnToUseSourceEmergencyCare,
	)
}

// ReturnToUseResponse is the clinical answer to use.
type ReturnToUseResponse string

// The values of ReturnToUseResponse.
const (
	ReturnToUseResponseContinue             ReturnToUseResponse = "continue"              // go on as planned
	ReturnToUseResponseMoreContact          ReturnToUseResponse = "more-contact"          // more frequent contact
	ReturnToUseResponseLevelReview          ReturnToUseResponse = "level-review"          // review of the level of care
	ReturnToUseResponseMedicationReview     ReturnToUseResponse = "medication-review"     // review of medication
	ReturnToUseResponseCaseConference       ReturnToUseResponse = "case-conference"       // call a conference
	ReturnToUseResponseWithdrawalManagement ReturnToUseResponse = "withdrawal-management" // withdrawal management
)

// Values lists them, as the schema does.
func (ReturnToUseResponse) Values() []string {
	return values(
		ReturnToUseResponseContinue, ReturnToUseResponseMoreContact, ReturnToUseResponseLevelReview,
		ReturnToUseResponseMedicationReview, ReturnToUseResponseCaseConference,
		ReturnToUseResponseWithdrawalManagement,
	)
}

// Substance is a substance, in the categories of TEDS SUB1 to SUB3.
type Substance string

// The values of Substance.
const (
	SubstanceNone                   Substance = "none"
	SubstanceAlcohol                Substance = "alcohol"
	SubstanceCocaineCrack           Substance = "cocaine-crack"
	SubstanceMarijuana              Substance = "marijuana"
	SubstanceHeroin                 Substance = "heroin"
	SubstanceNonRxMethadone         Substance = "non-rx-methadone"
	SubstanceOtherOpiatesSynthetics Substance = "other-opiates-synthetics"
	SubstancePcp                    Substance = "pcp"
	SubstanceHallucinogens          Substance = "hallucinogens"
	SubstanceMethamphetamine        Substance = "methamphetamine"
	SubstanceOtherAmphetamines      Substance = "other-amphetamines"
	SubstanceOtherStimulants        Substance = "other-stimulants"
	SubstanceBenzodiazepines        Substance = "benzodiazepines"
	SubstanceOtherTranquilizers     Substance = "other-tranquilizers"
	SubstanceBarbiturates           Substance = "barbiturates"
	SubstanceOtherSedatives         Substance = "other-sedatives"
	SubstanceInhalants              Substance = "inhalants"
	SubstanceOverTheCounter         Substance = "over-the-counter"
	SubstanceOther                  Substance = "other"
)

// Values lists them, as the schema does.
func (Substance) Values() []string {
	return values(
		SubstanceNone, SubstanceAlcohol, SubstanceCocaineCrack, SubstanceMarijuana, SubstanceHeroin,
		SubstanceNonRxMethadone, SubstanceOtherOpiatesSynthetics, SubstancePcp, SubstanceHallucinogens,
		SubstanceMethamphetamine, SubstanceOtherAmphetamines, SubstanceOtherStimulants,
		SubstanceBenzodiazepines, SubstanceOtherTranquilizers, SubstanceBarbiturates, SubstanceOtherSedatives,
		SubstanceInhalants, SubstanceOverTheCounter, SubstanceOther,
	)
}

// UseRoute is how a substance is taken, in the categories of TEDS ROUTE.
type UseRoute string

// The values of UseRoute.
const (
	UseRouteOral       UseRoute = "oral"
	UseRouteSmoking    UseRoute = "smoking"
	UseRouteInhalation UseRoute = "inhalation"
	UseRouteInjection  UseRoute = "injection"
	UseRouteOther      UseRoute = "other"
)

// Values lists them, as the schema does.
func (UseRoute) Values() []string {
	return values(UseRouteOral, UseRouteSmoking, UseRouteInhalation, UseRouteInjection, UseRouteOther)
}

// UseFrequency is use in the past month, in the categories of TEDS FREQ.
type UseFrequency string

// The values of UseFrequency.
const (
	UseFrequencyNone  UseFrequency = "none"  // no use in the past month
	UseFrequencySome  UseFrequency = "some"  // some use
	UseFrequencyDaily UseFrequency = "daily" // daily use
)

// Values lists them, as the schema does.
func (UseFrequency) Values() []string {
	return values(UseFrequencyNone, UseFrequencySome, UseFrequencyDaily)
}

// SubstanceUse is use of one substance.
type SubstanceUse struct {
	// Which, as in TEDS.
	Substance Substance `json:"substance"`
	// How often in the past month, as in TEDS FREQ.
	Frequency UseFrequency `json:"frequency"`
	// How, as in TEDS ROUTE.
	Route UseRoute `json:"route,omitempty"`
	// 1 primary, 2 secondary, 3 tertiary.
	Rank *int `json:"rank,omitempty"`
	// Age at first use, years.
	AgeFirstUse *int `json:"ageFirstUse,omitempty"`
}

// LogValue shows ids only.
func (p SubstanceUse) LogValue() slog.Value { return loggedIDs() }
