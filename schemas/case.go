package schemas

import (
	"log/slog"
	"time"
)

// The types about case management across agencies.
const (
	TypeCaseLeadAssigned        EventType = "org.linkage.case.lead-assigned.v1"
	TypeCaseLeadAccepted        EventType = "org.linkage.case.lead-accepted.v1"
	TypeCaseTeamFormed          EventType = "org.linkage.case.team-formed.v1"
	TypeCaseContactLogged       EventType = "org.linkage.case.contact-logged.v1"
	TypeCaseSafetyConcernShared EventType = "org.linkage.case.safety-concern-shared.v1"
	TypeCaseClosed              EventType = "org.linkage.case.closed.v1"
	TypeCaseConferenceProposed  EventType = "org.linkage.case.conference-proposed.v1"
	TypeCaseConferenceScheduled EventType = "org.linkage.case.conference-scheduled.v1"
	TypeCaseConferenceHeld      EventType = "org.linkage.case.conference-held.v1"
	TypeCaseJeopardyDeclared    EventType = "org.linkage.case.jeopardy-declared.v1"
	TypeCaseJeopardyHeld        EventType = "org.linkage.case.jeopardy-held.v1"
	TypeCaseJeopardyResolved    EventType = "org.linkage.case.jeopardy-resolved.v1"
	TypeCasePlanShared          EventType = "org.linkage.case.plan-shared.v1"
	TypeCaseGoalUpdated         EventType = "org.linkage.case.goal-updated.v1"
	TypeCaseDisputeRaised       EventType = "org.linkage.case.dispute-raised.v1"
	TypeCaseDisputeResolved     EventType = "org.linkage.case.dispute-resolved.v1"
)

var caseTypes = []TypeInfo{
	is[CaseLeadAssigned](TypeCaseLeadAssigned, CategoryPlan),
	is[CaseLeadAccepted](TypeCaseLeadAccepted, CategoryPlan),
	is[CaseTeamFormed](TypeCaseTeamFormed, CategoryPlan),
	is[CaseContactLogged](TypeCaseContactLogged, CategoryProgress),
	is[CaseSafetyConcernShared](TypeCaseSafetyConcernShared, CategoryAssessment),
	is[CaseClosed](TypeCaseClosed, CategoryProgress),
	is[CaseConferenceProposed](TypeCaseConferenceProposed, CategoryPlan),
	is[CaseConferenceScheduled](TypeCaseConferenceScheduled, CategoryPlan),
	is[CaseConferenceHeld](TypeCaseConferenceHeld, CategoryPlan),
	is[CaseJeopardyDeclared](TypeCaseJeopardyDeclared, CategorySupervision),
	is[CaseJeopardyHeld](TypeCaseJeopardyHeld, CategorySupervision),
	is[CaseJeopardyResolved](TypeCaseJeopardyResolved, CategorySupervision),
	is[CasePlanShared](TypeCasePlanShared, CategoryPlan),
	is[CaseGoalUpdated](TypeCaseGoalUpdated, CategoryPlan),
	is[CaseDisputeRaised](TypeCaseDisputeRaised, CategoryReferral),
	is[CaseDisputeResolved](TypeCaseDisputeResolved, CategoryReferral),
}

// CaseLeadAssigned is the payload of [TypeCaseLeadAssigned]: one agency is named lead case planner; it leads
// from the day on which it accepts.
type CaseLeadAssigned struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The lead case planner's agency.
	Lead AgencyID `json:"lead"`
	// From when it would lead.
	From Date `json:"from"`
	// By when it answers.
	AcceptBy time.Time `json:"acceptBy"`
	// Who names it.
	AssignedBy AgencyID `json:"assignedBy"`
	// The person named.
	Worker Contact `json:"worker,omitzero"`
	// Behavioral health, community supervision or corrections can lead (CSG).
	Sector LeadSector `json:"sector,omitempty"`
	// Who leads until then, and goes on until acceptance.
	FormerLead AgencyID `json:"formerLead,omitempty"`
	// TIP 27 model of case management.
	Model CaseManagementModel `json:"model,omitempty"`
	// Who decides when the team cannot agree.
	DecisionAuthority AgencyID `json:"decisionAuthority,omitempty"`
	// The reason.
	Reason LeadReason `json:"reason,omitempty"`
	// The worker's caseload before this client.
	Caseload *int `json:"caseload,omitempty"`
	// The most clients that the agency gives one worker.
	CaseloadLimit *int `json:"caseloadLimit,omitempty"`
	// What the next lead must know.
	Handover string `json:"handover,omitempty"`
}

