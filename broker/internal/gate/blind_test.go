package gate_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// TestS2NothingAboutAClientOutsideTheSeal seals an event with recognisable
// content for real and looks for it everywhere: on the broker's disk, in its
// log, in what it answers and hands over.
func TestS2NothingAboutAClientOutsideTheSeal(t *testing.T) {
	const name, diagnosis, handle = "Zebulon-Quackenbush", "F11.20-opioid-dependence", "h-recognisablehandle"
	dir := t.TempDir()
	hub, server := realHubIn(t, dir)
	log := &logBuffer{}
	n := prepare(t, hub, newClock())
	n.logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n.found(2)
	a, b := n.agencies[0], n.agencies[1]

	private, err := schemas.NewSealingKey()
	check(t, err)
	terms := schemas.Terms{
		V: 1, Network: networkID, ID: schemas.NewGrantID(), Discloser: a.id, Recipient: b.id, NotBefore: n.clock.day(0), NotAfter: n.clock.day(9),
		Client: handle, Cells: []schemas.Cell{{Category: schemas.Categories[0], Purpose: schemas.Purposes[0]}}, Basis: schemas.BasisConsent,
	}
	grant, signedTerms, err := schemas.Issue(terms, lockKey(terms.ID), a.key)
	check(t, err)
	_, err = n.reg.Grants(n.ctx(), a.id, schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{grant}})
	check(t, err)
	event := schemas.SignBytes(schemas.RecordEvent, []byte(`{"client":"`+handle+`","name":"`+name+`","diagnosis":"`+diagnosis+`"}`), a.key)
	c := a.thread(b)
	send := func(change func(*schemas.Envelope)) schemas.SubmitReply {
		e := c.next(terms.ID)
		e.Data, err = schemas.Seal(private.PublicKey().Bytes(), e.SealInfo(networkID), schemas.Sealed{Terms: &signedTerms, Event: event})
		check(t, err)
		change(&e)
		e = e.Signed(a.key)
		r := a.submit(e)
		if r.Result == schemas.ResultAccepted {
			c.took(e)
		}
		return r
	}
	var said []schemas.SubmitReply
	for _, change := range []func(*schemas.Envelope){
		func(*schemas.Envelope) {},
		func(*schemas.Envelope) {},
		func(e *schemas.Envelope) { e.Sequence += 3 },
		func(e *schemas.Envelope) { e.Grant = schemas.NewGrantID() },
		func(e *schemas.Envelope) { e.Time = n.clock.now().Add(time.Hour) },
		func(e *schemas.Envelope) { e.RecipientKey = schemas.KeyIDOf([]byte(name)) },
	} {
		said = append(said, send(change))
	}
	// A member that puts names where they do not belong is refused, and what it
	// wrote is not kept.
	said = append(said,
		a.submitRaw(map[string][]string{"ce-subject": {name}}, []byte(diagnosis)),
		a.submitRaw(func() map[string][]string { h := c.next(terms.ID).Header(); h["ce-client"] = []string{name}; return h }(), sealed),
		a.submitRaw(func() map[string][]string { h := c.next(terms.ID).Header(); h["ce-id"] = []string{name}; return h }(), sealed),
		a.submitRaw(func() map[string][]string {
			h := c.next(terms.ID).Header()
			h["Traceparent"] = []string{name}
			return h
		}(), sealed),
	)
	items, cursor := b.collect(0)
	said = append(said, send(func(*schemas.Envelope) {}))
	a.revoke(terms.ID)
	n.sweep()
	more, _ := b.collect(cursor)
	if _, err := schemas.OpenSeal(private, mustParse(t, only(items, schemas.ItemEnvelope)[0]).SealInfo(networkID), only(items, schemas.ItemEnvelope)[0].data); err != nil {
		t.Fatalf("the recipient cannot open it: %v", err)
	}
	check(t, n.gate.Stop(n.ctx()))
	check(t, server.Stop(context.Background()))

	places := map[string][]byte{"log": log.Bytes()}
	for i, r := range said {
		places["answer "+string(rune('a'+i))] = []byte(r.Rule + r.Field + r.Remedy + string(r.Envelope))
	}
	for _, i := range append(items, more...) {
		places["item "+string(i.kind)] = i.data
	}
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		places[path] = append(b, path...)
		return err
	}))
	if len(places) < 10 {
		t.Fatalf("looked in %d places only", len(places))
	}
	found := false
	for place, content := range places {
		found = found || strings.HasPrefix(place, dir) && bytes.Contains(content, []byte(terms.ID))
		for _, secret := range []string{name, diagnosis, handle, "Quackenbush", string(schemas.Categories[0]) + `","purpose`} {
			if bytes.Contains(bytes.ToLower(content), []byte(strings.ToLower(secret))) {
				t.Errorf("%s holds %q", place, secret)
			}
		}
	}
	if !found {
		t.Error("the disk does not hold even the grant's id: this looks in the wrong place")
	}
}

func mustParse(t *testing.T, i got) schemas.Envelope {
	t.Helper()
	e, err := schemas.ParseEnvelope(i.header, i.data)
	check(t, err)
	return e
}
