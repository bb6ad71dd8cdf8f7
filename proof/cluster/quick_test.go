package cluster

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

func payload(t testing.TB) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile("../../schemas/testdata/events/" + schemas.TypeAttendanceRecorded.Short() + "/valid-minimal.json")
	check(t, err)
	return b
}

func heard(t testing.TB, a *agent.Agent) (in []string) {
	t.Helper()
	all, err := a.Events("", 0, 10000)
	check(t, err)
	for _, e := range all {
		if e.Direction == "heard" {
			in = append(in, string(e.Envelope))
		}
	}
	return in
}

func issue(t testing.TB, from *agent.Agent, to schemas.AgencyID, client string) schemas.GrantID {
	t.Helper()
	grant, err := from.Issue(t.Context(), agent.NewGrant{
		Recipient: to, Client: client, Basis: schemas.BasisJusticeConsent,
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}},
		Until: schemas.DateOf(time.Now()).AddDays(30),
	})
	check(t, err)
	return grant
}

func send(t testing.TB, from *agent.Agent, to schemas.AgencyID, client, subject string) {
	t.Helper()
	_, err := from.Accept(t.Context(), exchange.Event(schemas.TypeAttendanceRecorded, string(to), client, subject, payload(t)))
	check(t, err)
}

// Three brokers are one: agencies join, send both ways, and go on when the
// broker that writes is gone; a revocation holds on those that are left.
func TestThreeBrokersAreOne(t *testing.T) {
	n := startTrio(t)
	eventually.True(t, "a broker writes", func() bool {
		s, ok := n.state()
		return ok && s.Cluster.Writer != 0 && s.Cluster.Problem == "" && s.HubRecords >= 2
	})
	s, _ := n.state()
	writer := s.Cluster.Writer
	other := writer%places + 1
	treatment, probation := n.join("riverside-treatment", other), n.join("county-probation", writer)
	there := issue(t, treatment, "county-probation", "c-1")
	issue(t, probation, "riverside-treatment", "c-1")
	send(t, treatment, "county-probation", "c-1", "a-1")
	send(t, probation, "riverside-treatment", "c-1", "b-1")
	eventually.True(t, "both events arrive", func() bool { return len(heard(t, probation)) == 1 && len(heard(t, treatment)) == 1 })

	n.stop(writer)
	send(t, treatment, "county-probation", "c-1", "a-2")
	eventually.True(t, "an event arrives without the first writer", func() bool { return len(heard(t, probation)) == 2 })
	stopped, err := treatment.Revoke(t.Context(), "", there)
	if err != nil || stopped.Everywhere.IsZero() {
		t.Fatalf("revoke: %+v, %v", stopped, err)
	}
	if s, _ := n.state(); s.Cluster.Writer == 0 || s.Cluster.Writer == writer || s.Cluster.Problem == "" {
		t.Errorf("cluster says %+v", s.Cluster)
	}
}
