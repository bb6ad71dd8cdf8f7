package schemas

import "log/slog"

// ContactActivity is a type of activity, TIP 27's functions.
type ContactActivity string

// The values of ContactActivity.
const (
	ContactActivityEngagement     ContactActivity = "engagement"
	ContactActivityAssessment     ContactActivity = "assessment"
	ContactActivityPlanning       ContactActivity = "planning"
	ContactActivityLinkage        ContactActivity = "linkage"
	ContactActivityMonitoring     ContactActivity = "monitoring"
	ContactActivityAdvocacy       ContactActivity = "advocacy"
	ContactActivityDisengagement  ContactActivity = "disengagement"
	ContactActivityCrisis         ContactActivity = "crisis" // avoiding or answering a crisis
	ContactActivityAdministration ContactActivity = "administration"
)

// Values lists them, as the schema does.
func (ContactActivity) Values() []string {
	return values(
		ContactActivityEngagement, ContactActivityAssessment, ContactActivityPlanning, ContactActivityLinkage,
		ContactActivityMonitoring, ContactActivityAdvocacy, ContactActivityDisengagement,
		ContactActivityCrisis, ContactActivityAdministration,
	)
}

// ContactWith is with whom a contact took place.
type ContactWith string

// The values of ContactWith.
const (
	ContactWithClient          ContactWith = "client"
	ContactWithFamily          ContactWith = "family"
	ContactWithInformalSupport ContactWith = "informal-support"
	ContactWithProvider        ContactWith = "provider"
	ContactWithCourt           ContactWith = "court"
	ContactWithProbationParole ContactWith = "probation-parole"
	ContactWithEmployer        ContactWith = "employer"
	ContactWithBenefitsOffice  ContactWith = "benefits-office"
	ContactWithHousing         ContactWith = "housing"
	ContactWithSchool          ContactWith = "school"
	ContactWithOther           ContactWith = "other"
)

// Values lists them, as the schema does.
func (ContactWith) Values() []string {
	return values(
		ContactWithClient, ContactWithFamily, ContactWithInformalSupport, ContactWithProvider,
		ContactWithCourt, ContactWithProbationParole, ContactWithEmployer, ContactWithBenefitsOffice,
		ContactWithHousing, ContactWithSchool, ContactWithOther,
	)
}

// ContactResult is what came of a contact.
type ContactResult string

// The values of ContactResult.
const (
	ContactResultReached        ContactResult = "reached" // reached, done
	ContactResultNoAnswer       ContactResult = "no-answer"
	ContactResultMessageLeft    ContactResult = "message-left"
	ContactResultRefused        ContactResult = "refused"
	ContactResultFollowUpNeeded ContactResult = "follow-up-needed"
	ContactResultGoalAdvanced   ContactResult = "goal-advanced"
)

// Values lists them, as the schema does.
func (ContactResult) Values() []string {
	return values(
		ContactResultReached, ContactResultNoAnswer, ContactResultMessageLeft, ContactResultRefused,
		ContactResultFollowUpNeeded, ContactResultGoalAdvanced,
	)
}

// LinkingTask is the five tasks before a contact (Ballew and Mink).
type LinkingTask string

// The values of LinkingTask.
const (
	LinkingTaskEnhanceCommitment LinkingTask = "enhance-commitment"
	LinkingTaskPlanContact       LinkingTask = "plan-contact"
	LinkingTaskAnalyzeObstacles  LinkingTask = "analyze-obstacles"
	LinkingTaskRehearse          LinkingTask = "rehearse"
	LinkingTaskSummarize         LinkingTask = "summarize"
)

// Values lists them, as the schema does.
func (LinkingTask) Values() []string {
	return values(
		LinkingTaskEnhanceCommitment, LinkingTaskPlanContact, LinkingTaskAnalyzeObstacles,
		LinkingTaskRehearse, LinkingTaskSummarize,
	)
}

// Advocacy is one act of advocacy, on TIP 27's matrix.
type Advocacy struct {
	// Whom it addresses.
	Level AdvocacyLevel `json:"level"`
	// Its tone.
	Approach ReferralAppealApproach `json:"approach"`
	// Its form.
	Form AdvocacyForm `json:"form,omitempty"`
	// How often the answer was no.
	RefusalsSoFar *int `json:"refusalsSoFar,omitempty"`
}

// LogValue shows ids only.
func (p Advocacy) LogValue() slog.Value { return loggedIDs() }

// AdvocacyLevel is the level that advocacy addresses (TIP 27, matrix of advocacy).
type AdvocacyLevel string

// The values of AdvocacyLevel.
const (
	AdvocacyLevelIndividual     AdvocacyLevel = "individual"
	AdvocacyLevelAdministrative AdvocacyLevel = "administrative"
	AdvocacyLevelPolicy         AdvocacyLevel = "policy"
)

// Values lists them, as the schema does.
func (AdvocacyLevel) Values() []string {
	return values(AdvocacyLevelIndividual, AdvocacyLevelAdministrative, AdvocacyLevelPolicy)
}

// AdvocacyForm is the form of advocacy.
type AdvocacyForm string

