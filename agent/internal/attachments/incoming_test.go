package attachments_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/attachments"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

const carrier = schemas.EventID("0193a8f0-0000-7000-8000-0000000000f1")

// announce lets a partner's event name a document.
func (o *office) announce(id schemas.Hash, size int) {
	o.t.Helper()
	o.do(func(tx durable.Tx) error {
		return attachments.Announce(tx, attachments.Incoming{
			Sender: partner, EventID: carrier, Event: 1, Grant: "G1", Category: schemas.CategoryAssessment, Purpose: schemas.PurposeTreatment, Attachment: id, Bytes: size,
		}, o.now)
	})
}

// part is a part as an honest sender makes it.
func part(id schemas.Hash, b []byte, index int) attachments.Arrival {
	piece := b[index*schemas.PartSize:][:schemas.PartBytes(len(b), index)]
	return attachments.Arrival{
		Sender: partner, Grant: "G1", Category: schemas.CategoryAssessment, Purpose: schemas.PurposeTreatment, Content: piece,
		Part: schemas.AttachmentPartShared{Event: carrier, Attachment: id, Index: index, Parts: schemas.PartsOf(len(b)), SHA256: schemas.HashOf(piece)},
	}
}

func (o *office) take(a attachments.Arrival) error {
	return o.try(func(tx durable.Tx) error { return attachments.TakePart(tx, a, o.now) })
}

// Parts come in any order and more than once.
func TestPartsInAnyOrder(t *testing.T) {
	o := newOffice(t)
	b := content(1, 6*schemas.PartSize-7)
	id := schemas.HashOf(b)
	o.announce(id, len(b))
	for i, k := range rand.Perm(6) {
		for range 2 {
			if err := o.take(part(id, b, k)); err != nil {
				t.Fatal(err)
			}
		}
		if got := o.all()[0]; got.There != i+1 || (got.State == attachments.Complete) != (i == 5) {
			t.Errorf("after %d parts: %+v", i+1, got)
		}
	}
	if size, ok, err := sizeOf(o, id); err != nil || !ok || size != len(b) || o.partsKept() != 6 {
		t.Errorf("got %d bytes, %v, %v, %d parts", size, ok, err, o.partsKept())
	}
	// The same document from another event takes no more room.
	o.upload(b)
	if o.partsKept() != 6 {
		t.Errorf("%d parts, want 6", o.partsKept())
	}
}

func sizeOf(o *office, id schemas.Hash) (size int, ok bool, err error) {
	err = o.store.View(func(tx durable.Tx) (err error) {
		size, ok, err = attachments.Size(tx, id)
		return err
	})
	return size, ok, err
}

