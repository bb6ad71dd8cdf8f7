// Package eventually lets a test wait for something that another process or
// goroutine does in its own time.
package eventually

import (
	"testing"
	"time"
)

// True polls ok until it reports true, and fails the test after a minute. It is
// for conditions that no channel announces; it says nothing about speed.
func True(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting after a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
