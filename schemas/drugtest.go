package schemas

import (
	"log/slog"
	"time"
)

// The event types of this noun. What each means stands at its payload.
const (
	TypeDrugTestOrdered               EventType = "org.linkage.drug-test.ordered.v1"
	TypeDrugTestSelected              EventType = "org.linkage.drug-test.selected.v1"
	TypeDrugTestNotified              EventType = "org.linkage.drug-test.notified.v1"
	TypeDrugTestCollected             EventType = "org.linkage.drug-test.collected.v1"
	TypeDrugTestMissed                EventType = "org.linkage.drug-test.missed.v1"
	TypeDrugTestRefused               EventType = "org.linkage.drug-test.refused.v1"
	TypeDrugTestUnable                EventType = "org.linkage.drug-test.unable.v1"
	TypeDrugTestRejected              EventType = "org.linkage.drug-test.rejected.v1"
	TypeDrugTestPresumptive           EventType = "org.linkage.drug-test.presumptive.v1"
	TypeDrugTestConfirmationRequested EventType = "org.linkage.drug-test.confirmation-requested.v1"
	TypeDrugTestMedicallyReviewed     EventType = "org.linkage.drug-test.medically-reviewed.v1"
	TypeDrugTestConfirmed             EventType = "org.linkage.drug-test.confirmed.v1"
	TypeDrugTestNotConfirmed          EventType = "org.linkage.drug-test.not-confirmed.v1"
	TypeDrugTestNegative              EventType = "org.linkage.drug-test.negative.v1"
	TypeDrugTestInvalid               EventType = "org.linkage.drug-test.invalid.v1"
	TypeDrugTestAdmitted              EventType = "org.linkage.drug-test.admitted.v1"
	TypeDrugTestCorrected             EventType = "org.linkage.drug-test.corrected.v1"
	TypeDrugTestCancelled             EventType = "org.linkage.drug-test.cancelled.v1"
)

var drugTestTypes = []TypeInfo{
	is[DrugTestOrdered](TypeDrugTestOrdered, CategoryDrugTest),
	is[DrugTestSelected](TypeDrugTestSelected, CategoryDrugTest),
	is[DrugTestNotified](TypeDrugTestNotified, CategoryDrugTest),
	is[DrugTestCollected](TypeDrugTestCollected, CategoryDrugTest),
	is[DrugTestMissed](TypeDrugTestMissed, CategoryDrugTest),
	is[DrugTestRefused](TypeDrugTestRefused, CategoryDrugTest),
	is[DrugTestUnable](TypeDrugTestUnable, CategoryDrugTest),
	is[DrugTestRejected](TypeDrugTestRejected, CategoryDrugTest),
	is[DrugTestPresumptive](TypeDrugTestPresumptive, CategoryDrugTest),
	is[DrugTestConfirmationRequested](TypeDrugTestConfirmationRequested, CategoryDrugTest),
	is[DrugTestMedicallyReviewed](TypeDrugTestMedicallyReviewed, CategoryDrugTest),
	is[DrugTestConfirmed](TypeDrugTestConfirmed, CategoryDrugTest),
	is[DrugTestNotConfirmed](TypeDrugTestNotConfirmed, CategoryDrugTest),
	is[DrugTestNegative](TypeDrugTestNegative, CategoryDrugTest),
	is[DrugTestInvalid](TypeDrugTestInvalid, CategoryDrugTest),
	is[DrugTestAdmitted](TypeDrugTestAdmitted, CategoryDrugTest),
	is[DrugTestCorrected](TypeDrugTestCorrected, CategoryDrugTest),
	is[DrugTestCancelled](TypeDrugTestCancelled, CategoryDrugTest),
}

// PresumptiveNotice is the text that every presumptive result carries, word for
// word. An immunoassay alone is no ground for a sanction.
const PresumptiveNotice = "Presumptive. Not for sanction until confirmed or admitted."

// DrugTestKind keeps apart what must never be mixed: a clinical test serves therapy and never goes to
// justice by default.
type DrugTestKind string

// The values of DrugTestKind.
const (
	DrugTestKindClinical DrugTestKind = "clinical" // often unobserved, screening only, confidential
	// observed, random, chain of custody, screen and confirmation
	DrugTestKindForensic DrugTestKind = "forensic"
)

// Values lists them, as the schema does.
func (DrugTestKind) Values() []string {
	return values(DrugTestKindClinical, DrugTestKindForensic)
}