// A part is held against the event that names its document.
func TestS1PartsAreHeldAgainstTheirEvent(t *testing.T) {
	o := newOffice(t)
	b := content(1, 2*schemas.PartSize)
	id := schemas.HashOf(b)
	o.announce(id, len(b))
	for name, c := range map[string]struct {
		change func(a *attachments.Arrival)
		want   schemas.Code
	}{
		"nobody announced it": {func(a *attachments.Arrival) { a.Part.Attachment = schemas.Hash{1} }, schemas.CodeInvalidEvent},
		"another event":       {func(a *attachments.Arrival) { a.Part.Event = schemas.NewEventID() }, schemas.CodeInvalidEvent},
		"another sender":      {func(a *attachments.Arrival) { a.Sender = "rogue-program" }, schemas.CodeInvalidEvent},
		"another grant":       {func(a *attachments.Arrival) { a.Grant = "G2" }, schemas.CodeNoGrant},
		"another category":    {func(a *attachments.Arrival) { a.Category = schemas.CategoryAttendance }, schemas.CodeCategoryNotCovered},
		"another purpose":     {func(a *attachments.Arrival) { a.Purpose = schemas.PurposePayment }, schemas.CodePurposeNotCovered},
		"a wrong index":       {func(a *attachments.Arrival) { a.Part.Index = 2 }, schemas.CodeInvalidEvent},
		"a wrong total":       {func(a *attachments.Arrival) { a.Part.Parts = 3 }, schemas.CodeInvalidEvent},
		"other bytes":         {func(a *attachments.Arrival) { a.Content = make([]byte, schemas.PartSize) }, schemas.CodeInvalidEvent},
	} {
		a := part(id, b, 1)
		c.change(&a)
		err := o.take(a)
		if schemas.CodeOf(err) != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	if got := o.all()[0]; got.There != 0 || o.partsKept() != 0 {
		t.Errorf("got %+v", got)
	}
}

// A whole that is not what was announced is refused, in sight, and leaves
// nothing behind.
func TestLyingPartsAreRefused(t *testing.T) {
	o := newOffice(t)
	b := content(1, 2*schemas.PartSize)
	id := schemas.Hash{7}
	o.announce(id, len(b))
	if err := o.take(part(id, b, 0)); err != nil {
		t.Fatal(err)
	}
	// What a refusal wrote stays, as in the inbox.
	var refusal error
	o.do(func(tx durable.Tx) error { refusal = attachments.TakePart(tx, part(id, b, 1), o.now); return nil })
	wantCode(t, refusal, schemas.CodeInvalidEvent)
	if got := o.inSight(); len(got) != 1 || got[0].State != attachments.Refused || o.partsKept() != 0 {
		t.Errorf("got %+v, %d parts", got, o.partsKept())
	}
	wantCode(t, o.take(part(id, b, 0)), schemas.CodeInvalidEvent)
	if _, ok, err := sizeOf(o, id); ok || err != nil {
		t.Errorf("it can be read: %v %v", ok, err)
	}
}

// The end of a grant removes what came under it.
func TestS1WithdrawnBeforeComplete(t *testing.T) {
	o := newOffice(t)
	b := content(1, 3*schemas.PartSize)
	id := schemas.HashOf(b)
	o.announce(id, len(b))
	if err := o.take(part(id, b, 1)); err != nil {
		t.Fatal(err)
	}
	o.do(func(tx durable.Tx) error {
		return attachments.Withdraw(tx, func(g schemas.GrantID) (schemas.Code, error) { return schemas.CodeGrantRevoked, nil }, o.now)
	})
	got := o.inSight()
	if len(got) != 1 || got[0].State != attachments.Withdrawn || got[0].Code != schemas.CodeGrantRevoked || got[0].There != 1 || o.partsKept() != 0 {
		t.Errorf("got %+v, %d parts", got, o.partsKept())
	}
	wantCode(t, o.take(part(id, b, 0)), schemas.CodeGrantRevoked)
}

// A member that begins documents and completes none fills no disk.
func TestS7IncompleteDocumentsAreBounded(t *testing.T) {
	o := newOffice(t)
	b := content(1, 8<<20)
	parts := schemas.PartsOf(len(b))
	sum, refused := 0, false
	for k := byte(1); k < 20 && !refused; k++ {
		id := schemas.Hash{k}
		o.announce(id, len(b))
		for i := range parts - 1 {
			err := o.take(part(id, b, i))
			if refused = err != nil; refused {
				wantCode(t, err, schemas.CodeQuota)
				break
			}
			sum += schemas.PartSize
		}
	}
	if !refused || sum > attachments.MaxIncomplete || sum < attachments.MaxIncomplete-schemas.PartSize {
		t.Errorf("refused %v after %d bytes", refused, sum)
	}
	// Another partner is not held up.
	other := part(schemas.Hash{50}, b, 0)
	other.Sender = "drug-court"
	o.do(func(tx durable.Tx) error {
		return attachments.Announce(tx, attachments.Incoming{
			Sender: other.Sender, EventID: carrier, Grant: "G1", Category: schemas.CategoryAssessment, Purpose: schemas.PurposeTreatment, Attachment: schemas.Hash{50}, Bytes: len(b),
		}, o.now)
	})
	if err := o.take(other); err != nil {
		t.Errorf("another partner's part: %v", err)
	}
	// What gets no part any more goes in the end.
	o.now = o.now.Add(90 * 24 * time.Hour)
	o.do(func(tx durable.Tx) error {
		return attachments.Withdraw(tx, func(schemas.GrantID) (schemas.Code, error) { return "", nil }, o.now)
	})
	if n := o.partsKept(); n != 0 {
		t.Errorf("%d parts are left after 90 days", n)
	}
}
