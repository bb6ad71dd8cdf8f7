package schemas

import "log/slog"

// The types by which agencies share what they know of a client. What is shared once can change: the
// second type names the event whose content no longer stands.
const (
	TypeAssessmentShared       EventType = "org.linkage.assessment.shared.v1"
	TypeAssessmentChanged      EventType = "org.linkage.assessment.changed.v1"
	TypeDiagnosisShared        EventType = "org.linkage.diagnosis.shared.v1"
	TypeDiagnosisChanged       EventType = "org.linkage.diagnosis.changed.v1"
	TypeMedicationShared       EventType = "org.linkage.medication.shared.v1"
	TypeMedicationChanged      EventType = "org.linkage.medication.changed.v1"
	TypeCounselingNoteShared   EventType = "org.linkage.counseling-note.shared.v1"
	TypeCounselingNoteChanged  EventType = "org.linkage.counseling-note.changed.v1"
	TypeHousingBenefitsShared  EventType = "org.linkage.housing-benefits.shared.v1"
	TypeHousingBenefitsChanged EventType = "org.linkage.housing-benefits.changed.v1"
)

var sharingTypes = []TypeInfo{
	is[AssessmentShared](TypeAssessmentShared, CategoryAssessment),
	is[AssessmentChanged](TypeAssessmentChanged, CategoryAssessment),
	is[DiagnosisShared](TypeDiagnosisShared, CategoryDiagnosis),
	is[DiagnosisChanged](TypeDiagnosisChanged, CategoryDiagnosis),
	is[MedicationShared](TypeMedicationShared, CategoryMedication),
	is[MedicationChanged](TypeMedicationChanged, CategoryMedication),
	is[CounselingNoteShared](TypeCounselingNoteShared, CategoryCounselingNotes),
	is[CounselingNoteChanged](TypeCounselingNoteChanged, CategoryCounselingNotes),
	is[HousingBenefitsShared](TypeHousingBenefitsShared, CategoryHousingBenefits),
	is[HousingBenefitsChanged](TypeHousingBenefitsChanged, CategoryHousingBenefits),
}

// AssessmentShared is the payload of [TypeAssessmentShared]: an assessment, as a summary in TIP 27's life
// domains and functional areas and in ASAM's dimensions, or as a document.
type AssessmentShared struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The assessment, the same through its changes.
	Assessment string `json:"assessment"`
	// Day of the assessment.
	AssessedOn Date `json:"assessedOn"`
	// The agency that made it.
	AssessedBy AgencyID `json:"assessedBy"`
	// Whether a summary, a document or both were sent, so that a recipient whom the projection leaves without
	// sees that there is more.
	Form SharedForm `json:"form"`
	// How broad it is.
	Kind AssessmentKind `json:"kind,omitempty"`
	// ASAM level that it recommends.
	RecommendedLevel LevelOfCare `json:"recommendedLevel,omitzero"`
	// Prescreening for programs.
	Eligibility []EligibilityScreen `json:"eligibility,omitempty"`
	// What was used.
	Instrument Instrument `json:"instrument,omitzero"`
	// Level in which the client was placed.
	PlacedLevel LevelOfCare `json:"placedLevel,omitzero"`
	// Why placed and recommended differ.
	PlacementDifference PlacementDifference `json:"placementDifference,omitempty"`
	// ASAM dimensions with the edition.
	Dimensions ASAMDimensions `json:"dimensions,omitzero"`
	// Life domains.
	Domains []DomainFinding `json:"domains,omitempty"`
	// Functional areas.
	Functions []FunctionFinding `json:"functions,omitempty"`
	// Stage of change.
	Motivation MotivationStage `json:"motivation,omitempty"`
	// Use now and before.
	Substances []SubstanceUse `json:"substances,omitempty"`
	// Scan for harm to self or others.
	Safety SafetyScan `json:"safety,omitzero"`
	// Whether under supervision; no criminal history travels here.
	Supervised *bool `json:"supervised,omitempty"`
	// Whether the officer was asked about violence and about help in a crisis.
	SupervisionOfficerAsked *bool `json:"supervisionOfficerAsked,omitempty"`
	// Current medical issues.
	MedicalIssues string `json:"medicalIssues,omitempty"`
	// Pregnant now: first preference for admission.
	Pregnant *bool `json:"pregnant,omitempty"`
	// Injects drugs: the 14-day clock.
	Injects *bool `json:"injects,omitempty"`
	// Use in the family.
	FamilyUse string `json:"familyUse,omitempty"`
	// Relapse triggers.
	Triggers []string `json:"triggers,omitempty"`
	// What the client can build on.
	Strengths []string `json:"strengths,omitempty"`
	// What there is to say, in words.
	Summary string `json:"summary,omitempty"`
	// The documents.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p AssessmentShared) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "assessment", p.Assessment)
}

