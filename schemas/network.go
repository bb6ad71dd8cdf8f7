package schemas

import (
	"log/slog"
	"time"
)

// The event types of this noun. What each means stands at its payload.
const (
	TypeNetworkMemberInvited   EventType = "org.linkage.network.member-invited.v1"
	TypeNetworkMemberJoined    EventType = "org.linkage.network.member-joined.v1"
	TypeNetworkMemberSuspended EventType = "org.linkage.network.member-suspended.v1"
	TypeNetworkMemberLeft      EventType = "org.linkage.network.member-left.v1"
	TypeNetworkCharterProposed EventType = "org.linkage.network.charter-proposed.v1"
	TypeNetworkCharterSigned   EventType = "org.linkage.network.charter-signed.v1"
	TypeNetworkReportSubmitted EventType = "org.linkage.network.report-submitted.v1"
	TypeNetworkCanarySent      EventType = "org.linkage.network.canary-sent.v1"
	TypeNetworkEventsNeeded    EventType = "org.linkage.network.events-needed.v1"
)

var networkTypes = []TypeInfo{
	is[NetworkMemberInvited](TypeNetworkMemberInvited, CategoryCharter),
	is[NetworkMemberJoined](TypeNetworkMemberJoined, CategoryCharter),
	is[NetworkMemberSuspended](TypeNetworkMemberSuspended, CategoryCharter),
	is[NetworkMemberLeft](TypeNetworkMemberLeft, CategoryCharter),
	is[NetworkCharterProposed](TypeNetworkCharterProposed, CategoryCharter),
	is[NetworkCharterSigned](TypeNetworkCharterSigned, CategoryCharter),
	is[NetworkReportSubmitted](TypeNetworkReportSubmitted, CategoryCharter),
	is[NetworkCanarySent](TypeNetworkCanarySent, CategoryCharter),
	is[NetworkEventsNeeded](TypeNetworkEventsNeeded, CategoryCharter),
	is[NetworkAgencyRestored](TypeNetworkAgencyRestored, CategoryCharter),
	is[NetworkAgencySupplied](TypeNetworkAgencySupplied, CategoryCharter),
	is[NetworkRecordsReturned](TypeNetworkRecordsReturned, CategoryCharter),
}

// NetworkRole is what an agency is in a network.
type NetworkRole string

// The values of NetworkRole.
const (
	NetworkRoleMember NetworkRole = "member"
	// decides about admission, suspension and the charter
	NetworkRoleLead     NetworkRole = "lead"
	NetworkRoleObserver NetworkRole = "observer" // receives reports, no events about clients
)

// Values lists them, as the schema does.
func (NetworkRole) Values() []string {
	return values(NetworkRoleMember, NetworkRoleLead, NetworkRoleObserver)
}

// NetworkMemberInvited says that an agency may join. The code with which it joins is not in it.
type NetworkMemberInvited struct {
	// The agency that it concerns.
	Agency AgencyID `json:"agency"`
	// Its name.
	Name string `json:"name"`
	// As what.
	Role NetworkRole `json:"role"`
	// Until when the invitation holds.
	ExpiresAt time.Time `json:"expiresAt"`
	// Who invited it.
	InvitedBy Contact `json:"invitedBy,omitzero"`
}

// NetworkMemberJoined says that an agency has joined. A new member never widens an old consent.
type NetworkMemberJoined struct {
	// The agency that it concerns.
	Agency AgencyID `json:"agency"`
	// As what.
	Role NetworkRole `json:"role"`
	// When.
	JoinedAt time.Time `json:"joinedAt"`
	// SHA-256 of its card.
	Card Hash `json:"card"`
	// Its name.
	Name string `json:"name,omitempty"`
	// Its programs.
	Programs []ProgramRef `json:"programs,omitempty"`
	// Whom to call about the link.
	Contact Contact `json:"contact,omitzero"`
	// Its privacy officer.
	PrivacyOfficer Contact `json:"privacyOfficer,omitzero"`
}

// NetworkSuspension is why a member was suspended.
type NetworkSuspension string

