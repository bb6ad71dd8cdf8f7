package schemas

import "time"

// The event types of this noun. What each means stands at its payload.
const (
	TypeDirectoryServiceListed    EventType = "org.linkage.directory.service-listed.v1"
	TypeDirectoryServiceWithdrawn EventType = "org.linkage.directory.service-withdrawn.v1"
	TypeDirectoryCapacityReported EventType = "org.linkage.directory.capacity-reported.v1"
)

var directoryTypes = []TypeInfo{
	is[DirectoryServiceListed](TypeDirectoryServiceListed, CategoryCharter),
	is[DirectoryServiceWithdrawn](TypeDirectoryServiceWithdrawn, CategoryCharter),
	is[DirectoryCapacityReported](TypeDirectoryCapacityReported, CategoryCharter),
}

// DirectoryStatus is the state of a service (HSDS service.status).
type DirectoryStatus string

// The values of DirectoryStatus.
const (
	DirectoryStatusActive            DirectoryStatus = "active"
	DirectoryStatusInactive          DirectoryStatus = "inactive"
	DirectoryStatusDefunct           DirectoryStatus = "defunct"
	DirectoryStatusTemporarilyClosed DirectoryStatus = "temporarily-closed"
)

// Values lists them, as the schema does.
func (DirectoryStatus) Values() []string {
	return values(
		DirectoryStatusActive, DirectoryStatusInactive, DirectoryStatusDefunct, DirectoryStatusTemporarilyClosed,
	)
}

// DirectoryAdmits is whom a service admits besides everybody who is eligible.
type DirectoryAdmits string

// The values of DirectoryAdmits.
const (
	DirectoryAdmitsWomen                          DirectoryAdmits = "women"
	DirectoryAdmitsMen                            DirectoryAdmits = "men"
	DirectoryAdmitsPregnantWomen                  DirectoryAdmits = "pregnant-women"
	DirectoryAdmitsParentsWithChildren            DirectoryAdmits = "parents-with-children"
	DirectoryAdmitsAdolescents                    DirectoryAdmits = "adolescents"
	DirectoryAdmitsVeterans                       DirectoryAdmits = "veterans"
	DirectoryAdmitsPeopleWhoInject                DirectoryAdmits = "people-who-inject"
	DirectoryAdmitsCoOccurringDisorders           DirectoryAdmits = "co-occurring-disorders"
	DirectoryAdmitsDeafAndHardOfHearing           DirectoryAdmits = "deaf-and-hard-of-hearing"
	DirectoryAdmitsCourtOrdered                   DirectoryAdmits = "court-ordered"
	DirectoryAdmitsMedicationForOpioidUseDisorder DirectoryAdmits = "medication-for-opioid-use-disorder"
)

// Values lists them, as the schema does.
func (DirectoryAdmits) Values() []string {
	return values(
		DirectoryAdmitsWomen, DirectoryAdmitsMen, DirectoryAdmitsPregnantWomen, DirectoryAdmitsParentsWithChildren,
		DirectoryAdmitsAdolescents, DirectoryAdmitsVeterans, DirectoryAdmitsPeopleWhoInject,
		DirectoryAdmitsCoOccurringDisorders, DirectoryAdmitsDeafAndHardOfHearing, DirectoryAdmitsCourtOrdered,
		DirectoryAdmitsMedicationForOpioidUseDisorder,
	)
}

