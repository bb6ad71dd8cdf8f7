package ledgerview

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sort"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Page is what is kept of the ledger at a time: some of this agency's entries,
// and everything that proves them: the hashes around them and the head, signed
// by the broker's key. No later broker is needed to prove one of them.
type Page struct {
	Head  string `json:"head"`
	Key   []byte `json:"key"`
	After uint64 `json:"after"`
	schemas.LedgerExcerpt
}

// Proof is what proves one entry, under one head.
type Proof struct {
	Key []byte
	schemas.HeadedEntry
}

// maxPage bounds a page that is unpacked.
const maxPage = 4 << 20

// pages is the log of an epoch's pages. An old epoch's stays.
func pages(tx durable.Tx, epoch schemas.ULID) durable.Log {
	return tx.Log("ledger-own/" + string(epoch))
}

func keyFetched(epoch schemas.ULID) string { return "fetched/" + string(epoch) }

// Fetched is the position up to which this agency has its entries of an epoch.
func Fetched(tx durable.Tx, epoch schemas.ULID) (uint64, error) {
	n, _, err := durable.GetJSON[uint64](tx.Map(mapView), keyFetched(epoch))
	return n, err
}

// keep stores a page, compares its entries with what this agency did, and moves
// on behind it, in one transaction.
func (v *View) keep(ctx context.Context, epoch schemas.ULID, p Page, entries []schemas.LedgerEntry) error {
	packed, err := p.pack()
	if err != nil {
		return err
	}
	return v.opts.Store.Update(ctx, func(tx durable.Tx) error {
		if len(entries) > 0 {
			if _, err := pages(tx, epoch).Append(packed); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if err := v.compareEntry(tx, e); err != nil {
				return err
			}
		}
		return durable.PutJSON(tx.Map(mapView), keyFetched(epoch), p.Next)
	})
}

// pack makes about 150 bytes of a busy agency's entry: half of its text is
// hexadecimal, and its neighbours repeat the rest.
func (p Page) pack() ([]byte, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode page of the ledger: %w", err)
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func unpack(b []byte) (p Page, err error) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), maxPage))
	if err != nil {
		return p, fmt.Errorf("read page of the ledger: %w", err)
	}
	p, err = durable.DecodeJSON[Page](text)
	return p, err
}

func page(tx durable.Tx, epoch schemas.ULID, n uint64) (Page, bool, error) {
	b, err := pages(tx, epoch).Get(n)
	if err != nil || b == nil {
		return Page{}, false, err
	}
	p, err := unpack(b)
	return p, true, err
}

// At returns the proof of the entry at a position, ok false if this agency has
// none.
func At(tx durable.Tx, epoch schemas.ULID, position uint64) (proof Proof, ok bool, err error) {
	last, err := pages(tx, epoch).Last()
	if err != nil {
		return proof, false, err
	}
	found := sort.Search(int(last), func(i int) bool { // #nosec G115 -- a log's length
		p, _, pageErr := page(tx, epoch, uint64(i)+1) // #nosec G115 -- the same
		if pageErr != nil {
			err = pageErr
		}
		return p.Next >= position
	})
	p, there, pageErr := page(tx, epoch, uint64(found)+1) // #nosec G115 -- the same
	if err == nil {
		err = pageErr
	}
	if err != nil || !there || position <= p.After {
		return proof, false, err
	}
	proof, err = p.proof(position)
	if schemas.CodeOf(err) == schemas.CodeNotFound {
		return proof, false, nil
	}
	return proof, err == nil, err
}

// OfEnvelope looks through an epoch's pages for the entry that accepted an
// envelope. It takes seconds for a million entries; [At] does not.
func OfEnvelope(tx durable.Tx, epoch schemas.ULID, id schemas.EventID) (proof Proof, ok bool, err error) {
	err = pages(tx, epoch).Scan(1, func(_ uint64, b []byte) error {
		p, err := unpack(b)
		if err != nil {
			return err
		}
		for _, text := range p.Entries {
			if !bytes.Contains([]byte(text), []byte(id)) {
				continue
			}
			e, err := schemas.ParseLedgerEntry([]byte(text))
			if err != nil {
				return err
			}
			if e.Envelope != id || e.Kind != KindAccepted {
				continue
			}
			if proof, err = p.proof(e.Position); err != nil {
				return err
			}
			ok = true
			return durable.ErrStop
		}
		return nil
	})
	return proof, ok, err
}

// proof makes the proof of one of a page's entries.
func (p Page) proof(position uint64) (Proof, error) {
	head, err := schemas.PeekLedgerHead(p.Head)
	if err != nil {
		return Proof{}, err
	}
	proven, err := p.Proof(head.Size, position)
	return Proof{Key: p.Key, HeadedEntry: schemas.HeadedEntry{Head: p.Head, ProvenEntry: proven}}, err
}
