package exchange_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
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

// refer accepts a referral to harbor-shelter.
func refer(t testing.TB, from *agent.Agent, subject string) {
	t.Helper()
	if _, err := from.Accept(context.Background(), exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", subject, marked(t))); err != nil {
		t.Fatal(err)
	}
}

// care lets an agency refer c-1 to harbor-shelter.
func care(t testing.TB, from *agent.Agent) schemas.GrantID {
	t.Helper()
	id, err := from.Issue(context.Background(), careGrant("harbor-shelter", "c-1"))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// arrive waits until an agency has heard exactly these subjects, in any order.
func arrive(t testing.TB, a *agent.Agent, want ...string) {
	t.Helper()
	slices.Sort(want)
	eventually.True(t, strings.Join(want, ", ")+" arrive", func() bool { return len(subjects(t, a)) >= len(want) })
	if got := slices.Sorted(slices.Values(subjects(t, a))); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func settled(t testing.TB, a *agent.Agent) {
	t.Helper()
	eventually.True(t, "the outbox is empty", func() bool { return len(stateOf(t, a).Outbox) == 0 })
}

func atTheBroker(t testing.TB, a *agent.Agent, n int) {
	t.Helper()
	eventually.True(t, "they are at the broker", func() bool { return stateOf(t, a).Outbox["accepted"] == n })
}

func stopped(t testing.TB, all ...*agent.Agent) {
	t.Helper()
	for _, a := range all {
		if err := a.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// A broker that burnt down is filled again by its agents, and nobody does
// anything at them: what was at the broker and what had not come so far arrive,
// once, and are in sight meanwhile.
func TestR1WipedBrokerIsRefilled(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	care(t, lead)
	refer(t, lead, "r-done")
	arrive(t, shelter, "r-done")
	settled(t, lead)
	stopped(t, shelter)
	refer(t, lead, "r-waiting")
	atTheBroker(t, lead, 1)
	n.StopBroker()
	refer(t, lead, "r-here")
	n.Wipe()
	n.NewEpoch("wiped")
	n.StartBroker()
	eventually.True(t, "the sender came back and waits for the recipient", func() bool {
		return alarmed(t, lead, schemas.CodeEpochChanged) && stateOf(t, lead).Connected
	})
	if s := stateOf(t, lead); s.Outbox["waiting"]+s.Outbox["frozen"] != 2 || s.Waiting["harbor-shelter"].Count != 2 || s.Forked {
		t.Errorf("in sight: %v, %v, forked %t", s.Outbox, s.Waiting, s.Forked)
	}
	shelter = n.Run("harbor-shelter")
	arrive(t, shelter, "r-done", "r-waiting", "r-here")
	settled(t, lead)
	refer(t, lead, "r-after")
	arrive(t, shelter, "r-done", "r-waiting", "r-here", "r-after")
	for _, m := range n.Broker.State().Members {
		if m.Offer != "" {
			t.Errorf("%s is %s", m.Agency, m.Offer)
		}
	}
}

// A recipient that had stored what the sender did not know of signs for it
// again, and nothing has its effect twice.
func TestR2OfferedAgainInANewEpoch(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	care(t, lead)
	stopped(t, shelter)
	refer(t, lead, "r-1")
	atTheBroker(t, lead, 1)
	stopped(t, lead)
	shelter = n.Run("harbor-shelter")
	arrive(t, shelter, "r-1")
	n.StopBroker()
	n.Wipe()
	n.NewEpoch("wiped")
	n.StartBroker()
	lead = n.Run("casework-lead")
	settled(t, lead)
	arrive(t, shelter, "r-1")
}

// refusesToServe checks that a broker does not start, and says what to do.
func refusesToServe(t *testing.T, n *exchange.Network, what string) {
	t.Helper()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: n.DataDir(), Listen: "127.0.0.1:0", StatusListen: "off", Logger: n.Logger("broker")})
	if err == nil {
		_ = b.Stop(t.Context()) // the test has failed
	}
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Code != schemas.CodeHistoryForked || !strings.Contains(e.Remedy, "new-epoch") {
		t.Errorf("%s: got %v, want history-forked with a hint", what, err)
	}
}

// A broker whose hub is not the one that was there before does not serve, before
// the lead agency has declared a new epoch. Then nothing is lost.
func TestR1BrokerFromAnOldCopyDoesNotServe(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	care(t, lead)
	refer(t, lead, "r-1")
	arrive(t, shelter, "r-1")
	settled(t, lead)
	n.StopBroker()
	old := n.Copy()
	n.StartBroker()
	refer(t, lead, "r-2")
	arrive(t, shelter, "r-1", "r-2")
	settled(t, lead)
	stopped(t, shelter)
	refer(t, lead, "r-3")
	atTheBroker(t, lead, 1)
	n.StopBroker()
	whole := n.Copy()

	n.Restore(old, "nats")
	refusesToServe(t, n, "an older hub")
	n.Restore(old, "nats", "ledger")
	refusesToServe(t, n, "an older hub and ledger")
	n.Restore(whole)
	if err := os.RemoveAll(filepath.Join(n.DataDir(), "nats")); err != nil {
		t.Fatal(err)
	}
	refusesToServe(t, n, "no hub")
	n.Wipe()
	refusesToServe(t, n, "nothing but keys")

	n.Restore(old)
	plan := n.NewEpoch("restored")
	if _, err := os.Stat(filepath.Join(plan.Aside, "nats")); err != nil {
		t.Errorf("the old hub was not put aside: %v", err)
	}
	n.StartBroker()
	shelter = n.Run("harbor-shelter")
	arrive(t, shelter, "r-1", "r-2", "r-3")
	settled(t, lead)
}

// Who is suspended stays out of a new epoch, whatever roll its agent brings, and
// may still revoke.
func TestS5SuspendedStaysOutOfANewEpoch(t *testing.T) {
	n := exchange.Start(t)
	ctx := t.Context()
	lead, _ := n.Join("casework-lead"), n.Join("harbor-shelter")
	grant := care(t, lead)
	refer(t, lead, "r-1")
	settled(t, lead)
	stopped(t, lead) // it does not hear of the newer roll
	n.SetStanding("casework-lead", schemas.MemberSuspended)
	roll := n.Broker.State().Roll
	n.StopBroker()
	n.Wipe()
	n.NewEpoch("wiped")
	n.StartBroker()
	if got := n.Broker.State().Roll; got.Hash() != roll.Hash() {
		t.Error("the epoch does not begin with the newest roll")
	}
	lead = n.Run("casework-lead")
	eventually.True(t, "it is told", func() bool { return stateOf(t, lead).Standing == schemas.MemberSuspended })
	revoke, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	stopped, err := lead.Revoke(revoke, "", grant)
	if err != nil || stopped.Everywhere.IsZero() {
		t.Errorf("a suspended agency cannot revoke in a new epoch: %+v, %v", stopped, err)
	}
	for _, m := range n.Broker.State().Members {
		if m.Agency == "casework-lead" && (m.Status != schemas.MemberSuspended || m.Connections > 0) {
			t.Errorf("got %+v", m)
		}
	}
	if s := stateOf(t, lead); s.Connected {
		t.Error("it is connected")
	}
}

// A discloser whose own records are from before a revocation offers the grant
// again; the recipient brings the revocation. In either order nothing goes.
func TestS1RevokedStaysRevokedInANewEpoch(t *testing.T) {
	for name, recipientFirst := range map[string]bool{"recipient first": true, "discloser first": false} {
		t.Run(name, func(t *testing.T) {
			n := exchange.Start(t)
			lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
			grant := care(t, lead)
			refer(t, lead, "r-1")
			arrive(t, shelter, "r-1")
			settled(t, lead)
			stopped(t, lead)
			old, dir := filepath.Join(t.TempDir(), "old"), n.AgentOptions("casework-lead").DataDir
			if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			lead = n.Run("casework-lead")
			if s, err := lead.Revoke(t.Context(), "", grant); err != nil || s.Everywhere.IsZero() {
				t.Fatalf("%+v, %v", s, err)
			}
			eventually.True(t, "the recipient knows", func() bool { return revokedAt(t, shelter, grant) })
			stopped(t, lead, shelter)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
				t.Fatal(err)
			}
			n.StopBroker()
			n.Wipe()
			n.NewEpoch("wiped")
			n.StartBroker()
			if recipientFirst {
				shelter = n.Run("harbor-shelter")
				eventually.True(t, "the recipient is done", func() bool { return offered(n, "harbor-shelter") })
			}
			lead = n.Run("casework-lead")
			refer(t, lead, "r-2") // it does not know
			if !recipientFirst {
				eventually.True(t, "the discloser is done", func() bool { return offered(n, "casework-lead") })
				shelter = n.Run("harbor-shelter")
			}
			eventually.True(t, "the discloser learns of it", func() bool { return revokedAt(t, lead, grant) })
			eventually.True(t, "its referral waits for a person", func() bool { return len(stateOf(t, lead).Person) == 1 })
			arrive(t, shelter, "r-1")
			if n.Broker.State().LiveGrants != 0 {
				t.Error("the grant lives again")
			}
		})
	}
}

// offered reports whether a member is back and has brought what it holds.
func offered(n *exchange.Network, a schemas.AgencyID) bool {
	return slices.ContainsFunc(n.Broker.State().Members, func(m broker.MemberState) bool { return m.Agency == a && m.Joined && m.Offer == "" })
}

func revokedAt(t testing.TB, a *agent.Agent, id schemas.GrantID) bool {
	t.Helper()
	all, err := a.Permissions("")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(p agent.Permission) bool { return p.ID == id && p.Stopped != nil })
}