// The values of NetworkSuspension.
const (
	NetworkSuspensionKeyCompromised   NetworkSuspension = "key-compromised"
	NetworkSuspensionBreach           NetworkSuspension = "breach"
	NetworkSuspensionCharterViolation NetworkSuspension = "charter-violation"
	NetworkSuspensionOwnRequest       NetworkSuspension = "own-request"
	NetworkSuspensionUnreachable      NetworkSuspension = "unreachable"
	NetworkSuspensionAgreementLapsed  NetworkSuspension = "agreement-lapsed"
)

// Values lists them, as the schema does.
func (NetworkSuspension) Values() []string {
	return values(
		NetworkSuspensionKeyCompromised, NetworkSuspensionBreach, NetworkSuspensionCharterViolation,
		NetworkSuspensionOwnRequest, NetworkSuspensionUnreachable, NetworkSuspensionAgreementLapsed,
	)
}

// NetworkMemberSuspended says that nothing more goes to or comes from a member, its revocations aside.
type NetworkMemberSuspended struct {
	// The agency that it concerns.
	Agency AgencyID `json:"agency"`
	// From when.
	SuspendedAt time.Time `json:"suspendedAt"`
	// Why.
	Reason NetworkSuspension `json:"reason"`
	// Until when; absent while that is open.
	Until Date `json:"until,omitzero"`
	// Who decided.
	DecidedBy Contact `json:"decidedBy,omitzero"`
}

// NetworkLeaving is how a member left.
type NetworkLeaving string

// The values of NetworkLeaving.
const (
	NetworkLeavingOrderly  NetworkLeaving = "orderly"  // open referrals are handed over
	NetworkLeavingVanished NetworkLeaving = "vanished" // it does not answer any more
	NetworkLeavingExpelled NetworkLeaving = "expelled"
)

// Values lists them, as the schema does.
func (NetworkLeaving) Values() []string {
	return values(NetworkLeavingOrderly, NetworkLeavingVanished, NetworkLeavingExpelled)
}

// NetworkHandOver says how many open referrals went to which agency; which, the agencies know.
type NetworkHandOver struct {
	// The agency that goes on with them.
	To AgencyID `json:"to"`
	// How many.
	Count int `json:"count"`
}

// LogValue shows ids only.
func (p NetworkHandOver) LogValue() slog.Value { return loggedIDs("to", string(p.To)) }

// NetworkMemberLeft says that a member is gone.
type NetworkMemberLeft struct {
	// The agency that it concerns.
	Agency AgencyID `json:"agency"`
	// From when.
	LeftAt time.Time `json:"leftAt"`
	// How.
	How NetworkLeaving `json:"how"`
	// What became of its open referrals, in numbers.
	HandedOver []NetworkHandOver `json:"handedOver,omitempty"`
	// How many referrals stay open.
	Open *int `json:"open,omitempty"`
	// Whom to ask for its records.
	RecordsContact Contact `json:"recordsContact,omitzero"`
}

// NetworkStandard is one response time that the charter sets.
type NetworkStandard struct {
	// Which clock.
	Clock ClockKind `json:"clock"`
	// For referrals of which urgency; absent means all.
	Urgency string `json:"urgency,omitempty"`
	// Within how many hours.
	Hours int `json:"hours"`
	// Whether only business hours count.
	BusinessHours bool `json:"businessHours"`
}

// LogValue shows ids only.
func (p NetworkStandard) LogValue() slog.Value { return loggedIDs() }

// NetworkEscalation is one rung of the ladder on which a dispute or an overdue answer climbs.
type NetworkEscalation struct {
	// The rung, from 1.
	Level int `json:"level"`
	// Who is asked.
	Role string `json:"role"`
	// After how many hours on the rung below.
	AfterHours int `json:"afterHours"`
}

// LogValue shows ids only.
func (p NetworkEscalation) LogValue() slog.Value { return loggedIDs() }

