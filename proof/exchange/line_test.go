package exchange_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// permit lets an agency tell another about a client's attendance.
func permit(t testing.TB, a *agent.Agent, network schemas.NetworkID, to schemas.AgencyID, client string) schemas.GrantID {
	t.Helper()
	id, err := a.Issue(context.Background(), agent.NewGrant{
		Network: network, Recipient: to, Client: client, Basis: schemas.BasisJusticeConsent,
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}},
		Until: schemas.DateOf(time.Now()).AddDays(30),
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// tell lets an agency say that a client attended.
func tell(t testing.TB, a *agent.Agent, network schemas.NetworkID, to, client, subject string) {
	t.Helper()
	body := exchange.Event(schemas.TypeAttendanceRecorded, to, client, subject, example(t, schemas.TypeAttendanceRecorded))
	body, err := agent.Draft{Network: network}.Complete(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Accept(context.Background(), body); err != nil {
		t.Fatal(err)
	}
}

// tellMany tells so many things, with subjects a-from to a-(to-1).
func tellMany(t testing.TB, a *agent.Agent, to, client string, from, until int) {
	t.Helper()
	for i := from; i < until; i++ {
		tell(t, a, "", to, client, fmt.Sprintf("a-%d", i))
	}
}

// subjects lists what an agency has heard, in the order of arrival.
func subjects(t testing.TB, a *agent.Agent) []string {
	t.Helper()
	var all []string
	for _, e := range heard(t, a) {
		parsed, err := schemas.ParseEvent(e.Event)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parsed.Subject())
	}
	return all
}

func numbered(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("a-%d", i))
	}
	return all
}

func status(t testing.TB, a *agent.Agent, network schemas.NetworkID) agent.NetworkStatus {
	t.Helper()
	s, err := a.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range s.Networks {
		if n.Network == network || network == "" {
			return n
		}
	}
	t.Fatalf("not in network %s", network)
	return agent.NetworkStatus{}
}

func waiting(t testing.TB, a *agent.Agent, network schemas.NetworkID) int {
	t.Helper()
	n := 0
	for _, k := range status(t, a, network).Outbox {
		n += k
	}
	return n
}

func connected(t testing.TB, a *agent.Agent) bool {
	t.Helper()
	return status(t, a, "").Connected
}

// The broker goes away and comes back; nobody does anything at the agencies.
func TestBrokerRestarts(t *testing.T) {
	n := exchange.Start(t)
	treatment, probation := n.Join("riverside-treatment"), n.Join("county-probation")
	permit(t, treatment, "", "county-probation", "c-1")
	tellMany(t, treatment, "county-probation", "c-1", 0, 20)
	n.StopBroker() // whatever is under way
	tellMany(t, treatment, "county-probation", "c-1", 20, 60)
	eventually.True(t, "the agents notice", func() bool { return !connected(t, treatment) && !connected(t, probation) })
	n.StartBroker()
	eventually.True(t, "everything arrives", func() bool { return len(heard(t, probation)) >= 60 })
	if got := subjects(t, probation); !slices.Equal(got, numbered(60)) {
		t.Errorf("heard %v", got)
	}
	eventually.True(t, "every receipt is back", func() bool { return waiting(t, treatment, "") == 0 })
}

// behindRelay joins two agencies, the first behind a relay of its own, with
// pings and requests that do not take minutes.
func behindRelay(t *testing.T) (r *relay, treatment, probation *agent.Agent) {
	t.Helper()
	n := exchange.StartWith(t, exchange.Setting{Public: func(listen string) string {
		r = newRelay(t, listen)
		return r.addr
	}})
	join := func(a schemas.AgencyID) *agent.Agent {
		opts := n.AgentOptions(a)
		opts.PingInterval, opts.RequestTimeout = 500*time.Millisecond, 3*time.Second
		ctx := context.Background()
		if _, err := agent.Init(ctx, opts, "Agency"); err != nil {
			t.Fatal(err)
		}
		running, err := agent.Open(ctx, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = running.Stop(ctx) })
		if _, err := running.Join(ctx, n.Invite(a).String()); err != nil {
			t.Fatal(err)
		}
		return running
	}
	return r, join("riverside-treatment"), join("county-probation")
}

// A line on which nothing moves any more, though nobody closed it, is noticed
// and made anew (R5).
func TestSilentLine(t *testing.T) {
	courses := map[string]func(r *relay){
		"the line goes on":             func(r *relay) { r.silence(true) },
		"only a new connection helps":  func(r *relay) { r.silence(false) },
		"silent, then cut, then whole": func(r *relay) { r.silence(true) },
	}
	for name, silence := range courses {
		t.Run(name, func(t *testing.T) {
			r, treatment, probation := behindRelay(t)
			permit(t, treatment, "", "county-probation", "c-1")
			tellMany(t, treatment, "county-probation", "c-1", 0, 10)
			eventually.True(t, "the first events arrive", func() bool { return len(heard(t, probation)) == 10 })

			silence(r)
			tellMany(t, treatment, "county-probation", "c-1", 10, 40)
			if name != "only a new connection helps" {
				eventually.True(t, "the agents notice", func() bool { return !connected(t, treatment) && !connected(t, probation) })
				if name == "silent, then cut, then whole" {
					r.point(r.target())
				}
				r.resume()
			}
			eventually.True(t, "everything arrives", func() bool { return len(heard(t, probation)) >= 40 })
			if got := subjects(t, probation); !slices.Equal(got, numbered(40)) {
				t.Errorf("heard %v", got)
			}
			eventually.True(t, "every receipt is back", func() bool { return waiting(t, treatment, "") == 0 })
		})
	}
}
