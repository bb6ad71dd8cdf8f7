package schemas

import (
	"log/slog"
	"time"
)

// CasePlanShared is the payload of [TypeCasePlanShared]: the plan of care and services: goals made with the
// client, each with objectives and strategies.
type CasePlanShared struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The plan, the same through its versions.
	Plan string `json:"plan"`
	// Version, from 1.
	Version int `json:"version"`
	// Since when.
	EffectiveOn Date `json:"effectiveOn"`
	// The lead case planner's agency.
	Lead AgencyID `json:"lead"`
	// Whether made with the client.
	MadeWithClient bool `json:"madeWithClient"`
	// When the client signed it.
	ClientSignedOn Date `json:"clientSignedOn,omitzero"`
	// Next review.
	ReviewOn Date `json:"reviewOn,omitzero"`
	// Where in the continuum of care.
	Stage ContinuumStage `json:"stage,omitempty"`
	// Model of case management.
	Model CaseManagementModel `json:"model,omitempty"`
	// Contacts planned.
	Intensity Frequency `json:"intensity,omitzero"`
	// Services that an order requires, with counts; all of the plan that monitoring needs.
	RequiredServices []RequiredService `json:"requiredServices,omitempty"`
	// Stage of change.
	Motivation MotivationStage `json:"motivation,omitempty"`
	// The goals.
	Goals []Goal `json:"goals,omitempty"`
	// What to do in a crisis.
	CrisisPlan string `json:"crisisPlan,omitempty"`
	// Family, friends, self-help groups, congregations.
	Supports []string `json:"supports,omitempty"`
	// The documents.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p CasePlanShared) LogValue() slog.Value { return loggedIDs("case", p.Case, "plan", p.Plan) }

// CaseGoalUpdated is the payload of [TypeCaseGoalUpdated]: a goal advances, is met, or fails. A failed
// objective is a reason to plan again or to advocate.
type CaseGoalUpdated struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The plan.
	Plan string `json:"plan"`
	// The goal.
	Goal string `json:"goal"`
	// Where it stands.
	Status GoalStatus `json:"status"`
	// Day of the update.
	UpdatedOn Date `json:"updatedOn"`
	// What follows.
	NextStep GoalNextStep `json:"nextStep"`
	// Whether the client took part.
	MadeWithClient *bool `json:"madeWithClient,omitempty"`
	// Life domain.
	Domain LifeDomain `json:"domain,omitempty"`
	// Stage of change.
	Motivation MotivationStage `json:"motivation,omitempty"`
	// The objectives as they stand now.
	Objectives []Objective `json:"objectives,omitempty"`
	// What stands in the way.
	Barriers []Barrier `json:"barriers,omitempty"`
	// What there is to say, in words.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p CaseGoalUpdated) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "plan", p.Plan, "goal", p.Goal)
}

// CaseDisputeRaised is the payload of [TypeCaseDisputeRaised]: agencies disagree. The ladder is climbed in
// time, not in anger; no clinical content is needed.
type CaseDisputeRaised struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The dispute.
	Dispute string `json:"dispute"`
	// The kind of conflict (TIP 27).
	About DisputeAbout `json:"about"`
	// The rung of the ladder.
	Level DisputeLevel `json:"level"`
	// By when this level answers.
	DueAt time.Time `json:"dueAt"`
	// The agency that must answer.
	Owner AgencyID `json:"owner"`
	// Who raises it.
	RaisedBy AgencyID `json:"raisedBy"`
	// What is the matter, in one sentence without clinical content.
	Statement string `json:"statement"`
	// Who there.
	OwnerRole DisputeOwner `json:"ownerRole,omitempty"`
	// The referral that it is about.
	Referral string `json:"referral,omitempty"`
	// Other agencies concerned.
	OtherAgencies []AgencyID `json:"otherAgencies,omitempty"`
	// Who decides in the end.
	DecisionAuthority AgencyID `json:"decisionAuthority,omitempty"`
	// What would settle it.
	Wanted string `json:"wanted,omitempty"`
	// Whether the people concerned have talked first.
	Approached *bool `json:"approached,omitempty"`
	// The event that raised it on the level before.
	Earlier EventID `json:"earlier,omitempty"`
}

// LogValue shows ids only.
func (p CaseDisputeRaised) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "dispute", p.Dispute, "referral", p.Referral, "earlier", string(p.Earlier))
}