// DirectoryServiceListed puts a service into the shared directory or replaces its entry (HSDS service,
// FHIR HealthcareService).
type DirectoryServiceListed struct {
	// The service's id.
	Service string `json:"service"`
	// The program that gives it.
	Program ProgramRef `json:"program"`
	// Its name.
	Name string `json:"name"`
	// Its state.
	Status DirectoryStatus `json:"status"`
	// The day on which somebody last made sure that the entry is right (HSDS assured_date).
	AssuredOn Date `json:"assuredOn"`
	// What it is, in codes.
	Codes []Coded `json:"codes"`
	// What it is, in words.
	Description string `json:"description,omitempty"`
	// The ASAM levels.
	LevelsOfCare []LevelOfCare `json:"levelsOfCare,omitempty"`
	// Whom it is meant for.
	Admits []DirectoryAdmits `json:"admits,omitempty"`
	// Who is eligible, in words.
	Eligibility string `json:"eligibility,omitempty"`
	// The youngest age, in years.
	MinimumAge *int `json:"minimumAge,omitempty"`
	// The oldest age, in years.
	MaximumAge *int `json:"maximumAge,omitempty"`
	// The languages that are spoken.
	Languages []string `json:"languages,omitempty"`
	// Access for people with disabilities.
	Accessibility []string `json:"accessibility,omitempty"`
	// When.
	Schedule string `json:"schedule,omitempty"`
	// How to get in.
	ApplicationProcess string `json:"applicationProcess,omitempty"`
	// What to bring.
	RequiredDocuments []string `json:"requiredDocuments,omitempty"`
	// Who may pay.
	Payers []string `json:"payers,omitempty"`
	// What it costs.
	Fees string `json:"fees,omitempty"`
	// The usual wait, in days.
	WaitDays *int `json:"waitDays,omitempty"`
	// Where its clients live.
	ServiceArea string `json:"serviceArea,omitempty"`
	// Where it is given.
	Places []Place `json:"places,omitempty"`
	// Licenses and accreditations.
	Licenses []string `json:"licenses,omitempty"`
	// Whether it is a part 2 program (42 CFR 2.11).
	Part2 *bool `json:"part2,omitempty"`
	// Within how many hours it decides on a referral.
	AnswersWithinHours int `json:"answersWithinHours,omitzero"`
	// What everybody should know at present.
	Alert string `json:"alert,omitempty"`
	// Whom to call.
	Contact Contact `json:"contact,omitzero"`
	// Who made sure.
	AssuredBy Contact `json:"assuredBy,omitzero"`
}

// DirectoryWithdrawal is why a service left the directory.
type DirectoryWithdrawal string

// The values of DirectoryWithdrawal.
const (
	DirectoryWithdrawalClosed        DirectoryWithdrawal = "closed"
	DirectoryWithdrawalMerged        DirectoryWithdrawal = "merged"
	DirectoryWithdrawalSuspended     DirectoryWithdrawal = "suspended" // its agency is suspended
	DirectoryWithdrawalListedInError DirectoryWithdrawal = "listed-in-error"
	DirectoryWithdrawalAgencyLeft    DirectoryWithdrawal = "agency-left"
)

// Values lists them, as the schema does.
func (DirectoryWithdrawal) Values() []string {
	return values(
		DirectoryWithdrawalClosed, DirectoryWithdrawalMerged, DirectoryWithdrawalSuspended,
		DirectoryWithdrawalListedInError, DirectoryWithdrawalAgencyLeft,
	)
}

// DirectoryServiceWithdrawn takes a service out of the directory.
type DirectoryServiceWithdrawn struct {
	// The service's id.
	Service string `json:"service"`
	// From which day.
	On Date `json:"on"`
	// Why.
	Reason DirectoryWithdrawal `json:"reason"`
	// The service in its place.
	Successor string `json:"successor,omitempty"`
}

// DirectoryCapacity is whether there is room (Gravity capacity status).
type DirectoryCapacity string

// The values of DirectoryCapacity.
const (
	DirectoryCapacityCapacity                     DirectoryCapacity = "capacity"
	DirectoryCapacityNoCapacity                   DirectoryCapacity = "no-capacity"
	DirectoryCapacityWaitlist                     DirectoryCapacity = "waitlist" // no capacity, has a waiting list
	DirectoryCapacityAdditionalAssessmentRequired DirectoryCapacity = "additional-assessment-required"
)

// Values lists them, as the schema does.
func (DirectoryCapacity) Values() []string {
	return values(
		DirectoryCapacityCapacity, DirectoryCapacityNoCapacity, DirectoryCapacityWaitlist,
		DirectoryCapacityAdditionalAssessmentRequired,
	)
}

// DirectoryCapacityReported says how much room a service has. At 90 percent a program has seven days to
// tell the State (45 CFR 96.126(a)).
type DirectoryCapacityReported struct {
	// The service's id.
	Service string `json:"service"`
	// The moment that is described.
	At time.Time `json:"at"`
	// Whether there is room.
	Status DirectoryCapacity `json:"status"`
	// Places in all.
	Total *int `json:"total,omitempty"`
	// Places taken.
	Used *int `json:"used,omitempty"`
	// People on the waiting list.
	Waiting *int `json:"waiting,omitempty"`
	// The level that is meant, when the service has several.
	LevelOfCare LevelOfCare `json:"levelOfCare,omitzero"`
	// The day on which a place is expected.
	NextOpening Date `json:"nextOpening,omitzero"`
	// After that the report is stale.
	ValidUntil time.Time `json:"validUntil,omitzero"`
	// Whether 90 percent are reached.
	ThresholdCrossed *bool `json:"thresholdCrossed,omitempty"`
	// By when the State must be told.
	NotifyStateBy Date `json:"notifyStateBy,omitzero"`
}
