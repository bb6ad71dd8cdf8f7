package schemas

import (
	"log/slog"
	"time"
)

// Diagnosis is one diagnosis.
type Diagnosis struct {
	// The code.
	Code string `json:"code"`
	// Code system.
	System DiagnosisSystem `json:"system"`
	// Where it stands.
	Status DiagnosisStatus `json:"status"`
	// The code's text.
	Display string `json:"display,omitempty"`
	// Principal or secondary.
	Rank DiagnosisRank `json:"rank,omitempty"`
	// Of a substance use disorder, as in DSM-5.
	Severity Severity `json:"severity,omitempty"`
	// Remission, as in DSM-5.
	Remission Remission `json:"remission,omitempty"`
	// Onset.
	OnsetOn Date `json:"onsetOn,omitzero"`
	// Day of the diagnosis.
	DiagnosedOn Date `json:"diagnosedOn,omitzero"`
}

// LogValue shows ids only.
func (p Diagnosis) LogValue() slog.Value { return loggedIDs() }

// DiagnosisSystem is the code system of a diagnosis (FHIR Condition.code).
type DiagnosisSystem string

// The values of DiagnosisSystem.
const (
	DiagnosisSystemIcd10Cm  DiagnosisSystem = "icd-10-cm"
	DiagnosisSystemDsm5Tr   DiagnosisSystem = "dsm-5-tr"
	DiagnosisSystemSnomedCt DiagnosisSystem = "snomed-ct"
)

// Values lists them, as the schema does.
func (DiagnosisSystem) Values() []string {
	return values(DiagnosisSystemIcd10Cm, DiagnosisSystemDsm5Tr, DiagnosisSystemSnomedCt)
}

// DiagnosisStatus is how certain and how current a diagnosis is (FHIR Condition.verificationStatus and
// clinicalStatus).
type DiagnosisStatus string

// The values of DiagnosisStatus.
const (
	DiagnosisStatusProvisional DiagnosisStatus = "provisional" // not yet certain
	DiagnosisStatusConfirmed   DiagnosisStatus = "confirmed"   // certain and current
	DiagnosisStatusRemission   DiagnosisStatus = "remission"   // no longer active
	DiagnosisStatusResolved    DiagnosisStatus = "resolved"    // over
	DiagnosisStatusRefuted     DiagnosisStatus = "refuted"     // shown to be wrong
)

// Values lists them, as the schema does.
func (DiagnosisStatus) Values() []string {
	return values(
		DiagnosisStatusProvisional, DiagnosisStatusConfirmed, DiagnosisStatusRemission,
		DiagnosisStatusResolved, DiagnosisStatusRefuted,
	)
}

// DiagnosisRank is the rank of a diagnosis.
type DiagnosisRank string

// The values of DiagnosisRank.
const (
	DiagnosisRankPrincipal DiagnosisRank = "principal"
	DiagnosisRankSecondary DiagnosisRank = "secondary"
)

// Values lists them, as the schema does.
func (DiagnosisRank) Values() []string {
	return values(DiagnosisRankPrincipal, DiagnosisRankSecondary)
}

// Severity is severity of a substance use disorder (DSM-5).
type Severity string

// The values of Severity.
const (
	SeverityMild     Severity = "mild"     // two or three criteria
	SeverityModerate Severity = "moderate" // four or five
	SeveritySevere   Severity = "severe"   // six or more
)

// Values lists them, as the schema does.
func (Severity) Values() []string {
	return values(SeverityMild, SeverityModerate, SeveritySevere)
}

// Remission is remission of a substance use disorder (DSM-5).
type Remission string

// The values of Remission.
const (
	RemissionNone                  Remission = "none"
	RemissionEarly                 Remission = "early"                  // three to twelve months
	RemissionSustained             Remission = "sustained"              // a year or more
	RemissionControlledEnvironment Remission = "controlled-environment" // in a place without access
	RemissionOnMaintenance         Remission = "on-maintenance"         // on agonist medication
)

// Values lists them, as the schema does.
func (Remission) Values() []string {
	return values(
		RemissionNone, RemissionEarly, RemissionSustained, RemissionControlledEnvironment,
		RemissionOnMaintenance,
	)
}

// Medication is one medication.
type Medication struct {
	// Name.
	Name string `json:"name"`
	// Whether taken now (FHIR MedicationStatement.status).
	Status MedicationStatus `json:"status"`
	// RxNorm code.
	Rxnorm string `json:"rxnorm,omitempty"`
	// Medication for opioid or alcohol use disorder.
	AddictionMedication *bool `json:"addictionMedication,omitempty"`
	// Amount and unit, such as 16 mg.
	Dose string `json:"dose,omitempty"`
	// Route, such as sublingual.
	Route string `json:"route,omitempty"`
	// How often.
	Frequency string `json:"frequency,omitempty"`
	// First dose.
	StartedOn Date `json:"startedOn,omitzero"`
	// Last dose.
	StoppedOn Date `json:"stoppedOn,omitzero"`
	// Time of the last dose given, for guest dosing and custody.
	LastDoseAt time.Time `json:"lastDoseAt,omitzero"`
	// Doses given to take along.
	TakeHomeDoses *int `json:"takeHomeDoses,omitempty"`
	// Who prescribes.
	Prescriber string `json:"prescriber,omitempty"`
	// Analytes that it explains in a drug test, such as EDDP.
	ExpectedPositive []string `json:"expectedPositive,omitempty"`
}

// LogValue shows ids only.
func (p Medication) LogValue() slog.Value { return loggedIDs() }

// MedicationStatus is whether a medication is taken.
type MedicationStatus string

// The values of MedicationStatus.
const (
	MedicationStatusActive     MedicationStatus = "active"
	MedicationStatusOnHold     MedicationStatus = "on-hold"
	MedicationStatusStopped    MedicationStatus = "stopped"
	MedicationStatusCompleted  MedicationStatus = "completed"
	MedicationStatusNotStarted MedicationStatus = "not-started"
)

// Values lists them, as the schema does.
func (MedicationStatus) Values() []string {
	return values(
		MedicationStatusActive, MedicationStatusOnHold, MedicationStatusStopped, MedicationStatusCompleted,
		MedicationStatusNotStarted,
	)
}

// Adherence is whether medication is taken as prescribed.
type Adherence string

// The values of Adherence.
const (
	AdherenceYes     Adherence = "yes"
	AdherencePartly  Adherence = "partly"
	AdherenceNo      Adherence = "no"
	AdherenceUnknown Adherence = "unknown"
)

// Values lists them, as the schema does.
func (Adherence) Values() []string {
	return values(AdherenceYes, AdherencePartly, AdherenceNo, AdherenceUnknown)
}

// RegistryChange is the changes of which 42 CFR 2.34 lets a withdrawal-management or maintenance program tell
// a central registry.
type RegistryChange string

// The values of RegistryChange.
const (
	RegistryChangeAccepted            RegistryChange = "accepted"               // the patient was accepted for treatment
	RegistryChangeDrugOrDosageChanged RegistryChange = "drug-or-dosage-changed" // type or dosage of the drug changed
	RegistryChangeInterrupted         RegistryChange = "interrupted"            // treatment interrupted
	RegistryChangeResumed             RegistryChange = "resumed"                // treatment resumed
	RegistryChangeTerminated          RegistryChange = "terminated"             // treatment terminated
)

// Values lists them, as the schema does.
func (RegistryChange) Values() []string {
	return values(
		RegistryChangeAccepted, RegistryChangeDrugOrDosageChanged, RegistryChangeInterrupted,
		RegistryChangeResumed, RegistryChangeTerminated,
	)
}
