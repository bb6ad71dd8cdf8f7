package attachments_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/attachments"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
	"github.com/linkage-exchange/linkage/schemas"
)

const partner = schemas.AgencyID("housing-first")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// office is a store with attachments, and the parts that went into its outbox.
type office struct {
	t      *testing.T
	store  *durabletest.Memory
	now    time.Time
	queued []attachments.Moved
}

func newOffice(t *testing.T) *office { return &office{t: t, store: durabletest.New(), now: noon} }

func (o *office) clock() time.Time { return o.now }

func (o *office) try(fn func(tx durable.Tx) error) error {
	return o.store.Update(context.Background(), fn)
}

func (o *office) do(fn func(tx durable.Tx) error) {
	o.t.Helper()
	if err := o.try(fn); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) upload(content []byte) attachments.Uploaded {
	o.t.Helper()
	up, err := attachments.Upload(context.Background(), o.store, o.clock, bytes.NewReader(content))
	if err != nil {
		o.t.Fatal(err)
	}
	return up
}

func (o *office) name(content []byte) {
	o.t.Helper()
	o.do(func(tx durable.Tx) error {
		return attachments.Name(tx, schemas.NewEventID(), named(content))
	})
}

func named(content []byte) schemas.Named {
	return schemas.Named{Field: "data.attachments.0", Attachment: schemas.Attachment{SHA256: schemas.HashOf(content), Bytes: len(content)}}
}

// partsKept counts the parts that are in the store.
func (o *office) partsKept() (n int) {
	o.t.Helper()
	if err := o.store.View(func(tx durable.Tx) (err error) { n, err = tx.Map("attachment-bytes").Len(); return err }); err != nil {
		o.t.Fatal(err)
	}
	return n
}

func (o *office) all() (all []attachments.Progress) {
	o.t.Helper()
	if err := o.store.View(func(tx durable.Tx) (err error) { all, err = attachments.All(tx); return err }); err != nil {
		o.t.Fatal(err)
	}
	return all
}

func (o *office) inSight() (all []attachments.Progress) {
	o.t.Helper()
	if err := o.store.View(func(tx durable.Tx) (err error) { all, err = attachments.Incomplete(tx); return err }); err != nil {
		o.t.Fatal(err)
	}
	return all
}

// content makes n bytes that look like no others.
func content(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

func wantCode(t *testing.T, err error, want schemas.Code) {
	t.Helper()
	if got := schemas.CodeOf(err); got != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestUpload(t *testing.T) {
	o := newOffice(t)
	for _, size := range []int{1, schemas.PartSize, 4*schemas.PartSize + 1, 9 * schemas.PartSize} {
		b := content(byte(size), size)
		up := o.upload(b)
		if up.ID != schemas.HashOf(b) || up.Bytes != size || up.Known {
			t.Errorf("%d bytes: got %+v", size, up)
		}
		var back []byte
		o.do(func(tx durable.Tx) error {
			for i := range schemas.PartsOf(size) {
				part, err := attachments.Part(tx, up.ID, i)
				if err != nil {
					return err
				}
				back = append(back, part...)
			}
			return nil
		})
		if !bytes.Equal(back, b) {
			t.Errorf("%d bytes come back as others", size)
		}
		kept := o.partsKept()
		if again := o.upload(b); !again.Known || o.partsKept() != kept {
			t.Errorf("handed in twice: got %+v, %d parts, want %d", again, o.partsKept(), kept)
		}
	}
}

// broken is a body that ends before its end.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("connection reset")
	}
	return n, err
}

// zeros is a body of n bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What is refused leaves nothing behind.
func TestS7UploadIsBounded(t *testing.T) {
	o := newOffice(t)
	for name, c := range map[string]struct {
		body io.Reader
		want schemas.Code
	}{
		"too large": {zeros(schemas.MaxAttachment + 1), schemas.CodeTooLarge},
		"endless":   {zero{}, schemas.CodeTooLarge},
		"empty":     {strings.NewReader(""), schemas.CodeMalformed},
		"cut":       {broken{bytes.NewReader(content(1, 500_000))}, schemas.CodeMalformed},
	} {
		_, err := attachments.Upload(context.Background(), o.store, o.clock, c.body)
		wantCode(t, err, c.want)
		if n := o.partsKept(); n != 0 {
			t.Errorf("%s: %d parts are left", name, n)
		}
	}
}

// Documents that no event names are bounded together, and go after a day.
func TestS7UnnamedDocumentsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 256 MiB")
	}
	o := newOffice(t)
	for i := range 10 {
		o.upload(content(byte(i), schemas.MaxAttachment))
	}
	last := content(99, schemas.MaxAttachment)
	_, err := attachments.Upload(context.Background(), o.store, o.clock, bytes.NewReader(last))
	wantCode(t, err, schemas.CodeQuota)
	o.name(content(0, schemas.MaxAttachment)) // which makes room
	o.upload(last)
	o.now = o.now.Add(attachments.Unnamed)
	o.do(func(tx durable.Tx) error { return attachments.Sweep(tx, o.now) })
	if n := o.partsKept(); n != schemas.PartsOf(schemas.MaxAttachment) {
		t.Errorf("%d parts are left, want those of the one that is named", n)
	}
}

func TestSweep(t *testing.T) {
	o := newOffice(t)
	kept, gone := content(1, 300_000), content(2, 300_000)
	o.upload(kept)
	o.upload(gone)
	o.name(kept)
	o.now = o.now.Add(attachments.Unnamed - time.Second)
	o.do(func(tx durable.Tx) error { return attachments.Sweep(tx, o.now) })
	if n := o.partsKept(); n != 6 {
		t.Errorf("before a day is over %d parts are left, want 6", n)
	}
	o.now = o.now.Add(time.Second)
	o.do(func(tx durable.Tx) error { return attachments.Sweep(tx, o.now) })
	if n := o.partsKept(); n != 3 {
		t.Errorf("%d parts are left, want 3", n)
	}
	wantCode(t, o.try(func(tx durable.Tx) error { return attachments.Name(tx, schemas.NewEventID(), named(gone)) }), schemas.CodeNotFound)
	lie := named(kept)
	lie.Bytes++
	wantCode(t, o.try(func(tx durable.Tx) error { return attachments.Name(tx, schemas.NewEventID(), lie) }), schemas.CodeInvalidEvent)
}
