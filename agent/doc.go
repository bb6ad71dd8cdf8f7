// Package agent is an agency's own Linkage: it keeps the agency's events and
// permissions, sends what may go to its partners, and takes in what they send.
//
// [Init] makes an agent's directory, [Start] runs it, [Agent.Join] makes it a
// member of a network. An agent may be in several networks; each is a
// [membership] with keys, chain, grants and partners of its own, and nothing
// crosses between them.
//
// The parts meet in membership.go: store and vault (what is on disk), link (the
// line to the broker), directory (who the partners are), casebook (events and
// grants), outbox and inbox (getting them there, taking them in), api (the
// agency's own systems and commands).
package agent