// AssessmentChanged is the payload of [TypeAssessmentChanged]: a new assessment, or a correction, in the place
// of an earlier one.
type AssessmentChanged struct {
	AssessmentShared

	// The event whose content no longer stands.
	Replaces EventID `json:"replaces"`
	// The reason.
	Reason ChangeReason `json:"reason"`
	// Names of the fields that differ.
	Changed []string `json:"changed,omitempty"`
}

// LogValue shows ids only.
func (p AssessmentChanged) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "assessment", p.Assessment, "replaces", string(p.Replaces))
}

// DiagnosisShared is the payload of [TypeDiagnosisShared]: diagnoses, as codes or as a document. Supervision
// learns that they exist, never what they are.
type DiagnosisShared struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// Day on which they were recorded.
	RecordedOn Date `json:"recordedOn"`
	// The agency that recorded them.
	RecordedBy AgencyID `json:"recordedBy"`
	// Summary, document or both.
	Form SharedForm `json:"form"`
	// The diagnoses.
	Diagnoses []Diagnosis `json:"diagnoses,omitempty"`
	// Whether mental illness and substance use occur together.
	CoOccurring *bool `json:"coOccurring,omitempty"`
	// What there is to say, in words.
	Explanation string `json:"explanation,omitempty"`
	// The documents.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p DiagnosisShared) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// DiagnosisChanged is the payload of [TypeDiagnosisChanged]: diagnoses in the place of earlier ones.
type DiagnosisChanged struct {
	DiagnosisShared

	// The event whose content no longer stands.
	Replaces EventID `json:"replaces"`
	// The reason.
	Reason ChangeReason `json:"reason"`
	// Names of the fields that differ.
	Changed []string `json:"changed,omitempty"`
}

// LogValue shows ids only.
func (p DiagnosisChanged) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "replaces", string(p.Replaces))
}

// MedicationShared is the payload of [TypeMedicationShared]: medication, as a list or as a document.
// Supervision learns that a prescription explains a result, not which.
type MedicationShared struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The day for which it holds.
	RecordedOn Date `json:"recordedOn"`
	// The agency that says so.
	RecordedBy AgencyID `json:"recordedBy"`
	// Summary, document or both.
	Form SharedForm `json:"form"`
	// Whether the prescriptions were verified, so that an expected result is not taken for use.
	PrescriptionsVerified *bool `json:"prescriptionsVerified,omitempty"`
	// Whether taken as prescribed.
	TakenAsPrescribed Adherence `json:"takenAsPrescribed,omitempty"`
	// The medications.
	Medications []Medication `json:"medications,omitempty"`
	// Allergies and intolerances.
	Allergies []string `json:"allergies,omitempty"`
	// Whether naloxone was given to take along.
	NaloxoneSupplied *bool `json:"naloxoneSupplied,omitempty"`
	// The documents.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p MedicationShared) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// MedicationChanged is the payload of [TypeMedicationChanged]: medication in the place of what was sent
// before; the changes that 42 CFR 2.34 lets a registry know are named.
type MedicationChanged struct {
	MedicationShared

	// The event whose content no longer stands.
	Replaces EventID `json:"replaces"`
	// The reason.
	Reason ChangeReason `json:"reason"`
	// Names of the fields that differ.
	Changed []string `json:"changed,omitempty"`
	// The change, in the words of 42 CFR 2.34.
	RegistryChange RegistryChange `json:"registryChange,omitempty"`
}

// LogValue shows ids only.
func (p MedicationChanged) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "replaces", string(p.Replaces))
}

