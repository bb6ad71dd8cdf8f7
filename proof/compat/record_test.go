package compat_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

var record = flag.String("record", "", "record a network of this version as a fixture of that name")

// address is where every recorded network's broker listens: its agents know no
// other. Nobody else uses this part of loopback.
const address = "127.42.7.1:17443"

const (
	sender    = schemas.AgencyID("riverside-treatment")
	recipient = schemas.AgencyID("county-probation")
)

// expectation is what a fixture's network holds.
type expectation struct {
	Stored    schemas.EventID `json:"stored"`    // the recipient has it
	Hub       schemas.EventID `json:"hub"`       // the broker has it, the recipient has not
	Outbox    schemas.EventID `json:"outbox"`    // the sender has it, the broker has not
	Withdrawn schemas.EventID `json:"withdrawn"` // its permission was revoked while the broker had it
	Live      schemas.GrantID `json:"live"`
	Revoked   schemas.GrantID `json:"revoked"`
}

// TestRecord makes a fixture when it is asked to.
func TestRecord(t *testing.T) {
	if *record == "" {
		return
	}
	n := exchange.StartWith(t, exchange.Setting{Listen: address, Public: func(listen string) string { return listen }})
	want := play(t, n)
	text, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{*record + ".json": append(text, '\n'), *record + ".tar.gz": pack(t, n.Dir)} {
		if err := os.WriteFile(filepath.Join("testdata", name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// play leaves mail in each place where mail can be, and stops everything.
func play(t *testing.T, n *exchange.Network) (want expectation) {
	t.Helper()
	ctx := context.Background()
	from, to := n.Join(sender), n.Join(recipient)
	want.Live, want.Revoked = issue(t, from, "c-1"), issue(t, from, "c-2")
	want.Stored = accept(t, from, "c-1", "a-1")
	eventually.True(t, "the first event is signed for", func() bool { return len(heard(t, to)) == 1 && inOutbox(t, from) == 0 })
	stop(t, to)

	want.Hub, want.Withdrawn = accept(t, from, "c-1", "a-2"), accept(t, from, "c-2", "a-3")
	eventually.True(t, "both events are in the hub", func() bool { return inOutbox(t, from, "accepted") == 2 })
	if stopped, err := from.Revoke(ctx, "", want.Revoked); err != nil || stopped.Everywhere.IsZero() {
		t.Fatalf("revoke: %+v, %v", stopped, err)
	}
	eventually.True(t, "the sender knows of the withdrawal", func() bool { return inOutbox(t, from, "withdrawn") == 1 })
	n.StopBroker()
	want.Outbox = accept(t, from, "c-1", "a-4")
	stop(t, from)
	return want
}

func stop(t *testing.T, a *agent.Agent) {
	t.Helper()
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}
