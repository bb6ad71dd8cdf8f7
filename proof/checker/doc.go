// Package checker proves from the outside what a network promised: from what
// the agents' stores and the broker's hub hold when everything is stopped, and
// from a manifest that says what was permitted.
//
// It shares no code with agent or broker but the contract of package schemas.
// It reads what `linkage agent inspect --json` and `linkage broker inspect
// --json` print, so that anyone can make the same input by hand, and plant a
// fault in it to see it found.
//
// Start with [Check] in checker.go. Each promise is one file.
package checker
