package schemas

import "log/slog"

// TEDSReason is the TEDS reason for discharge, the bare code.
type TEDSReason string

// The values of TEDSReason.
const (
	TEDSReasonCompleted TEDSReason = "1" // treatment completed
	// dropped out; once: left against professional advice
	TEDSReasonDroppedOut   TEDSReason = "2"
	TEDSReasonTerminated   TEDSReason = "3"  // terminated by facility
	TEDSReasonTransferred  TEDSReason = "4"  // transferred to another program or facility
	TEDSReasonIncarcerated TEDSReason = "5"  // incarcerated
	TEDSReasonDied         TEDSReason = "6"  // death
	TEDSReasonOther        TEDSReason = "7"  // other
	TEDSReasonMissing      TEDSReason = "-9" // missing
)

// Values lists them, as the schema does.
func (TEDSReason) Values() []string {
	return values(
		TEDSReasonCompleted, TEDSReasonDroppedOut, TEDSReasonTerminated, TEDSReasonTransferred, TEDSReasonIncarcerated, TEDSReasonDied, TEDSReasonOther, TEDSReasonMissing,
	)
}

// TEDSLabelVersion says which label a TEDS code had when it was recorded.
type TEDSLabelVersion string

// The values of TEDSLabelVersion.
const (
	// reason 2 was labelled: left against professional advice
	TEDSLabelVersionLeftAgainstAdvice TEDSLabelVersion = "left-against-advice"
	TEDSLabelVersionDroppedOut        TEDSLabelVersion = "dropped-out" // reason 2 is labelled: dropped out
)

// Values lists them, as the schema does.
func (TEDSLabelVersion) Values() []string {
	return values(TEDSLabelVersionLeftAgainstAdvice, TEDSLabelVersionDroppedOut)
}

// TEDSDischarge is the TEDS reason for discharge with the label that the code had: reason 2 has had two.
type TEDSDischarge struct {
	// The code.
	Code TEDSReason `json:"code"`
	// The label as it was shown.
	Label string `json:"label"`
	// Which list the label comes from.
	LabelVersion TEDSLabelVersion `json:"labelVersion"`
}

// LogValue shows ids only.
func (p TEDSDischarge) LogValue() slog.Value { return loggedIDs() }
