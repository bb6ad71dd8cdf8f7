// Package examples holds networks at work: who is in them, whom they serve, and
// what happens in a week. The demo plays them, the tests replay them, and
// whoever begins with Linkage can copy from them.
//
// Start with [Load]. Each setup has its own folder, with a README.
package examples
