package schemas

import (
	"log/slog"
	"time"
)

// CustodyTransfer is one hand-over of a specimen. The list is append-only: each names the digest of the
// one before.
type CustodyTransfer struct {
	// When.
	At time.Time `json:"at"`
	// Who gave it.
	From string `json:"from"`
	// Who took it.
	To string `json:"to"`
	// What for.
	Purpose string `json:"purpose"`
	// Whether the seal was whole.
	SealIntact bool `json:"sealIntact"`
	// Which part, A or B, of a split specimen.
	Specimen string `json:"specimen,omitempty"`
	// How it was kept.
	Storage string `json:"storage,omitempty"`
	// SHA-256 of the entry before, as it was written.
	Previous Hash `json:"previous,omitzero"`
	// The taker's signature over the entry.
	Signature string `json:"signature,omitempty"`
}

// LogValue shows ids only.
func (p CustodyTransfer) LogValue() slog.Value { return loggedIDs("specimen", p.Specimen) }

// DrugTestCollected says that a specimen was taken, and starts its chain of custody (FHIR Specimen
// available).
type DrugTestCollected struct {
	DrugTestRef
	// When (OBR-7).
	CollectedAt time.Time `json:"collectedAt"`
	// What (SPM-4).
	SpecimenType Coded `json:"specimenType"`
	// Whether the collection was observed.
	Observed bool `json:"observed"`
	// Who took it (OBR-10).
	Collector Contact `json:"collector,omitzero"`
	// The temperature, in Cel or [degF].
	Temperature Quantity `json:"temperature,omitzero"`
	// Whether it was in range within four minutes.
	TemperatureInRange *bool `json:"temperatureInRange,omitempty"`
	// The volume, usually 30 mL or more.
	Volume Quantity `json:"volume,omitzero"`
	// Whether there is a part B.
	Split *bool `json:"split,omitempty"`
	// Whether it was sealed and initialled before the donor.
	Sealed *bool `json:"sealed,omitempty"`
	// The hand-overs so far, the first first.
	Custody []CustodyTransfer `json:"custody,omitempty"`
	// Where.
	Site string `json:"site,omitempty"`
	// What the client said about medication. Not for supervision.
	MedicationsDisclosed []string `json:"medicationsDisclosed,omitempty"`
	// What the collector noted.
	Remarks string `json:"remarks,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestCollected) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestMissed says that the client did not come in the window. The fact is never recoded as positive:
// that is the receiver's rule.
type DrugTestMissed struct {
	DrugTestRef
	// The window that passed.
	Window Period `json:"window"`
	// Whether the client is known to have been told.
	Notified bool `json:"notified"`
	// Whether the client called the line that day.
	CalledIn *bool `json:"calledIn,omitempty"`
	// Whether the client gave a reason.
	ExcuseOffered *bool `json:"excuseOffered,omitempty"`
	// The reason.
	Excuse string `json:"excuse,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestMissed) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestRefusal is how a client refused.
type DrugTestRefusal string

// The values of DrugTestRefusal.
const (
	DrugTestRefusalSaidNo          DrugTestRefusal = "said-no"
	DrugTestRefusalLeft            DrugTestRefusal = "left" // left the site
	DrugTestRefusalDidNotCooperate DrugTestRefusal = "did-not-cooperate"
	DrugTestRefusalTampered        DrugTestRefusal = "tampered" // tampered with the specimen or brought one
)

// Values lists them, as the schema does.
func (DrugTestRefusal) Values() []string {
	return values(
		DrugTestRefusalSaidNo, DrugTestRefusalLeft, DrugTestRefusalDidNotCooperate, DrugTestRefusalTampered,
	)
}

// DrugTestRefused says that the client refused (dataAbsentReason asked-declined).
type DrugTestRefused struct {
	DrugTestRef
	// When.
	RefusedAt time.Time `json:"refusedAt"`
	// How.
	How DrugTestRefusal `json:"how"`
	// Whether the client was told what a refusal means.
	Told *bool `json:"told,omitempty"`
	// Who saw it.
	Witness Contact `json:"witness,omitzero"`
	// What the client said.
	Statement string `json:"statement,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestRefused) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestUnable says that the client came and could not give a specimen in time. It is not a refusal.
type DrugTestUnable struct {
	DrugTestRef
	// When the attempt began.
	StartedAt time.Time `json:"startedAt"`
	// When it was given up.
	EndedAt time.Time `json:"endedAt"`
	// How many attempts.
	Attempts int `json:"attempts,omitzero"`
	// How much the client drank, in mL.
	WaterMillilitres *int `json:"waterMillilitres,omitempty"`
	// A medical reason, if one is known.
	MedicalReason string `json:"medicalReason,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestUnable) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestReject is why a laboratory did not test a specimen (HL7 v2 table 0490).
type DrugTestReject string

// The values of DrugTestReject.
const (
	DrugTestRejectEX            DrugTestReject = "EX"             // expired
	DrugTestRejectQS            DrugTestReject = "QS"             // quantity not sufficient
	DrugTestRejectRB            DrugTestReject = "RB"             // broken container
	DrugTestRejectRD            DrugTestReject = "RD"             // missing collection date
	DrugTestRejectRA            DrugTestReject = "RA"             // missing patient id
	DrugTestRejectRE            DrugTestReject = "RE"             // missing patient name
	DrugTestRejectRI            DrugTestReject = "RI"             // identification problem
	DrugTestRejectRM            DrugTestReject = "RM"             // labeling
	DrugTestRejectRN            DrugTestReject = "RN"             // contamination
	DrugTestRejectRR            DrugTestReject = "RR"             // improper storage
	DrugTestRejectRS            DrugTestReject = "RS"             // name misspelling
	DrugTestRejectCustodyBroken DrugTestReject = "custody-broken" // seal or custody record not whole; no code in 0490
)

// Values lists them, as the schema does.
func (DrugTestReject) Values() []string {
	return values(
		DrugTestRejectEX, DrugTestRejectQS, DrugTestRejectRB, DrugTestRejectRD, DrugTestRejectRA, DrugTestRejectRE,
		DrugTestRejectRI, DrugTestRejectRM, DrugTestRejectRN, DrugTestRejectRR, DrugTestRejectRS,
		DrugTestRejectCustodyBroken,
	)
}

// DrugTestRejected says that the specimen was not tested (FHIR Specimen unsatisfactory, SPM-21). It says
// nothing about the client.
type DrugTestRejected struct {
	DrugTestRef
	// When.
	RejectedAt time.Time `json:"rejectedAt"`
	// Why.
	Reason DrugTestReject `json:"reason"`
	// Whether the chain of custody held.
	CustodyIntact *bool `json:"custodyIntact,omitempty"`
	// Whether a new collection is asked for.
	Recollect *bool `json:"recollect,omitempty"`
	// Which laboratory.
	Laboratory string `json:"laboratory,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestRejected) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}
