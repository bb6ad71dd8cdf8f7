package exchange_test

import (
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

func stateOf(t testing.TB, a *agent.Agent) agent.NetworkStatus {
	t.Helper()
	s, err := a.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s.Networks[0]
}

// withHead is an event without a client in a seal that brings a head.
func withHead(t *testing.T, r *exchange.Rogue, to schemas.AgencyID, head string) {
	t.Helper()
	event := inner(r, map[string]any{
		"type": string(schemas.TypeDirectoryCapacityReported), "client": nil, "purpose": nil, "datacategory": "charter",
	}, example(t, schemas.TypeDirectoryCapacityReported))
	e := r.Envelope(to, schemas.CharterGrant, schemas.Sealed{Event: schemas.SignBytes(schemas.RecordEvent, event, r.Key), Head: &head})
	if reply := r.Submit(e); reply.Result != schemas.ResultAccepted {
		t.Fatalf("%+v", reply)
	}
}

// A broker that shows one partner another history than the rest is found out by
// the heads that partners tell each other inside seals. What a partner made up
// is not held against the broker.
func TestS4TwoViewsAreFoundOutBySeals(t *testing.T) {
	n := exchange.Start(t)
	victim := n.Join("harbor-shelter")
	partner := n.JoinRogue("hilltop")
	_, answer := say(t, partner, "harbor-shelter")
	reply, true1 := covering(t, partner, answer.Position)
	eventually.True(t, "the victim has a head", func() bool { return stateOf(t, victim).Ledger > 0 })

	forged := true1
	forged.Size, forged.Root[0] = true1.Size+1000, true1.Root[0]^1
	text, err := forged.Sign(partner.Key)
	if err != nil {
		t.Fatal(err)
	}
	withHead(t, partner, "harbor-shelter", reply.Head)
	withHead(t, partner, "harbor-shelter", text)
	eventually.True(t, "the forged head is an alarm", func() bool { return alarmed(t, victim, schemas.CodeBadSignature) })
	if s := stateOf(t, victim); s.Forked || alarmed(t, victim, schemas.CodeHistoryForked) {
		t.Fatal("a partner's forgery counts as the broker's")
	}

	seed, err := os.ReadFile(filepath.Join(n.Dir, "broker", "keys", "broker.key"))
	if err != nil {
		t.Fatal(err)
	}
	other := true1
	other.Root[0] ^= 1
	if text, err = other.Sign(ed25519.NewKeyFromSeed(seed)); err != nil {
		t.Fatal(err)
	}
	withHead(t, partner, "harbor-shelter", text)
	eventually.True(t, "the second view is an alarm", func() bool { return stateOf(t, victim).Forked })
	if !alarmed(t, victim, schemas.CodeHistoryForked) {
		t.Error("nobody was told")
	}
}

// A broker that comes back with an older copy of everything is found out by
// whoever saw a later head. Nothing is sent to it any more, and events are
// accepted here all the same, also after a restart of the agent.
func TestS4RestoredBrokerIsFoundOut(t *testing.T) {
	n := exchange.Start(t)
	ctx := context.Background()
	dir, old := filepath.Join(n.Dir, "broker"), filepath.Join(n.Dir, "backup")
	lead := n.Join("casework-lead")
	n.Join("harbor-shelter")
	if _, err := lead.Issue(ctx, careGrant("harbor-shelter", "c-1")); err != nil {
		t.Fatal(err)
	}
	copied := n.Broker.State().HubRecords
	n.StopBroker()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	n.StartBroker()
	send := func(subject string) {
		t.Helper()
		if _, err := lead.Accept(ctx, exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", subject, marked(t))); err != nil {
			t.Fatal(err)
		}
	}
	eventually.True(t, "a later head is seen", func() bool {
		send("r-1") // answers bring heads
		return stateOf(t, lead).Ledger > copied+10
	})
	if stateOf(t, lead).Forked {
		t.Fatal("a broker that was stopped and started counts as forked")
	}
	n.StopBroker()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(old, dir); err != nil {
		t.Fatal(err)
	}
	n.StartBroker()
	eventually.True(t, "it is found out", func() bool { return stateOf(t, lead).Forked && alarmed(t, lead, schemas.CodeHistoryForked) })
	if err := lead.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	lead = n.Run("casework-lead")
	send("r-2")
	eventually.True(t, "the agent is connected and does not send", func() bool {
		return stateOf(t, lead).Connected && strings.Contains(n.Log.String(), "nothing is sent to a broker")
	})
	s := stateOf(t, lead)
	if !s.Forked || s.Outbox["waiting"]+s.Outbox["frozen"] == 0 {
		t.Errorf("after a restart: forked %t, outbox %v", s.Forked, s.Outbox)
	}
}
