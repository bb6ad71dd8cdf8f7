package exchange_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// system is one of an agency's own systems: it knows the agent's address and
// token, and nothing else.
type system struct {
	t          testing.TB
	url, token string
}

// serving joins an agency whose agent serves its own systems.
func serving(t testing.TB, n *exchange.Network, a schemas.AgencyID) (system, *agent.Agent) {
	t.Helper()
	opts := n.AgentOptions(a)
	opts.Listen = "127.0.0.1:0"
	if _, err := agent.Init(context.Background(), opts, "Agency "+string(a)); err != nil {
		t.Fatal(err)
	}
	running, err := agent.Start(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = running.Stop(context.Background()) })
	if _, err := running.Join(context.Background(), n.Invite(a).String()); err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(opts.DataDir, "api.token"))
	if err != nil {
		t.Fatal(err)
	}
	return system{t, "http://" + running.Addr().String(), strings.TrimSpace(string(token))}, running
}

// ask sends a request and decodes the answer into out.
func (s system) ask(method, path string, body []byte, out any) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	if path != "/events" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if text, ok := out.(*string); ok {
		*text = string(b)
	} else if err := json.Unmarshal(b, out); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, b)
	}
	return resp
}

// The words that must stand nowhere but in events.
const (
	secretClient  = "client-4711"
	secretSubject = "visit-0815"
)

