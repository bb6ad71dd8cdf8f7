package compat_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// A network that an earlier version left behind is opened by this one: its hub,
// its ledger, its stores, the envelopes that wait in them. What waited arrives
// once, what was revoked stays so, and the network goes on.
func TestEarlierVersionsAreOpened(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.tar.gz")
	if err != nil || len(archives) == 0 {
		t.Fatalf("fixtures: %v, %v", archives, err)
	}
	for _, archive := range archives {
		name := strings.TrimSuffix(archive, ".tar.gz")
		t.Run(filepath.Base(name), func(t *testing.T) { open(t, name) })
	}
}

func open(t *testing.T, name string) {
	archive, err := os.ReadFile(name + ".tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var want expectation
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	unpack(t, archive, dir)
	logged := &exchange.Log{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(logged.String())
		}
	})
	log := slog.New(slog.NewTextHandler(logged, nil))
	// The mail has waited for as long as the fixture is old.
	b, err := broker.Start(context.Background(), broker.Options{
		DataDir: filepath.Join(dir, "broker"), Listen: address, StatusListen: "off", MailboxAge: 100 * 365 * 24 * time.Hour, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Stop(context.Background()) })
	run := func(a schemas.AgencyID) *agent.Agent {
		running, err := agent.Open(context.Background(), agent.Options{DataDir: filepath.Join(dir, string(a)), Listen: "off", Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = running.Stop(context.Background()) })
		return running
	}
	from, to := run(sender), run(recipient)
	arrived := []schemas.EventID{want.Stored, want.Hub, want.Outbox}
	eventually.True(t, "what waited arrives", func() bool { return len(heard(t, to)) >= len(arrived) })
	fresh := accept(t, from, "c-1", "a-5")
	eventually.True(t, "a new event arrives", func() bool { return slices.Contains(heard(t, to), fresh) })
	if got := heard(t, to); !slices.Equal(got, append(arrived, fresh)) {
		t.Errorf("the recipient has %v, want %v", got, append(arrived, fresh))
	}
	checkRevoked(t, from)
	for who, a := range map[schemas.AgencyID]*agent.Agent{sender: from, recipient: to} {
		checkQuiet(t, who, a)
	}
}

// checkRevoked sees that the earlier version's revocation holds.
func checkRevoked(t *testing.T, from *agent.Agent) {
	t.Helper()
	body := exchange.Event(schemas.TypeAttendanceRecorded, string(recipient), "c-2", "a-6", attendance(t))
	if _, err := from.Accept(context.Background(), body); schemas.CodeOf(err) != schemas.CodeGrantRevoked {
		t.Errorf("under the revoked permission: got %v, want %s", err, schemas.CodeGrantRevoked)
	}
	if n := inOutbox(t, from, "withdrawn"); n != 1 {
		t.Errorf("%d deliveries are withdrawn, want 1", n)
	}
}

// checkQuiet sees that nothing was found wrong with the history.
func checkQuiet(t *testing.T, who schemas.AgencyID, a *agent.Agent) {
	t.Helper()
	s, err := a.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, alarm := range s.Networks[0].Alarms {
		if alarm.Code == schemas.CodeHistoryForked || alarm.Code == schemas.CodeChainMismatch || alarm.Code == schemas.CodeEpochChanged {
			t.Errorf("%s: %s: %s", who, alarm.Code, alarm.Text)
		}
	}
}

func attendance(t *testing.T) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile("../../schemas/testdata/events/" + schemas.TypeAttendanceRecorded.Short() + "/valid-minimal.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func issue(t *testing.T, a *agent.Agent, client string) schemas.GrantID {
	t.Helper()
	id, err := a.Issue(context.Background(), agent.NewGrant{
		Recipient: recipient, Client: client, Basis: schemas.BasisJusticeConsent, Until: schemas.DateOf(time.Now()).AddDays(365 * 50),
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func accept(t *testing.T, a *agent.Agent, client, subject string) schemas.EventID {
	t.Helper()
	got, err := a.Accept(context.Background(), exchange.Event(schemas.TypeAttendanceRecorded, string(recipient), client, subject, attendance(t)))
	if err != nil {
		t.Fatal(err)
	}
	return got.ID
}

// heard lists the events about clients that came in, in order.
func heard(t *testing.T, a *agent.Agent) []schemas.EventID {
	t.Helper()
	all, err := a.Events("", 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var ids []schemas.EventID
	for _, e := range all {
		if e.Direction == "heard" {
			var id struct{ ID schemas.EventID }
			if err := json.Unmarshal(e.Event, &id); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id.ID)
		}
	}
	return ids
}

// inOutbox counts the deliveries that are not done, in these states or in any.
func inOutbox(t *testing.T, a *agent.Agent, states ...string) int {
	t.Helper()
	s, err := a.Status()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for state, count := range s.Networks[0].Outbox {
		if len(states) == 0 || slices.Contains(states, string(state)) {
			n += count
		}
	}
	return n
}
