package exchange_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// lost is an agency that was backed up and then lost its machine.
type lost struct {
	n    *exchange.Network
	name schemas.AgencyID
	file string
	code string
}

// joinWithCode is [exchange.Network.Join] that keeps the recovery code.
func joinWithCode(t *testing.T, n *exchange.Network, a schemas.AgencyID) (*agent.Agent, *lost) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code, err := agent.Init(ctx, n.AgentOptions(a), "Agency "+string(a))
	if err != nil {
		t.Fatal(err)
	}
	running := n.Run(a)
	if _, err := running.Join(ctx, n.Invite(a).String()); err != nil {
		t.Fatal(err)
	}
	return running, &lost{n: n, name: a, file: filepath.Join(n.Dir, string(a)+".backup"), code: code}
}

// backUp makes the backup while the agent runs.
func (l *lost) backUp(t *testing.T, running *agent.Agent) agent.Backed {
	t.Helper()
	made, err := running.Backup(t.Context(), l.file)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// lose takes the machine away: everything of it but the backup.
func (l *lost) lose(t *testing.T, running *agent.Agent) {
	t.Helper()
	if err := running.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	opts := l.n.AgentOptions(l.name)
	for _, path := range []string{opts.DataDir, opts.DataDir + ".key"} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

// restore makes the agency anew from the backup and waits until it has found
// its way back.
func (l *lost) restore(t *testing.T) (*agent.Agent, agent.Recovery) {
	t.Helper()
	if _, err := agent.Restore(t.Context(), l.n.AgentOptions(l.name), l.file, l.code); err != nil {
		t.Fatal(err)
	}
	running := l.n.Run(l.name)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all, err := running.Recovered(ctx)
	if err != nil || len(all) != 1 || !all[0].Done {
		t.Fatalf("recovery: got %+v, %v, want one that is done", all, err)
	}
	return running, all[0]
}

func TestR1RestoredAgencyHasWhatCameSince(t *testing.T) {
	n := exchange.Start(t)
	riverside := n.Join("riverside")
	probation, machine := joinWithCode(t, n, "probation")
	permit(t, riverside, "", "probation", "c-1")
	all := func(many int) func() bool {
		return func() bool { return slices.Equal(subjects(t, probation), numbered(many)) }
	}
	tellMany(t, riverside, "probation", "c-1", 0, 3)
	eventually.True(t, "three events are there", all(3))
	machine.backUp(t, probation)
	tellMany(t, riverside, "probation", "c-1", 3, 8)
	eventually.True(t, "eight events are there", all(8))
	machine.lose(t, probation)
	tellMany(t, riverside, "probation", "c-1", 8, 10)

	probation, r := machine.restore(t)
	eventually.True(t, "each of the ten is there once", all(10))
	if r.Exchange != 7 {
		t.Errorf("events since the backup: got %d, want 7", r.Exchange)
	}
	tellMany(t, riverside, "probation", "c-1", 10, 11)
	eventually.True(t, "the line works on", all(11))
	if s := status(t, probation, ""); len(s.Alarms) > 0 {
		t.Errorf("alarms: got %+v, want none", s.Alarms)
	}
}