// CaseDisputeResolved is the payload of [TypeCaseDisputeResolved]: a dispute is settled, decided or withdrawn.
type CaseDisputeResolved struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The dispute.
	Dispute string `json:"dispute"`
	// The rung on which it ended.
	Level DisputeLevel `json:"level"`
	// The manner.
	Resolution DisputeResolution `json:"resolution"`
	// Day on which it ended.
	ResolvedOn Date `json:"resolvedOn"`
	// Who decided.
	DecidedBy AgencyID `json:"decidedBy"`
	// The referral that it was about.
	Referral string `json:"referral,omitempty"`
	// The result, in one sentence without clinical content.
	Statement string `json:"statement,omitempty"`
	// Who does what until when.
	Actions []Decision `json:"actions,omitempty"`
	// Whether within the time of the ladder.
	InTime *bool `json:"inTime,omitempty"`
}

// LogValue shows ids only.
func (p CaseDisputeResolved) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "dispute", p.Dispute, "referral", p.Referral)
}

// Goal is one goal of a plan, in a life domain.
type Goal struct {
	// The goal, the same through its changes.
	Goal string `json:"goal"`
	// Life domain.
	Domain LifeDomain `json:"domain"`
	// The goal: behaviourally specific, measurable, tangible, positive.
	Statement string `json:"statement"`
	// Where it stands.
	Status GoalStatus `json:"status"`
	// Whether made with the client.
	MadeWithClient bool `json:"madeWithClient"`
	// Order, 1 first.
	Priority *int `json:"priority,omitempty"`
	// Time frame.
	DueOn Date `json:"dueOn,omitzero"`
	// The steps.
	Objectives []Objective `json:"objectives,omitempty"`
}

// LogValue shows ids only.
func (p Goal) LogValue() slog.Value { return loggedIDs("goal", p.Goal) }

// Objective is one measurable step toward a goal.
type Objective struct {
	// What will be different.
	Statement string `json:"statement"`
	// Where it stands.
	Status GoalStatus `json:"status"`
	// How one sees that it is reached.
	Measure string `json:"measure,omitempty"`
	// Time frame.
	DueOn Date `json:"dueOn,omitzero"`
	// The ways to it.
	Strategies []Strategy `json:"strategies,omitempty"`
}

// LogValue shows ids only.
func (p Objective) LogValue() slog.Value { return loggedIDs() }

// Strategy is who does what for an objective.
type Strategy struct {
	// What it is.
	Action string `json:"action"`
	// Who, by role.
	By TeamRole `json:"by"`
	// For which agency.
	Agency AgencyID `json:"agency,omitempty"`
	// The referral made for it.
	Referral string `json:"referral,omitempty"`
	// Time frame.
	DueOn Date `json:"dueOn,omitzero"`
}

// LogValue shows ids only.
func (p Strategy) LogValue() slog.Value { return loggedIDs("referral", p.Referral) }

// GoalStatus is where a goal or objective stands.
type GoalStatus string

// The values of GoalStatus.
const (
	GoalStatusPlanned    GoalStatus = "planned"
	GoalStatusInProgress GoalStatus = "in-progress"
	GoalStatusMet        GoalStatus = "met"
	GoalStatusPartlyMet  GoalStatus = "partly-met"
	GoalStatusNotMet     GoalStatus = "not-met"
	GoalStatusDropped    GoalStatus = "dropped" // by the client's choice
)

// Values lists them, as the schema does.
func (GoalStatus) Values() []string {
	return values(
		GoalStatusPlanned, GoalStatusInProgress, GoalStatusMet, GoalStatusPartlyMet, GoalStatusNotMet,
		GoalStatusDropped,
	)
}

// GoalNextStep is what follows an update of a goal.
type GoalNextStep string

// The values of GoalNextStep.
const (
	GoalNextStepContinue GoalNextStep = "continue"
	GoalNextStepReplan   GoalNextStep = "replan"
	GoalNextStepAdvocate GoalNextStep = "advocate"
	GoalNextStepNextGoal GoalNextStep = "next-goal"
	GoalNextStepClose    GoalNextStep = "close"
)

// Values lists them, as the schema does.
func (GoalNextStep) Values() []string {
	return values(
		GoalNextStepContinue, GoalNextStepReplan, GoalNextStepAdvocate, GoalNextStepNextGoal,
		GoalNextStepClose,
	)
}

// ContinuumStage is where in the continuum of care (TIP 27, chapter 2).
type ContinuumStage string

// The values of ContinuumStage.
const (
	ContinuumStagePretreatment     ContinuumStage = "pretreatment" // case finding and pretreatment
	ContinuumStagePrimaryTreatment ContinuumStage = "primary-treatment"
	ContinuumStageAftercare        ContinuumStage = "aftercare"
	ContinuumStageOutside          ContinuumStage = "outside" // served without treatment
)

