package schemas

import (
	"log/slog"
	"time"
)

// The event types by which an agency that was restored from a backup gets back
// what came since. They travel under the charter, between it and one partner.
const (
	TypeNetworkAgencyRestored  EventType = "org.linkage.network.agency-restored.v1"
	TypeNetworkAgencySupplied  EventType = "org.linkage.network.agency-supplied.v1"
	TypeNetworkRecordsReturned EventType = "org.linkage.network.records-returned.v1"
)

// Housekeeping reports whether events of this type are the agents' own business
// and nobody's record: test messages, requests for what a chain lacks, and what
// follows a restore.
func (t EventType) Housekeeping() bool {
	switch t {
	case TypeNetworkCanarySent, TypeNetworkEventsNeeded, TypeNetworkAgencyRestored, TypeNetworkAgencySupplied, TypeNetworkRecordsReturned:
		return true
	default:
		return false
	}
}

// NetworkAgencyRestored says that the sender was restored from a backup, and asks for what it lacks.
type NetworkAgencyRestored struct {
	// The sender's new chain.
	Chain ULID `json:"chain"`
	// When the backup was made.
	Since time.Time `json:"since"`
	// What it has of each chain of the one who is asked; of a chain that is not listed it has nothing.
	Known []NetworkKnown `json:"known"`
	// Whether it asks for the records that it said or gave itself, too.
	Returns bool `json:"returns"`
}

// NetworkKnown is what the restored agency has of one chain.
type NetworkKnown struct {
	// The chain.
	Chain ULID `json:"chain"`
	// The highest sequence.
	Through uint64 `json:"through"`
	// What is missing up to there.
	Lacks []NetworkRun `json:"lacks,omitempty"`
}

// LogValue shows ids only.
func (p NetworkKnown) LogValue() slog.Value { return loggedIDs("chain", string(p.Chain)) }

// NetworkRun is a run of sequences.
type NetworkRun struct {
	// The first.
	From uint64 `json:"from"`
	// The last.
	To uint64 `json:"to"`
}

// LogValue shows ids only.
func (p NetworkRun) LogValue() slog.Value { return loggedIDs() }

// NetworkAgencySupplied answers a restored agency: what is sent again, and what cannot be.
type NetworkAgencySupplied struct {
	// The restored agency's new chain, as it said.
	Chain ULID `json:"chain"`
	// The ids of the events that are sent again.
	Events []EventID `json:"events"`
	// How many events may not be sent again, by reason.
	Withheld []NetworkWithheld `json:"withheld"`
	// How many events were let go: too long ago.
	Gone int `json:"gone"`
	// Whether there are more: ask again once these have come.
	More bool `json:"more"`
	// The highest sequence that is stored here of each chain of the restored agency.
	Stored []NetworkKnown `json:"stored"`
	// How many events of the restored agency's own are on their way back to it.
	Returned int `json:"returned"`
}

// NetworkWithheld says how many events may not be sent again for one reason.
type NetworkWithheld struct {
	// The code of the refusal.
	Code Code `json:"code"`
	// How many events.
	Count int `json:"count"`
}

// LogValue shows ids only.
func (p NetworkWithheld) LogValue() slog.Value { return loggedIDs("code", string(p.Code)) }

// NetworkRecordsReturned gives back to a restored agency what it has signed itself: grants that it gave, and
// events that it said, to the one who returns them. It knew all of it.
type NetworkRecordsReturned struct {
	// The restored agency's new chain, as it said.
	Chain ULID `json:"chain"`
	// The grants that it gave.
	Permissions []NetworkPermission `json:"permissions"`
	// The signed records of events that it said, each as JSON text.
	Events []string `json:"events"`
}

// NetworkPermission is a grant with what belongs to it, each a signed record as JSON text.
type NetworkPermission struct {
	// The grant's public part.
	Grant string `json:"grant"`
	// Its terms, if they came.
	Terms string `json:"terms,omitempty"`
	// Its end, if it was revoked.
	Revocation string `json:"revocation,omitempty"`
}

// LogValue shows ids only.
func (p NetworkPermission) LogValue() slog.Value { return loggedIDs() }