// LogValue shows ids only.
func (p CaseLeadAssigned) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// CaseLeadAccepted is the payload of [TypeCaseLeadAccepted]: the agency named has accepted and is the client's
// single point of contact.
type CaseLeadAccepted struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The lead case planner's agency.
	Lead AgencyID `json:"lead"`
	// Since when it leads.
	From Date `json:"from"`
	// The responsible person.
	Worker Contact `json:"worker"`
	// The assignment accepted.
	Assignment EventID `json:"assignment,omitempty"`
	// Who led until then.
	FormerLead AgencyID `json:"formerLead,omitempty"`
	// The worker's caseload with this client.
	Caseload *int `json:"caseload,omitempty"`
	// Whether the client knows whom to call.
	ClientTold *bool `json:"clientTold,omitempty"`
}

// LogValue shows ids only.
func (p CaseLeadAccepted) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "assignment", string(p.Assignment))
}

// CaseTeamFormed is the payload of [TypeCaseTeamFormed]: a team for one client: who, in which role, for which
// agency, and until when.
type CaseTeamFormed struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The members.
	Members []TeamMember `json:"members"`
	// Since when.
	FormedOn Date `json:"formedOn"`
	// Who decides when the team cannot agree.
	DecisionAuthority AgencyID `json:"decisionAuthority"`
	// The lead case planner's agency.
	Lead AgencyID `json:"lead,omitempty"`
	// When it dissolves at the latest.
	EndsOn Date `json:"endsOn,omitzero"`
	// The event that dissolves it.
	EndsWith string `json:"endsWith,omitempty"`
	// How often it meets.
	Meets Frequency `json:"meets,omitzero"`
	// What it is for.
	Purpose string `json:"purpose,omitempty"`
}

// LogValue shows ids only.
func (p CaseTeamFormed) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// CaseContactLogged is the payload of [TypeCaseContactLogged]: one line of the staff log: with whom, how long,
// to what end.
type CaseContactLogged struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The entry.
	Contact string `json:"contact"`
	// The day on which it happened.
	On Date `json:"on"`
	// Type of activity.
	Activity ContactActivity `json:"activity"`
	// The manner.
	Mode ContactMode `json:"mode"`
	// How long.
	DurationMinutes int `json:"durationMinutes"`
	// With whom.
	With []ContactWith `json:"with"`
	// What came of it.
	Result ContactResult `json:"result"`
	// Whether the plan foresaw it.
	Planned *bool `json:"planned,omitempty"`
	// The referral that it served.
	Referral string `json:"referral,omitempty"`
	// The person.
	By Contact `json:"by,omitzero"`
	// Next date that matters.
	Next NextDate `json:"next,omitzero"`
	// Tasks done with the client before contacting a resource (Ballew and Mink).
	Linking []LinkingTask `json:"linking,omitempty"`
	// For advocacy, how.
	Advocacy Advocacy `json:"advocacy,omitzero"`
	// What there is to say, in words.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p CaseContactLogged) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "contact", p.Contact, "referral", p.Referral)
}

