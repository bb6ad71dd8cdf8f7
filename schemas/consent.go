package schemas

import (
	"log/slog"
	"time"
)

// The event types of this noun. What each means stands at its payload.
const (
	TypeConsentRecorded        EventType = "org.linkage.consent.recorded.v1"
	TypeConsentRequested       EventType = "org.linkage.consent.requested.v1"
	TypeConsentRequestAnswered EventType = "org.linkage.consent.request-answered.v1"
	TypeConsentSuperseded      EventType = "org.linkage.consent.superseded.v1"
	TypeConsentExpired         EventType = "org.linkage.consent.expired.v1"
)

var consentTypes = []TypeInfo{
	is[ConsentRecorded](TypeConsentRecorded, CategoryConsent),
	is[ConsentRequested](TypeConsentRequested, CategoryConsent),
	is[ConsentRequestAnswered](TypeConsentRequestAnswered, CategoryConsent),
	is[ConsentSuperseded](TypeConsentSuperseded, CategoryConsent),
	is[ConsentExpired](TypeConsentExpired, CategoryConsent),
}

// ConsentKind is which rule a consent follows. Proceedings and counseling notes may not be combined with
// any other.
type ConsentKind string

// The values of ConsentKind.
const (
	ConsentKindPart2Disclosure ConsentKind = "part2-disclosure" // 42 CFR 2.31
	// 2.31(a)(4)(i), (a)(5)(ii): once for treatment, payment and operations
	ConsentKindPart2TPO             ConsentKind = "part2-tpo"
	ConsentKindPart2CounselingNotes ConsentKind = "part2-counseling-notes" // 2.31(b)
	ConsentKindPart2Proceedings     ConsentKind = "part2-proceedings"      // 2.31(d)
	ConsentKindPart2CriminalJustice ConsentKind = "part2-criminal-justice" // 2.35
	ConsentKindPart2Registry        ConsentKind = "part2-registry"         // 2.34
	ConsentKindRelease              ConsentKind = "release"                // of an agency that is not a part 2 program
)

// Values lists them, as the schema does.
func (ConsentKind) Values() []string {
	return values(
		ConsentKindPart2Disclosure, ConsentKindPart2TPO, ConsentKindPart2CounselingNotes,
		ConsentKindPart2Proceedings, ConsentKindPart2CriminalJustice, ConsentKindPart2Registry, ConsentKindRelease,
	)
}

// ConsentMonitorRole is the duty to monitor that makes somebody a recipient under 42 CFR 2.35(a)(1).
type ConsentMonitorRole string

// The values of ConsentMonitorRole.
const (
	ConsentMonitorRoleProsecutor ConsentMonitorRole = "prosecutor"
	ConsentMonitorRoleCourt      ConsentMonitorRole = "court"
	ConsentMonitorRoleProbation  ConsentMonitorRole = "probation"
	ConsentMonitorRoleParole     ConsentMonitorRole = "parole"
	ConsentMonitorRolePretrial   ConsentMonitorRole = "pretrial" // pretrial services
)

// Values lists them, as the schema does.
func (ConsentMonitorRole) Values() []string {
	return values(
		ConsentMonitorRoleProsecutor, ConsentMonitorRoleCourt, ConsentMonitorRoleProbation, ConsentMonitorRoleParole,
		ConsentMonitorRolePretrial,
	)
}

// ConsentRecipient is one to whom a consent lets information go (42 CFR 2.31(a)(4)), with what for what. A
// class names nobody until a person has said who belongs to it.
type ConsentRecipient struct {
	// The agency, when it is named and in the network.
	Agency AgencyID `json:"agency,omitempty"`
	// The name as it stands in the consent.
	Name string `json:"name"`
	// Whether the name is a class of persons, such as: my treating providers.
	IsClass bool `json:"isClass"`
	// What it may have.
	Categories []Category `json:"categories"`
	// What for.
	Purposes []Purpose `json:"purposes"`
	// Its duty under 2.35.
	MonitorRole ConsentMonitorRole `json:"monitorRole,omitempty"`
}

