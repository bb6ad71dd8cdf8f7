// Package compat keeps networks of earlier versions as they lay on disk, with
// mail in every place where mail can be, and sees that this version opens them
// and goes on.
//
// A fixture is an archive of all directories of a stopped network and a file
// that says what must come of it. It is recorded once, by the version it is
// named for, and never again:
//
//	go test ./proof/compat -run TestRecord -record NAME
//
// A change that cannot open a fixture breaks agencies' installations; the
// fixture is not what is to be changed then.
package compat
