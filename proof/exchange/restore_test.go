package exchange_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	eventually.True(t, "the exchange has the last two", func() bool {
		out := status(t, riverside, "").Outbox
		return out["waiting"]+out["frozen"] == 0
	})

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

// What the exchange may not hand over any more comes from the partner, under a
// grant that lives; what no grant permits is counted for a call, on both sides,
// with one alarm each. No client is named.
func TestR1PartnersSendAgain(t *testing.T) {
	n := exchange.Start(t)
	riverside := n.Join("riverside")
	probation, machine := joinWithCode(t, n, "probation")
	ended, dead := permit(t, riverside, "", "probation", "c-1"), permit(t, riverside, "", "probation", "c-2")
	permit(t, riverside, "", "probation", "c-3")
	arrived := func(many int) {
		t.Helper()
		eventually.True(t, "events arrive", func() bool { return len(heard(t, probation)) == many })
	}
	tell(t, riverside, "", "probation", "c-1", "before")
	arrived(1)
	machine.backUp(t, probation)
	tellMany(t, riverside, "probation", "c-1", 0, 5)
	tellMany(t, riverside, "probation", "c-2", 5, 7)
	tellMany(t, riverside, "probation", "c-3", 7, 8)
	arrived(9)
	eventually.True(t, "riverside has every receipt", func() bool { return waiting(t, riverside, "") == 0 })
	machine.lose(t, probation)
	for _, id := range []schemas.GrantID{ended, dead} {
		if _, err := riverside.Revoke(t.Context(), "", id); err != nil {
			t.Fatal(err)
		}
	}
	permit(t, riverside, "", "probation", "c-1") // a new consent for the first client

	probation, r := machine.restore(t)
	if r.Came != 8 || r.Exchange != 1 || r.Partners != 5 || r.Call != 2 {
		t.Errorf("got %+v, want 8 that came, 1 from the exchange, 5 from the partner, 2 to call about", r)
	}
	want := "8 events came in since this backup; 6 are here again (1 from the exchange, 5 from partners), 2 need a call"
	if got := r.Sentence(); got != want {
		t.Errorf("sentence: got %q, want %q", got, want)
	}
	got := subjects(t, probation)
	slices.Sort(got)
	if want := []string{"a-0", "a-1", "a-2", "a-3", "a-4", "a-7", "before"}; !slices.Equal(got, want) {
		t.Errorf("events: got %v, want %v", got, want)
	}
	for _, side := range []struct {
		a     *agent.Agent
		about schemas.AgencyID
	}{{probation, "riverside"}, {riverside, "probation"}} {
		alarms := status(t, side.a, "").Alarms
		if len(alarms) != 1 || alarms[0].About != side.about || alarms[0].Times != 1 || !strings.Contains(alarms[0].Text, "2 (grant-revoked)") {
			t.Errorf("alarms about %s: got %+v, want one that counts two", side.about, alarms)
		}
	}
}

// What the agency itself said after the backup comes back from those who heard
// it, with the permissions that it gave; what it revoked stays revoked, whatever
// the backup says; and its own system that sends the same again changes nothing.
func TestS1RevokedStaysRevokedAfterRestore(t *testing.T) {
	n := exchange.Start(t)
	riverside := n.Join("riverside")
	probation, machine := joinWithCode(t, n, "probation")
	old := permit(t, probation, "", "riverside", "p-1")
	tell(t, probation, "", "riverside", "p-1", "before")
	eventually.True(t, "the first arrives", func() bool { return len(heard(t, riverside)) == 1 })
	machine.backUp(t, probation)
	later := permit(t, probation, "", "riverside", "p-2")
	again := withID(t, exchange.Event(schemas.TypeAttendanceRecorded, "riverside", "p-2", "after", example(t, schemas.TypeAttendanceRecorded)))
	if _, err := probation.Accept(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the second arrives", func() bool { return len(heard(t, riverside)) == 2 })
	if stopped, err := probation.Revoke(t.Context(), "", old); err != nil || stopped.Everywhere.IsZero() {
		t.Fatalf("revoke: got %+v, %v", stopped, err)
	}
	machine.lose(t, probation)

	probation, r := machine.restore(t)
	eventually.True(t, "what it had said is back", func() bool {
		r = *status(t, probation, "").Recovery
		return r.Own == 1
	})
	if r.Lost != 0 || r.Textless != 0 {
		t.Errorf("got %+v, want nothing lost and no permission without its text", r)
	}
	standing := map[schemas.GrantID]agent.Permission{}
	all, err := probation.Permissions("")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		standing[p.ID] = p
	}
	if standing[old].Standing != agent.StandingRevoked || standing[later].Standing != agent.StandingLive || len(all) != 2 {
		t.Errorf("permissions: got %+v, want the old one revoked, the later one alive", all)
	}
	if _, err := probation.Accept(t.Context(), exchange.Event(schemas.TypeAttendanceRecorded, "riverside", "p-1", "x", example(t, schemas.TypeAttendanceRecorded))); schemas.CodeOf(err) != schemas.CodeGrantRevoked {
		t.Errorf("under the revoked grant: got %v, want %s", err, schemas.CodeGrantRevoked)
	}
	if got, err := probation.Accept(t.Context(), again); err != nil || !got.Known {
		t.Errorf("the system sends again what came back: got %+v, %v, want it known", got, err)
	}
	handle := string(standing[later].Handle)
	if _, err := probation.Accept(t.Context(), exchange.Event(schemas.TypeAttendanceRecorded, "riverside", handle, "more", example(t, schemas.TypeAttendanceRecorded))); err != nil {
		t.Errorf("under the later grant, by its handle: %v", err)
	}
	eventually.True(t, "the line works on", func() bool { return slices.Contains(subjects(t, riverside), "more") })
	permit(t, probation, "", "riverside", "p-3") // its register counts on
	tell(t, probation, "", "riverside", "p-3", "new")
	eventually.True(t, "a new permission works", func() bool { return slices.Contains(subjects(t, riverside), "new") })
	for subject, times := range timesOf(subjects(t, riverside)) {
		if times != 1 {
			t.Errorf("%s is there %d times, want once", subject, times)
		}
	}
	for _, a := range []*agent.Agent{probation, riverside} {
		if s := status(t, a, ""); len(s.Alarms)+len(s.Person) > 0 {
			t.Errorf("%s: got alarms %+v and troubles %+v, want none", s.Agency, s.Alarms, s.Person)
		}
	}
}