// LogValue shows ids only.
func (p ConsentRecipient) LogValue() slog.Value { return loggedIDs("agency", string(p.Agency)) }

// ConsentIntermediary is an intermediary that a consent names (42 CFR 2.31(a)(4)(ii)).
type ConsentIntermediary struct {
	// The name.
	Name string `json:"name"`
	// The member participants by name.
	Members []string `json:"members,omitempty"`
	// Or a general designation of those who treat the client.
	Designation string `json:"designation,omitempty"`
}

// LogValue shows ids only.
func (p ConsentIntermediary) LogValue() slog.Value { return loggedIDs() }

// ConsentCapacity is as what somebody signed (42 CFR 2.14, 2.15).
type ConsentCapacity string

// The values of ConsentCapacity.
const (
	ConsentCapacityClient                 ConsentCapacity = "client"
	ConsentCapacityParent                 ConsentCapacity = "parent"
	ConsentCapacityGuardian               ConsentCapacity = "guardian"
	ConsentCapacityPersonalRepresentative ConsentCapacity = "personal-representative"
)

// Values lists them, as the schema does.
func (ConsentCapacity) Values() []string {
	return values(
		ConsentCapacityClient, ConsentCapacityParent, ConsentCapacityGuardian, ConsentCapacityPersonalRepresentative,
	)
}

// ConsentSigning is how a consent was signed.
type ConsentSigning string

// The values of ConsentSigning.
const (
	ConsentSigningInk        ConsentSigning = "ink" // on paper
	ConsentSigningElectronic ConsentSigning = "electronic"
	ConsentSigningMark       ConsentSigning = "mark" // a mark before a witness
)

// Values lists them, as the schema does.
func (ConsentSigning) Values() []string {
	return values(ConsentSigningInk, ConsentSigningElectronic, ConsentSigningMark)
}

// ConsentSignature is one signature under a consent (42 CFR 2.31(a)(8), (9)).
type ConsentSignature struct {
	// Who signed.
	Name PersonName `json:"name"`
	// As what.
	Capacity ConsentCapacity `json:"capacity"`
	// How.
	Method ConsentSigning `json:"method"`
	// On which day.
	SignedOn Date `json:"signedOn"`
	// Before whom.
	Witness string `json:"witness,omitempty"`
}

// LogValue shows ids only.
func (p ConsentSignature) LogValue() slog.Value { return loggedIDs() }

// ConsentStatement is a statement that the rule wants in the text of a consent.
type ConsentStatement string

// The values of ConsentStatement.
const (
	ConsentStatementRightToRevoke         ConsentStatement = "right-to-revoke"        // 42 CFR 2.31(a)(6); not in a 2.35 consent
	ConsentStatementHIPAARedisclosure     ConsentStatement = "hipaa-redisclosure"     // 2.31(a)(4)(iii)
	ConsentStatementRedisclosurePotential ConsentStatement = "redisclosure-potential" // 2.31(a)(10)(i)
	ConsentStatementRefusalConsequences   ConsentStatement = "refusal-consequences"   // 2.31(a)(10)(ii)
	ConsentStatementFundraisingOptOut     ConsentStatement = "fundraising-opt-out"    // 2.31(a)(5)(iii)
	ConsentStatementRevocableWhen         ConsentStatement = "revocable-when"         // 2.35(c): upon a time or an ascertainable event
)

// Values lists them, as the schema does.
func (ConsentStatement) Values() []string {
	return values(
		ConsentStatementRightToRevoke, ConsentStatementHIPAARedisclosure, ConsentStatementRedisclosurePotential,
		ConsentStatementRefusalConsequences, ConsentStatementFundraisingOptOut, ConsentStatementRevocableWhen,
	)
}

