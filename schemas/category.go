package schemas

// Category is a kind of information that a client understands and a consent
// names. A grant's cells and every event type carry one.
type Category string

// The categories (glossary: docs/architecture.md).
const (
	CategoryConsent         Category = "consent"
	CategoryReferral        Category = "referral"
	CategoryAttendance      Category = "attendance"
	CategoryProgress        Category = "progress"
	CategoryAssessment      Category = "assessment"
	CategoryDiagnosis       Category = "diagnosis"
	CategoryMedication      Category = "medication"
	CategoryDrugTest        Category = "drug-test"
	CategoryPlan            Category = "plan"
	CategoryDischarge       Category = "discharge"
	CategoryOutcome         Category = "outcome"
	CategorySupervision     Category = "supervision"
	CategoryHousingBenefits Category = "housing-benefits"
	CategoryCounselingNotes Category = "counseling-notes"

	// CategoryCharter marks the event types that concern no client: directory,
	// network, grant control. They travel under [CharterGrant], and no consent
	// or grant names this category.
	CategoryCharter Category = "charter"
	// CategoryCarried marks the event type of the parts of attachments: a part
	// has the category of the event that carries the attachment, and names it
	// in its datacategory. No consent or grant names this one.
	CategoryCarried Category = "carried"
)

// Categories lists what a consent can name, in the order of the forms.
var Categories = []Category{
	CategoryConsent, CategoryReferral, CategoryAttendance, CategoryProgress, CategoryAssessment, CategoryDiagnosis,
	CategoryMedication, CategoryDrugTest, CategoryPlan, CategoryDischarge, CategoryOutcome, CategorySupervision,
	CategoryHousingBenefits, CategoryCounselingNotes,
}

// Valid reports whether c can stand in a grant's cell.
func (c Category) Valid() bool {
	for _, known := range Categories {
		if c == known {
			return true
		}
	}
	return false
}

// Purpose is why information is disclosed. Each has an HL7 purpose-of-use code
// (v3-ActReason) in [Purpose.HL7].
type Purpose string

// The purposes.
const (
	PurposeTreatment         Purpose = "treatment"
	PurposeCareCoordination  Purpose = "care-coordination"
	PurposePayment           Purpose = "payment"
	PurposeOperations        Purpose = "operations"
	PurposeJusticeMonitoring Purpose = "justice-monitoring"
	PurposeProceedings       Purpose = "proceedings"
	PurposeEligibility       Purpose = "eligibility"
	PurposeEmergency         Purpose = "emergency"
	PurposeOversight         Purpose = "oversight"
	PurposePatientRequest    Purpose = "patient-request"
)

var purposeHL7 = map[Purpose]string{
	PurposeTreatment:         "TREAT",
	PurposeCareCoordination:  "COC",
	PurposePayment:           "HPAYMT",
	PurposeOperations:        "HOPERAT",
	PurposeJusticeMonitoring: "HLEGAL",
	PurposeProceedings:       "HLEGAL",
	PurposeEligibility:       "ELIGDTRM",
	PurposeEmergency:         "ETREAT",
	PurposeOversight:         "HCOMPL",
	PurposePatientRequest:    "PATRQT",
}

// Purposes lists the purposes, in the order of the forms.
var Purposes = []Purpose{
	PurposeTreatment, PurposeCareCoordination, PurposePayment, PurposeOperations, PurposeJusticeMonitoring,
	PurposeProceedings, PurposeEligibility, PurposeEmergency, PurposeOversight, PurposePatientRequest,
}

// Valid reports whether p is one of the purposes.
func (p Purpose) Valid() bool { _, ok := purposeHL7[p]; return ok }

// HL7 is the nearest code of HL7 v3-ActReason. Justice monitoring has none of
// its own (LEGAL there means a subpoena), so it shares HLEGAL.
func (p Purpose) HL7() string { return purposeHL7[p] }
