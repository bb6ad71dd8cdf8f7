package schemas_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

func testQuestion() schemas.Question {
	g, _, _ := testGrant()
	terms := testTerms()
	return schemas.Question{
		At: noon, Sender: sender, Recipient: recipient, Type: "org.linkage.referral.started.v1", Category: schemas.CategoryReferral,
		Client: client, Purpose: schemas.PurposeCareCoordination, Grant: &g, Terms: &terms,
	}
}

func TestDecide(t *testing.T) {
	tests := map[string]struct {
		change  func(*schemas.Question)
		purpose schemas.Purpose // if permitted
		code    schemas.Code
		field   string
	}{
		"permitted":             {func(*schemas.Question) {}, schemas.PurposeCareCoordination, "", ""},
		"another purpose of it": {func(q *schemas.Question) { q.Purpose = schemas.PurposeTreatment }, schemas.PurposeTreatment, "", ""},
		"which purpose?":        {func(q *schemas.Question) { q.Purpose = "" }, schemas.PurposeCareCoordination, "", ""},
		"unknown type":          {func(q *schemas.Question) { q.Type = "org.linkage.future.happened.v1" }, schemas.PurposeCareCoordination, "", ""},
		"last instant":          {func(q *schemas.Question) { q.At = q.Grant.NotAfter.End().Add(-1) }, schemas.PurposeCareCoordination, "", ""},
		"local type":            {func(q *schemas.Question) { q.Type = schemas.TypeReferralDrafted }, "", schemas.CodeInvalidEvent, "type"},
		"another discloser":     {func(q *schemas.Question) { q.Sender = "harbor-housing" }, "", schemas.CodeNoGrant, "grant"},
		"another recipient":     {func(q *schemas.Question) { q.Recipient = "harbor-housing" }, "", schemas.CodeRecipientNotCovered, "recipient"},
		"the other way":         {func(q *schemas.Question) { q.Sender, q.Recipient = q.Recipient, q.Sender }, "", schemas.CodeNoGrant, "grant"},
		"revoked":               {func(q *schemas.Question) { q.Revoked = true }, "", schemas.CodeGrantRevoked, "grant"},
		"too early":             {func(q *schemas.Question) { q.At = q.Grant.NotBefore.Start().Add(-1) }, "", schemas.CodeGrantNotYetValid, "grant"},
		"too late":              {func(q *schemas.Question) { q.At = q.Grant.NotAfter.End() }, "", schemas.CodeGrantExpired, "grant"},
		"no terms":              {func(q *schemas.Question) { q.Terms = nil }, "", schemas.CodeTermsMismatch, "terms"},
		"another client":        {func(q *schemas.Question) { q.Client = "h-other" }, "", schemas.CodeClientMismatch, "client"},
		"no client":             {func(q *schemas.Question) { q.Client = "" }, "", schemas.CodeClientMismatch, "client"},
		"no client on either":   {func(q *schemas.Question) { q.Client, q.Terms.Client = "", "" }, "", schemas.CodeClientMismatch, "client"},
		"category not named":    {func(q *schemas.Question) { q.Category = schemas.CategoryDiagnosis }, "", schemas.CodeCategoryNotCovered, "type"},
		"charter under a grant": {func(q *schemas.Question) { q.Category = schemas.CategoryCharter }, "", schemas.CodeCategoryNotCovered, "type"},
		"purpose not named":     {func(q *schemas.Question) { q.Purpose = schemas.PurposePayment }, "", schemas.CodePurposeNotCovered, "purpose"},
		"purpose of another":    {func(q *schemas.Question) { q.Purpose = schemas.PurposeJusticeMonitoring }, "", schemas.CodePurposeNotCovered, "purpose"},
		"charter": {func(q *schemas.Question) {
			q.Grant, q.Category, q.Client, q.Type = nil, schemas.CategoryCharter, "", schemas.TypeDirectoryCapacityReported
		}, "", "", ""},
		"charter, a type that nobody knows": {func(q *schemas.Question) {
			q.Grant, q.Category, q.Client, q.Type = nil, schemas.CategoryCharter, "", "org.linkage.rumour.spread.v1"
		}, "", schemas.CodeNoGrant, "grant"},
		"charter with a client":  {func(q *schemas.Question) { q.Grant, q.Category = nil, schemas.CategoryCharter }, "", schemas.CodeNoGrant, "grant"},
		"charter, client matter": {func(q *schemas.Question) { q.Grant, q.Client = nil, "" }, "", schemas.CodeNoGrant, "grant"},
		"charter, local type": {
			func(q *schemas.Question) {
				q.Grant, q.Category, q.Client, q.Type = nil, schemas.CategoryCharter, "", schemas.TypeReferralDrafted
			},
			"", schemas.CodeInvalidEvent, "type",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q := testQuestion()
			tt.change(&q)
			p, err := schemas.Decide(q)
			if tt.code == "" {
				if err != nil || p != tt.purpose {
					t.Errorf("got %q, %v, want %q", p, err, tt.purpose)
				}
				return
			}
			refused(t, err, tt.code, tt.field)
			if p != "" {
				t.Errorf("refused, and yet purpose %q", p)
			}
		})
	}
}

