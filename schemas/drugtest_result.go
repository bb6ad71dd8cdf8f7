package schemas

import (
	"log/slog"
	"time"
)

// DrugTestPresumptive is an immunoassay positive, unconfirmed (OBX-11 P, FHIR preliminary). It is not for
// sanction.
type DrugTestPresumptive struct {
	DrugTestRef
	// Always false.
	Confirmed bool `json:"confirmed"`
	// Always the same text, to be shown wherever the result is shown.
	Notice string `json:"notice"`
	// When the specimen was taken (OBX-14).
	CollectedAt time.Time `json:"collectedAt"`
	// When the laboratory reported (OBR-22).
	ReportedAt time.Time `json:"reportedAt"`
	// The finding for each analyte.
	Results []DrugTestResult `json:"results"`
	// The panel.
	Panel Coded `json:"panel,omitzero"`
	// Urine, oral fluid, hair, sweat, breath (SNOMED CT, v2-0487).
	SpecimenType Coded `json:"specimenType,omitzero"`
	// Whether the specimen is what it should be.
	Validity []DrugTestValidity `json:"validity,omitempty"`
	// What the laboratory or the clinic noted.
	Remarks string `json:"remarks,omitempty"`
	// Whether confirmation is under way.
	ConfirmationOrdered *bool `json:"confirmationOrdered,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestPresumptive) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestConfirmationRequested sends the specimen to a confirmatory method (reflex order, OBR-11 G).
type DrugTestConfirmationRequested struct {
	DrugTestRef
	// When.
	RequestedAt time.Time `json:"requestedAt"`
	// What is to be confirmed.
	Analytes []Coded `json:"analytes"`
	// The presumptive result that it follows.
	Presumptive EventID `json:"presumptive,omitempty"`
	// The method asked for.
	Method DrugTestMethod `json:"method,omitempty"`
	// Who asked: the client may.
	RequestedBy Contact `json:"requestedBy,omitzero"`
	// Whether part B is tested.
	SplitSpecimen *bool `json:"splitSpecimen,omitempty"`
	// The hand-overs to the laboratory.
	Custody []CustodyTransfer `json:"custody,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestConfirmationRequested) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession, "presumptive", string(p.Presumptive))
}

// DrugTestReview is what a medical review officer found.
type DrugTestReview string

// The values of DrugTestReview.
const (
	DrugTestReviewNoExplanation DrugTestReview = "no-explanation" // the positive stands
	DrugTestReviewExplained     DrugTestReview = "explained"      // a legitimate medical explanation exists
	DrugTestReviewRefusal       DrugTestReview = "refusal"        // adulterated or substituted without explanation
	DrugTestReviewCancelled     DrugTestReview = "cancelled"      // the test cannot be used
	DrugTestReviewRecollect     DrugTestReview = "recollect"      // a new specimen is needed
)

// Values lists them, as the schema does.
func (DrugTestReview) Values() []string {
	return values(
		DrugTestReviewNoExplanation, DrugTestReviewExplained, DrugTestReviewRefusal, DrugTestReviewCancelled,
		DrugTestReviewRecollect,
	)
}

// DrugTestMedicallyReviewed is a physician's review of a non-negative result. The verdict travels, the
// medical facts behind it do not.
type DrugTestMedicallyReviewed struct {
	DrugTestRef
	// When.
	ReviewedAt time.Time `json:"reviewedAt"`
	// What was found.
	Verdict DrugTestReview `json:"verdict"`
	// Which analytes it concerns.
	Analytes []Coded `json:"analytes,omitempty"`
	// Who reviewed.
	Reviewer Contact `json:"reviewer,omitzero"`
	// Whether the client was heard.
	Interviewed *bool `json:"interviewed,omitempty"`
	// The result that was reviewed.
	Result EventID `json:"result,omitempty"`
	// The medical explanation. Not for supervision.
	Explanation string `json:"explanation,omitempty"`
	// The prescriptions that were seen (RxNorm). Not for supervision.
	Prescriptions []Coded `json:"prescriptions,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestMedicallyReviewed) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession, "result", string(p.Result))
}

// DrugTestConfirmed is a final positive by a confirmatory method (OBX-11 F).
type DrugTestConfirmed struct {
	DrugTestRef
	// Always true.
	Confirmed bool `json:"confirmed"`
	// When the specimen was taken (OBX-14).
	CollectedAt time.Time `json:"collectedAt"`
	// When the laboratory reported (OBR-22).
	ReportedAt time.Time `json:"reportedAt"`
	// The finding for each analyte.
	Results []DrugTestResult `json:"results"`
	// The panel.
	Panel Coded `json:"panel,omitzero"`
	// Urine, oral fluid, hair, sweat, breath (SNOMED CT, v2-0487).
	SpecimenType Coded `json:"specimenType,omitzero"`
	// Whether the specimen is what it should be.
	Validity []DrugTestValidity `json:"validity,omitempty"`
	// What the laboratory or the clinic noted.
	Remarks string `json:"remarks,omitempty"`
	// The presumptive result that it confirms.
	Presumptive EventID `json:"presumptive,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestConfirmed) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession, "presumptive", string(p.Presumptive))
}

