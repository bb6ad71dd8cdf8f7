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

// A document of the largest size crosses a line that is cut again and again. It
// arrives whole and once, the line carries little more than it must, and small
// events do not wait for it (R6).
func TestR1AttachmentOverACutLine(t *testing.T) {
	size, every, times := schemas.MaxAttachment, 3_000_000, 15
	if testing.Short() {
		size, every, times = 2<<20, 500_000, 6
	}
	var line *cutter
	n := exchange.StartWith(t, exchange.Setting{Public: func(listen string) string {
		line = newCutter(t, listen)
		return line.addr
	}})
	treatment, housing := n.Join("riverside-treatment"), n.Join("housing-first")
	probation := n.Join("county-probation")
	share(t, treatment, "housing-first", "c-1", schemas.PurposeTreatment)
	permit(t, treatment, "", "county-probation", "c-1")
	content := document(size)
	id := schemas.HashOf(content)
	before := line.set(every)
	sendAssessment(t, treatment, "housing-first", "c-1", hand(t, treatment, content))
	eventually.True(t, "the first part arrives", func() bool {
		all := progresses(t, housing)
		return len(all) == 1 && all[0].There > 0
	})
	tell(t, treatment, "", "county-probation", "c-1", "a-1")
	tell(t, treatment, "", "housing-first", "c-1", "a-2")
	eventually.True(t, "the document is there", func() bool { return progresses(t, housing)[0].State == "complete" })
	eventually.True(t, "the sender knows", func() bool { return waiting(t, treatment, "") == 0 })
	crossed, cuts := line.seen()
	if !bytes.Equal(whole(t, housing, id), content) {
		t.Error("the document is not the one that was sent")
	}

	// Each part crosses twice, on its way to the broker and from it.
	parts := schemas.PartsOf(size)
	least := 2 * parts * (128 << 10)
	t.Logf("%d cuts; %d bytes crossed, %.2f of the least possible for %d parts", cuts, crossed-before, float64(crossed-before)/float64(least), parts)
	if cuts < times {
		t.Errorf("the line was cut only %d times", cuts)
	}
	if got := float64(crossed-before) / float64(least); got > 1.6 {
		t.Errorf("%.2f of the least possible crossed, want at most 1.6", got)
	}
	done := progresses(t, housing)[0].Since
	for a, subject := range map[*agent.Agent]string{probation: "a-1", housing: "a-2"} {
		eventually.True(t, subject+" arrives", func() bool { return heardAbout(t, a, subject) != nil })
		if e := heardAbout(t, a, subject); e.Recorded.After(done) {
			t.Errorf("%s waited for the document", subject)
		}
	}
}

// heardAbout finds an event about a subject, nil if none came.
func heardAbout(t testing.TB, a *agent.Agent, subject string) *agent.Event {
	t.Helper()
	for _, e := range heard(t, a) {
		if parsed, err := schemas.ParseEvent(e.Event); err != nil {
			t.Fatal(err)
		} else if parsed.Subject() == subject {
			return &e
		}
	}
	return nil
}

// A document goes no further than the field that names it: for monitoring the
// assessment goes without.
func TestS1AttachmentGoesWhereItsFieldGoes(t *testing.T) {
	n := exchange.Start(t)
	treatment, probation, housing := n.Join("riverside-treatment"), n.Join("county-probation"), n.Join("housing-first")
	content := document(200_000)
	share(t, treatment, "county-probation", "c-1", schemas.PurposeJusticeMonitoring)
	share(t, treatment, "housing-first", "c-1", schemas.PurposeTreatment)
	sendAssessment(t, treatment, "county-probation,housing-first", "c-1", hand(t, treatment, content))
	eventually.True(t, "both have the event, one the document", func() bool {
		return len(heard(t, probation)) == 1 && len(heard(t, housing)) == 1 && whole(t, housing, schemas.HashOf(content)) != nil
	})
	eventually.True(t, "every receipt is back", func() bool { return waiting(t, treatment, "") == 0 })
	if got := progresses(t, probation); len(got) != 0 {
		t.Errorf("probation hears of a document: %+v", got)
	}
	if got := progresses(t, treatment); len(got) != 1 || got[0].To != "housing-first" {
		t.Errorf("sent: %+v", got)
	}
}

