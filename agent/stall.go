package agent

import (
	"fmt"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// stallAfter is how long nothing may come of what is tried before the line is
// called stalled. The broker is asked every minute and may take half a minute.
const stallAfter = 100 * time.Second

// Stall says that the exchange with a broker does not get on, since when, and
// which hop is likely the one.
type Stall struct {
	Since time.Time `json:"since"`
	Hop   Hop       `json:"hop"`
	Text  string    `json:"text"`
}

// The hops that only a running agent can call stalled.
const (
	HopGate     Hop = "gate"      // the exchange answers, and takes nothing
	HopHandOver Hop = "hand-over" // it takes what is sent, and hands nothing over
)

// submissions is what became of what was offered to a gate.
type submissions struct {
	mu       sync.Mutex // guards what follows
	accepted time.Time  // when one was last accepted
	refused  time.Time  // since when nothing was, although it was offered; zero otherwise
	why      schemas.Code
}

// note takes an answer of the gate over; code is "" for one that took it, and
// unavailable if there was none. What concerns one recipient only is passed over.
func (s *submissions) note(at time.Time, code schemas.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch code {
	case "":
		s.accepted, s.refused, s.why = at, time.Time{}, ""
	case schemas.CodeClockSkew, schemas.CodeUnavailable, schemas.CodeOverRate, schemas.CodeNotMember, schemas.CodeSenderMismatch,
		schemas.CodeUnknownSigningKey, schemas.CodeBadSignature, schemas.CodeUnsupportedVersion:
		if s.why = code; s.refused.IsZero() {
			s.refused = at
		}
	default:
	}
}

// progress is what is known of an exchange at one moment.
type progress struct {
	now, started, heard time.Time
	connected           bool
	accepted, refused   time.Time
	why                 schemas.Code
	// open says that something waits to be taken by the gate; canary is when a
	// test message was taken by it that has not come back, zero otherwise.
	open   bool
	canary time.Time
}

// stalled names the hop at which an exchange does not get on, nil if it does.
func (p progress) stalled() *Stall {
	heard := p.heard
	if heard.Before(p.started) {
		heard = p.started
	}
	silent := p.now.Sub(heard) > stallAfter
	switch {
	case silent && !p.connected:
		return &Stall{heard, HopSignIn, "there is no connection to the exchange: run `linkage agent doctor`"}
	case silent && p.accepted.After(heard):
		return &Stall{heard, HopHandOver, "the exchange takes what is sent and hands nothing over: tell its operator"}
	case silent:
		return &Stall{heard, HopPort, "there is a connection, and no answer comes over it: run `linkage agent doctor`; if it finds nothing, tell the exchange's operator"}
	case p.open && !p.refused.IsZero() && p.now.Sub(p.refused) > stallAfter:
		return &Stall{p.refused, HopGate, fmt.Sprintf("the exchange takes nothing from this agency (%s): run `linkage agent doctor`", p.why)}
	case !p.canary.IsZero() && p.now.Sub(p.canary) > stallAfter:
		return &Stall{p.canary, HopHandOver, "a test message was taken and has not come back: tell the exchange's operator"}
	}
	return nil
}

// progress gathers what is known, for a status that was read already.
func (m *membership) progress(s NetworkStatus, canary canaryState) progress {
	p := progress{now: m.agent.opts.Now(), started: m.started, heard: s.Heard, connected: s.Connected}
	m.submitted.mu.Lock()
	p.accepted, p.refused, p.why = m.submitted.accepted, m.submitted.refused, m.submitted.why
	m.submitted.mu.Unlock()
	for state, n := range s.Outbox {
		p.open = p.open || state.Open() && n > 0
	}
	if canary.Back.IsZero() && p.accepted.After(canary.Sent) && s.Waiting[m.own].Count > 0 && !p.open {
		p.canary = canary.Sent
	}
	return p
}

// clockFault names a clock that is too far from the broker's, "" if it is not.
func clockFault(ahead time.Duration) string {
	if ahead.Abs() <= time.Minute {
		return ""
	}
	way := "behind"
	if ahead < 0 {
		way = "ahead of"
	}
	return fmt.Sprintf("this machine's clock is %s %s the exchange's: one of the two is wrong; set it (`linkage agent doctor` shows both)", ahead.Abs().Round(time.Second), way)
}
