package exchange_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// proofOf waits until an agent can prove an event, with what the recipient said.
func proofOf(t *testing.T, a *agent.Agent, id schemas.EventID, receipted bool) schemas.LedgerProof {
	t.Helper()
	var file schemas.LedgerProof
	eventually.True(t, "the event is proven", func() bool {
		proofs, err := a.Prove("", id, true)
		if err != nil && schemas.CodeOf(err) != schemas.CodeUnavailable && schemas.CodeOf(err) != schemas.CodeNotFound {
			t.Fatal(err)
		}
		if err != nil || len(proofs) != 1 {
			return false
		}
		file = proofs[0].File
		return !receipted || file.Receipt != nil && len(file.Entries) == 2
	})
	return file
}

// Each party proves a disclosure from its own store, when the broker and
// everything of it are gone: that it was accepted, from whom, for whom, under
// which permission, what it was, and that the recipient had it.
func TestS4PartiesProveAlone(t *testing.T) {
	n := exchange.Start(t)
	ctx := context.Background()
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	grant, err := lead.Issue(ctx, careGrant("harbor-shelter", "c-1"))
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := lead.Accept(ctx, exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", "r-1", marked(t)))
	if err != nil {
		t.Fatal(err)
	}
	said, heard := proofOf(t, lead, accepted.ID, true), proofOf(t, shelter, accepted.ID, false)
	broker := n.Broker.State().BrokerKey
	n.StopBroker()
	if err := os.RemoveAll(filepath.Join(n.Dir, "broker")); err != nil {
		t.Fatal(err)
	}
	for who, file := range map[string]schemas.LedgerProof{"sender": said, "recipient": heard} {
		text, err := file.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := schemas.ParseLedgerProof(text)
		if err != nil {
			t.Fatal(err)
		}
		p, err := again.Check(nil)
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		first := p.Entries[0]
		if p.Broker != broker || first.Sender != "casework-lead" || first.Recipient != "harbor-shelter" || first.Grant != grant || first.Kind != "accepted" {
			t.Errorf("%s: %+v", who, first)
		}
		if p.Envelope == nil || p.Event == nil || !p.Bound || p.Event.ID() != string(accepted.ID) || p.Terms == nil || p.Terms.ID != grant {
			t.Errorf("%s: what lies behind the entry is not shown: %v", who, p.Statements())
		}
		if who == "sender" && (p.Receipt == nil || p.Entries[1].Kind != "stored") {
			t.Errorf("the recipient's word is not shown: %v", p.Statements())
		}
		for at := range text { // a file that was changed proves nothing, or the same
			if text[at] < 'a' || text[at] > 'z' || at%97 != 0 {
				continue
			}
			changed := bytes.Clone(text)
			changed[at] ^= 1
			f, err := schemas.ParseLedgerProof(changed)
			if err != nil {
				continue
			}
			if q, err := f.Check(nil); err == nil && strings.Join(q.Statements(), "\n") != strings.Join(p.Statements(), "\n") {
				t.Errorf("%s: with byte %d changed it proves %v", who, at, q.Statements())
			}
		}
	}
	if err := lead.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	_, proofs, err := agent.LedgerOf(ctx, n.AgentOptions("casework-lead"), "", said.Envelope.Envelope.ID, false)
	if err != nil || len(proofs) != 1 {
		t.Fatalf("from the store of an agent that does not run: %d, %v", len(proofs), err)
	}
	if f := proofs[0].File; f.Event != nil || f.Terms != nil || f.Envelope == nil {
		t.Error("a file without content holds content, or no envelope")
	}
	if alarmed(t, shelter, schemas.CodeHistoryForked) || alarmed(t, shelter, schemas.CodeChainConflict) {
		t.Error("an honest broker is alarmed about")
	}
}