// TestDecideNeedsEveryCondition holds Decide against the conditions written
// down one by one, for questions of which each part may be right or wrong.
func TestDecideNeedsEveryCondition(t *testing.T) {
	permitted, denied := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		pick := func(name string, right, wrong any) any {
			if rapid.IntRange(0, 7).Draw(t, name) > 0 {
				return right
			}
			return wrong
		}
		q := testQuestion()
		q.At = noon.Add(time.Duration(rapid.IntRange(-12*24, 24*24).Draw(t, "hours")) * time.Hour)
		q.Sender = pick("sender", sender, schemas.AgencyID("harbor-housing")).(schemas.AgencyID)
		q.Recipient = pick("recipient", recipient, sender).(schemas.AgencyID)
		q.Type = pick("type", q.Type, schemas.TypeReferralDrafted).(schemas.EventType)
		q.Type = pick("charter type", q.Type, schemas.TypeDirectoryCapacityReported).(schemas.EventType)
		q.Client = pick("client", client, schemas.Handle("")).(schemas.Handle)
		q.Revoked = pick("revoked", false, true).(bool)
		q.Category = rapid.SampledFrom([]schemas.Category{schemas.CategoryReferral, schemas.CategoryAttendance, schemas.CategoryDiagnosis, schemas.CategoryCharter}).Draw(t, "category")
		q.Purpose = ""
		if rapid.Bool().Draw(t, "purpose stated") {
			q.Purpose = rapid.SampledFrom(schemas.Purposes).Draw(t, "purpose")
		}
		q.Terms.Client = pick("terms' client", client, schemas.Handle("")).(schemas.Handle)
		cells := slices.Clone(q.Terms.Cells)
		if rapid.Bool().Draw(t, "terms") {
			cells = rapid.SliceOfN(rapid.SampledFrom(cells), 1, 4).Draw(t, "cells")
		}
		q.Terms.Cells = cells
		if pick("no terms", false, true).(bool) {
			q.Terms = nil
		}
		if pick("no grant", false, true).(bool) {
			q.Grant = nil
		}

		want := schemas.Purpose("")
		ok := q.Type != schemas.TypeReferralDrafted
		if q.Grant == nil {
			ok = ok && q.Type == schemas.TypeDirectoryCapacityReported && q.Client == "" // of a type that is known the catalogue says the category
		} else {
			ok = ok && q.Sender == sender && q.Recipient == recipient && !q.Revoked
			ok = ok && !q.At.Before(time.Date(2026, 11, 11, 0, 0, 0, 0, time.UTC)) && q.At.Before(time.Date(2026, 12, 12, 0, 0, 0, 0, time.UTC))
			ok = ok && q.Terms != nil && q.Client == client && q.Terms.Client == client
			named := false
			for _, c := range cells {
				if c.Category != q.Category || q.Purpose != "" && c.Purpose != q.Purpose {
					continue
				}
				if !named {
					want = c.Purpose
				}
				named = true
			}
			ok = ok && named
		}
		p, err := schemas.Decide(q)
		if again, err2 := schemas.Decide(q); again != p || (err == nil) != (err2 == nil) {
			t.Fatal("the same question has two answers")
		}
		if ok != (err == nil) {
			t.Fatalf("got %v, want permitted %v", err, ok)
		}
		if ok && p != want || !ok && p != "" {
			t.Fatalf("purpose %q, want %q", p, want)
		}
		if err != nil && schemas.KindOf(err) != schemas.KindForbidden && schemas.CodeOf(err) != schemas.CodeInvalidEvent {
			t.Fatalf("%v is %s", err, schemas.KindOf(err))
		}
		if ok {
			permitted++
		} else {
			denied++
		}
	})
	if !testing.Short() && (permitted == 0 || denied == 0) { // a short run asks too few questions to tell
		t.Errorf("%d permitted, %d refused: the property says nothing", permitted, denied)
	}
}

