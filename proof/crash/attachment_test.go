package crash_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/schemas"
)

// document writes a file of n bytes that do not compress.
func (w *world) document(name string, n int) (path string, content []byte) {
	w.t.Helper()
	content = make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(len(name)), byte(n)}).Read(content) // never fails
	path = w.path(name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path, content
}

// share lets riverside tell probation of assessments, for treatment.
func (w *world) share() {
	w.t.Helper()
	w.must("grant", "issue", "--data", w.path("riverside"), "--to", "probation", "--client", "c-1",
		"--cell", "assessment:treatment", "--basis", "consent", "--until", "2099-01-01")
}

// attach offers an event with a document until it is accepted, as any careful
// person does.
func (w *world) attach(name, document string) {
	w.t.Helper()
	body, err := os.ReadFile("../../schemas/testdata/events/assessment.shared.v1/valid-minimal.json")
	if err != nil {
		w.t.Fatal(err)
	}
	file := w.path(name + ".json")
	event := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/test","type":"org.linkage.assessment.shared.v1","time":"2026-01-05T10:00:00Z","subject":"as-1","client":"c-1","recipient":"probation","data":%s}`, name, body)
	if err := os.WriteFile(file, []byte(event), 0o600); err != nil {
		w.t.Fatal(err)
	}
	_, _ = w.try("send", "--data", w.path("riverside"), "--attach", document, file) // a crash in between is the point; see wantDocument
}

// wantDocument waits until probation has a document, and riverside knows.
func (w *world) wantDocument(id schemas.Hash, content []byte) {
	w.t.Helper()
	out := w.path(id.String() + ".out")
	deadline := time.Now().Add(5 * time.Minute)
	for _, err := w.try("events", "attachment", id.String(), "--data", w.path("probation"), "--out", out); err != nil; {
		if time.Now().After(deadline) {
			w.t.Fatal(err)
		}
		_, err = w.try("events", "attachment", id.String(), "--data", w.path("probation"), "--out", out)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		w.t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		w.t.Errorf("the document at the recipient has %d bytes and is not the one that was sent", len(got))
	}
	eventually.True(w.t, "the sender has every receipt", func() bool { return w.open("riverside") == 0 })
}

// Sender, broker and recipient die in the middle of a document, at each point
// between two writes. It arrives whole, its event once.
func TestR1KilledInTheMiddleOfAnAttachment(t *testing.T) {
	size := 2 << 20
	points := []struct{ point, who string }{
		{crash.AgentUploaded + ":2", "riverside"},
		{crash.AgentFrozen + ":4", "riverside"},
		{crash.AgentSubmitted + ":4", "riverside"},
		{crash.GateCommitted + ":4", "broker"},
		{crash.GateHandedOver + ":3", "broker"},
		{crash.AgentPulled + ":3", "probation"},
		{crash.AgentStored + ":3", "probation"},
		{crash.AgentReceipted + ":2", "probation"},
	}
	if testing.Short() {
		size = 600 << 10
		points = []struct{ point, who string }{{crash.AgentFrozen + ":4", "riverside"}, {crash.AgentStored + ":3", "probation"}}
	}
	w := newWorld(t)
	w.join("riverside")
	w.join("probation")
	w.share()
	for i, p := range points {
		t.Logf("%s dies at %s", p.who, p.point)
		path, content := w.document(fmt.Sprintf("document-%d", i), size+i)
		w.kill(p.who)
		w.start(p.who, p.point)
		w.attach(fmt.Sprintf("event-%d", i), path)
		w.crashed(p.who)
		w.start(p.who, "")
		w.attach(fmt.Sprintf("event-%d", i), path)
		w.wantDocument(schemas.HashOf(content), content)
	}
	heard := w.heard("probation")
	if len(heard) != len(points) {
		t.Errorf("%d events, want %d", len(heard), len(points))
	}
	for id, times := range heard {
		if times != 1 {
			t.Errorf("%s has its effect %d times", id, times)
		}
	}
}