// CaseSafetyConcernShared is the payload of [TypeCaseSafetyConcernShared]: somebody may come to harm, and a
// partner needs to know.
type CaseSafetyConcernShared struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The concern.
	Concern string `json:"concern"`
	// What is feared.
	Kind SafetyConcern `json:"kind"`
	// How great.
	Risk Risk `json:"risk"`
	// When it was noticed.
	ObservedAt time.Time `json:"observedAt"`
	// What was done.
	Action SafetyAction `json:"action"`
	// What the recipient is asked to do.
	AskedOfRecipient string `json:"askedOfRecipient,omitempty"`
	// Whether the supervising officer was asked about violence and help in a crisis.
	SupervisionOfficerAsked *bool `json:"supervisionOfficerAsked,omitempty"`
	// Whether it is over.
	Resolved *bool `json:"resolved,omitempty"`
	// Whom to call.
	Contact Contact `json:"contact,omitzero"`
	// The person.
	AtRisk PersonAtRisk `json:"atRisk,omitempty"`
	// Whether a report that the law demands was made (42 CFR 2.12(c)(6) for child abuse).
	ReportMade *bool `json:"reportMade,omitempty"`
	// What there is to say, in words.
	Details string `json:"details,omitempty"`
}

// LogValue shows ids only.
func (p CaseSafetyConcernShared) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "concern", p.Concern)
}

// CaseClosed is the payload of [TypeCaseClosed]: case management ends: a deliberate, reviewed end. A case
// taken up again is a new one.
type CaseClosed struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// Day of closing.
	ClosedOn Date `json:"closedOn"`
	// The reason.
	Reason CloseReason `json:"reason"`
	// Whether progress was reviewed and summed up with the client.
	ReviewedWithClient bool `json:"reviewedWithClient"`
	// The agency that led.
	Lead AgencyID `json:"lead,omitempty"`
	// When it began.
	OpenedOn Date `json:"openedOn,omitzero"`
	// Goals met.
	GoalsMet *int `json:"goalsMet,omitempty"`
	// Goals not met.
	GoalsUnmet *int `json:"goalsUnmet,omitempty"`
	// Contacts in all.
	Contacts *int `json:"contacts,omitempty"`
	// Referrals made.
	ReferralsMade *int `json:"referralsMade,omitempty"`
	// Referrals after which the service was received.
	ServicesReceived *int `json:"servicesReceived,omitempty"`
	// Whom the client can call.
	ReturnContact Contact `json:"returnContact,omitzero"`
	// What goes on.
	Continuing []ContinuingCare `json:"continuing,omitempty"`
	// Follow-up planned.
	FollowUpOn Date `json:"followUpOn,omitzero"`
	// What the client found helpful.
	Helpful string `json:"helpful,omitempty"`
	// What the client found not helpful.
	Unhelpful string `json:"unhelpful,omitempty"`
	// The client's satisfaction, 1 lowest to 5 highest.
	Satisfaction *int `json:"satisfaction,omitempty"`
	// NOMs at closing.
	Measures OutcomeMeasures `json:"measures,omitzero"`
	// What there is to say, in words.
	Summary string `json:"summary,omitempty"`
}

// LogValue shows ids only.
func (p CaseClosed) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// LeadSector is who leads a case (CSG, Collaborative Comprehensive Case Plans).
type LeadSector string

// The values of LeadSector.
const (
	LeadSectorBehavioralHealth     LeadSector = "behavioral-health"
	LeadSectorCommunitySupervision LeadSector = "community-supervision"
	LeadSectorCorrections          LeadSector = "corrections"
	LeadSectorCaseManagement       LeadSector = "case-management"
	LeadSectorOther                LeadSector = "other"
)

// Values lists them, as the schema does.
func (LeadSector) Values() []string {
	return values(
		LeadSectorBehavioralHealth, LeadSectorCommunitySupervision, LeadSectorCorrections,
		LeadSectorCaseManagement, LeadSectorOther,
	)
}

// CaseManagementModel is the models of TIP 27, figure 1-2.
type CaseManagementModel string