// An event may name only what its agency has.
func TestAttachmentMustBeHandedInFirst(t *testing.T) {
	n := exchange.Start(t)
	treatment := n.Join("riverside-treatment")
	n.Join("housing-first")
	share(t, treatment, "housing-first", "c-1", schemas.PurposeTreatment)
	content := document(1000)
	named := schemas.Attachment{ID: "d-1", MediaType: "application/pdf", Bytes: len(content), SHA256: schemas.HashOf(content)}
	send := func(a schemas.Attachment) error {
		_, err := treatment.Accept(context.Background(), exchange.Event(schemas.TypeAssessmentShared, "housing-first", "c-1", "as-1", attachedTo(t, a)))
		return err
	}
	if err := send(named); schemas.CodeOf(err) != schemas.CodeNotFound {
		t.Errorf("got %v", err)
	}
	hand(t, treatment, content)
	named.Bytes++
	if err := send(named); schemas.CodeOf(err) != schemas.CodeInvalidEvent {
		t.Errorf("a wrong size: got %v", err)
	}
	part := exchange.Event(schemas.TypeAttachmentPartShared, "housing-first", "c-1", "", example(t, schemas.TypeAttachmentPartShared))
	if _, err := treatment.Accept(context.Background(), part); schemas.CodeOf(err) != schemas.CodeInvalidEvent {
		t.Errorf("a part by hand: got %v", err)
	}
}

// A revocation in the middle of a document stops what is to come, and what has
// come is gone.
func TestS1RevokedInTheMiddleOfAnAttachment(t *testing.T) {
	n := exchange.Start(t)
	treatment, housing := n.Join("riverside-treatment"), n.Join("housing-first")
	grant := share(t, treatment, "housing-first", "c-1", schemas.PurposeTreatment)
	content := document(5 << 20)
	id := schemas.HashOf(content)
	sendAssessment(t, treatment, "housing-first", "c-1", hand(t, treatment, content))
	eventually.True(t, "some parts arrive", func() bool {
		all := progresses(t, housing)
		return len(all) == 1 && all[0].There >= 3
	})
	if err := housing.Stop(context.Background()); err != nil { // whatever is under way
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stopped, err := treatment.Revoke(ctx, "", grant)
	if err != nil || stopped.Everywhere.IsZero() {
		t.Fatalf("revoked: %+v, %v", stopped, err)
	}
	housing = n.Run("housing-first")
	eventually.True(t, "the recipient removes what came", func() bool {
		got := progresses(t, housing)[0]
		return got.State == "withdrawn" && got.Code == schemas.CodeGrantRevoked && got.There < got.Parts
	})
	if whole(t, housing, id) != nil {
		t.Error("the recipient has the document")
	}
	if got := status(t, housing, "").Attachments; len(got) != 1 || got[0].State != "withdrawn" {
		t.Errorf("the recipient's status shows %+v", got)
	}
	got := progresses(t, treatment)[0]
	if got.State != "stopped" || got.Code != schemas.CodeGrantRevoked || got.There == got.Parts {
		t.Errorf("the sender sees %+v", got)
	}
	eventually.True(t, "nothing is to go any more", func() bool {
		out := status(t, treatment, "").Outbox
		return out["waiting"]+out["frozen"]+out["accepted"] == 0
	})
}

// refusals counts the envelopes that an agency has refused.
func refusals(t testing.TB, a *agent.Agent) int {
	t.Helper()
	n := 0
	for _, al := range status(t, a, "").Alarms {
		n += al.Times
	}
	return n
}
