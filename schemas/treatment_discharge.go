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