// CounselingNoteShared is the payload of [TypeCounselingNoteShared]: SUD counseling notes (42 CFR 2.11): kept
// apart from the record, disclosed only under a consent for them alone (2.31(b)). Medication, session times,
// modalities, test results and summaries of diagnosis, plan and progress are not such notes and have their own
// types.
type CounselingNoteShared struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// Day of the session.
	SessionOn Date `json:"sessionOn"`
	// The program whose clinician wrote it.
	Originator AgencyID `json:"originator"`
	// Text, document or both.
	Form SharedForm `json:"form"`
	// Who wrote it, by role.
	AuthorRole TeamRole `json:"authorRole,omitempty"`
	// The note.
	Note string `json:"note,omitempty"`
	// The documents.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p CounselingNoteShared) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// CounselingNoteChanged is the payload of [TypeCounselingNoteChanged]: a note in the place of an earlier one.
type CounselingNoteChanged struct {
	CounselingNoteShared

	// The event whose content no longer stands.
	Replaces EventID `json:"replaces"`
	// The reason.
	Reason ChangeReason `json:"reason"`
	// Names of the fields that differ.
	Changed []string `json:"changed,omitempty"`
}

// LogValue shows ids only.
func (p CounselingNoteChanged) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "replaces", string(p.Replaces))
}

// HousingBenefitsShared is the payload of [TypeHousingBenefitsShared]: where the client lives and what income
// and benefits there are, as a summary or as a document.
type HousingBenefitsShared struct {
	// The case, by the sender's id.
	Case string `json:"case"`
	// The day for which it holds.
	AsOf Date `json:"asOf"`
	// The agency that says so.
	RecordedBy AgencyID `json:"recordedBy"`
	// Summary, document or both.
	Form SharedForm `json:"form"`
	// Where and how the client lives.
	Housing Housing `json:"housing,omitzero"`
	// Work, as in TEDS EMPLOY.
	Employment Employment `json:"employment,omitempty"`
	// Benefits and where each stands.
	Benefits []Benefit `json:"benefits,omitempty"`
	// Income a month, whole US dollars.
	IncomeMonthlyDollars *int `json:"incomeMonthlyDollars,omitempty"`
	// People in the household.
	HouseholdSize *int `json:"householdSize,omitempty"`
	// Documents at hand.
	IdentityDocuments []IdentityDocument `json:"identityDocuments,omitempty"`
	// How the client gets about.
	Transportation Transportation `json:"transportation,omitempty"`
	// What comes first: food, shelter, clothing, transport, child care.
	Needs []BasicNeed `json:"needs,omitempty"`
	// The documents.
	Attachments []Attachment `json:"attachments,omitempty"`
}

// LogValue shows ids only.
func (p HousingBenefitsShared) LogValue() slog.Value { return loggedIDs("case", p.Case) }

// HousingBenefitsChanged is the payload of [TypeHousingBenefitsChanged]: housing or benefits in the place of
// what was sent before.
type HousingBenefitsChanged struct {
	HousingBenefitsShared

	// The event whose content no longer stands.
	Replaces EventID `json:"replaces"`
	// The reason.
	Reason ChangeReason `json:"reason"`
	// Names of the fields that differ.
	Changed []string `json:"changed,omitempty"`
}

// LogValue shows ids only.
func (p HousingBenefitsChanged) LogValue() slog.Value {
	return loggedIDs("case", p.Case, "replaces", string(p.Replaces))
}

// SharedForm is how information is shared.
type SharedForm string

// The values of SharedForm.
const (
	SharedFormSummary  SharedForm = "summary"  // structured fields
	SharedFormDocument SharedForm = "document" // an attachment
	SharedFormBoth     SharedForm = "both"     // both
)

// Values lists them, as the schema does.
func (SharedForm) Values() []string {
	return values(SharedFormSummary, SharedFormDocument, SharedFormBoth)
}

// ChangeReason is why shared information changed.
type ChangeReason string

// The values of ChangeReason.
const (
	ChangeReasonReassessed ChangeReason = "reassessed" // looked at again at a later time
	ChangeReasonCorrected  ChangeReason = "corrected"  // the earlier one was wrong
	ChangeReasonProgressed ChangeReason = "progressed" // the facts have changed
	ChangeReasonEnded      ChangeReason = "ended"      // it no longer applies
)

// Values lists them, as the schema does.
func (ChangeReason) Values() []string {
	return values(ChangeReasonReassessed, ChangeReasonCorrected, ChangeReasonProgressed, ChangeReasonEnded)
}