// DrugTestRef is what every drug-test event says about its test. The event's subject is the test's id.
type DrugTestRef struct {
	// Clinical or forensic.
	Kind DrugTestKind `json:"kind"`
	// The order's id at the placer (ORC-2).
	Order string `json:"order,omitempty"`
	// The specimen's id or barcode (SPM-2).
	Specimen string `json:"specimen,omitempty"`
	// The laboratory's number (ORC-3).
	Accession string `json:"accession,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestRef) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestMethod is how a result was found.
type DrugTestMethod string

// The values of DrugTestMethod.
const (
	DrugTestMethodImmunoassay DrugTestMethod = "immunoassay"   // screen; presumptive
	DrugTestMethodPointOfCare DrugTestMethod = "point-of-care" // device read on site; presumptive
	// gas chromatography, mass spectrometry; confirmatory
	DrugTestMethodGCMS DrugTestMethod = "gc-ms"
	// liquid chromatography, tandem mass spectrometry; confirmatory
	DrugTestMethodLCMSMS DrugTestMethod = "lc-ms-ms"
	DrugTestMethodBreath DrugTestMethod = "breath"
	DrugTestMethodOther  DrugTestMethod = "other"
)

// Values lists them, as the schema does.
func (DrugTestMethod) Values() []string {
	return values(
		DrugTestMethodImmunoassay, DrugTestMethodPointOfCare, DrugTestMethodGCMS, DrugTestMethodLCMSMS,
		DrugTestMethodBreath, DrugTestMethodOther,
	)
}

// DrugTestOutcome is the finding for one analyte.
type DrugTestOutcome string

// The values of DrugTestOutcome.
const (
	DrugTestOutcomePositive  DrugTestOutcome = "positive"   // at or above the cutoff; SNOMED CT 10828004
	DrugTestOutcomeNegative  DrugTestOutcome = "negative"   // below the cutoff; SNOMED CT 260385009
	DrugTestOutcomeNotTested DrugTestOutcome = "not-tested" // not reported for this specimen
	DrugTestOutcomeInvalid   DrugTestOutcome = "invalid"    // no finding possible
)

// Values lists them, as the schema does.
func (DrugTestOutcome) Values() []string {
	return values(
		DrugTestOutcomePositive, DrugTestOutcomeNegative, DrugTestOutcomeNotTested, DrugTestOutcomeInvalid,
	)
}

// DrugTestResult is the finding for one analyte. The cutoff used is always sent: programs choose lower
// ones than 90 FR 4662.
type DrugTestResult struct {
	// The analyte as a LOINC code of the finding, never of the cutoff (OBX-3).
	Analyte Coded `json:"analyte"`
	// The finding (OBX-5).
	Outcome DrugTestOutcome `json:"outcome"`
	// How it was found.
	Method DrugTestMethod `json:"method"`
	// The cutoff used.
	Cutoff Quantity `json:"cutoff"`
	// The LOINC code of the cutoff.
	CutoffCode Coded `json:"cutoffCode,omitzero"`
	// The measured concentration.
	Value Quantity `json:"value,omitzero"`
	// When it was analysed (OBX-19).
	AnalysedAt time.Time `json:"analysedAt,omitzero"`
	// Who analysed it (OBX-23).
	Laboratory string `json:"laboratory,omitempty"`
	// The laboratory's CLIA number.
	CLIA string `json:"clia,omitempty"`
	// Whether the laboratory is certified for forensic urine testing.
	Certified *bool `json:"certified,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestResult) LogValue() slog.Value { return loggedIDs() }

// DrugTestValidity is one measure of whether the specimen is what it should be.
type DrugTestValidity struct {
	// What was measured: creatinine 2161-8, specific gravity 2965-2, pH 2756-5, nitrite 2657-5.
	Measure Coded `json:"measure"`
	// The amount.
	Value Quantity `json:"value"`
	// The acceptable range (OBX-7).
	Acceptable string `json:"acceptable,omitempty"`
	// Whether the amount is acceptable.
	WithinRange *bool `json:"withinRange,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestValidity) LogValue() slog.Value { return loggedIDs() }

// DrugTestOccasion is why a test was ordered.
type DrugTestOccasion string

// The values of DrugTestOccasion.
const (
	DrugTestOccasionRandom       DrugTestOccasion = "random"
	DrugTestOccasionScheduled    DrugTestOccasion = "scheduled"
	DrugTestOccasionSuspicion    DrugTestOccasion = "suspicion"
	DrugTestOccasionBaseline     DrugTestOccasion = "baseline" // at the start
	DrugTestOccasionReturn       DrugTestOccasion = "return"   // after an absence
	DrugTestOccasionCourtOrdered DrugTestOccasion = "court-ordered"
	DrugTestOccasionTreatment    DrugTestOccasion = "treatment" // part of treatment
)

// Values lists them, as the schema does.
func (DrugTestOccasion) Values() []string {
	return values(
		DrugTestOccasionRandom, DrugTestOccasionScheduled, DrugTestOccasionSuspicion, DrugTestOccasionBaseline,
		DrugTestOccasionReturn, DrugTestOccasionCourtOrdered, DrugTestOccasionTreatment,
	)
}

// DrugTestOrdered orders a test (FHIR ServiceRequest active, ORC NW).
type DrugTestOrdered struct {
	DrugTestRef
	// The panel (LOINC).
	Panel Coded `json:"panel"`
	// Why.
	Occasion DrugTestOccasion `json:"occasion"`
	// Whether the collection must be observed.
	Observed *bool `json:"observed,omitempty"`
	// What is to be collected.
	SpecimenType Coded `json:"specimenType,omitzero"`
	// Analytes beyond the panel.
	Analytes []Coded `json:"analytes,omitempty"`
	// When the client must come.
	Window Period `json:"window,omitzero"`
	// How many tests a week are meant, for a standing order.
	PerWeek int `json:"perWeek,omitzero"`
	// Who ordered it.
	OrderedBy Contact `json:"orderedBy,omitzero"`
	// The condition or order behind it.
	Authority string `json:"authority,omitempty"`
	// Findings that prescribed medication explains, such as buprenorphine or EDDP.
	Expected []Coded `json:"expected,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestOrdered) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestDraw is how a client was chosen for the day.
type DrugTestDraw string

// The values of DrugTestDraw.
const (
	DrugTestDrawColour   DrugTestDraw = "colour"
	DrugTestDrawNumber   DrugTestDraw = "number"
	DrugTestDrawList     DrugTestDraw = "list"
	DrugTestDrawSoftware DrugTestDraw = "software"
)

// Values lists them, as the schema does.
func (DrugTestDraw) Values() []string {
	return values(DrugTestDrawColour, DrugTestDrawNumber, DrugTestDrawList, DrugTestDrawSoftware)
}

// DrugTestSelected says that the client was drawn at random for the day (FHIR Task requested).
type DrugTestSelected struct {
	DrugTestRef
	// When the draw was made.
	SelectedAt time.Time `json:"selectedAt"`
	// How.
	Draw DrugTestDraw `json:"draw"`
	// The colour or number that was drawn.
	Drawn string `json:"drawn,omitempty"`
	// Where the draw's seed is kept, so that it can be shown to be random.
	SeedReference string `json:"seedReference,omitempty"`
	// When the client must come.
	Window Period `json:"window,omitzero"`
}

// LogValue shows ids only.
func (p DrugTestSelected) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession, "seedReference", p.SeedReference)
}

