package schemas

import (
	"log/slog"
	"time"
)

// This file holds the elements that payloads of several nouns share; their
// schemas are the $defs of json/common.schema.json.

// Enumerated is a string type with a closed list, the same as the enum of its
// schema.
type Enumerated interface{ Values() []string }

// values lists the constants of an enumeration.
func values[T ~string](list ...T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// loggedIDs is what the log shows of a payload: names and ids, in pairs,
// without those that are empty. Nothing else about a client reaches a log.
func loggedIDs(pairs ...string) slog.Value {
	var attrs []slog.Attr
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			attrs = append(attrs, slog.String(pairs[i], pairs[i+1]))
		}
	}
	return slog.GroupValue(attrs...)
}

// OriginalCode is the code that the sender held before it was mapped, so that a round trip loses nothing.
type OriginalCode struct {
	// The code system, as the sender names it.
	System string `json:"system"`
	// The code in that system.
	Code string `json:"code"`
	// The text that the sender showed with it.
	Display string `json:"display,omitempty"`
}

// LogValue shows ids only.
func (p OriginalCode) LogValue() slog.Value { return loggedIDs() }

// Coded is a code with the system and edition that give it meaning (FHIR Coding).
type Coded struct {
	// The code system as FHIR names it: http://loinc.org, http://snomed.info/sct, an HSDS taxonomy.
	System string `json:"system"`
	// The code in that system.
	Code string `json:"code"`
	// The text for people.
	Display string `json:"display,omitempty"`
	// The edition or version of the system in which the code has this meaning. ASAM 3.7 differs between
	// editions 3 and 4.
	Edition string `json:"edition,omitempty"`
	// The sender's own code, when this one was mapped from it.
	Original OriginalCode `json:"original,omitzero"`
}

// LogValue shows ids only.
func (p Coded) LogValue() slog.Value { return loggedIDs() }

// ASAMEdition is the edition of the ASAM criteria in which a level has its meaning.
type ASAMEdition string

// The values of ASAMEdition.
const (
	ASAMEdition3 ASAMEdition = "3" // third edition
	ASAMEdition4 ASAMEdition = "4" // fourth edition
)

// Values lists them, as the schema does.
func (ASAMEdition) Values() []string {
	return values(ASAMEdition3, ASAMEdition4)
}

// LevelOfCare is a level of the ASAM continuum. A State's local code stands in Original.
type LevelOfCare struct {
	// The edition: 3.7 is medically monitored in the third, medically managed in the fourth.
	Edition ASAMEdition `json:"edition"`
	// The level, such as 1.7, 2.1 or 3.7, without suffix.
	Code string `json:"code"`
	// Whether withdrawal management is meant (-WM of the third edition).
	WithdrawalManagement *bool `json:"withdrawalManagement,omitempty"`
	// Whether the level is co-occurring enhanced (COE).
	CoOccurringEnhanced *bool `json:"coOccurringEnhanced,omitempty"`
	// The name of the level in that edition.
	Display string `json:"display,omitempty"`
	// The local code that it was mapped from.
	Original OriginalCode `json:"original,omitzero"`
}

// LogValue shows ids only.
func (p LevelOfCare) LogValue() slog.Value { return loggedIDs() }

// Period is from one instant to another (FHIR Period).
type Period struct {
	// When it begins.
	Start time.Time `json:"start"`
	// When it ends; absent while it lasts.
	End time.Time `json:"end,omitzero"`
}

// LogValue shows ids only.
func (p Period) LogValue() slog.Value { return loggedIDs() }

// Days is a range of whole days, both included.
type Days struct {
	// The first day.
	From Date `json:"from"`
	// The last day; absent while it lasts.
	To Date `json:"to,omitzero"`
}

// LogValue shows ids only.
func (p Days) LogValue() slog.Value { return loggedIDs() }

