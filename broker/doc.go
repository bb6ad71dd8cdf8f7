// Package broker runs a broker: it takes sealed envelopes from the agencies of
// one network, checks that each is permitted, keeps them until their recipients
// have them, and records every decision. It can read none of them.
//
// [Init] makes a broker's directory, [Start] runs it. What only the holder of
// the network's admission key may do (invite, suspend, readmit) is [Lead]; it
// needs no access to the broker's keys and reaches a running broker through
// [Admin].
//
// The parts meet in broker.go: transport (the message server and its hub), gate
// (the only way through), ledger (what was decided, provably), registry (members and grants), enrol (the door for
// those who are not connected).
package broker
