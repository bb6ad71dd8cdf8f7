package exchange_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// refer accepts a referral to harbor-shelter.
func refer(t testing.TB, from *agent.Agent, subject string) {
	t.Helper()
	if _, err := from.Accept(context.Background(), exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", subject, marked(t))); err != nil {
		t.Fatal(err)
	}
}

// subjectsOf counts what an agency heard, by subject.
func subjectsOf(t testing.TB, a *agent.Agent) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, e := range heard(t, a) {
		var inner struct {
			Subject string `json:"subject"`
		}
		if err := schemas.DecodeJSON(e.Event, &inner); err != nil {
			t.Fatal(err)
		}
		all[inner.Subject]++
	}
	return all
}

func once(t testing.TB, a *agent.Agent, want ...string) {
	t.Helper()
	eventually.True(t, fmt.Sprintf("%v arrives", want), func() bool {
		got := subjectsOf(t, a)
		for _, s := range want {
			if got[s] == 0 {
				return false
			}
		}
		return true
	})
	for s, n := range subjectsOf(t, a) {
		if n != 1 {
			t.Errorf("%s has its effect %d times", s, n)
		}
	}
}

func settled(t testing.TB, a *agent.Agent) {
	t.Helper()
	eventually.True(t, "the outbox is empty", func() bool { return len(stateOf(t, a).Outbox) == 0 })
}

// A broker that burnt down is filled again by its agents, without anybody doing
// anything at them.
func TestR1WipedBrokerIsRefilled(t *testing.T) {
	n := exchange.Start(t)
	ctx := context.Background()
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	if _, err := lead.Issue(ctx, careGrant("harbor-shelter", "c-1")); err != nil {
		t.Fatal(err)
	}
	refer(t, lead, "r-before")
	once(t, shelter, "r-before")
	settled(t, lead)
	if err := shelter.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	refer(t, lead, "r-at-the-broker")
	eventually.True(t, "it is at the broker", func() bool { return stateOf(t, lead).Outbox["accepted"] == 1 })
	n.StopBroker()
	refer(t, lead, "r-here")
	n.Wipe()
	n.NewEpoch("wiped")
	n.StartBroker()
	shelter = n.Run("harbor-shelter")
	once(t, shelter, "r-before", "r-at-the-broker", "r-here")
	settled(t, lead)
	refer(t, lead, "r-after")
	once(t, shelter, "r-after")
}