func readTestEvent() event.Event { return mustValue(schemas.ReadEvent(testEvent(), public(senderKey))) }

// TestProjectKeepsWhatTravels: of the extension attributes only those leave
// that a rule knows, of the data only what the payload's schema knows.
func TestProjectKeepsWhatTravels(t *testing.T) {
	e := readTestEvent()
	for _, name := range []string{"recipient", "network", "nickname", "tracestate"} {
		e.SetExtension(name, marker)
	}
	e.SetExtension(schemas.ExtTrace, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	e.SetExtension(schemas.ExtRecorded, noon)
	e.DataEncoded = []byte(`{"startedAt":"2026-11-20T15:00:00Z","nickname":"` + marker + `"}`)
	before := e.String()
	out, removed, err := schemas.Project(e, testTerms(), schemas.PurposeCareCoordination)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"data.nickname", "network", "nickname", "recipient", "tracestate"}; !slices.Equal(removed, want) {
		t.Errorf("removed: got %v, want %v", removed, want)
	}
	got := slices.Sorted(maps.Keys(out.Extensions()))
	if want := []string{"client", "correlationid", "purpose", "recordedtime", "traceparent"}; !slices.Equal(got, want) {
		t.Errorf("extensions: got %v, want %v", got, want)
	}
	if out.DataBase64 || string(out.Data()) != `{"startedAt":"2026-11-20T15:00:00Z"}` {
		t.Errorf("data: got %s", out.Data())
	}
	if out.ID() != e.ID() || out.Subject() != e.Subject() || out.Type() != e.Type() || !out.Time().Equal(e.Time()) || out.Source() != e.Source() {
		t.Errorf("got %s", out)
	}
	if e.String() != before {
		t.Error("Project changed the event that it was given")
	}
	if _, err := schemas.ParseEvent(mustValue(out.MarshalJSON())); err != nil {
		t.Error(err)
	}
}

func TestProjectRefuses(t *testing.T) {
	e := readTestEvent()
	e.SetType("org.linkage.future.happened.v1")
	_, _, err := schemas.Project(e, testTerms(), schemas.PurposeCareCoordination)
	refused(t, err, schemas.CodeInvalidEvent, "type")
	e = readTestEvent()
	e.DataEncoded = []byte(`{"startedAt":"` + marker + `"}`)
	if _, _, err = schemas.Project(e, testTerms(), schemas.PurposeCareCoordination); err == nil {
		t.Fatal("projected data that breaks its schema")
	}
	checkError(t, err)
}

func BenchmarkDecide(b *testing.B) {
	q := testQuestion()
	b.ReportAllocs()
	for b.Loop() {
		_ = mustValue(schemas.Decide(q))
	}
}
