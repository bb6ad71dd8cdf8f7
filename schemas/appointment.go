package schemas

import (
	"log/slog"
	"time"
)

// The event types of this noun. What each means stands at its payload.
const (
	TypeAppointmentScheduled   EventType = "org.linkage.appointment.scheduled.v1"
	TypeAppointmentRescheduled EventType = "org.linkage.appointment.rescheduled.v1"
	TypeAppointmentCancelled   EventType = "org.linkage.appointment.cancelled.v1"
	TypeAppointmentKept        EventType = "org.linkage.appointment.kept.v1"
	TypeAppointmentMissed      EventType = "org.linkage.appointment.missed.v1"
)

var appointmentTypes = []TypeInfo{
	is[AppointmentScheduled](TypeAppointmentScheduled, CategoryReferral),
	is[AppointmentRescheduled](TypeAppointmentRescheduled, CategoryReferral),
	is[AppointmentCancelled](TypeAppointmentCancelled, CategoryReferral),
	is[AppointmentKept](TypeAppointmentKept, CategoryAttendance),
	is[AppointmentMissed](TypeAppointmentMissed, CategoryAttendance),
}

// AppointmentKind is what the appointment is for.
type AppointmentKind string

// The values of AppointmentKind.
const (
	AppointmentKindIntake      AppointmentKind = "intake"
	AppointmentKindAssessment  AppointmentKind = "assessment"
	AppointmentKindSession     AppointmentKind = "session"
	AppointmentKindGroup       AppointmentKind = "group"
	AppointmentKindMedical     AppointmentKind = "medical"
	AppointmentKindDrugTest    AppointmentKind = "drug-test"
	AppointmentKindBenefits    AppointmentKind = "benefits"
	AppointmentKindHousing     AppointmentKind = "housing"
	AppointmentKindSupervision AppointmentKind = "supervision"
	AppointmentKindOther       AppointmentKind = "other"
)

// Values lists them, as the schema does.
func (AppointmentKind) Values() []string {
	return values(
		AppointmentKindIntake, AppointmentKindAssessment, AppointmentKindSession, AppointmentKindGroup,
		AppointmentKindMedical, AppointmentKindDrugTest, AppointmentKindBenefits, AppointmentKindHousing,
		AppointmentKindSupervision, AppointmentKindOther,
	)
}

// AppointmentBy is whose doing a change is.
type AppointmentBy string

// The values of AppointmentBy.
const (
	AppointmentByClient AppointmentBy = "client"
	AppointmentByAgency AppointmentBy = "agency"
	AppointmentByOther  AppointmentBy = "other" // weather, closure, a third party
)

// Values lists them, as the schema does.
func (AppointmentBy) Values() []string {
	return values(AppointmentByClient, AppointmentByAgency, AppointmentByOther)
}

// AppointmentTransport is how the client gets there.
type AppointmentTransport string

// The values of AppointmentTransport.
const (
	AppointmentTransportOwn     AppointmentTransport = "own"
	AppointmentTransportAgency  AppointmentTransport = "agency"  // the agency drives
	AppointmentTransportVoucher AppointmentTransport = "voucher" // bus pass or taxi voucher
	AppointmentTransportNeeded  AppointmentTransport = "needed"  // not arranged yet
)

// Values lists them, as the schema does.
func (AppointmentTransport) Values() []string {
	return values(
		AppointmentTransportOwn, AppointmentTransportAgency, AppointmentTransportVoucher, AppointmentTransportNeeded,
	)
}

// AppointmentScheduled says that an appointment is agreed (FHIR Appointment booked, SIU S12, BSeR 5.1.1).
type AppointmentScheduled struct {
	// The appointment's id; it stays the same when it is moved.
	Appointment string `json:"appointment"`
	// When it begins.
	Start time.Time `json:"start"`
	// The zone in which the client reads the clock.
	TimeZone string `json:"timeZone"`
	// The referral that it belongs to.
	Referral string `json:"referral,omitempty"`
	// When it ends.
	End time.Time `json:"end,omitzero"`
	// Where, or over what line.
	Place Place `json:"place,omitzero"`
	// With whom.
	With Contact `json:"with,omitzero"`
	// What the client has to bring or know.
	Instructions string `json:"instructions,omitempty"`
	// What it is for. Supervision learns that there is an appointment, and when.
	Kind AppointmentKind `json:"kind,omitempty"`
	// The service.
	Service Coded `json:"service,omitzero"`
	// Whether it is the first under the referral.
	First *bool `json:"first,omitempty"`
	// When it was first offered.
	OfferedOn time.Time `json:"offeredOn,omitzero"`
	// How the client gets there.
	Transport AppointmentTransport `json:"transport,omitempty"`
	// Whether the case manager goes along.
	Accompanied *bool `json:"accompanied,omitempty"`
	// Whether the client wants reminders.
	Reminders *bool `json:"reminders,omitempty"`
}

