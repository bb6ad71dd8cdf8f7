// Package schemas is the contract between the agencies: what an event, a
// grant, an envelope and a receipt are, byte for byte, and the rules that
// decide whether one may travel.
//
// Everything here is pure: no network, no files, no clock but the time that a
// caller passes in. Whoever wants to write another agent or another broker
// needs this package and docs/protocol.md, nothing else.
//
// Start with [Envelope] in envelope.go (what crosses the broker), [Grant] in
// grant.go (what permits it) and [Decide] in decide.go (the one check that both
// ends make). The event catalogue is in catalogue.go, with one file per noun.
package schemas