// forge declares an epoch in the lead agency's place, with a key of its own.
func forge(t testing.TB, n *exchange.Network) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(n.DataDir(), "network.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var network map[string]json.RawMessage
	var epochs []schemas.SignedRecord
	if err := json.Unmarshal(b, &network); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(network["epochs"], &epochs); err != nil {
		t.Fatal(err)
	}
	before, err := schemas.PeekRecord[schemas.Epoch](epochs[0], schemas.RecordEpoch)
	if err != nil {
		t.Fatal(err)
	}
	e := schemas.Epoch{V: 1, Network: before.Network, Epoch: schemas.NewULID(time.Now()), Previous: &before.Epoch, Reason: "wiped", Time: schemas.At(time.Now()), Roll: 1000}
	rec, err := schemas.Sign(schemas.RecordEpoch, e, key)
	if err != nil {
		t.Fatal(err)
	}
	roll, err := schemas.Sign(schemas.RecordRoll, schemas.Roll{V: 1, Network: before.Network, Setup: "formal-consortium", Number: e.Roll, At: e.Time, Members: []schemas.RollMember{}}, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{"epochs": append(epochs, rec), "admissionkey": public, "roll": roll} {
		if network[name], err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	if b, err = json.Marshal(network); err != nil {
		t.Fatal(err)
	}
	mark, err := json.Marshal(map[string]any{"epoch": e.Epoch, "position": 0, "hash": schemas.Hash{}})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{path: b, filepath.Join(n.DataDir(), "mark.json"): mark} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Without the lead agency's signature a new epoch is none: an agent clears
// nothing, sends nothing, accepts all the same, and says so. A true statement
// afterwards sets it right.
func TestR1ForgedEpochIsRefused(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	care(t, lead)
	stopped(t, shelter)
	refer(t, lead, "r-1")
	atTheBroker(t, lead, 1)
	n.StopBroker()
	whole := n.Copy()
	n.Wipe()
	forge(t, n)
	n.StartBroker()
	eventually.True(t, "it is found out", func() bool { return stateOf(t, lead).Forked && alarmed(t, lead, schemas.CodeHistoryForked) })
	refer(t, lead, "r-2")
	if s := stateOf(t, lead); s.Outbox["accepted"] != 1 || s.Outbox["waiting"]+s.Outbox["frozen"] != 1 || alarmed(t, lead, schemas.CodeEpochChanged) {
		t.Errorf("got %v", s.Outbox)
	}
	n.StopBroker()
	n.Restore(whole)
	n.NewEpoch("corrupt")
	n.StartBroker()
	shelter = n.Run("harbor-shelter")
	arrive(t, shelter, "r-1", "r-2")
	settled(t, lead)
	if stateOf(t, lead).Forked {
		t.Error("it still counts as forked")
	}
}
