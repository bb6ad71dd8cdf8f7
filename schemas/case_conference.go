package schemas

import (
	"log/slog"
	"time"
)

// CaseConferenceProposed is the payload of [TypeCaseConferenceProposed]: an agency asks for a case conference.
type CaseConferenceProposed struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The conference.
	Conference string `json:"conference"`
	// The reason.
	Reason ConferenceReason `json:"reason"`
	// Times proposed.
	Options []time.Time `json:"options"`
	// By when invitees answer.
	RespondBy time.Time `json:"respondBy"`
	// Who asks.
	ProposedBy AgencyID `json:"proposedBy"`
	// How to take part.
	Mode ContactMode `json:"mode,omitempty"`
	// Who should come.
	Invited []TeamRole `json:"invited,omitempty"`
	// The dispute that it is to settle.
	Dispute string `json:"dispute,omitempty"`
	// Points to discuss.
	Agenda string `json:"agenda,omitempty"`
}

// LogValue shows ids only.
func (p CaseConferenceProposed) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "conference", p.Conference, "dispute", p.Dispute)
}

// CaseConferenceScheduled is the payload of [TypeCaseConferenceScheduled]: a case conference has a time.
type CaseConferenceScheduled struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The conference.
	Conference string `json:"conference"`
	// The time set.
	At time.Time `json:"at"`
	// How long.
	DurationMinutes int `json:"durationMinutes"`
	// Where, and how one takes part.
	Place Place `json:"place"`
	// Who should come.
	Invited []TeamRole `json:"invited,omitempty"`
	// Who leads it.
	Chair AgencyID `json:"chair,omitempty"`
	// Days of notice given; ten are usual for caseload conferences.
	NoticeDays *int `json:"noticeDays,omitempty"`
	// Whether the client is invited.
	ClientInvited *bool `json:"clientInvited,omitempty"`
	// The time that no longer stands, when moved.
	ReplacesTime time.Time `json:"replacesTime,omitzero"`
	// Points to discuss.
	Agenda string `json:"agenda,omitempty"`
}

// LogValue shows ids only.
func (p CaseConferenceScheduled) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "conference", p.Conference)
}

// CaseConferenceHeld is the payload of [TypeCaseConferenceHeld]: what a case conference decided, or that it
// did not take place.
type CaseConferenceHeld struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The conference.
	Conference string `json:"conference"`
	// The day.
	On Date `json:"on"`
	// What became of it.
	Outcome ConferenceOutcome `json:"outcome"`
	// Who came, by role.
	Attended []TeamRole `json:"attended,omitempty"`
	// Whether the client was there.
	ClientPresent bool `json:"clientPresent"`
	// Who was invited and did not come.
	Absent []TeamRole `json:"absent,omitempty"`
	// Whether the plan changes.
	PlanChanged *bool `json:"planChanged,omitempty"`
	// Next date that matters.
	Next NextDate `json:"next,omitzero"`
	// Who does what until when.
	Decisions []Decision `json:"decisions,omitempty"`
	// What there is to say, in words.
	Summary string `json:"summary,omitempty"`
}

// LogValue shows ids only.
func (p CaseConferenceHeld) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "conference", p.Conference)
}

// CaseJeopardyDeclared is the payload of [TypeCaseJeopardyDeclared]: criteria of success are broken: a
// jeopardy meeting is called (TASC). The third can end the program.
type CaseJeopardyDeclared struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The jeopardy.
	Jeopardy string `json:"jeopardy"`
	// First, second or third.
	Number int `json:"number"`
	// Criteria of success broken.
	Criteria []JeopardyCriterion `json:"criteria"`
	// By when the meeting is held.
	DueOn Date `json:"dueOn"`
	// Day of the declaration.
	DeclaredOn Date `json:"declaredOn"`
	// Who calls it.
	DeclaredBy AgencyID `json:"declaredBy"`
	// What it can lead to.
	Consequence JeopardyConsequence `json:"consequence,omitempty"`
	// The meeting, when it has a time.
	MeetingAt time.Time `json:"meetingAt,omitzero"`
	// Client, case manager, counselor, officer, others.
	Invited []TeamRole `json:"invited,omitempty"`
	// When the client was told.
	ClientToldOn Date `json:"clientToldOn,omitzero"`
}

