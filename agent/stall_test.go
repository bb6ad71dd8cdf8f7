package agent

import (
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Whatever does not get on is named within two minutes, and what does is not.
func TestR5StallIsNamed(t *testing.T) {
	start := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	now := start.Add(time.Hour)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	tests := map[string]struct {
		p     progress
		hop   Hop
		since time.Time
	}{
		"all well":                     {progress{connected: true, heard: ago(59 * time.Second)}, "", time.Time{}},
		"a slow answer":                {progress{connected: true, heard: ago(90 * time.Second)}, "", time.Time{}},
		"connected, no answer":         {progress{connected: true, heard: ago(2 * time.Minute)}, HopPort, ago(2 * time.Minute)},
		"no connection":                {progress{heard: ago(2 * time.Minute)}, HopSignIn, ago(2 * time.Minute)},
		"no answer since the start":    {progress{connected: true}, HopPort, start},
		"submissions only":             {progress{connected: true, heard: ago(3 * time.Minute), accepted: ago(time.Second)}, HopHandOver, ago(3 * time.Minute)},
		"a canary that stays away":     {progress{connected: true, heard: ago(time.Second), canary: ago(2 * time.Minute)}, HopHandOver, ago(2 * time.Minute)},
		"a canary on its way":          {progress{connected: true, heard: ago(time.Second), canary: ago(time.Minute)}, "", time.Time{}},
		"the gate takes nothing":       {progress{connected: true, heard: ago(time.Second), open: true, refused: ago(2 * time.Minute)}, HopGate, ago(2 * time.Minute)},
		"refused once, nothing to say": {progress{connected: true, heard: ago(time.Second), refused: ago(2 * time.Minute)}, "", time.Time{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.p.now, tt.p.started = now, start
			got := tt.p.stalled()
			switch {
			case (got == nil) != (tt.hop == ""):
				t.Errorf("got %+v, want hop %q", got, tt.hop)
			case got != nil && (got.Hop != tt.hop || !got.Since.Equal(tt.since)):
				t.Errorf("got %+v, want hop %q since %s", got, tt.hop, tt.since)
			}
		})
	}
	var s submissions
	s.note(ago(3*time.Minute), schemas.CodeQuota) // one recipient's mailbox
	if !s.refused.IsZero() {
		t.Error("a full mailbox counts as a stalled line")
	}
	s.note(ago(2*time.Minute), schemas.CodeClockSkew)
	s.note(ago(time.Minute), schemas.CodeUnavailable)
	if !s.refused.Equal(ago(2 * time.Minute)) {
		t.Errorf("refused since %s", s.refused)
	}
	if s.note(now, ""); !s.refused.IsZero() || !s.accepted.Equal(now) {
		t.Error("an accepted envelope does not end it")
	}
}
