//go:build race

package outbox_test

// raceEnabled makes the longest test shorter: the race detector slows
// cryptography down tenfold.
const raceEnabled = true