// LogValue shows ids only.
func (p CaseJeopardyDeclared) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "jeopardy", p.Jeopardy)
}

// CaseJeopardyHeld is the payload of [TypeCaseJeopardyHeld]: the jeopardy meeting took place, or did not, and
// what the client agreed to.
type CaseJeopardyHeld struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The jeopardy.
	Jeopardy string `json:"jeopardy"`
	// First, second or third.
	Number int `json:"number"`
	// The day.
	On Date `json:"on"`
	// Who came, by role.
	Attended []TeamRole `json:"attended,omitempty"`
	// What came of it.
	Outcome JeopardyMeetingOutcome `json:"outcome"`
	// The written agreement.
	Contract Contract `json:"contract,omitzero"`
	// Next date that matters.
	Next NextDate `json:"next,omitzero"`
	// What there is to say, in words.
	Summary string `json:"summary,omitempty"`
}

// LogValue shows ids only.
func (p CaseJeopardyHeld) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "jeopardy", p.Jeopardy)
}

// CaseJeopardyResolved is the payload of [TypeCaseJeopardyResolved]: a jeopardy is cured, or ends the program.
type CaseJeopardyResolved struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The jeopardy.
	Jeopardy string `json:"jeopardy"`
	// First, second or third.
	Number int `json:"number"`
	// Day on which it ended.
	ResolvedOn Date `json:"resolvedOn"`
	// Cured or terminated.
	Outcome JeopardyOutcome `json:"outcome"`
	// Whether the contract was kept.
	ContractKept *bool `json:"contractKept,omitempty"`
	// Criteria met again.
	CriteriaMet []string `json:"criteriaMet,omitempty"`
	// To whom the case returns when terminated.
	ReturnedTo JusticeRole `json:"returnedTo,omitempty"`
	// Next date that matters.
	Next NextDate `json:"next,omitzero"`
}

// LogValue shows ids only.
func (p CaseJeopardyResolved) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "jeopardy", p.Jeopardy)
}

// ConferenceReason is why a case conference is asked for.
type ConferenceReason string

// The values of ConferenceReason.
const (
	ConferenceReasonAttendanceLapse ConferenceReason = "attendance-lapse"
	ConferenceReasonPoorProgress    ConferenceReason = "poor-progress"
	ConferenceReasonCrisis          ConferenceReason = "crisis"
	ConferenceReasonTransition      ConferenceReason = "transition" // a change of setting or level is near
	ConferenceReasonRelease         ConferenceReason = "release"    // release from custody is near
	ConferenceReasonScheduled       ConferenceReason = "scheduled"  // the regular one
	ConferenceReasonPlanReview      ConferenceReason = "plan-review"
	ConferenceReasonDispute         ConferenceReason = "dispute"
	ConferenceReasonSafety          ConferenceReason = "safety"
)

// Values lists them, as the schema does.
func (ConferenceReason) Values() []string {
	return values(
		ConferenceReasonAttendanceLapse, ConferenceReasonPoorProgress, ConferenceReasonCrisis,
		ConferenceReasonTransition, ConferenceReasonRelease, ConferenceReasonScheduled,
		ConferenceReasonPlanReview, ConferenceReasonDispute, ConferenceReasonSafety,
	)
}

// ConferenceOutcome is what became of a conference.
type ConferenceOutcome string

// The values of ConferenceOutcome.
const (
	ConferenceOutcomeHeld      ConferenceOutcome = "held"
	ConferenceOutcomePostponed ConferenceOutcome = "postponed"
	ConferenceOutcomeNotHeld   ConferenceOutcome = "not-held"
)

// Values lists them, as the schema does.
func (ConferenceOutcome) Values() []string {
	return values(ConferenceOutcomeHeld, ConferenceOutcomePostponed, ConferenceOutcomeNotHeld)
}