// ConsentJustice is what a consent under 42 CFR 2.35 states besides.
type ConsentJustice struct {
	// The case.
	CaseReference string `json:"caseReference"`
	// The condition of disposition or release that makes participation mandatory.
	Condition string `json:"condition"`
	// The first day.
	EffectiveFrom Date `json:"effectiveFrom"`
	// The last day of a reasonable period (2.35(b)).
	EffectiveTo Date `json:"effectiveTo,omitzero"`
	// The day from which it is revocable (2.35(c)).
	RevocableAfter Date `json:"revocableAfter,omitzero"`
	// Or the event upon which it is revocable.
	RevocableEvent string `json:"revocableEvent,omitempty"`
	// The final disposition, after which it is over in any case.
	FinalDisposition string `json:"finalDisposition"`
	// The order that sets the condition.
	ConditionDocument Attachment `json:"conditionDocument,omitzero"`
}

// LogValue shows ids only.
func (p ConsentJustice) LogValue() slog.Value { return loggedIDs() }

// ConsentRegistry is what a consent under 42 CFR 2.34 lists: registries and programs against double
// enrolment.
type ConsentRegistry struct {
	// Name and address of each registry and each known program.
	Names []string `json:"names"`
}

// LogValue shows ids only.
func (p ConsentRegistry) LogValue() slog.Value { return loggedIDs() }

// ConsentRecorded is the copy of a consent that a client signed, element by element of 42 CFR 2.31(a). It
// never changes: it is finished by expiry, revocation or supersession.
type ConsentRecorded struct {
	// The consent's id.
	Consent string `json:"consent"`
	// Which rule it follows.
	Kind ConsentKind `json:"kind"`
	// (1) The name of the patient.
	Client PersonName `json:"client"`
	// (2) Who may disclose, by name or class.
	Disclosers []string `json:"disclosers"`
	// The same, as far as they are in the network.
	DisclosingAgencies []AgencyID `json:"disclosingAgencies,omitempty"`
	// (3) What may be disclosed, in the words of the consent.
	Information string `json:"information"`
	// (4) To whom, what, and what for.
	Recipients []ConsentRecipient `json:"recipients"`
	// (4)(ii) The intermediary.
	Intermediary ConsentIntermediary `json:"intermediary,omitzero"`
	// (5) Each purpose, in the words of the consent.
	PurposeText string `json:"purposeText"`
	// Whether the client initiated it, so that no other purpose need be stated.
	AtClientsRequest *bool `json:"atClientsRequest,omitempty"`
	// The statements that its text contains.
	Statements []ConsentStatement `json:"statements,omitempty"`
	// (6) How it is revoked.
	RevocationHow string `json:"revocationHow,omitempty"`
	// (7) The last day.
	ExpiresOn Date `json:"expiresOn,omitzero"`
	// (7) Or the event with which it ends.
	ExpiresEvent string `json:"expiresEvent,omitempty"`
	// (8), (9) Who signed, and when.
	Signatures []ConsentSignature `json:"signatures"`
	// What 2.35 asks for besides.
	Justice ConsentJustice `json:"justice,omitzero"`
	// What 2.34 asks for besides.
	Registry ConsentRegistry `json:"registry,omitzero"`
	// The language of the form.
	Language string `json:"language,omitempty"`
	// The form and its version.
	Form string `json:"form,omitempty"`
	// The signed document.
	Document Attachment `json:"document,omitzero"`
	// Whether the scope was explained to the client.
	Explained *bool `json:"explained,omitempty"`
	// The consent that this one replaces.
	Supersedes string `json:"supersedes,omitempty"`
	// The secret from which the revocation keys come. Whoever holds the consent can revoke.
	Secret string `json:"secret,omitempty"`
}

// LogValue shows ids only.
func (p ConsentRecorded) LogValue() slog.Value {
	return loggedIDs("consent", p.Consent, "supersedes", p.Supersedes)
}

// ConsentRequested asks an agency to ask a client for consent.
type ConsentRequested struct {
	// The request's id.
	Request string `json:"request"`
	// Who would receive the information.
	Recipient AgencyID `json:"recipient"`
	// Who would disclose it.
	Discloser AgencyID `json:"discloser"`
	// What.
	Categories []Category `json:"categories"`
	// What for.
	Purposes []Purpose `json:"purposes"`
	// The referral that needs it.
	Referral string `json:"referral,omitempty"`
	// By when an answer is wanted.
	AnswerBy time.Time `json:"answerBy,omitzero"`
	// Why, in words that the client can be told.
	Why string `json:"why,omitempty"`
	// Who asks.
	Contact Contact `json:"contact,omitzero"`
}