// The values of AdvocacyForm.
const (
	AdvocacyFormTalk              AdvocacyForm = "talk"
	AdvocacyFormLetter            AdvocacyForm = "letter"
	AdvocacyFormEducation         AdvocacyForm = "education" // educating providers
	AdvocacyFormAppeal            AdvocacyForm = "appeal"
	AdvocacyFormCommunityResponse AdvocacyForm = "community-response"
	AdvocacyFormLegalProcess      AdvocacyForm = "legal-process"
)

// Values lists them, as the schema does.
func (AdvocacyForm) Values() []string {
	return values(
		AdvocacyFormTalk, AdvocacyFormLetter, AdvocacyFormEducation, AdvocacyFormAppeal,
		AdvocacyFormCommunityResponse, AdvocacyFormLegalProcess,
	)
}

// SafetyConcern is what is feared.
type SafetyConcern string

// The values of SafetyConcern.
const (
	SafetyConcernHarmToSelf        SafetyConcern = "harm-to-self"
	SafetyConcernHarmToOthers      SafetyConcern = "harm-to-others"
	SafetyConcernOverdose          SafetyConcern = "overdose"
	SafetyConcernWithdrawal        SafetyConcern = "withdrawal"
	SafetyConcernDomesticViolence  SafetyConcern = "domestic-violence"
	SafetyConcernChildSafety       SafetyConcern = "child-safety"
	SafetyConcernMedicalEmergency  SafetyConcern = "medical-emergency"
	SafetyConcernPsychiatricCrisis SafetyConcern = "psychiatric-crisis"
	SafetyConcernExposure          SafetyConcern = "exposure" // without shelter in dangerous weather
	SafetyConcernRetaliation       SafetyConcern = "retaliation"
)

// Values lists them, as the schema does.
func (SafetyConcern) Values() []string {
	return values(
		SafetyConcernHarmToSelf, SafetyConcernHarmToOthers, SafetyConcernOverdose, SafetyConcernWithdrawal,
		SafetyConcernDomesticViolence, SafetyConcernChildSafety, SafetyConcernMedicalEmergency,
		SafetyConcernPsychiatricCrisis, SafetyConcernExposure, SafetyConcernRetaliation,
	)
}

// SafetyAction is what was done about a concern.
type SafetyAction string

// The values of SafetyAction.
const (
	SafetyActionEmergencyServicesCalled SafetyAction = "emergency-services-called"
	SafetyActionCrisisTeamCalled        SafetyAction = "crisis-team-called"
	SafetyActionSafetyPlanMade          SafetyAction = "safety-plan-made"
	SafetyActionClientAccompanied       SafetyAction = "client-accompanied"
	SafetyActionSupervisorTold          SafetyAction = "supervisor-told"
	SafetyActionMonitoring              SafetyAction = "monitoring"
	SafetyActionNoneYet                 SafetyAction = "none-yet"
)

// Values lists them, as the schema does.
func (SafetyAction) Values() []string {
	return values(
		SafetyActionEmergencyServicesCalled, SafetyActionCrisisTeamCalled, SafetyActionSafetyPlanMade,
		SafetyActionClientAccompanied, SafetyActionSupervisorTold, SafetyActionMonitoring,
		SafetyActionNoneYet,
	)
}

// PersonAtRisk is who may come to harm.
type PersonAtRisk string

// The values of PersonAtRisk.
const (
	PersonAtRiskClient      PersonAtRisk = "client"
	PersonAtRiskPartner     PersonAtRisk = "partner"
	PersonAtRiskChild       PersonAtRisk = "child"
	PersonAtRiskOtherPerson PersonAtRisk = "other-person"
	PersonAtRiskStaff       PersonAtRisk = "staff"
	PersonAtRiskPublic      PersonAtRisk = "public"
)

// Values lists them, as the schema does.
func (PersonAtRisk) Values() []string {
	return values(
		PersonAtRiskClient, PersonAtRiskPartner, PersonAtRiskChild, PersonAtRiskOtherPerson,
		PersonAtRiskStaff, PersonAtRiskPublic,
	)
}

// CloseReason is why case management ended.
type CloseReason string

// The values of CloseReason.
const (
	CloseReasonGoalsMet     CloseReason = "goals-met"
	CloseReasonClientChoice CloseReason = "client-choice"
	CloseReasonLostContact  CloseReason = "lost-contact"
	CloseReasonMoved        CloseReason = "moved"
	CloseReasonTransferred  CloseReason = "transferred" // to another case manager
	CloseReasonIncarcerated CloseReason = "incarcerated"
	CloseReasonDeceased     CloseReason = "deceased"
	CloseReasonFundingEnded CloseReason = "funding-ended"
	CloseReasonIneligible   CloseReason = "ineligible"
	CloseReasonTerminated   CloseReason = "terminated"
	CloseReasonOther        CloseReason = "other"
)

// Values lists them, as the schema does.
func (CloseReason) Values() []string {
	return values(
		CloseReasonGoalsMet, CloseReasonClientChoice, CloseReasonLostContact, CloseReasonMoved,
		CloseReasonTransferred, CloseReasonIncarcerated, CloseReasonDeceased, CloseReasonFundingEnded,
		CloseReasonIneligible, CloseReasonTerminated, CloseReasonOther,
	)
}