// DrugTestNotConfirmed is a final negative by a confirmatory method after a presumptive positive: the
// presumptive no longer counts.
type DrugTestNotConfirmed struct {
	DrugTestRef
	// Always false.
	Confirmed bool `json:"confirmed"`
	// When the specimen was taken (OBX-14).
	CollectedAt time.Time `json:"collectedAt"`
	// When the laboratory reported (OBR-22).
	ReportedAt time.Time `json:"reportedAt"`
	// The finding for each analyte.
	Results []DrugTestResult `json:"results"`
	// The panel.
	Panel Coded `json:"panel,omitzero"`
	// Urine, oral fluid, hair, sweat, breath (SNOMED CT, v2-0487).
	SpecimenType Coded `json:"specimenType,omitzero"`
	// Whether the specimen is what it should be.
	Validity []DrugTestValidity `json:"validity,omitempty"`
	// What the laboratory or the clinic noted.
	Remarks string `json:"remarks,omitempty"`
	// The presumptive result that no longer counts.
	Presumptive EventID `json:"presumptive"`
}

// LogValue shows ids only.
func (p DrugTestNotConfirmed) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession, "presumptive", string(p.Presumptive))
}

// DrugTestNegative is a final negative.
type DrugTestNegative struct {
	DrugTestRef
	// When the specimen was taken (OBX-14).
	CollectedAt time.Time `json:"collectedAt"`
	// When the laboratory reported (OBR-22).
	ReportedAt time.Time `json:"reportedAt"`
	// The finding for each analyte.
	Results []DrugTestResult `json:"results"`
	// The panel.
	Panel Coded `json:"panel,omitzero"`
	// Urine, oral fluid, hair, sweat, breath (SNOMED CT, v2-0487).
	SpecimenType Coded `json:"specimenType,omitzero"`
	// Whether the specimen is what it should be.
	Validity []DrugTestValidity `json:"validity,omitempty"`
	// What the laboratory or the clinic noted.
	Remarks string `json:"remarks,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestNegative) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestInvalidity is what is wrong with a specimen.
type DrugTestInvalidity string

// The values of DrugTestInvalidity.
const (
	// creatinine 2 to 20 mg/dL and specific gravity 1.001 to 1.003
	DrugTestInvalidityDilute DrugTestInvalidity = "dilute"
	// creatinine below 2 mg/dL and specific gravity out of range
	DrugTestInvaliditySubstituted DrugTestInvalidity = "substituted"
	DrugTestInvalidityAdulterated DrugTestInvalidity = "adulterated" // nitrite, pH or oxidants out of range
	DrugTestInvalidityInvalid     DrugTestInvalidity = "invalid"     // inconsistent
)

// Values lists them, as the schema does.
func (DrugTestInvalidity) Values() []string {
	return values(
		DrugTestInvalidityDilute, DrugTestInvaliditySubstituted, DrugTestInvalidityAdulterated,
		DrugTestInvalidityInvalid,
	)
}

// DrugTestInvalid says that the specimen is not what it should be. Which of the four it is, is a fact;
// what follows is the receiver's rule.
type DrugTestInvalid struct {
	DrugTestRef
	// What is wrong.
	Code DrugTestInvalidity `json:"code"`
	// When the specimen was taken.
	CollectedAt time.Time `json:"collectedAt"`
	// When the laboratory reported.
	ReportedAt time.Time `json:"reportedAt"`
	// The measures that show it.
	Validity []DrugTestValidity `json:"validity"`
	// Findings that were made all the same: a dilute specimen can be tested.
	Results []DrugTestResult `json:"results,omitempty"`
	// Whether a new collection is asked for.
	Recollect *bool `json:"recollect,omitempty"`
	// What was noted.
	Remarks string `json:"remarks,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestInvalid) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}

// DrugTestAdmitted says that the client admits use. With an immunoassay positive it is enough to act on.
type DrugTestAdmitted struct {
	DrugTestRef
	// When.
	AdmittedAt time.Time `json:"admittedAt"`
	// What the client says was used.
	Substances []Coded `json:"substances"`
	// Whether the client signed it.
	Signed bool `json:"signed"`
	// The presumptive result that it concerns.
	Presumptive EventID `json:"presumptive,omitempty"`
	// The day of last use as the client says.
	LastUse Date `json:"lastUse,omitzero"`
	// To whom it was said.
	ReceivedBy Contact `json:"receivedBy,omitzero"`
	// The signed statement.
	Statement Attachment `json:"statement,omitzero"`
	// What else the client said. Not for supervision.
	Circumstances string `json:"circumstances,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestAdmitted) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession, "presumptive", string(p.Presumptive))
}

// DrugTestCorrection is why a result was corrected.
type DrugTestCorrection string

// The values of DrugTestCorrection.
const (
	DrugTestCorrectionWrongClient   DrugTestCorrection = "wrong-client" // the result belongs to somebody else
	DrugTestCorrectionClerical      DrugTestCorrection = "clerical"
	DrugTestCorrectionReanalysis    DrugTestCorrection = "reanalysis"
	DrugTestCorrectionCustody       DrugTestCorrection = "custody" // custody found broken later
	DrugTestCorrectionMedicalReview DrugTestCorrection = "medical-review"
	DrugTestCorrectionCutoff        DrugTestCorrection = "cutoff" // the wrong cutoff was applied
	DrugTestCorrectionOther         DrugTestCorrection = "other"
)

// Values lists them, as the schema does.
func (DrugTestCorrection) Values() []string {
	return values(
		DrugTestCorrectionWrongClient, DrugTestCorrectionClerical, DrugTestCorrectionReanalysis,
		DrugTestCorrectionCustody, DrugTestCorrectionMedicalReview, DrugTestCorrectionCutoff,
		DrugTestCorrectionOther,
	)
}

// DrugTestStatus is what is now true of a test.
type DrugTestStatus string

// The values of DrugTestStatus.
const (
	DrugTestStatusPresumptive  DrugTestStatus = "presumptive"
	DrugTestStatusConfirmed    DrugTestStatus = "confirmed"
	DrugTestStatusNotConfirmed DrugTestStatus = "not-confirmed"
	DrugTestStatusNegative     DrugTestStatus = "negative"
	DrugTestStatusInvalid      DrugTestStatus = "invalid"
	DrugTestStatusCancelled    DrugTestStatus = "cancelled" // nothing is known
)

// Values lists them, as the schema does.
func (DrugTestStatus) Values() []string {
	return values(
		DrugTestStatusPresumptive, DrugTestStatusConfirmed, DrugTestStatusNotConfirmed, DrugTestStatusNegative,
		DrugTestStatusInvalid, DrugTestStatusCancelled,
	)
}

// DrugTestCorrected replaces an earlier event about the same test (OBX-11 C). Whoever acted on the earlier
// one must look again.
type DrugTestCorrected struct {
	DrugTestRef
	// The event that no longer counts.
	Replaces EventID `json:"replaces"`
	// What is true now.
	Status DrugTestStatus `json:"status"`
	// Whether a confirmatory positive stands now.
	Confirmed bool `json:"confirmed"`
	// Why.
	Reason DrugTestCorrection `json:"reason"`
	// When.
	CorrectedAt time.Time `json:"correctedAt"`
	// The findings as they are now.
	Results []DrugTestResult `json:"results,omitempty"`
	// The measures as they are now.
	Validity []DrugTestValidity `json:"validity,omitempty"`
	// The notice; a result that is presumptive now has it.
	Notice string `json:"notice,omitempty"`
	// What happened.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestCorrected) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession, "replaces", string(p.Replaces))
}

// DrugTestCancellation is why a test was cancelled.
type DrugTestCancellation string

// The values of DrugTestCancellation.
const (
	DrugTestCancellationOrderedInError    DrugTestCancellation = "ordered-in-error"
	DrugTestCancellationSiteClosed        DrugTestCancellation = "site-closed"
	DrugTestCancellationClientUnavailable DrugTestCancellation = "client-unavailable" // in custody, in hospital
	DrugTestCancellationConsentEnded      DrugTestCancellation = "consent-ended"
	DrugTestCancellationSupervisionEnded  DrugTestCancellation = "supervision-ended"
	DrugTestCancellationLaboratoryError   DrugTestCancellation = "laboratory-error"
	DrugTestCancellationOther             DrugTestCancellation = "other"
)

// Values lists them, as the schema does.
func (DrugTestCancellation) Values() []string {
	return values(
		DrugTestCancellationOrderedInError, DrugTestCancellationSiteClosed, DrugTestCancellationClientUnavailable,
		DrugTestCancellationConsentEnded, DrugTestCancellationSupervisionEnded, DrugTestCancellationLaboratoryError,
		DrugTestCancellationOther,
	)
}

// DrugTestCancelled ends a test for administrative reasons (OBR-25 X). It says nothing about the client.
type DrugTestCancelled struct {
	DrugTestRef
	// When.
	CancelledAt time.Time `json:"cancelledAt"`
	// Why.
	Reason DrugTestCancellation `json:"reason"`
	// Who cancelled it.
	By Contact `json:"by,omitzero"`
	// More about why.
	Text string `json:"text,omitempty"`
}

// LogValue shows ids only.
func (p DrugTestCancelled) LogValue() slog.Value {
	return loggedIDs("order", p.Order, "specimen", p.Specimen, "accession", p.Accession)
}
