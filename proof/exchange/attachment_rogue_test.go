package exchange_test

import (
	"encoding/json"
	"testing"

	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// A member whose program makes parts as it likes gets past the gate, which is
// blind; the recipient refuses each, in sight, and keeps nothing of them.
func TestS1ForgedPartsAreRefused(t *testing.T) {
	n := exchange.Start(t)
	victim := n.Join("county-probation")
	rogue := n.JoinRogue("rogue-program")
	cells := []schemas.Cell{{Category: schemas.CategoryAssessment, Purpose: schemas.PurposeTreatment}, {Category: schemas.CategoryAttendance, Purpose: schemas.PurposeTreatment}}
	terms := schemas.Terms{Recipient: "county-probation", Client: "h-rogue", Basis: schemas.BasisConsent, Cells: cells}
	grant, signedTerms := rogue.Grant(terms)
	otherGrant, otherTerms := rogue.Grant(terms)

	content := document(2 * schemas.PartSize)
	id := schemas.HashOf(content)
	carrier := schemas.NewEventID()
	lying := schemas.Hash{1} // names a document that is another
	attributes := map[string]any{"type": string(schemas.TypeAssessmentShared), "purpose": "treatment", "datacategory": "assessment"}
	with := func(more map[string]any) map[string]any {
		all := map[string]any{}
		for _, m := range []map[string]any{attributes, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	event := schemas.Sealed{Terms: &signedTerms, Event: schemas.SignBytes(schemas.RecordEvent, inner(rogue, with(map[string]any{"id": carrier}), attachedTo(t,
		schemas.Attachment{ID: "d-1", MediaType: "application/pdf", Bytes: len(content), SHA256: id},
		schemas.Attachment{ID: "d-2", MediaType: "application/pdf", Bytes: len(content), SHA256: lying},
	)), rogue.Key)}
	submit := func(g schemas.GrantID, s schemas.Sealed) {
		t.Helper()
		if r := rogue.Submit(rogue.Envelope("county-probation", g, s)); r.Result != schemas.ResultAccepted {
			t.Fatalf("the gate answered %s %s", r.Result, r.Code)
		}
	}
	submit(grant, event)
	eventually.True(t, "the event that names the documents", func() bool { return len(progresses(t, victim)) == 2 })

	part := func(of schemas.Hash, index int, change func(*schemas.AttachmentPartShared), more map[string]any) schemas.Sealed {
		piece := content[index*schemas.PartSize:][:schemas.PartSize]
		p := schemas.AttachmentPartShared{Event: carrier, Attachment: of, Index: index, Parts: 2, SHA256: schemas.HashOf(piece)}
		if change != nil {
			change(&p)
		}
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		all := with(map[string]any{"type": string(schemas.TypeAttachmentPartShared)})
		for k, v := range more {
			all[k] = v
		}
		return schemas.Sealed{Terms: &signedTerms, Event: schemas.SignBytes(schemas.RecordEvent, inner(rogue, all, json.RawMessage(data)), rogue.Key), Attached: piece}
	}
	under := func(s schemas.Sealed, terms *schemas.SignedRecord) schemas.Sealed { s.Terms = terms; return s }
	beside := func(s schemas.Sealed, b []byte) schemas.Sealed { s.Attached = b; return s }
	type shared = schemas.AttachmentPartShared
	for name, c := range map[string]struct {
		grant  schemas.GrantID
		sealed schemas.Sealed
	}{
		"a wrong index":                    {grant, part(id, 1, func(p *shared) { p.Index = 2 }, nil)},
		"a wrong total":                    {grant, part(id, 1, func(p *shared) { p.Parts = 3 }, nil)},
		"other bytes":                      {grant, beside(part(id, 1, nil, nil), content[:schemas.PartSize])},
		"no bytes":                         {grant, beside(part(id, 1, nil, nil), nil)},
		"a document that nobody announced": {grant, part(schemas.Hash{9}, 1, nil, nil)},
		"an event that never came":         {grant, part(id, 1, func(p *shared) { p.Event = schemas.NewEventID() }, nil)},
		"another grant":                    {otherGrant, under(part(id, 1, nil, nil), &otherTerms)},
		"another category":                 {grant, part(id, 1, nil, map[string]any{"datacategory": "attendance"})},
		"a category that is not covered":   {grant, part(id, 1, nil, map[string]any{"datacategory": "diagnosis"})},
		"no category":                      {grant, part(id, 1, nil, map[string]any{"datacategory": ""})},
		"bytes beside another event":       {grant, beside(schemas.Sealed{Terms: &signedTerms, Event: schemas.SignBytes(schemas.RecordEvent, inner(rogue, map[string]any{"purpose": "treatment"}, example(t, schemas.TypeAttendanceRecorded)), rogue.Key)}, []byte("x"))},
	} {
		before := refusals(t, victim)
		submit(c.grant, c.sealed)
		eventually.True(t, "an alarm for "+name, func() bool { return refusals(t, victim) > before })
	}
	submit(grant, part(lying, 0, nil, nil))
	before := refusals(t, victim)
	submit(grant, part(lying, 1, nil, nil))
	eventually.True(t, "an alarm for a document that is not what was announced", func() bool { return refusals(t, victim) > before })

	// In spite of all that what is honest arrives.
	submit(grant, part(id, 1, nil, nil))
	submit(grant, part(id, 0, nil, nil))
	eventually.True(t, "the document", func() bool { return whole(t, victim, id) != nil })
	for _, p := range progresses(t, victim) {
		if p.ID == lying && (p.State != "refused" || whole(t, victim, lying) != nil) {
			t.Errorf("the document that lies: %+v", p)
		}
	}
	if got := len(heard(t, victim)); got != 1 {
		t.Errorf("%d events, want the one", got)
	}
}