// Values lists them, as the schema does.
func (ContinuumStage) Values() []string {
	return values(
		ContinuumStagePretreatment, ContinuumStagePrimaryTreatment, ContinuumStageAftercare,
		ContinuumStageOutside,
	)
}

// RequiredService is a service that an order requires, as counts.
type RequiredService struct {
	// What, in the order's words.
	Service string `json:"service"`
	// How often.
	Frequency Frequency `json:"frequency"`
	// The condition that requires it.
	Condition string `json:"condition,omitempty"`
	// Where.
	Provider AgencyID `json:"provider,omitempty"`
	// Last day.
	Until Date `json:"until,omitzero"`
}

// LogValue shows ids only.
func (p RequiredService) LogValue() slog.Value { return loggedIDs("condition", p.Condition) }

// DisputeAbout is a kind of conflict between agencies (TIP 27, potential conflicts).
type DisputeAbout string

// The values of DisputeAbout.
const (
	DisputeAboutExpectations      DisputeAbout = "expectations" // unrealistic expectations of services, outcomes or agencies
	DisputeAboutResources         DisputeAbout = "resources"
	DisputeAboutLoyalties         DisputeAbout = "loyalties" // agency against consortium
	DisputeAboutDecisionAuthority DisputeAbout = "decision-authority"
	DisputeAboutOwnership         DisputeAbout = "ownership"          // whose client
	DisputeAboutValues            DisputeAbout = "values"             // goals, definitions, roles; public safety against therapy
	DisputeAboutHandling          DisputeAbout = "handling"           // how a case was handled
	DisputeAboutWorkload          DisputeAbout = "workload"           // expectations of case managers
	DisputeAboutDocumentation     DisputeAbout = "documentation"      // time for papers and meetings
	DisputeAboutStatus            DisputeAbout = "status"             // power, credentials, standing of staff
	DisputeAboutProblemResolution DisputeAbout = "problem-resolution" // who solves problems, and how
	DisputeAboutNoResponse        DisputeAbout = "no-response"        // an answer is overdue
)

// Values lists them, as the schema does.
func (DisputeAbout) Values() []string {
	return values(
		DisputeAboutExpectations, DisputeAboutResources, DisputeAboutLoyalties, DisputeAboutDecisionAuthority,
		DisputeAboutOwnership, DisputeAboutValues, DisputeAboutHandling, DisputeAboutWorkload,
		DisputeAboutDocumentation, DisputeAboutStatus, DisputeAboutProblemResolution, DisputeAboutNoResponse,
	)
}

// DisputeLevel is a rung of the ladder: who first, when to supervisors, when to the lead.
type DisputeLevel string

// The values of DisputeLevel.
const (
	DisputeLevelStaff          DisputeLevel = "staff"
	DisputeLevelSupervisors    DisputeLevel = "supervisors"
	DisputeLevelAdministration DisputeLevel = "administration"
	DisputeLevelLeadAgency     DisputeLevel = "lead-agency"
	DisputeLevelCharter        DisputeLevel = "charter" // those who decide under the charter
)

// Values lists them, as the schema does.
func (DisputeLevel) Values() []string {
	return values(
		DisputeLevelStaff, DisputeLevelSupervisors, DisputeLevelAdministration, DisputeLevelLeadAgency,
		DisputeLevelCharter,
	)
}

// DisputeOwner is who at the owning agency.
type DisputeOwner string

// The values of DisputeOwner.
const (
	DisputeOwnerCaseManager    DisputeOwner = "case-manager"
	DisputeOwnerSupervisor     DisputeOwner = "supervisor"
	DisputeOwnerDirector       DisputeOwner = "director"
	DisputeOwnerPrivacyOfficer DisputeOwner = "privacy-officer"
	DisputeOwnerLead           DisputeOwner = "lead"
)

// Values lists them, as the schema does.
func (DisputeOwner) Values() []string {
	return values(
		DisputeOwnerCaseManager, DisputeOwnerSupervisor, DisputeOwnerDirector, DisputeOwnerPrivacyOfficer,
		DisputeOwnerLead,
	)
}

// DisputeResolution is how a dispute ended.
type DisputeResolution string

// The values of DisputeResolution.
const (
	DisputeResolutionAgreed    DisputeResolution = "agreed"
	DisputeResolutionDecided   DisputeResolution = "decided"
	DisputeResolutionWithdrawn DisputeResolution = "withdrawn"
	DisputeResolutionOvertaken DisputeResolution = "overtaken" // events have settled it
)

// Values lists them, as the schema does.
func (DisputeResolution) Values() []string {
	return values(
		DisputeResolutionAgreed, DisputeResolutionDecided, DisputeResolutionWithdrawn,
		DisputeResolutionOvertaken,
	)
}