// Reason is why, as a code that machines count and a sentence that people read.
type Reason struct {
	// The code.
	Code string `json:"code"`
	// The sentence.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p Reason) LogValue() slog.Value { return loggedIDs() }

// Quantity is a measured amount with its unit (FHIR Quantity).
type Quantity struct {
	// The amount.
	Value float64 `json:"value"`
	// The unit in UCUM, such as ng/mL, mg/dL, Cel.
	Unit string `json:"unit"`
}

// LogValue shows ids only.
func (p Quantity) LogValue() slog.Value { return loggedIDs() }

// Address is a postal address.
type Address struct {
	// Street lines.
	Lines []string `json:"lines,omitempty"`
	// The town.
	City string `json:"city,omitempty"`
	// The State.
	State string `json:"state,omitempty"`
	// The postal code.
	PostalCode string `json:"postalCode,omitempty"`
}

// LogValue shows ids only.
func (p Address) LogValue() slog.Value { return loggedIDs() }

// Attachment refers to a document that travels in chunks under the same grant.
type Attachment struct {
	// The attachment's id.
	ID string `json:"id"`
	// The media type.
	MediaType string `json:"mediaType"`
	// Size in bytes, at most 25 MB.
	Bytes int `json:"bytes"`
	// The digest of the whole document.
	SHA256 Hash `json:"sha256"`
	// What the document is. It may say something about the client.
	Title string `json:"title,omitempty"`
}

// LogValue shows ids only.
func (p Attachment) LogValue() slog.Value { return loggedIDs("id", p.ID) }

// ClockKind is what has to happen before a clock runs out.
type ClockKind string

// The values of ClockKind.
const (
	ClockKindAcknowledge      ClockKind = "acknowledge"       // a person at the recipient has seen the referral
	ClockKindDecide           ClockKind = "decide"            // accepted, declined or waitlisted
	ClockKindFirstAppointment ClockKind = "first-appointment" // the first appointment is offered
	ClockKindOutcome          ClockKind = "outcome"           // the outcome is reported
	ClockKindInterimService   ClockKind = "interim-service"   // interim services begin: 48 hours, 45 CFR 96.126(b)
	ClockKindAdmission        ClockKind = "admission"         // admission: 14 days, 45 CFR 96.126(b)
	// admission where interim services are given and contact is kept: 120 days, 45 CFR 96.126(b)
	ClockKindLatestAdmission ClockKind = "latest-admission"
	ClockKindInformation     ClockKind = "information" // the information asked for is supplied
	ClockKindAnswer          ClockKind = "answer"      // any other answer that was asked for
)

// Values lists them, as the schema does.
func (ClockKind) Values() []string {
	return values(
		ClockKindAcknowledge, ClockKindDecide, ClockKindFirstAppointment, ClockKindOutcome, ClockKindInterimService,
		ClockKindAdmission, ClockKindLatestAdmission, ClockKindInformation, ClockKindAnswer,
	)
}

// ClockBasis is where a clock's length comes from.
type ClockBasis string

// The values of ClockBasis.
const (
	ClockBasisCharter   ClockBasis = "charter"   // the network's response-time standards
	ClockBasisAgreement ClockBasis = "agreement" // an agreement of the two agencies
	ClockBasisUrgency   ClockBasis = "urgency"   // the urgency of the referral
	ClockBasisStatute   ClockBasis = "statute"   // a statute or regulation, named in Rule
	ClockBasisCourt     ClockBasis = "court"     // an order of a court
	ClockBasisRequest   ClockBasis = "request"   // the request itself
)

// Values lists them, as the schema does.
func (ClockBasis) Values() []string {
	return values(
		ClockBasisCharter, ClockBasisAgreement, ClockBasisUrgency, ClockBasisStatute, ClockBasisCourt,
		ClockBasisRequest,
	)
}

// Clock says what has to happen by when. It starts at the first contact and keeps running through
// re-routing.
type Clock struct {
	// What has to happen.
	Kind ClockKind `json:"kind"`
	// The instant at which it runs out.
	Due time.Time `json:"due"`
	// The instant from which it counts.
	Started time.Time `json:"started,omitzero"`
	// Where its length comes from.
	Basis ClockBasis `json:"basis,omitempty"`
	// The rule, named as a lawyer would.
	Rule string `json:"rule,omitempty"`
}

// LogValue shows ids only.
func (p Clock) LogValue() slog.Value { return loggedIDs() }

// PriorityPopulation is the order of admission of the substance use block grant (45 CFR 96.131(a)).
type PriorityPopulation string

// The values of PriorityPopulation.
const (
	PriorityPopulationPregnantInjecting PriorityPopulation = "pregnant-injecting" // first
	PriorityPopulationPregnant          PriorityPopulation = "pregnant"           // second
	PriorityPopulationInjecting         PriorityPopulation = "injecting"          // third
	PriorityPopulationOther             PriorityPopulation = "other"              // all others
)

// Values lists them, as the schema does.
func (PriorityPopulation) Values() []string {
	return values(
		PriorityPopulationPregnantInjecting, PriorityPopulationPregnant, PriorityPopulationInjecting,
		PriorityPopulationOther,
	)
}

// ProgramRef is a unit inside an agency.
type ProgramRef struct {
	// The agency's id of the program.
	ID string `json:"id"`
	// Its name. It may disclose what is treated there.
	Name string `json:"name,omitempty"`
}

// LogValue shows ids only.
func (p ProgramRef) LogValue() slog.Value { return loggedIDs("id", p.ID) }

// Coverage is who pays (FHIR Coverage).
type Coverage struct {
	// The payer's name.
	Payer string `json:"payer"`
	// medicaid, medicare, commercial, block-grant, self-pay, court or another.
	Kind string `json:"kind,omitempty"`
	// The client's number with the payer.
	MemberID string `json:"memberId,omitempty"`
	// The plan.
	Plan string `json:"plan,omitempty"`
}

// LogValue shows ids only.
func (p Coverage) LogValue() slog.Value { return loggedIDs() }
