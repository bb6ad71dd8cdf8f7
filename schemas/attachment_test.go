package schemas_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/schemas"
)

func TestPartsOf(t *testing.T) {
	for bytes, want := range map[int]int{1: 1, schemas.PartSize: 1, schemas.PartSize + 1: 2, schemas.MaxAttachment: 214} {
		if got := schemas.PartsOf(bytes); got != want {
			t.Errorf("%d bytes: got %d parts, want %d", bytes, got, want)
		}
		sum := 0
		for i := range schemas.PartsOf(bytes) {
			sum += schemas.PartBytes(bytes, i)
		}
		if sum != bytes {
			t.Errorf("the parts of %d bytes have %d", bytes, sum)
		}
	}
}

// TestPartFillsItsBucket: a part with ordinary terms takes a bucket of 128 KiB,
// and with the longest the next.
func TestPartFillsItsBucket(t *testing.T) {
	part := schemas.AttachmentPartShared{Event: envelopeOne, Parts: 214, Index: 213}
	data := mustValue(json.Marshal(part))
	head := strings.Repeat("h", 300)
	for cells, want := range map[int]int{12: 128 << 10, 256: 256 << 10} {
		long := testTerms()
		long.Cells = slices.Repeat([]schemas.Cell{{Category: schemas.CategoryHousingBenefits, Purpose: schemas.PurposeJusticeMonitoring}}, cells)
		terms := sign(schemas.RecordTerms, long, senderKey)
		inner := append(bytes.Repeat([]byte("x"), 800), data...) // the attributes
		s := schemas.Sealed{Terms: &terms, Event: schemas.SignBytes(schemas.RecordEvent, inner, senderKey), Head: &head, Attached: make([]byte, schemas.PartSize)}
		box, err := schemas.Seal(sealingKey.PublicKey().Bytes(), testInfo(grantID), s)
		if err != nil || len(box) < want || len(box) > want+2000 {
			t.Errorf("%d cells: got %d bytes, %v, want a bucket of %d", cells, len(box), err, want)
		}
	}
}

func TestCheckPart(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 20_000)
	last := content[schemas.PartSize:]
	good := schemas.AttachmentPartShared{Index: 1, Parts: 2, SHA256: schemas.HashOf(last)}
	if err := good.CheckPart(len(content), last); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change  func(p *schemas.AttachmentPartShared)
		content []byte
		field   string
	}{
		"another number of parts": {func(p *schemas.AttachmentPartShared) { p.Parts = 3 }, last, "data.parts"},
		"beyond the last":         {func(p *schemas.AttachmentPartShared) { p.Index = 2 }, last, "data.index"},
		"before the first":        {func(p *schemas.AttachmentPartShared) { p.Index = -1 }, last, "data.index"},
		"another place":           {func(p *schemas.AttachmentPartShared) { p.Index = 0 }, last, "attached"},
		"no bytes":                {func(*schemas.AttachmentPartShared) {}, nil, "attached"},
		"other bytes":             {func(*schemas.AttachmentPartShared) {}, bytes.Repeat([]byte("x"), len(last)), "data.sha256"},
	} {
		p := good
		c.change(&p)
		refused(t, p.CheckPart(len(content), c.content), schemas.CodeInvalidEvent, c.field)
		_ = name
	}
}

// TestAttachmentsOfEvents finds the attachments wherever a schema has them, and
// none in a field that only looks like one.
func TestAttachmentsOfEvents(t *testing.T) {
	one := `{"id":"d-1","mediaType":"application/pdf","bytes":5,"sha256":"` + strings.Repeat("ab", 32) + `"}`
	for name, c := range map[string]struct {
		kind schemas.EventType
		data string
		want []string
	}{
		"a list":         {schemas.TypeAssessmentShared, `{"attachments":[` + one + `,` + one + `],"note":` + one + `}`, []string{"data.attachments.0", "data.attachments.1"}},
		"a field":        {schemas.TypeConsentRecorded, `{"document":` + one + `}`, []string{"data.document"}},
		"none":           {schemas.TypeAttendanceRecorded, `{"attachments":[` + one + `]}`, nil},
		"an unknown":     {"org.linkage.rumour.spread.v1", `{"attachments":[` + one + `]}`, nil},
		"of wrong types": {schemas.TypeAssessmentShared, `{"attachments":[{"bytes":"many"}, 7]}`, nil},
	} {
		found, err := schemas.Attachments(c.kind, json.RawMessage(c.data))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.Field)
			if f.Bytes != 5 {
				t.Errorf("%s: got %+v", name, f)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if !schemas.TakesAttachments(schemas.TypeAssessmentShared) || schemas.TakesAttachments(schemas.TypeAttendanceRecorded) {
		t.Error("TakesAttachments is wrong")
	}
}

// TestCategoryOfPart is the one that the part claims: the recipient holds it
// against the event that names the attachment.
func TestCategoryOfPart(t *testing.T) {
	e := event.New()
	e.SetType(string(schemas.TypeAttachmentPartShared))
	e.SetExtension(schemas.ExtCategory, string(schemas.CategoryAssessment))
	if got := schemas.CategoryOf(e); got != schemas.CategoryAssessment {
		t.Errorf("got %s", got)
	}
}