// LogValue shows ids only.
func (p ConsentRequested) LogValue() slog.Value {
	return loggedIDs("request", p.Request, "recipient", string(p.Recipient), "discloser", string(p.Discloser), "referral", p.Referral)
}

// ConsentAnswer is how a request for consent ended. Answers that contradict each other are not a refusal.
type ConsentAnswer string

// The values of ConsentAnswer.
const (
	ConsentAnswerGiven       ConsentAnswer = "given"
	ConsentAnswerGivenInPart ConsentAnswer = "given-in-part"
	ConsentAnswerRefused     ConsentAnswer = "refused"
	ConsentAnswerNotReached  ConsentAnswer = "not-reached" // the client could not be asked
	ConsentAnswerConflicting ConsentAnswer = "conflicting" // answers contradict each other; a person decides
	ConsentAnswerNotAsked    ConsentAnswer = "not-asked"   // the agency will not ask
)

// Values lists them, as the schema does.
func (ConsentAnswer) Values() []string {
	return values(
		ConsentAnswerGiven, ConsentAnswerGivenInPart, ConsentAnswerRefused, ConsentAnswerNotReached,
		ConsentAnswerConflicting, ConsentAnswerNotAsked,
	)
}

// ConsentRequestAnswered says how a request for consent ended.
type ConsentRequestAnswered struct {
	// The request's id.
	Request string `json:"request"`
	// How it ended.
	Answer ConsentAnswer `json:"answer"`
	// When.
	AnsweredAt time.Time `json:"answeredAt"`
	// The consent that was given.
	Consent string `json:"consent,omitempty"`
	// The grants drawn from it for the one who asked.
	Grants []GrantID `json:"grants,omitempty"`
	// What can be told about it.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p ConsentRequestAnswered) LogValue() slog.Value {
	return loggedIDs("request", p.Request, "consent", p.Consent)
}

// ConsentSuperseded says that a later consent takes the place of an earlier one.
type ConsentSuperseded struct {
	// The earlier consent.
	Consent string `json:"consent"`
	// The later one.
	By string `json:"by"`
	// From when.
	SupersededAt time.Time `json:"supersededAt"`
	// Whether the later one permits less.
	Narrower *bool `json:"narrower,omitempty"`
	// The grants that end with it.
	GrantsEnded []GrantID `json:"grantsEnded,omitempty"`
}

// LogValue shows ids only.
func (p ConsentSuperseded) LogValue() slog.Value { return loggedIDs("consent", p.Consent, "by", p.By) }

// ConsentExpiry is how a consent came to its end by itself.
type ConsentExpiry string

// The values of ConsentExpiry.
const (
	ConsentExpiryDate             ConsentExpiry = "date"              // its last day passed
	ConsentExpiryEvent            ConsentExpiry = "event"             // the event that it names happened
	ConsentExpiryFinalDisposition ConsentExpiry = "final-disposition" // 42 CFR 2.35(c)
	// of the client; 2.15 says who may consent from then on
	ConsentExpiryDeath ConsentExpiry = "death"
)

// Values lists them, as the schema does.
func (ConsentExpiry) Values() []string {
	return values(ConsentExpiryDate, ConsentExpiryEvent, ConsentExpiryFinalDisposition, ConsentExpiryDeath)
}

// ConsentExpired says that a consent came to its end by itself.
type ConsentExpired struct {
	// The consent.
	Consent string `json:"consent"`
	// When.
	ExpiredAt time.Time `json:"expiredAt"`
	// How.
	Cause ConsentExpiry `json:"cause"`
	// The grants that end with it.
	GrantsEnded []GrantID `json:"grantsEnded,omitempty"`
	// The event that happened.
	Event string `json:"event,omitempty"`
}

// LogValue shows ids only.
func (p ConsentExpired) LogValue() slog.Value { return loggedIDs("consent", p.Consent) }