// LogValue shows ids only.
func (p AppointmentScheduled) LogValue() slog.Value {
	return loggedIDs("appointment", p.Appointment, "referral", p.Referral)
}

// AppointmentRescheduled says that an appointment was moved (SIU S13).
type AppointmentRescheduled struct {
	// The appointment's id; it stays the same when it is moved.
	Appointment string `json:"appointment"`
	// When it begins.
	Start time.Time `json:"start"`
	// The zone in which the client reads the clock.
	TimeZone string `json:"timeZone"`
	// When it was to begin before.
	PreviousStart time.Time `json:"previousStart"`
	// Whose doing it is. Moved by the program is no fact about the client.
	By AppointmentBy `json:"by"`
	// The referral that it belongs to.
	Referral string `json:"referral,omitempty"`
	// When it ends.
	End time.Time `json:"end,omitzero"`
	// Where, or over what line.
	Place Place `json:"place,omitzero"`
	// With whom.
	With Contact `json:"with,omitzero"`
	// What the client has to bring or know.
	Instructions string `json:"instructions,omitempty"`
	// Why.
	Reason Reason `json:"reason,omitzero"`
}

// LogValue shows ids only.
func (p AppointmentRescheduled) LogValue() slog.Value {
	return loggedIDs("appointment", p.Appointment, "referral", p.Referral)
}

// AppointmentCancelled says that an appointment will not take place (FHIR Appointment cancelled, SIU S15,
// BSeR 5.1.3).
type AppointmentCancelled struct {
	// The appointment's id; it stays the same when it is moved.
	Appointment string `json:"appointment"`
	// Whose doing it is.
	By AppointmentBy `json:"by"`
	// When it was cancelled.
	CancelledAt time.Time `json:"cancelledAt"`
	// The referral that it belongs to.
	Referral string `json:"referral,omitempty"`
	// When it was to begin.
	Start time.Time `json:"start,omitzero"`
	// Whether another one will be made.
	Rebook *bool `json:"rebook,omitempty"`
	// Why.
	Reason Reason `json:"reason,omitzero"`
}

// LogValue shows ids only.
func (p AppointmentCancelled) LogValue() slog.Value {
	return loggedIDs("appointment", p.Appointment, "referral", p.Referral)
}

// AppointmentKept says that the client came (FHIR Appointment fulfilled).
type AppointmentKept struct {
	// The appointment's id; it stays the same when it is moved.
	Appointment string `json:"appointment"`
	// When it began.
	Start time.Time `json:"start"`
	// The referral that it belongs to.
	Referral string `json:"referral,omitempty"`
	// Whether it was the first under the referral.
	First *bool `json:"first,omitempty"`
	// How long it lasted.
	Minutes *int `json:"minutes,omitempty"`
	// How late the client came.
	MinutesLate *int `json:"minutesLate,omitempty"`
	// How they met.
	Mode ContactMode `json:"mode,omitempty"`
	// The next appointment.
	NextStart time.Time `json:"nextStart,omitzero"`
	// What else happened.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p AppointmentKept) LogValue() slog.Value {
	return loggedIDs("appointment", p.Appointment, "referral", p.Referral)
}

// AppointmentMissed says that the client did not come (FHIR Appointment noshow, SIU S26, BSeR 5.1.2).
type AppointmentMissed struct {
	// The appointment's id; it stays the same when it is moved.
	Appointment string `json:"appointment"`
	// When it was to begin.
	Start time.Time `json:"start"`
	// Whether the client let the agency know before.
	NoticeGiven bool `json:"noticeGiven"`
	// The referral that it belongs to.
	Referral string `json:"referral,omitempty"`
	// Whether the agency excuses it; absent while that is open.
	Excused *bool `json:"excused,omitempty"`
	// The attempts to reach the client since.
	Attempts []ContactAttempt `json:"attempts,omitempty"`
	// The appointment in its place.
	RebookedAs string `json:"rebookedAs,omitempty"`
	// Why, as far as it is known.
	Reason Reason `json:"reason,omitzero"`
}

// LogValue shows ids only.
func (p AppointmentMissed) LogValue() slog.Value {
	return loggedIDs("appointment", p.Appointment, "referral", p.Referral, "rebookedAs", p.RebookedAs)
}
