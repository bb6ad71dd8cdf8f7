package exchange_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// inner makes an inner event as a rogue writes it.
func inner(r *exchange.Rogue, change map[string]any, data any) []byte {
	e := map[string]any{
		"specversion": "1.0", "id": string(schemas.NewEventID()), "source": r.Agency.Source(), "type": string(schemas.TypeAttendanceRecorded),
		"time": time.Now().UTC().Format(time.RFC3339), "datacontenttype": "application/json", "subject": "a-1",
		"client": "h-rogue", "purpose": "justice-monitoring", "datacategory": "attendance", "data": data,
	}
	for k, v := range change {
		e[k] = v
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return b
}

func alarmed(t testing.TB, a *agent.Agent, code schemas.Code) bool {
	t.Helper()
	s, err := a.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, al := range s.Networks[0].Alarms {
		if al.Code == code {
			return true
		}
	}
	return false
}

// A sender whose program does not ask [schemas.Decide] gets past the gate, which
// is blind, and is refused by the recipient, with an alarm.
func TestS1RecipientRefusesWhatTheGrantDoesNotCover(t *testing.T) {
	n := exchange.Start(t)
	victim := n.Join("county-probation")
	rogue := n.JoinRogue("rogue-program")
	terms := schemas.Terms{
		Recipient: "county-probation", Client: "h-rogue", Basis: schemas.BasisJusticeConsent,
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}},
	}
	grant, signedTerms := rogue.Grant(terms)
	otherGrant, otherTerms := rogue.Grant(schemas.Terms{Recipient: "county-probation", Client: "h-other", Basis: terms.Basis, Cells: terms.Cells})
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	data := example(t, schemas.TypeAttendanceRecorded)
	signed := func(change map[string]any) schemas.SignedRecord {
		return schemas.SignBytes(schemas.RecordEvent, inner(rogue, change, data), rogue.Key)
	}
	cases := map[string]struct {
		grant  schemas.GrantID
		sealed schemas.Sealed
		want   schemas.Code
	}{
		"another category":         {grant, schemas.Sealed{Terms: &signedTerms, Event: signed(map[string]any{"type": string(schemas.TypeDrugTestConfirmed)})}, schemas.CodeCategoryNotCovered},
		"another purpose":          {grant, schemas.Sealed{Terms: &signedTerms, Event: signed(map[string]any{"purpose": "treatment"})}, schemas.CodePurposeNotCovered},
		"another client":           {grant, schemas.Sealed{Terms: &signedTerms, Event: signed(map[string]any{"client": "h-other"})}, schemas.CodeClientMismatch},
		"the terms of another":     {grant, schemas.Sealed{Terms: &otherTerms, Event: signed(nil)}, schemas.CodeTermsMismatch},
		"somebody else's name":     {otherGrant, schemas.Sealed{Terms: &otherTerms, Event: signed(map[string]any{"source": "/agencies/county-probation", "client": "h-other"})}, schemas.CodeSenderMismatch},
		"a client under charter":   {schemas.CharterGrant, schemas.Sealed{Event: signed(nil)}, schemas.CodeNoGrant},
		"an event of the future":   {grant, schemas.Sealed{Terms: &signedTerms, Event: signed(map[string]any{"time": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})}, schemas.CodeInvalidEvent},
		"an inner event by others": {grant, schemas.Sealed{Terms: &signedTerms, Event: schemas.SignBytes(schemas.RecordEvent, inner(rogue, nil, data), stranger)}, schemas.CodeUnknownSigningKey},
	}
	for name, c := range cases {
		if r := rogue.Submit(rogue.Envelope("county-probation", c.grant, c.sealed)); r.Result != schemas.ResultAccepted {
			t.Fatalf("%s: the gate, which cannot see it, answered %s %s", name, r.Result, r.Code)
		}
		eventually.True(t, "an alarm for "+name, func() bool { return alarmed(t, victim, c.want) })
	}
	// What is covered arrives, after and in spite of all that.
	if r := rogue.Submit(rogue.Envelope("county-probation", grant, schemas.Sealed{Terms: &signedTerms, Event: signed(nil)})); r.Result != schemas.ResultAccepted {
		t.Fatal(r)
	}
	eventually.True(t, "the permitted event", func() bool { return len(heard(t, victim)) > 0 })
	if got := heard(t, victim); len(got) != 1 {
		t.Errorf("the victim took in %d events, want the one that is covered", len(got))
	}
}

