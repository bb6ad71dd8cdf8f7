package inbox

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"runtime"
	"sync"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// What needs no transaction is done before it, on all processors: an agency that
// comes back after a week has to open and verify what waited for it, and the
// store has one writer. The transaction repeats what may have changed since.

// opened is an envelope with its seal opened, or why it could not be, and what
// the sender's key says of it.
type opened struct {
	envelope schemas.Envelope
	outline  schemas.Outline
	sealed   schemas.Sealed
	err      error

	// Set by examine:
	key        ed25519.PublicKey // with which it was examined; nil for not yet
	unsigned   error             // why the signature does not count
	event      event.Event
	unreadable error // why there is no event
	invalid    error // which rule the payload breaks
	terms      schemas.Terms
	untrue     error // why the terms do not count
}

// openAll opens and examines the envelopes of a chunk.
func (in *Inbox) openAll(items []schemas.Item) ([]*opened, error) {
	all := make([]*opened, len(items))
	abreast(len(items), func(i int) {
		if items[i].Kind == schemas.ItemEnvelope {
			all[i] = in.open(items[i])
		}
	})
	keys := make([]ed25519.PublicKey, len(items))
	err := in.opts.Store.View(func(tx durable.Tx) (err error) {
		k := in.known()
		for i, o := range all {
			if o != nil && o.envelope.Sender != "" && err == nil {
				keys[i], err = k.signingKey(tx, o.envelope)
			}
		}
		return err
	})
	abreast(len(items), func(i int) {
		if keys[i] != nil {
			in.examine(all[i], keys[i])
		}
	})
	return all, err
}

// part is a chunk of a page, ready to be stored.
type part struct {
	items  []schemas.Item
	opened []*opened
	err    error // of reading the senders' keys
}

// chunks cuts a page. While one chunk is stored, the next is opened.
func (in *Inbox) chunks(items []schemas.Item) iter.Seq[part] {
	return func(yield func(part) bool) {
		next := func() chan part {
			if len(items) == 0 {
				return nil
			}
			p := part{items: items[:min(chunk, len(items))]}
			items = items[len(p.items):]
			ready := make(chan part, 1) // so that nobody waits for one that is not wanted any more
			go func() {
				p.opened, p.err = in.openAll(p.items)
				ready <- p
			}()
			return ready
		}
		for ready := next(); ready != nil; {
			p := <-ready
			if ready = next(); !yield(p) {
				if ready != nil {
					<-ready // it reads the store, which may be about to close
				}
				return
			}
		}
	}
}

// abreast calls fn for 0 to n-1, on all processors.
func abreast(n int, fn func(i int)) {
	var wg sync.WaitGroup
	workers := min(n, runtime.GOMAXPROCS(0))
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				fn(i)
			}
		})
	}
	wg.Wait()
}

func (in *Inbox) open(item schemas.Item) *opened {
	e, err := schemas.ParseEnvelope(item.Header, item.Data)
	if err != nil {
		return &opened{envelope: e, err: err}
	}
	o := &opened{envelope: e, outline: e.Outline()}
	if e.Recipient != in.opts.Own {
		o.err = schemas.Refuse(schemas.CodeRecipientNotCovered, "ce-recipient", "must be this agency", "tell the broker's operator")
		return o
	}
	key := in.opts.Unseal(e.RecipientKey)
	if key == nil {
		o.err = schemas.Refuse(schemas.CodeUnknownKey, "ce-recipientkey", "must be a sealing key of this agency", "seal again to the key on the card")
		return o
	}
	o.sealed, o.err = schemas.OpenSeal(key, e.SealInfo(in.opts.Network), e.Data)
	return o
}

// examine does everything that needs the sender's key and nothing else. It does
// nothing a second time for the same key.
func (in *Inbox) examine(o *opened, key ed25519.PublicKey) {
	if o.key != nil && o.key.Equal(key) {
		return
	}
	o.key = key
	if o.unsigned = o.outline.Verify(key); o.unsigned != nil || o.err != nil {
		return
	}
	if o.event, o.unreadable = schemas.ReadEvent(o.sealed.Event, key); o.unreadable != nil {
		return
	}
	o.invalid = schemas.ValidatePayload(schemas.EventType(o.event.Type()), o.event.Data())
	if o.sealed.Terms != nil {
		o.terms, o.untrue = in.verified.terms(*o.sealed.Terms, key)
	}
}

// verifiedTerms remembers terms whose signature was verified: they come again
// with every envelope under the same grant.
type verifiedTerms struct {
	mu sync.Mutex // guards of
	of map[[sha256.Size]byte]schemas.Terms
}

// maxVerified bounds the memory: a thousand grants take about a megabyte.
const maxVerified = 4096

func (v *verifiedTerms) terms(rec schemas.SignedRecord, key ed25519.PublicKey) (schemas.Terms, error) {
	id := fingerprint(rec, key)
	v.mu.Lock()
	terms, ok := v.of[id]
	v.mu.Unlock()
	if ok {
		return terms, nil
	}
	terms, err := schemas.ReadRecord[schemas.Terms](rec, schemas.RecordTerms, key)
	if err != nil {
		return terms, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of == nil || len(v.of) >= maxVerified {
		v.of = map[[sha256.Size]byte]schemas.Terms{}
	}
	v.of[id] = terms
	return terms, nil
}

// fingerprint stands for everything on which a verification depends.
func fingerprint(rec schemas.SignedRecord, key ed25519.PublicKey) (id [sha256.Size]byte) {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	part(key)
	part([]byte(rec.PayloadType))
	part(rec.Payload)
	for _, s := range rec.Signatures {
		part([]byte(s.KeyID))
		part(s.Sig)
	}
	h.Sum(id[:0])
	return id
}
