package exchange_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// set is a clock that a test puts forward and back.
type set struct{ off atomic.Int64 }

func (s *set) now() time.Time { return time.Now().Add(time.Duration(s.off.Load())) }

func (s *set) turn(d time.Duration) { s.off.Store(int64(d)) }

// joinBy makes an agency a member whose machine has a clock of its own.
func joinBy(t *testing.T, n *exchange.Network, a schemas.AgencyID, clock *set) *agent.Agent {
	t.Helper()
	opts := n.AgentOptions(a)
	opts.Now = clock.now
	if _, err := agent.Init(t.Context(), opts, "Agency"); err != nil {
		t.Fatal(err)
	}
	running, err := agent.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop(t.Context()) })
	if _, err := running.Join(t.Context(), n.Invite(a).String()); err != nil {
		t.Fatal(err)
	}
	return running
}

// A broker that takes connections and answers nothing, or whose answers do not
// arrive, is called stalled within two minutes, and not any more once it answers.
func TestR5SilentBrokerIsNamed(t *testing.T) {
	for name, silence := range map[string]func(*relay){
		"it hangs": func(r *relay) { r.silence(true) }, "one direction works": (*relay).deafen,
	} {
		t.Run(name, func(t *testing.T) {
			var r *relay
			n := exchange.StartWith(t, exchange.Setting{Public: func(listen string) string {
				r = newRelay(t, listen)
				return r.addr
			}})
			clock := &set{}
			treatment := joinBy(t, n, "riverside-treatment", clock)
			if s := status(t, treatment, "").Stalled; s != nil {
				t.Fatalf("stalled at the start: %+v", s)
			}
			silence(r)
			clock.turn(2 * time.Minute)
			s := status(t, treatment, "").Stalled
			if s == nil || s.Hop != agent.HopPort || s.Since.After(time.Now()) {
				t.Fatalf("two minutes later: %+v", s)
			}
			if err := treatment.Ready(); err == nil || !strings.Contains(err.Error(), "stalled") {
				t.Errorf("ready: %v", err)
			}
			clock.turn(0)
			r.resume()
			eventually.True(t, "it gets on", func() bool { return status(t, treatment, "").Stalled == nil && connected(t, treatment) })
		})
	}
}

// A clock that is hours off, here or at the broker, is named as such. A gate that
// takes nothing because of it is called stalled, and nothing is lost meanwhile.
func TestR5WrongClockIsNamed(t *testing.T) {
	n := exchange.Start(t)
	brokers := &set{}
	n.Now = brokers.now
	clock := &set{}
	treatment, probation := joinBy(t, n, "riverside-treatment", clock), n.Join("county-probation")
	permit(t, treatment, "", "county-probation", "c-1")
	tellMany(t, treatment, "county-probation", "c-1", 0, 2)
	eventually.True(t, "they arrive", func() bool { return len(heard(t, probation)) == 2 })

	n.StopBroker()
	brokers.turn(-3 * time.Hour)
	n.StartBroker()
	eventually.True(t, "the clock is named", func() bool { return strings.Contains(status(t, treatment, "").Clock, "ahead of the exchange's") })
	tellMany(t, treatment, "county-probation", "c-1", 2, 5)
	eventually.True(t, "the gate refuses", func() bool {
		return slices.ContainsFunc(status(t, treatment, "").Retry, func(t agent.Trouble) bool { return t.Code == schemas.CodeClockSkew })
	})
	clock.turn(2 * time.Minute) // time goes on
	eventually.True(t, "it is called stalled", func() bool {
		s := status(t, treatment, "").Stalled
		return s != nil && s.Hop == agent.HopGate
	})
	n.StopBroker()
	brokers.turn(0)
	clock.turn(0)
	n.StartBroker()
	eventually.True(t, "everything arrives", func() bool { return len(heard(t, probation)) >= 5 })
	if got := subjects(t, probation); !slices.Equal(got, numbered(5)) {
		t.Errorf("heard %v", got)
	}
	eventually.True(t, "the line gets on", func() bool { s := status(t, treatment, ""); return s.Stalled == nil && s.Clock == "" })
}