// A member cannot act as another.
func TestS3MemberCannotActAsAnother(t *testing.T) {
	n := exchange.Start(t)
	n.Join("county-probation")
	rogue, other := n.JoinRogue("rogue-program"), n.JoinRogue("other-program")
	event := schemas.Sealed{Event: schemas.SignBytes(schemas.RecordEvent, inner(rogue, map[string]any{"client": ""}, nil), rogue.Key)}
	genuine := other.Envelope("county-probation", schemas.CharterGrant, event)
	if r := rogue.Submit(genuine); r.Code != schemas.CodeSenderMismatch {
		t.Errorf("another's signed envelope on this account: got %q, want %s", r.Code, schemas.CodeSenderMismatch)
	}
	claimed := rogue.Envelope("county-probation", schemas.CharterGrant, event)
	claimed.Sender = "other-program"
	if r := rogue.Submit(claimed.Signed(rogue.Key)); r.Code != schemas.CodeSenderMismatch {
		t.Errorf("another's name: got %q, want %s", r.Code, schemas.CodeSenderMismatch)
	}
	own := rogue.Envelope("county-probation", schemas.CharterGrant, event)
	if r := rogue.Submit(own.Signed(other.Key)); r.Code != schemas.CodeUnknownSigningKey {
		t.Errorf("signed by another: got %q, want %s", r.Code, schemas.CodeUnknownSigningKey)
	}
	forged := own.Signed(other.Key)
	forged.Material = renamed(t, forged.Material, schemas.KeyIDOf(rogue.Key.Public().(ed25519.PublicKey)))
	if r := rogue.Submit(forged); r.Code != schemas.CodeBadSignature {
		t.Errorf("signed by another in this one's name: got %q, want %s", r.Code, schemas.CodeBadSignature)
	}
	for _, subject := range []string{"gate.submit.X", "hub.0.inbox.county-probation.charter", "deliver.X.hint", "$JS.API.STREAM.INFO.HUB", "$SYS.REQ.SERVER.PING"} {
		if err := rogue.Conn.Publish(subject, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := rogue.Conn.Flush(); err != nil {
		t.Fatal(err)
	}
	if r := rogue.Submit(rogue.Envelope("county-probation", schemas.CharterGrant, event)); r.Result != schemas.ResultAccepted {
		t.Errorf("as itself: %s %s", r.Result, r.Code)
	}
}

// renamed changes which key a signature claims to be by.
func renamed(t testing.TB, material string, id schemas.KeyID) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(material)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := schemas.ParseRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	rec.Signatures[0].KeyID = id
	return base64.StdEncoding.EncodeToString(rec.Encode())
}

// Every input from outside is bounded, validated and answered with the field,
// the rule and the remedy; nothing stops, and others are not held up.
func TestS7BadInputIsAnswered(t *testing.T) {
	n := exchange.Start(t)
	shelter, lead := n.Join("harbor-shelter"), n.Join("casework-lead")
	rogue := n.JoinRogue("rogue-program")
	ctx := context.Background()
	if _, err := lead.Issue(ctx, careGrant("harbor-shelter", "c-1")); err != nil {
		t.Fatal(err)
	}
	event := schemas.Sealed{Event: schemas.SignBytes(schemas.RecordEvent, inner(rogue, map[string]any{"client": ""}, nil), rogue.Key)}
	good := rogue.Envelope("harbor-shelter", schemas.CharterGrant, event)
	with := func(change func(h map[string][]string)) map[string][]string {
		h := good.Header()
		change(h)
		return h
	}
	bad := map[string]struct {
		header map[string][]string
		data   []byte
		want   schemas.Code
	}{
		"nothing":                  {nil, nil, schemas.CodeUnsupportedVersion},
		"an unknown attribute":     {with(func(h map[string][]string) { h["ce-extra"] = []string{"x"} }), good.Data, schemas.CodeMalformed},
		"an attribute twice":       {with(func(h map[string][]string) { h["ce-grant"] = []string{"charter", "charter"} }), good.Data, schemas.CodeMalformed},
		"a subject":                {with(func(h map[string][]string) { h["ce-subject"] = []string{"a name"} }), good.Data, schemas.CodeMalformed},
		"a broken seal version":    {good.Header(), append([]byte{9}, good.Data[1:]...), schemas.CodeUnsupportedVersion},
		"changed data":             {good.Header(), append(append([]byte{}, good.Data...), 1), schemas.CodeBadSignature},
		"another grant unsigned":   {with(func(h map[string][]string) { h["ce-grant"] = []string{string(schemas.NewGrantID())} }), good.Data, schemas.CodeBadSignature},
		"a time in the future":     {futureOf(rogue, event).Header(), futureOf(rogue, event).Data, schemas.CodeClockSkew},
		"a recipient who is none":  {with(func(h map[string][]string) { h["ce-recipient"] = []string{"nobody"} }), good.Data, schemas.CodeBadSignature},
		"more than the limit":      {good.Header(), append([]byte{1}, make([]byte, schemas.MaxSealed)...), schemas.CodeTooLarge},
		"another CloudEvents type": {with(func(h map[string][]string) { h["ce-type"] = []string{"org.linkage.referral.requested.v1"} }), good.Data, schemas.CodeUnsupportedVersion},
	}
	for name, c := range bad {
		var reply schemas.SubmitReply
		if err := json.Unmarshal(rogue.Request(schemas.VerbSubmit, c.header, c.data).Data, &reply); err != nil {
			t.Errorf("%s: no typed answer: %v", name, err)
			continue
		}
		if reply.Code != c.want || reply.Rule == "" || reply.Remedy == "" {
			t.Errorf("%s: got %q (%q, %q), want %s with a rule and a remedy", name, reply.Code, reply.Rule, reply.Remedy, c.want)
		}
	}
	for _, verb := range []string{schemas.VerbPull, schemas.VerbReceipt, schemas.VerbGrant} {
		for _, body := range []string{"", "{", `{"v":1,"v":2}`, `[]`, strings.Repeat("[", 100_000), `{"v":9}`, "\xff"} {
			var reply schemas.Refusal
			if err := json.Unmarshal(rogue.Request(verb, nil, []byte(body)).Data, &reply); err != nil {
				t.Errorf("broker.%s on %.10q: no typed answer: %v", verb, body, err)
			}
		}
	}

	for range 10_000 {
		if err := rogue.Conn.PublishRequest("broker.submit", "_INBOX.nobody", []byte("nonsense")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := lead.Accept(ctx, exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", "r-1", marked(t))); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "others go on", func() bool { return len(heard(t, shelter)) == 1 })
	if got := n.Broker.State().HubRecords; got > 500 {
		t.Errorf("the burst left %d records in the hub", got)
	}
}

func futureOf(r *exchange.Rogue, s schemas.Sealed) schemas.Envelope {
	e := r.Envelope("harbor-shelter", schemas.CharterGrant, s)
	e.Time = e.Time.Add(time.Hour) // not signed anew
	return e
}

// A suspended member gets nothing more, and no more gets in from it.
func TestS5SuspendedMemberGetsNothing(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	ctx := context.Background()
	grant, err := lead.Issue(ctx, careGrant("harbor-shelter", "c-1"))
	if err != nil {
		t.Fatal(err)
	}
	send := func(i int) {
		t.Helper()
		if _, err := lead.Accept(ctx, exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", fmt.Sprintf("r-%d", i), marked(t))); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	eventually.True(t, "the first arrives", func() bool { return len(heard(t, shelter)) == 1 })
	n.SetStanding("harbor-shelter", schemas.MemberSuspended)
	for _, m := range n.Broker.State().Members {
		if m.Agency == "harbor-shelter" && m.Connections != 0 {
			t.Errorf("a suspended member has %d connections", m.Connections)
		}
	}
	send(2)
	eventually.True(t, "the second is kept for it", func() bool {
		for _, m := range n.Broker.State().Members {
			if m.Agency == "harbor-shelter" && m.Waiting == 1 {
				return true
			}
		}
		return false
	})
	if got := len(heard(t, shelter)); got != 1 {
		t.Errorf("a suspended member has %d events, want 1", got)
	}
	// It may still revoke what it granted, and its partner still withdraws.
	n.SetStanding("harbor-shelter", schemas.MemberActive)
	eventually.True(t, "readmitted, it gets what waited", func() bool { return len(heard(t, shelter)) == 2 })
	if s, err := lead.Revoke(ctx, "", grant); err != nil || s.Everywhere.IsZero() {
		t.Errorf("revoke: %+v %v", s, err)
	}
}

// A partner that says again and again that it was restored is given back what it
// signed a few times, not without end: each time makes us look through all our
// records and costs it next to nothing.
func TestS7RestoredAgainAndAgain(t *testing.T) {
	n := exchange.Start(t)
	victim := n.Join("county-probation")
	rogue := n.JoinRogue("rogue-program")
	rogue.Grant(schemas.Terms{
		Recipient: "county-probation", Client: "h-rogue", Basis: schemas.BasisJusticeConsent,
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}},
	})
	const asked = 9
	for range asked {
		event := inner(rogue, map[string]any{
			"type": string(schemas.TypeNetworkAgencyRestored), "client": "", "purpose": "", "subject": "restored", "datacategory": string(schemas.CategoryCharter),
		}, schemas.NetworkAgencyRestored{Chain: schemas.NewULID(time.Now()), Since: time.Unix(0, 0).UTC(), Known: []schemas.NetworkKnown{}, Returns: true})
		e := rogue.Envelope("county-probation", schemas.CharterGrant, schemas.Sealed{Event: schemas.SignBytes(schemas.RecordEvent, event, rogue.Key)})
		if r := rogue.Submit(e); r.Result != schemas.ResultAccepted {
			t.Fatal(r)
		}
	}
	eventually.True(t, "an alarm", func() bool { return alarmed(t, victim, schemas.CodeOverRate) })
	const answers, returned = asked, 5
	eventually.True(t, "all are answered, few get records", func() bool {
		return status(t, victim, "").Outbox["accepted"] >= answers+returned
	})
	if got := status(t, victim, "").Outbox; got["accepted"] != answers+returned {
		t.Errorf("outbox: got %v, want %d answers and records %d times", got, answers, returned)
	}
}
