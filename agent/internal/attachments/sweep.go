package attachments

import (
	"errors"
	"strconv"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Unnamed is how long a document is kept that no event names.
const Unnamed = 24 * time.Hour

// Recover removes what a process left behind that died during an upload.
func Recover(tx durable.Tx) error { return dropUploads(tx, func(upload) bool { return true }) }

// Sweep removes the documents that no event has named for a day, and uploads
// that came to nothing.
func Sweep(tx durable.Tx, now time.Time) error {
	var ids []schemas.Hash
	err := tx.Map(mapUnnamed).Each(func(key string, v []byte) error {
		c, err := durable.DecodeJSON[content](v)
		if id, ok := schemas.ParseHash(key); ok && now.Sub(c.Kept) >= Unnamed {
			ids = append(ids, id)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := forget(tx, id); err != nil {
			return err
		}
	}
	if err := hideOld(tx, now); err != nil {
		return err
	}
	return dropUploads(tx, func(u upload) bool { return now.Sub(u.Since) >= Unnamed })
}

func forget(tx durable.Tx, id schemas.Hash) error {
	c, ok, err := find(tx, id)
	if err != nil || !ok {
		return err
	}
	return errors.Join(dropBlob(tx, c.Blob), tx.Map(mapContent).Delete(id.String()), tx.Map(mapUnnamed).Delete(id.String()))
}

func dropUploads(tx durable.Tx, which func(upload) bool) error {
	var numbers []uint64
	err := tx.Map(mapUploads).Each(func(key string, v []byte) error {
		u, err := durable.DecodeJSON[upload](v)
		if err != nil || !which(u) {
			return err
		}
		n, err := strconv.ParseUint(key, 10, 64)
		numbers = append(numbers, n)
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := dropUpload(tx, n); err != nil {
			return err
		}
	}
	return nil
}
