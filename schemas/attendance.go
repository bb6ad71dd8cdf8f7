package schemas

import (
	"log/slog"
	"time"
)

// The event types of this noun. What each means stands at its payload.
const (
	TypeAttendanceRecorded EventType = "org.linkage.attendance.recorded.v1"
)

var attendanceTypes = []TypeInfo{
	is[AttendanceRecorded](TypeAttendanceRecorded, CategoryAttendance),
}

// AttendanceStatus is whether a client was there. Only attended and unexcused say something about the
// client's conduct.
type AttendanceStatus string

// The values of AttendanceStatus.
const (
	AttendanceStatusAttended             AttendanceStatus = "attended"
	AttendanceStatusExcused              AttendanceStatus = "excused"                // absent with a reason that the program accepts
	AttendanceStatusUnexcused            AttendanceStatus = "unexcused"              // absent without one
	AttendanceStatusProgramClosed        AttendanceStatus = "program-closed"         // no session was held
	AttendanceStatusRescheduledByProgram AttendanceStatus = "rescheduled-by-program" // the program moved it
)

// Values lists them, as the schema does.
func (AttendanceStatus) Values() []string {
	return values(
		AttendanceStatusAttended, AttendanceStatusExcused, AttendanceStatusUnexcused, AttendanceStatusProgramClosed,
		AttendanceStatusRescheduledByProgram,
	)
}

// AttendanceCount counts sessions over a range of days. A count says less than the dates.
type AttendanceCount struct {
	// The days.
	Period Days `json:"period"`
	// Sessions scheduled.
	Scheduled int `json:"scheduled"`
	// Sessions attended.
	Attended int `json:"attended"`
	// Absences excused.
	Excused int `json:"excused"`
	// Absences not excused.
	Unexcused int `json:"unexcused"`
}

// LogValue shows ids only.
func (p AttendanceCount) LogValue() slog.Value { return loggedIDs() }

// AttendanceRecorded says whether the client attended on a day. Supervision learns status, date and
// counts; what kind of session it was and what happened in it stays with treatment.
type AttendanceRecorded struct {
	// The day.
	Date Date `json:"date"`
	// Whether the client was there.
	Status AttendanceStatus `json:"status"`
	// The session's id.
	Session string `json:"session,omitempty"`
	// The referral that it belongs to.
	Referral string `json:"referral,omitempty"`
	// Sessions so far in the reporting period.
	Counts AttendanceCount `json:"counts,omitzero"`
	// The next session.
	NextDate Date `json:"nextDate,omitzero"`
	// The record that this one corrects.
	Corrects EventID `json:"corrects,omitempty"`
	// When it began.
	Start time.Time `json:"start,omitzero"`
	// How long the client was there.
	Minutes *int `json:"minutes,omitempty"`
	// How late the client came.
	MinutesLate *int `json:"minutesLate,omitempty"`
	// What kind of session.
	SessionType Coded `json:"sessionType,omitzero"`
	// How they met.
	Mode ContactMode `json:"mode,omitempty"`
	// The program.
	Program ProgramRef `json:"program,omitzero"`
	// The reason for an absence.
	Excuse string `json:"excuse,omitempty"`
	// What the session was about.
	Topic string `json:"topic,omitempty"`
	// How it went.
	Note string `json:"note,omitempty"`
}

// LogValue shows ids only.
func (p AttendanceRecorded) LogValue() slog.Value {
	return loggedIDs("session", p.Session, "referral", p.Referral, "corrects", string(p.Corrects))
}
