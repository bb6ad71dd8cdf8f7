// Package attachments keeps the documents that events name: what this agency's
// systems handed in, what goes to partners part by part, and what comes from
// them.
//
// A document is known by the SHA-256 of its content. It lies in the agent's
// store in parts of [schemas.PartSize] bytes, so that no more than one part of
// it is ever in memory. Like the casebook, the package writes inside the
// transactions of others and keeps nothing in memory.
package attachments

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	logBlobs   = "attachment-blobs"   // every body of bytes that is in the store
	mapBytes   = "attachment-bytes"   // blob|index -> a part's bytes
	mapContent = "attachment-content" // attachment -> content
	mapUnnamed = "attachment-unnamed" // attachment -> content that no event names yet
	mapUploads = "attachment-uploads" // blob -> upload under way
	mapCarried = "attachment-carried" // event -> nothing: it names documents
)

// content is a document that is whole.
type content struct {
	Blob  uint64    `json:"blob"`
	Bytes int       `json:"bytes"`
	Kept  time.Time `json:"kept"`
}

// blob is a body of bytes, complete or not.
type blob struct {
	Parts int `json:"parts"` // how many it has or will have; what is above is empty
}

func newBlob(tx durable.Tx, parts int) (uint64, error) {
	return durable.AppendJSON(tx.Log(logBlobs), blob{parts})
}

func partKey(n uint64, index int) string { return fmt.Sprintf("%d|%d", n, index) }

func blobKey(n uint64) string { return strconv.FormatUint(n, 10) }

func putPart(tx durable.Tx, n uint64, index int, b []byte) error {
	return tx.Map(mapBytes).Put(partKey(n, index), b)
}

func getPart(tx durable.Tx, n uint64, index int) ([]byte, error) {
	b, err := tx.Map(mapBytes).Get(partKey(n, index))
	if err == nil && b == nil {
		err = fmt.Errorf("part %d of blob %d is missing", index, n)
	}
	return b, err
}

// dropBlob removes the bytes of a blob.
func dropBlob(tx durable.Tx, n uint64) error {
	b, ok, err := durable.LogJSON[blob](tx.Log(logBlobs), n)
	if err != nil || !ok {
		return err
	}
	for i := range b.Parts {
		if err := tx.Map(mapBytes).Delete(partKey(n, i)); err != nil {
			return err
		}
	}
	return tx.Log(logBlobs).Delete(n)
}

// digest is the SHA-256 of a whole blob.
func digest(tx durable.Tx, n uint64, parts int) (schemas.Hash, error) {
	h := sha256.New()
	for i := range parts {
		b, err := getPart(tx, n, i)
		if err != nil {
			return schemas.Hash{}, err
		}
		h.Write(b)
	}
	return schemas.Hash(h.Sum(nil)), nil
}

func find(tx durable.Tx, id schemas.Hash) (content, bool, error) {
	return durable.GetJSON[content](tx.Map(mapContent), id.String())
}

// Size returns the size of a document that is whole; ok is false if there is
// none.
func Size(tx durable.Tx, id schemas.Hash) (bytes int, ok bool, err error) {
	c, ok, err := find(tx, id)
	return c.Bytes, ok, err
}

// Part returns the bytes of one part of a document that is whole.
func Part(tx durable.Tx, id schemas.Hash, index int) ([]byte, error) {
	c, ok, err := find(tx, id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, schemas.Refuse(schemas.CodeNotFound, "attachment", "must be one that is whole here", "see `linkage events attachments`")
	}
	return getPart(tx, c.Blob, index)
}

// Name notes that an event of this agency names a document, which is then kept
// as long as the event. The document must be here.
func Name(tx durable.Tx, e schemas.EventID, n schemas.Named) error {
	c, ok, err := find(tx, n.SHA256)
	if err != nil {
		return err
	}
	const remedy = "hand the document to this agent first: PUT /attachments, or `linkage send --attach FILE`"
	if !ok {
		return schemas.Refuse(schemas.CodeNotFound, n.Field+".sha256", "must be a document that this agent has", remedy)
	}
	if c.Bytes != n.Bytes {
		return schemas.Refuse(schemas.CodeInvalidEvent, n.Field+".bytes", "must be the size of the document", "take the size from the agent's answer to the upload")
	}
	if err := tx.Map(mapUnnamed).Delete(n.SHA256.String()); err != nil {
		return err
	}
	return tx.Map(mapCarried).Put(string(e), []byte("1"))
}

// Carries reports whether an event of this agency names documents.
func Carries(tx durable.Tx, e schemas.EventID) (bool, error) {
	v, err := tx.Map(mapCarried).Get(string(e))
	return v != nil, err
}

// set is which parts of a document are there, a bit for each.
type set []byte

func newSet(parts int) set { return make(set, (parts+7)/8) }

func (s set) has(i int) bool { return s[i/8]&(1<<(i%8)) != 0 }

func (s set) add(i int) { s[i/8] |= 1 << (i % 8) }

func (s set) count(parts int) int {
	n := 0
	for i := range parts {
		if s.has(i) {
			n++
		}
	}
	return n
}
