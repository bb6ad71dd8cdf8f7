package schemas

import (
	"log/slog"
	"time"
)

// Readmission is whether a discharged client can come back.
type Readmission string

// The values of Readmission.
const (
	ReadmissionAnyTime       Readmission = "any-time"       // at once
	ReadmissionAfterInterval Readmission = "after-interval" // after a time that the program names
	ReadmissionAfterReview   Readmission = "after-review"   // after a review
	ReadmissionNotHere       Readmission = "not-here"       // not at this program; elsewhere
)

// Values lists them, as the schema does.
func (Readmission) Values() []string {
	return values(ReadmissionAnyTime, ReadmissionAfterInterval, ReadmissionAfterReview, ReadmissionNotHere)
}

// Infraction is the rule that a client broke.
type Infraction string

// The values of Infraction.
const (
	InfractionViolence        Infraction = "violence"          // violence or a threat of it
	InfractionDrugsOnPremises Infraction = "drugs-on-premises" // use or sale on the premises
	InfractionAbsence         Infraction = "absence"           // absence beyond the program's rule
	InfractionNonpayment      Infraction = "nonpayment"        // fees not paid
	InfractionOtherRule       Infraction = "other-rule"        // another rule
)

// Values lists them, as the schema does.
func (Infraction) Values() []string {
	return values(
		InfractionViolence, InfractionDrugsOnPremises, InfractionAbsence, InfractionNonpayment,
		InfractionOtherRule,
	)
}

// AppealGround is why a refusal or discharge should not stand (TIP 27, triggers of advocacy).
type AppealGround string

// The values of AppealGround.
const (
	AppealGroundDiscrimination     AppealGround = "discrimination"       // refused or discharged for discrimination
	AppealGroundEligibleButRefused AppealGround = "eligible-but-refused" // refused despite eligibility
	AppealGroundOutsideOwnRules    AppealGround = "outside-own-rules"    // discharged outside the service's own rules
	// refused because earlier services were not used
	AppealGroundEarlierServicesUnused AppealGround = "earlier-services-unused"
	AppealGroundServiceCanBeBroadened AppealGround = "service-can-be-broadened" // the service could be made to fit
)

// Values lists them, as the schema does.
func (AppealGround) Values() []string {
	return values(
		AppealGroundDiscrimination, AppealGroundEligibleButRefused, AppealGroundOutsideOwnRules,
		AppealGroundEarlierServicesUnused, AppealGroundServiceCanBeBroadened,
	)
}

// AppealLevel is the level at which advocacy speaks.
type AppealLevel string

// The values of AppealLevel.
const (
	AppealLevelStaff          AppealLevel = "staff"          // individual staff
	AppealLevelAdministration AppealLevel = "administration" // the program's administration
	AppealLevelPolicy         AppealLevel = "policy"         // those who make the policy
)

// Values lists them, as the schema does.
func (AppealLevel) Values() []string {
	return values(AppealLevelStaff, AppealLevelAdministration, AppealLevelPolicy)
}

// AppealAsk is what an appeal asks for.
type AppealAsk string

// The values of AppealAsk.
const (
	AppealAskReadmission     AppealAsk = "readmission"      // take the client back
	AppealAskOtherLevel      AppealAsk = "other-level"      // take the client at another level
	AppealAskCorrectedReason AppealAsk = "corrected-reason" // correct the reason on record
	AppealAskLongerNotice    AppealAsk = "longer-notice"    // more time before discharge
)

// Values lists them, as the schema does.
func (AppealAsk) Values() []string {
	return values(AppealAskReadmission, AppealAskOtherLevel, AppealAskCorrectedReason, AppealAskLongerNotice)
}

// AdvocacyApproach is the tone of advocacy (TIP 27).
type AdvocacyApproach string

// The values of AdvocacyApproach.
const (
	AdvocacyApproachPositive AdvocacyApproach = "positive"
	AdvocacyApproachNegative AdvocacyApproach = "negative"
	AdvocacyApproachNeutral  AdvocacyApproach = "neutral"
)

// Values lists them, as the schema does.
func (AdvocacyApproach) Values() []string {
	return values(AdvocacyApproachPositive, AdvocacyApproachNegative, AdvocacyApproachNeutral)
}

// TEDSReason is the reason of a discharge in the categories of TEDS REASON. Reason 2 has had two labels, so
// the code book is named.
type TEDSReason struct {
	// The code.
	Code TEDSReasonCode `json:"code"`
	// The code book whose label was meant, such as TEDS-D 2022.
	LabelVersion string `json:"labelVersion"`
	// The label that the sender showed.
	Label string `json:"label,omitempty"`
}

// LogValue shows ids only.
func (p TEDSReason) LogValue() slog.Value { return loggedIDs() }

// TEDSReasonCode is a code of TEDS REASON.
type TEDSReasonCode string

// The values of TEDSReasonCode.
const (
	TEDSReasonCodeCompleted    TEDSReasonCode = "1" // treatment completed
	TEDSReasonCodeDroppedOut   TEDSReasonCode = "2" // dropped out; older label: left against professional advice
	TEDSReasonCodeTerminated   TEDSReasonCode = "3" // terminated by the facility
	TEDSReasonCodeTransferred  TEDSReasonCode = "4" // transferred to another program or facility
	TEDSReasonCodeIncarcerated TEDSReasonCode = "5"
	TEDSReasonCodeDied         TEDSReasonCode = "6" // death
	TEDSReasonCodeOther        TEDSReasonCode = "7"
)

// Values lists them, as the schema does.
func (TEDSReasonCode) Values() []string {
	return values(
		TEDSReasonCodeCompleted, TEDSReasonCodeDroppedOut, TEDSReasonCodeTerminated,
		TEDSReasonCodeTransferred, TEDSReasonCodeIncarcerated, TEDSReasonCodeDied, TEDSReasonCodeOther,
	)
}

// ContinuingCare is one service that follows a discharge or release, with its first appointment.
type ContinuingCare struct {
	// What it is.
	Service string `json:"service"`
	// How certain it is.
	Status ContinuingCareStatus `json:"status"`
	// Who provides it.
	Agency AgencyID `json:"agency,omitempty"`
	// The referral made for it.
	Referral string `json:"referral,omitempty"`
	// When it begins.
	FirstAppointmentAt time.Time `json:"firstAppointmentAt,omitzero"`
}

// LogValue shows ids only.
func (p ContinuingCare) LogValue() slog.Value { return loggedIDs("referral", p.Referral) }

// ContinuingCareStatus is how certain a continuing service is.
type ContinuingCareStatus string

// The values of ContinuingCareStatus.
const (
	ContinuingCareStatusProposed  ContinuingCareStatus = "proposed"  // thought of
	ContinuingCareStatusReferred  ContinuingCareStatus = "referred"  // a referral is sent
	ContinuingCareStatusAccepted  ContinuingCareStatus = "accepted"  // the program takes the client
	ContinuingCareStatusScheduled ContinuingCareStatus = "scheduled" // the first appointment stands
	ContinuingCareStatusStarted   ContinuingCareStatus = "started"   // under way
	ContinuingCareStatusDeclined  ContinuingCareStatus = "declined"  // refused by program or client
)

// Values lists them, as the schema does.
func (ContinuingCareStatus) Values() []string {
	return values(
		ContinuingCareStatusProposed, ContinuingCareStatusReferred, ContinuingCareStatusAccepted,
		ContinuingCareStatusScheduled, ContinuingCareStatusStarted, ContinuingCareStatusDeclined,
	)
}
