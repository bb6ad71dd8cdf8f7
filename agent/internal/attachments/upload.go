package attachments

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// maxUnnamed bounds the bytes of documents that no event names yet, in one
// network, uploads under way included.
const maxUnnamed = 256 << 20

// Uploaded answers an upload.
type Uploaded struct {
	ID    schemas.Hash `json:"id"` // the SHA-256 of the content
	Bytes int          `json:"bytes"`
	Known bool         `json:"known"` // it was there already
}

// upload is one that is under way: how much of it is on disk.
type upload struct {
	Bytes int       `json:"bytes"`
	Since time.Time `json:"since"`
}

// gathered is how many parts share a transaction.
const gathered = 4

// Upload takes a document in. When it returns without an error the document is
// on disk. It is kept for a day ([Unnamed]) or, once an event names it, as long
// as the event.
func Upload(ctx context.Context, s durable.Store, now func() time.Time, from io.Reader) (up Uploaded, err error) {
	var n uint64
	err = s.Update(ctx, func(tx durable.Tx) (err error) {
		if n, err = newBlob(tx, schemas.PartsOf(schemas.MaxAttachment)); err != nil {
			return err
		}
		return durable.PutJSON(tx.Map(mapUploads), blobKey(n), upload{Since: now()})
	})
	if err != nil {
		return up, fmt.Errorf("begin upload: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Update(context.WithoutCancel(ctx), func(tx durable.Tx) error { return dropUpload(tx, n) }))
		}
	}()
	digest := sha256.New()
	parts := 0
	for buffer := make([]byte, gathered*schemas.PartSize); ; {
		k, readErr := io.ReadFull(from, buffer)
		digest.Write(buffer[:k])
		if up.Bytes += k; up.Bytes > schemas.MaxAttachment {
			return up, schemas.ErrAttachmentTooLarge
		}
		if readErr != nil && !errors.Is(readErr, io.EOF) && !errors.Is(readErr, io.ErrUnexpectedEOF) {
			return up, schemas.Refuse(schemas.CodeMalformed, "body", "must arrive whole and in time", "send the document again; nothing of it was kept")
		}
		if k > 0 {
			if err := s.Update(ctx, func(tx durable.Tx) error { return addToUpload(tx, n, parts, up.Bytes, buffer[:k]) }); err != nil {
				return up, err
			}
			parts += schemas.PartsOf(k)
			crash.Point(crash.AgentUploaded)
		}
		if readErr != nil {
			break
		}
	}
	up.ID = schemas.Hash(digest.Sum(nil))
	return up, s.Update(ctx, func(tx durable.Tx) error { return endUpload(tx, n, now(), &up) })
}

// addToUpload writes what has come, if there is room for it.
func addToUpload(tx durable.Tx, n uint64, first, total int, b []byte) error {
	u, ok, err := durable.GetJSON[upload](tx.Map(mapUploads), blobKey(n))
	if err != nil || !ok {
		return errors.Join(err, errUploadGone(ok))
	}
	sum, err := unnamed(tx)
	if err != nil {
		return err
	}
	if sum-u.Bytes+total > maxUnnamed {
		return schemas.Refuse(schemas.CodeQuota, "attachment", fmt.Sprintf("must find room: documents that no event names yet have at most %d MiB together", maxUnnamed>>20),
			"send the events that name those handed in before, or wait a day: what no event names is removed then")
	}
	for i := 0; len(b) > 0; i++ {
		k := min(len(b), schemas.PartSize)
		if err := putPart(tx, n, first+i, bytes.Clone(b[:k])); err != nil {
			return err
		}
		b = b[k:]
	}
	u.Bytes = total
	return durable.PutJSON(tx.Map(mapUploads), blobKey(n), u)
}

func errUploadGone(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("upload was given up")
}

// endUpload makes the bytes a document, unless it is there already.
func endUpload(tx durable.Tx, n uint64, now time.Time, up *Uploaded) error {
	if up.Bytes == 0 {
		return schemas.Malformed("body", "must hold a document")
	}
	_, known, err := find(tx, up.ID)
	if err != nil {
		return err
	}
	if up.Known = known; known {
		return dropUpload(tx, n)
	}
	if err := tx.Map(mapUploads).Delete(blobKey(n)); err != nil {
		return err
	}
	c := content{Blob: n, Bytes: up.Bytes, Kept: now}
	if err := durable.PutJSON(tx.Map(mapUnnamed), up.ID.String(), c); err != nil {
		return err
	}
	return keep(tx, up.ID, c)
}

// keep makes a blob the content of a document.
func keep(tx durable.Tx, id schemas.Hash, c content) error {
	if err := durable.PutLogJSON(tx.Log(logBlobs), c.Blob, blob{schemas.PartsOf(c.Bytes)}); err != nil {
		return err
	}
	return durable.PutJSON(tx.Map(mapContent), id.String(), c)
}

func dropUpload(tx durable.Tx, n uint64) error {
	if err := tx.Map(mapUploads).Delete(blobKey(n)); err != nil {
		return err
	}
	return dropBlob(tx, n)
}

// unnamed sums up what no event names yet.
func unnamed(tx durable.Tx) (sum int, err error) {
	err = tx.Map(mapUnnamed).Each(func(_ string, v []byte) error {
		c, err := durable.DecodeJSON[content](v)
		sum += c.Bytes
		return err
	})
	if err != nil {
		return 0, err
	}
	return sum, tx.Map(mapUploads).Each(func(_ string, v []byte) error {
		u, err := durable.DecodeJSON[upload](v)
		sum += u.Bytes
		return err
	})
}