func TestAgencysOwnSystems(t *testing.T) {
	n := exchange.Start(t)
	treatment, _ := serving(t, n, "riverside-treatment")
	probation, _ := serving(t, n, "county-probation")
	event := exchange.Event(schemas.TypeAttendanceRecorded, "county-probation", secretClient, secretSubject, example(t, schemas.TypeAttendanceRecorded))

	t.Run("a recipient who may not hear it", func(t *testing.T) {
		var d problem.Document
		resp := treatment.ask("POST", "/events", event, &d)
		if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("got %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if d.Code != schemas.CodeNoGrant || d.Field != "recipient" || d.Detail == "" || d.Remedy == "" {
			t.Errorf("got %+v", d)
		}
		if b, _ := json.Marshal(d); strings.Contains(string(b), secretClient) || strings.Contains(string(b), secretSubject) {
			t.Errorf("the answer repeats what was sent: %s", b)
		}
	})

	grant, err := json.Marshal(agent.NewGrant{
		Recipient: "county-probation", Client: secretClient, Basis: schemas.BasisJusticeConsent,
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}},
		Until: schemas.DateOf(time.Now()).AddDays(30),
	})
	if err != nil {
		t.Fatal(err)
	}
	var issued agent.Issued
	if resp := treatment.ask("POST", "/grants", grant, &issued); resp.StatusCode != http.StatusCreated || !issued.ID.Valid() {
		t.Fatalf("got %d %+v", resp.StatusCode, issued)
	}

	t.Run("the same event twice", func(t *testing.T) {
		var first, again agent.Acceptance
		if resp := treatment.ask("POST", "/events", event, &first); resp.StatusCode != http.StatusAccepted || first.Known || !first.ID.Valid() || first.Number == 0 {
			t.Fatalf("got %d %+v", resp.StatusCode, first)
		}
		if resp := treatment.ask("POST", "/events", event, &again); resp.StatusCode != http.StatusAccepted || !again.Known || again.ID != first.ID || again.Number != first.Number {
			t.Errorf("got %d %+v, want %+v as known", resp.StatusCode, again, first)
		}
	})

	t.Run("a long poll, and the cursor", func(t *testing.T) {
		var page, rest agent.Page
		probation.ask("GET", "/events?after=0&wait=30s", nil, &page)
		if len(page.Events) != 1 || page.Next != page.Events[0].Number || page.Events[0].From != "riverside-treatment" {
			t.Fatalf("got %+v", page)
		}
		treatment.ask("POST", "/events", exchange.Event(schemas.TypeAttendanceRecorded, "county-probation", secretClient, "visit-2", example(t, schemas.TypeAttendanceRecorded)), new(agent.Acceptance))
		probation.ask("GET", "/events?limit=1&wait=30s&after="+jsonOf(t, page.Next), nil, &rest)
		if len(rest.Events) != 1 || rest.Events[0].Number <= page.Next {
			t.Errorf("after %d: got %+v", page.Next, rest)
		}
		var end agent.Page
		probation.ask("GET", "/events?after="+jsonOf(t, rest.Next), nil, &end)
		if len(end.Events) != 0 || end.Next != rest.Next {
			t.Errorf("after the last: got %+v", end)
		}
		var about agent.Page
		probation.ask("GET", "/events?subject="+secretSubject, nil, &about)
		if len(about.Events) != 1 || about.Events[0].Number != page.Events[0].Number {
			t.Errorf("about one subject: got %+v", about)
		}
	})

	t.Run("a subject", func(t *testing.T) {
		var view struct{ Noun, Status string }
		probation.ask("GET", "/subjects/"+secretSubject, nil, &view)
		if view.Noun != "attendance" || view.Status != "recorded" {
			t.Errorf("got %+v", view)
		}
		var d problem.Document
		if resp := probation.ask("GET", "/subjects/nothing", nil, &d); resp.StatusCode != http.StatusNotFound || d.Field != "subject" {
			t.Errorf("got %d %+v", resp.StatusCode, d)
		}
	})

	t.Run("the end of a permission", func(t *testing.T) {
		var stopped agent.Stopped
		treatment.ask("POST", "/grants/"+string(issued.ID)+"/revoke?wait=30s", nil, &stopped)
		if stopped.Everywhere.IsZero() {
			t.Errorf("got %+v", stopped)
		}
		var list string
		treatment.ask("GET", "/grants", nil, &list)
		if !strings.Contains(list, `"standing":"revoked"`) || strings.Contains(list, "lockkey") {
			t.Errorf("got %s", list)
		}
	})

	t.Run("figures and logs name no client", func(t *testing.T) {
		var figures string
		treatment.ask("GET", "/metrics", nil, &figures)
		for _, want := range []string{
			`linkage_agent_connected{network="river-county"} 1`, `linkage_agent_outbox_deliveries{network="river-county",state="waiting"} 0`,
			`linkage_agent_store_commits_total `, `linkage_agent_canary_seconds{network="river-county"} `,
		} {
			if !strings.Contains(figures, want) {
				t.Errorf("%s is missing in\n%s", want, figures)
			}
		}
		for name, text := range map[string]string{"figures": figures, "log": n.Log.String()} {
			for _, secret := range []string{secretClient, secretSubject, string(issued.ID), treatment.token} {
				if strings.Contains(text, secret) {
					t.Errorf("the %s hold %s", name, secret)
				}
			}
		}
		if !strings.Contains(n.Log.String(), `route="GET /subjects/{subject}"`) {
			t.Error("requests are not logged by their route")
		}
	})
}

// Who is kept out learns it from the agent, and the agent is not ready.
func TestSuspendedAgencyIsToldSo(t *testing.T) {
	n := exchange.Start(t)
	_, _ = serving(t, n, "riverside-treatment")
	probation, running := serving(t, n, "county-probation")
	n.SetStanding("county-probation", schemas.MemberSuspended)
	eventually.True(t, "the agent knows that it is suspended", func() bool {
		s, err := running.Status()
		if err != nil {
			t.Fatal(err)
		}
		return s.Networks[0].Standing == schemas.MemberSuspended && len(s.Networks[0].Alarms) == 1
	})
	var d problem.Document
	if resp := probation.ask("GET", "/readyz", nil, &d); resp.StatusCode != http.StatusServiceUnavailable || d.Field != "river-county" {
		t.Errorf("got %d %+v", resp.StatusCode, d)
	}
	var done string
	if resp := probation.ask("POST", "/alarms/1/dismiss", nil, &done); resp.StatusCode != http.StatusNoContent || done != "" {
		t.Errorf("got %d %s", resp.StatusCode, done)
	}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
