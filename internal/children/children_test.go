package children // the tests wait for the end of a process

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestPollEndsWithItsContextOrAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	err := Poll(ctx, "nothing", func(context.Context) (bool, error) {
		if asked++; asked == 2 {
			cancel()
		}
		return false, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if err := Poll(t.Context(), "nothing", func(context.Context) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := Poll(t.Context(), "nothing", func(context.Context) (bool, error) { return true, nil }); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestAChildThatEndsByItselfShowsItsLog(t *testing.T) {
	c := New("/bin/sh", t.TempDir())
	if err := c.Start("loud", "-c", "echo the reason; exit 3"); err != nil {
		t.Skip("no shell here:", err)
	}
	<-c.find("loud").done
	err := c.Alive("loud")
	if err == nil || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
}

func TestStopWaitsAndKillDoesNot(t *testing.T) {
	c := New("/bin/sh", t.TempDir())
	if err := c.Start("polite", "-c", `trap "exit 0" TERM; echo ready; while :; do read x || sleep 0.01; done`); err != nil {
		t.Skip("no shell here:", err)
	}
	waitFor(t, c, "polite", "ready")
	if err := c.Stop("polite"); err != nil || c.find("polite") != nil {
		t.Errorf("got %v", err)
	}
	if err := c.Start("deaf", "-c", `trap "" TERM; echo ready; while :; do read x || sleep 0.01; done`); err != nil {
		t.Fatal(err)
	}
	waitFor(t, c, "deaf", "ready")
	if err := c.Kill("deaf"); err != nil || c.find("deaf") != nil {
		t.Errorf("got %v", err)
	}
}

func waitFor(t *testing.T, c *Children, name, text string) {
	t.Helper()
	err := Poll(t.Context(), text, func(context.Context) (bool, error) { return strings.Contains(c.Tail(name), text), nil })
	if err != nil {
		t.Fatal(err)
	}
}
