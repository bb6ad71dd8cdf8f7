package schemas

import (
	"log/slog"
	"time"
)

// Contact is a person or desk at work: never the client.
type Contact struct {
	// The person's or desk's name.
	Name string `json:"name"`
	// What they do there.
	Role string `json:"role,omitempty"`
	// Their agency, when it is not the sender's.
	Agency AgencyID `json:"agency,omitempty"`
	// Their telephone at work.
	Phone string `json:"phone,omitempty"`
	// Their e-mail at work.
	Email string `json:"email,omitempty"`
	// When they can be reached.
	Hours string `json:"hours,omitempty"`
}

// LogValue shows ids only.
func (p Contact) LogValue() slog.Value { return loggedIDs("agency", string(p.Agency)) }

// PersonName is a person's name (FHIR HumanName).
type PersonName struct {
	// Given names.
	Given string `json:"given"`
	// Family name.
	Family string `json:"family"`
	// The name that the person goes by.
	Preferred string `json:"preferred,omitempty"`
}

// LogValue shows ids only.
func (p PersonName) LogValue() slog.Value { return loggedIDs() }

// RelatedPerson is somebody whom the client named: a guardian, relative or friend.
type RelatedPerson struct {
	// Their name.
	Name PersonName `json:"name"`
	// What they are to the client.
	Relationship string `json:"relationship"`
	// Their telephone.
	Phone string `json:"phone,omitempty"`
}

// LogValue shows ids only.
func (p RelatedPerson) LogValue() slog.Value { return loggedIDs() }

// ClientPerson is what an agency needs in order to meet the client. Only events that cannot do without it
// carry one.
type ClientPerson struct {
	// The client's name.
	Name PersonName `json:"name"`
	// Date of birth.
	BirthDate Date `json:"birthDate"`
	// The pronouns that the client uses.
	Pronouns string `json:"pronouns,omitempty"`
	// The language that the client prefers.
	Language string `json:"language,omitempty"`
	// Whether an interpreter is needed.
	InterpreterNeeded *bool `json:"interpreterNeeded,omitempty"`
	// The client's own telephone, never a worker's.
	Phone string `json:"phone,omitempty"`
	// The client's own e-mail.
	Email string `json:"email,omitempty"`
	// Where the client can be written to.
	Address Address `json:"address,omitzero"`
	// When the client can be reached.
	BestTime string `json:"bestTime,omitempty"`
	// Whether a message may be left; absent counts as no.
	MayLeaveMessage *bool `json:"mayLeaveMessage,omitempty"`
	// The client asked not to be contacted and will get in touch; agencies honour it.
	DoNotContact *bool `json:"doNotContact,omitempty"`
	// People whom the client named as contacts.
	Related []RelatedPerson `json:"related,omitempty"`
}

// LogValue shows ids only.
func (p ClientPerson) LogValue() slog.Value { return loggedIDs() }

// ContactMode is how two people meet or speak.
type ContactMode string

// The values of ContactMode.
const (
	ContactModeInPerson  ContactMode = "in-person"
	ContactModePhone     ContactMode = "phone"
	ContactModeVideo     ContactMode = "video"
	ContactModeMessage   ContactMode = "message" // text message, e-mail or letter
	ContactModeHomeVisit ContactMode = "home-visit"
	ContactModeField     ContactMode = "field" // on the street, in a shelter, in jail
)

// Values lists them, as the schema does.
func (ContactMode) Values() []string {
	return values(
		ContactModeInPerson, ContactModePhone, ContactModeVideo, ContactModeMessage, ContactModeHomeVisit,
		ContactModeField,
	)
}

// Place is where something happens, or over what line.
type Place struct {
	// How the people meet.
	Mode ContactMode `json:"mode"`
	// The name on the door. It may disclose what kind of service it is.
	Name string `json:"name,omitempty"`
	// The address.
	Address Address `json:"address,omitzero"`
	// How to find it, or the number or link to use.
	Directions string `json:"directions,omitempty"`
}

// LogValue shows ids only.
func (p Place) LogValue() slog.Value { return loggedIDs() }

// ContactAttempt is one try to reach the client.
type ContactAttempt struct {
	// When.
	At time.Time `json:"at"`
	// How.
	Mode ContactMode `json:"mode"`
	// Whether the client was reached.
	Reached bool `json:"reached"`
}

// LogValue shows ids only.
func (p ContactAttempt) LogValue() slog.Value { return loggedIDs() }
