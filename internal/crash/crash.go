// Package crash names the places between two writes at which a process may
// die, so that tests can kill it exactly there.
//
// Without the build tag "crashpoints" [Point] is an empty function. With it,
// the environment variable LINKAGE_CRASH ("name" or "name:n") makes the n-th
// passage of the named point end the process with SIGKILL, which is what a
// power cut leaves a process: no deferred call runs, nothing is flushed.
package crash

// The points, in the order in which one envelope meets them.
const (
	AgentUploaded      = "agent.uploaded"       // a part of an upload stored, the attachment not yet complete
	AgentAccepted      = "agent.accepted"       // event stored, answer to its maker not yet given
	AgentFrozen        = "agent.frozen"         // envelope bytes stored, not yet submitted
	GateDecided        = "gate.decided"         // the gate decided, nothing committed
	GateCommitted      = "gate.committed"       // batch in the hub, no reply sent
	AgentSubmitted     = "agent.submitted"      // reply received, not yet stored
	GateHandedOver     = "gate.handed-over"     // page given to the connection, hand-over not yet recorded
	AgentPulled        = "agent.pulled"         // page received, not yet stored
	AgentStored        = "agent.stored"         // effect, cursor and receipt stored, receipt not yet sent
	GateReceipted      = "gate.receipted"       // receipt in the hub, no reply sent
	AgentReceipted     = "agent.receipted"      // receipt acknowledged, still queued
	GateRevoked        = "gate.revoked"         // revocation in the hub, withdrawals not yet written
	EnrolAdmitted      = "enrol.admitted"       // member in the hub, agent not yet answered
	AgentJoined        = "agent.joined"         // broker answered, membership not yet stored
	EnrolReturned      = "enrol.returned"       // a returned member in the hub, agent not yet answered
	EpochSigned        = "epoch.signed"         // statement in the lead's directory, the broker's not yet changed
	EpochDeclared      = "epoch.declared"       // statement in the broker's directory, the old hub not yet put aside
	EpochMoved         = "epoch.moved"          // old hub put aside, the new mark not yet written
	AgentEpoch         = "agent.epoch"          // new epoch stored, broker not yet told of anything
	AgentReturned      = "agent.returned"       // broker has the cards, credentials not yet stored
	AgentOffered       = "agent.offered"        // broker has all permissions, that not yet noted
	AgentGrantRecorded = "agent.grant-recorded" // grant stored, not yet registered at the broker
	AgentKeysMade      = "agent.keys-made"      // new keys and their card stored, not yet brought to the broker
	AgentCardSent      = "agent.card-sent"      // the broker has the card, the agent still uses the old keys
	LedgerTiled        = "ledger.tiled"         // tiles on disk, the head over them not yet
	LedgerSigned       = "ledger.signed"        // head on disk, nobody told of it
	AgentBackedUp      = "agent.backed-up"      // backup on disk without its name, not read back yet
	AgentRestoring     = "agent.restoring"      // restored store on disk in the staging directory, its chains begun, not in its place
	AgentRestored      = "agent.restored"       // restored directory in its place, nobody told of it
	AgentAsked         = "agent.asked"          // what partners are asked for stored, not yet sent
)

// Points lists every point, for tests that visit them all.
var Points = []string{
	AgentUploaded, AgentAccepted, AgentFrozen, GateDecided, GateCommitted, AgentSubmitted, GateHandedOver, AgentPulled,
	AgentStored, GateReceipted, AgentReceipted, GateRevoked, EnrolAdmitted, AgentJoined, AgentGrantRecorded,
	LedgerTiled, LedgerSigned, AgentKeysMade, AgentCardSent, AgentBackedUp, AgentRestoring, AgentRestored, AgentAsked,
	EnrolReturned, EpochSigned, EpochDeclared, EpochMoved, AgentEpoch, AgentReturned, AgentOffered,
}