// NetworkCharterProposed puts a charter, or a change of it, before the members.
type NetworkCharterProposed struct {
	// The charter's id.
	Charter string `json:"charter"`
	// Its version.
	Version int `json:"version"`
	// SHA-256 of the signed prose.
	Document Hash `json:"document"`
	// Its title.
	Title string `json:"title"`
	// The categories that may travel.
	Categories []Category `json:"categories"`
	// The purposes for which they may.
	Purposes []Purpose `json:"purposes"`
	// By when the members sign or object.
	AnswerBy time.Time `json:"answerBy"`
	// From which day it would hold.
	EffectiveOn Date `json:"effectiveOn,omitzero"`
	// By when it is reviewed.
	ReviewBy Date `json:"reviewBy,omitzero"`
	// The response times.
	Standards []NetworkStandard `json:"standards,omitempty"`
	// The ladder.
	Escalation []NetworkEscalation `json:"escalation,omitempty"`
	// The lead agency.
	Lead AgencyID `json:"lead,omitempty"`
	// What changes, in words.
	Changes string `json:"changes,omitempty"`
}

// NetworkSigning is a member's word on a charter.
type NetworkSigning string

// The values of NetworkSigning.
const (
	NetworkSigningSigned    NetworkSigning = "signed"
	NetworkSigningObjected  NetworkSigning = "objected"
	NetworkSigningAbstained NetworkSigning = "abstained"
)

// Values lists them, as the schema does.
func (NetworkSigning) Values() []string {
	return values(NetworkSigningSigned, NetworkSigningObjected, NetworkSigningAbstained)
}

// NetworkCharterSigned is a member's word on a charter, given by a person with authority who has read the
// prose.
type NetworkCharterSigned struct {
	// The charter's id.
	Charter string `json:"charter"`
	// Its version.
	Version int `json:"version"`
	// SHA-256 of the signed prose.
	Document Hash `json:"document"`
	// The member.
	Agency AgencyID `json:"agency"`
	// Its word.
	Answer NetworkSigning `json:"answer"`
	// Who signed, with the office that gives authority.
	SignedBy Contact `json:"signedBy"`
	// On which day.
	SignedOn Date `json:"signedOn"`
	// The objection.
	Objection string `json:"objection,omitempty"`
}

// NetworkMeasure is one number of a report. Cells below the network's threshold are suppressed.
type NetworkMeasure struct {
	// What was measured, such as loop-closure-30-days.
	Code string `json:"code"`
	// How many; absent when suppressed.
	Numerator *int `json:"numerator,omitempty"`
	// Of how many; absent when suppressed.
	Denominator *int `json:"denominator,omitempty"`
	// The value, when it is not a share: days, hours.
	Value *float64 `json:"value,omitempty"`
	// The unit of the value in UCUM.
	Unit string `json:"unit,omitempty"`
	// Whether it was left out because too few people stand behind it.
	Suppressed bool `json:"suppressed"`
	// The group that it is about.
	Group string `json:"group,omitempty"`
}

// LogValue shows ids only.
func (p NetworkMeasure) LogValue() slog.Value { return loggedIDs() }

// NetworkReportSubmitted is a member's numbers for a period: no client, no small cells.
type NetworkReportSubmitted struct {
	// The report's id.
	Report string `json:"report"`
	// Which report.
	Kind string `json:"kind"`
	// The days that it covers.
	Period Days `json:"period"`
	// The numbers.
	Measures []NetworkMeasure `json:"measures"`
	// Cells with fewer people are suppressed.
	SmallestCell int `json:"smallestCell"`
	// Who prepared it.
	PreparedBy Contact `json:"preparedBy,omitzero"`
	// The report that it corrects.
	Corrects string `json:"corrects,omitempty"`
}

// NetworkCanarySent is an agency's message to itself. When it comes back, the line works.
type NetworkCanarySent struct {
	// A random word, so that no two are alike.
	Nonce string `json:"nonce"`
	// When it was sent.
	SentAt time.Time `json:"sentAt"`
	// The version of the agent that sent it.
	Version string `json:"version,omitempty"`
}

// NetworkEventsNeeded asks a sender for what its chain lacks here.
type NetworkEventsNeeded struct {
	// The sender's chain.
	Chain ULID `json:"chain"`
	// The first sequence that is missing.
	From uint64 `json:"from"`
	// The last sequence that is missing.
	To uint64 `json:"to"`
}