// The values of CaseManagementModel.
const (
	CaseManagementModelBrokerGeneralist            CaseManagementModel = "broker-generalist"
	CaseManagementModelStrengthsBased              CaseManagementModel = "strengths-based"
	CaseManagementModelAssertiveCommunityTreatment CaseManagementModel = "assertive-community-treatment"
	CaseManagementModelClinicalRehabilitation      CaseManagementModel = "clinical-rehabilitation"
)

// Values lists them, as the schema does.
func (CaseManagementModel) Values() []string {
	return values(
		CaseManagementModelBrokerGeneralist, CaseManagementModelStrengthsBased,
		CaseManagementModelAssertiveCommunityTreatment, CaseManagementModelClinicalRehabilitation,
	)
}

// LeadReason is why the lead is assigned.
type LeadReason string

// The values of LeadReason.
const (
	LeadReasonNewCase           LeadReason = "new-case"
	LeadReasonTransition        LeadReason = "transition" // the client moves between settings
	LeadReasonClientChoice      LeadReason = "client-choice"
	LeadReasonAgencyLeaving     LeadReason = "agency-leaving"
	LeadReasonCaseload          LeadReason = "caseload"
	LeadReasonDisputeResolution LeadReason = "dispute-resolution"
)

// Values lists them, as the schema does.
func (LeadReason) Values() []string {
	return values(
		LeadReasonNewCase, LeadReasonTransition, LeadReasonClientChoice, LeadReasonAgencyLeaving,
		LeadReasonCaseload, LeadReasonDisputeResolution,
	)
}

// TeamMember is a member of a team.
type TeamMember struct {
	// On whose behalf.
	Agency AgencyID `json:"agency"`
	// In which role.
	Role TeamRole `json:"role"`
	// The person.
	Worker Contact `json:"worker,omitzero"`
	// Whether the member has a say in decisions.
	Decides *bool `json:"decides,omitempty"`
	// Since when.
	JoinedOn Date `json:"joinedOn,omitzero"`
}

// LogValue shows ids only.
func (p TeamMember) LogValue() slog.Value { return loggedIDs() }

// TeamRole is a role in the work with one client, without rank.
type TeamRole string

// The values of TeamRole.
const (
	TeamRoleClient             TeamRole = "client"
	TeamRoleCaseManager        TeamRole = "case-manager"
	TeamRoleCounselor          TeamRole = "counselor"
	TeamRolePhysician          TeamRole = "physician"
	TeamRoleNurse              TeamRole = "nurse"
	TeamRolePeer               TeamRole = "peer"
	TeamRoleProbationOfficer   TeamRole = "probation-officer"
	TeamRoleParoleOfficer      TeamRole = "parole-officer"
	TeamRoleJudge              TeamRole = "judge"
	TeamRoleProsecutor         TeamRole = "prosecutor"
	TeamRoleDefense            TeamRole = "defense"
	TeamRoleCourtCoordinator   TeamRole = "court-coordinator"
	TeamRoleHousingWorker      TeamRole = "housing-worker"
	TeamRoleChildWelfareWorker TeamRole = "child-welfare-worker"
	TeamRoleEmploymentWorker   TeamRole = "employment-worker"
	TeamRoleFamily             TeamRole = "family"
	TeamRoleInformalSupport    TeamRole = "informal-support"
	TeamRoleOther              TeamRole = "other"
)

// Values lists them, as the schema does.
func (TeamRole) Values() []string {
	return values(
		TeamRoleClient, TeamRoleCaseManager, TeamRoleCounselor, TeamRolePhysician, TeamRoleNurse,
		TeamRolePeer, TeamRoleProbationOfficer, TeamRoleParoleOfficer, TeamRoleJudge, TeamRoleProsecutor,
		TeamRoleDefense, TeamRoleCourtCoordinator, TeamRoleHousingWorker, TeamRoleChildWelfareWorker,
		TeamRoleEmploymentWorker, TeamRoleFamily, TeamRoleInformalSupport, TeamRoleOther,
	)
}