// Decision is one decision and who carries it out.
type Decision struct {
	// What it is.
	Text string `json:"text"`
	// The person.
	Owner AgencyID `json:"owner"`
	// In which role.
	Role TeamRole `json:"role,omitempty"`
	// Until when.
	DueOn Date `json:"dueOn,omitzero"`
	// The goal that it serves.
	Goal string `json:"goal,omitempty"`
}

// LogValue shows ids only.
func (p Decision) LogValue() slog.Value { return loggedIDs("goal", p.Goal) }

// JeopardyCriterion is one criterion of success that was broken.
type JeopardyCriterion struct {
	// What it is.
	Kind BehaviourKind `json:"kind"`
	// The day on which it happened.
	ObservedOn Date `json:"observedOn"`
	// The criterion's words, such as two unexcused absences in 30 days.
	Limit string `json:"limit,omitempty"`
	// How often.
	Count *int `json:"count,omitempty"`
	// The events that show it.
	Events []EventID `json:"events,omitempty"`
	// For testing, what was found.
	TestFinding TestFinding `json:"testFinding,omitempty"`
}

// LogValue shows ids only.
func (p JeopardyCriterion) LogValue() slog.Value { return loggedIDs() }

// JeopardyConsequence is what a jeopardy can lead to.
type JeopardyConsequence string

// The values of JeopardyConsequence.
const (
	JeopardyConsequenceWarning     JeopardyConsequence = "warning"     // usually the first
	JeopardyConsequenceContract    JeopardyConsequence = "contract"    // usually the second: a contract, higher intensity
	JeopardyConsequenceTermination JeopardyConsequence = "termination" // usually the third: return to the justice source
)

// Values lists them, as the schema does.
func (JeopardyConsequence) Values() []string {
	return values(JeopardyConsequenceWarning, JeopardyConsequenceContract, JeopardyConsequenceTermination)
}

// Contract is a written agreement about behaviour.
type Contract struct {
	// What the client does.
	Terms []string `json:"terms"`
	// Whether the client accepted in writing.
	AcceptedByClient bool `json:"acceptedByClient"`
	// The day on which it happened.
	SignedOn Date `json:"signedOn"`
	// What the agencies do.
	AgenciesDo []string `json:"agenciesDo,omitempty"`
	// When it is looked at again.
	ReviewOn Date `json:"reviewOn,omitzero"`
	// Last day.
	EndsOn Date `json:"endsOn,omitzero"`
	// The signed paper.
	Document Attachment `json:"document,omitzero"`
}

// LogValue shows ids only.
func (p Contract) LogValue() slog.Value { return loggedIDs() }

// JeopardyMeetingOutcome is what came of a jeopardy meeting.
type JeopardyMeetingOutcome string

// The values of JeopardyMeetingOutcome.
const (
	JeopardyMeetingOutcomeAgreed       JeopardyMeetingOutcome = "agreed"     // contract accepted
	JeopardyMeetingOutcomeNotAgreed    JeopardyMeetingOutcome = "not-agreed" // the client did not accept
	JeopardyMeetingOutcomeClientAbsent JeopardyMeetingOutcome = "client-absent"
	JeopardyMeetingOutcomePostponed    JeopardyMeetingOutcome = "postponed"
	JeopardyMeetingOutcomeWithdrawn    JeopardyMeetingOutcome = "withdrawn" // no criterion was broken after all
)

// Values lists them, as the schema does.
func (JeopardyMeetingOutcome) Values() []string {
	return values(
		JeopardyMeetingOutcomeAgreed, JeopardyMeetingOutcomeNotAgreed, JeopardyMeetingOutcomeClientAbsent,
		JeopardyMeetingOutcomePostponed, JeopardyMeetingOutcomeWithdrawn,
	)
}

// JeopardyOutcome is how a jeopardy ended.
type JeopardyOutcome string

// The values of JeopardyOutcome.
const (
	JeopardyOutcomeCured      JeopardyOutcome = "cured"
	JeopardyOutcomeTerminated JeopardyOutcome = "terminated"
)

// Values lists them, as the schema does.
func (JeopardyOutcome) Values() []string {
	return values(JeopardyOutcomeCured, JeopardyOutcomeTerminated)
}