// DrugTestNoticeChannel is how the client was told.
type DrugTestNoticeChannel string

// The values of DrugTestNoticeChannel.
const (
	DrugTestNoticeChannelCallLine    DrugTestNoticeChannel = "call-line" // the client calls in
	DrugTestNoticeChannelTextMessage DrugTestNoticeChannel = "text-message"
	DrugTestNoticeChannelPhone       DrugTestNoticeChannel = "phone"
	DrugTestNoticeChannelInPerson    DrugTestNoticeChannel = "in-person"
	DrugTestNoticeChannelApp         DrugTestNoticeChannel = "app"
)

// Values lists them, as the schema does.
func (DrugTestNoticeChannel) Values() []string {
	return values(
		DrugTestNoticeChannelCallLine, DrugTestNoticeChannelTextMessage, DrugTestNoticeChannelPhone,
		DrugTestNoticeChannelInPerson, DrugTestNoticeChannelApp,
	)
}

// DrugTestNotified says that the client was told to come (FHIR Communication).
type DrugTestNotified struct {
	DrugTestRef
	// When.
	NotifiedAt time.Time `json:"notifiedAt"`
	// How.
	Channel DrugTestNoticeChannel `json:"channel"`
	// When the client must come.
	Window Period `json:"window"`
	// Whether the client is known to have heard it: called in, answered, read.
	Heard *bool `json:"heard,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestNotified) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}
