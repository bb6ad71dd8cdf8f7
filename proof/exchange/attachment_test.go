package exchange_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// document makes n bytes that do not compress.
func document(n int) []byte {
	b := make([]byte, n)
	random := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	_, _ = random.Read(b) // never fails
	return b
}

// attachedTo is an assessment that names documents.
func attachedTo(t testing.TB, named ...schemas.Attachment) json.RawMessage {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal(example(t, schemas.TypeAssessmentShared), &data); err != nil {
		t.Fatal(err)
	}
	delete(data, "attachments")
	if len(named) > 0 {
		data["attachments"] = named
	}
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hand gives a document to an agent.
func hand(t testing.TB, a *agent.Agent, content []byte) schemas.Attachment {
	t.Helper()
	up, err := a.Attach(context.Background(), "", bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if up.ID != schemas.HashOf(content) || up.Bytes != len(content) {
		t.Fatalf("handed in %d bytes, got %+v", len(content), up)
	}
	return schemas.Attachment{ID: up.ID.String(), MediaType: "application/pdf", Bytes: up.Bytes, SHA256: up.ID}
}

// share lets an agency tell another about a client's assessment for a purpose.
func share(t testing.TB, a *agent.Agent, to schemas.AgencyID, client string, p schemas.Purpose) schemas.GrantID {
	t.Helper()
	id, err := a.Issue(context.Background(), agent.NewGrant{
		Recipient: to, Client: client, Basis: schemas.BasisConsent, Until: schemas.DateOf(time.Now()).AddDays(30),
		Cells: []schemas.Cell{{Category: schemas.CategoryAssessment, Purpose: p}, {Category: schemas.CategoryAttendance, Purpose: p}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sendAssessment says something to which documents are attached.
func sendAssessment(t testing.TB, a *agent.Agent, to, client string, named ...schemas.Attachment) agent.Acceptance {
	t.Helper()
	accepted, err := a.Accept(context.Background(), exchange.Event(schemas.TypeAssessmentShared, to, client, "as-1", attachedTo(t, named...)))
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

func progresses(t testing.TB, a *agent.Agent) []agent.Progress {
	t.Helper()
	all, err := a.Attachments("")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// whole reads a document that an agent has, nil if it does not have it whole.
func whole(t testing.TB, a *agent.Agent, id schemas.Hash) []byte {
	t.Helper()
	found, err := a.Attachment("", id)
	if schemas.CodeOf(err) == schemas.CodeNotFound {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := found.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A document goes with the event that names it, whole and once, and both sides
// see how far it has come.
func TestAttachment(t *testing.T) {
	n := exchange.Start(t)
	treatment, housing := n.Join("riverside-treatment"), n.Join("housing-first")
	content := document(2 << 20)
	share(t, treatment, "housing-first", "c-1", schemas.PurposeTreatment)
	sendAssessment(t, treatment, "housing-first", "c-1", hand(t, treatment, content))
	eventually.True(t, "the document is there", func() bool { return bytes.Equal(whole(t, housing, schemas.HashOf(content)), content) })
	eventually.True(t, "the sender knows", func() bool { return waiting(t, treatment, "") == 0 })
	for a, who := range map[*agent.Agent]string{treatment: "sender", housing: "recipient"} {
		all := progresses(t, a)
		if len(all) != 1 || all[0].State != "complete" || all[0].There != all[0].Parts || all[0].Parts != 18 {
			t.Errorf("%s sees %+v", who, all)
		}
	}
	if got := heard(t, housing); len(got) != 1 {
		t.Errorf("%d events, want the one that names the document", len(got))
	}
}