// withID gives an event an id that stays its id on the wire.
func withID(t *testing.T, event []byte) []byte {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(event, &members); err != nil {
		t.Fatal(err)
	}
	members["id"] = schemas.NewEventID()
	b, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func timesOf(all []string) map[string]int {
	times := map[string]int{}
	for _, s := range all {
		times[s]++
	}
	return times
}

// copyDir copies an agent's directory, as a cloned machine has it.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{from, to} {
		if err := filepath.WalkDir(path, func(p string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			return os.Chmod(p, 0o600)
		}); err != nil {
			t.Fatal(err)
		}
	}
	key, err := os.ReadFile(from + ".key")
	if err == nil {
		err = os.WriteFile(to+".key", key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Two copies of one agency with the same chain: whoever comes second is refused
// and says so, nothing has its effect twice, and a person can decide for it.
func TestR2ClonedAgencyIsFoundOut(t *testing.T) {
	n := exchange.Start(t)
	riverside, probation := n.Join("riverside"), n.Join("probation")
	permit(t, riverside, "", "probation", "c-1")
	tell(t, riverside, "", "probation", "c-1", "before")
	eventually.True(t, "the first arrives", func() bool { return len(heard(t, probation)) == 1 })
	eventually.True(t, "its receipt, too", func() bool { return waiting(t, riverside, "") == 0 })
	if err := riverside.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	opts := n.AgentOptions("riverside")
	clone := opts
	clone.DataDir += "-clone"
	copyDir(t, opts.DataDir, clone.DataDir)
	riverside = n.Run("riverside")
	second, err := agent.Open(t.Context(), clone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Stop(context.Background()) }) // it only ran for this test

	tell(t, riverside, "", "probation", "c-1", "of the first")
	eventually.True(t, "the first copy's arrives", func() bool { return slices.Contains(subjects(t, probation), "of the first") })
	tell(t, second, "", "probation", "c-1", "of the second")
	eventually.True(t, "the second copy says that it is refused", func() bool { return !status(t, second, "").Doubled.IsZero() })
	if s := status(t, riverside, ""); !s.Doubled.IsZero() {
		t.Errorf("the first copy is refused, too: %+v", s)
	}
	if slices.Contains(subjects(t, probation), "of the second") {
		t.Error("the refused copy's event arrived")
	}
	if _, err := riverside.Reclaim(t.Context(), ""); schemas.CodeOf(err) != schemas.CodeMalformed {
		t.Errorf("reclaim by the copy that was not refused: got %v, want %s", err, schemas.CodeMalformed)
	}

	if _, err := second.Reclaim(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "what the second had accepted arrives", func() bool { return slices.Contains(subjects(t, probation), "of the second") })
	eventually.True(t, "what the first had said is there, too", func() bool { return status(t, second, "").Recovery.Own == 1 })
	tell(t, riverside, "", "probation", "c-1", "too late")
	eventually.True(t, "now the first copy is refused", func() bool { return !status(t, riverside, "").Doubled.IsZero() })
	for subject, times := range timesOf(subjects(t, probation)) {
		if times != 1 {
			t.Errorf("%s is there %d times, want once", subject, times)
		}
	}
}

// The old machine comes back after its agency was restored elsewhere: it is
// refused at its first pull, before it says anything.
func TestR2OldMachineComesBack(t *testing.T) {
	n := exchange.Start(t)
	riverside := n.Join("riverside")
	probation, machine := joinWithCode(t, n, "probation")
	permit(t, riverside, "", "probation", "c-1")
	machine.backUp(t, probation)
	if err := probation.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	opts := n.AgentOptions("probation")
	old := opts
	old.DataDir += "-old"
	copyDir(t, opts.DataDir, old.DataDir)
	machine.lose(t, probation)
	probation, _ = machine.restore(t)
	eventually.True(t, "the new chain was used", func() bool { return !status(t, probation, "").Canary.IsZero() && waiting(t, probation, "") == 0 })

	back, err := agent.Open(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = back.Stop(context.Background()) }) // it only ran for this test
	eventually.True(t, "the old machine says that it is refused", func() bool { return !status(t, back, "").Doubled.IsZero() })
	tell(t, riverside, "", "probation", "c-1", "new")
	eventually.True(t, "the restored one works on", func() bool { return slices.Contains(subjects(t, probation), "new") })
	if got := subjects(t, back); len(got) > 0 {
		t.Errorf("the old machine took in %v", got)
	}
}
