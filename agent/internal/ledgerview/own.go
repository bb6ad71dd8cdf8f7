package ledgerview

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file fetches what the ledger says of this agency: every entry of its
// own, page by page, each verified against the head that is kept, and kept with
// it. It is in no hurry: it asks for little at a time, takes a fifth of the line
// at most, and stops between pages.

const (
	firstBytes = 16 << 10
	leastBytes = 2 << 10
	slowPage   = time.Second // a page that takes longer was too large for this line
	quickPage  = 200 * time.Millisecond
	share      = 4 // times as long as a page took, the line is left to the mail

	minPause = 20 * time.Millisecond
	// idlePause is between pages once everything was fetched: entries that come
	// within it share a page, and most of its hashes.
	idlePause = 5 * time.Second
	// unprovenAfter is when a person is told that the broker does not prove.
	unprovenAfter = 10 * time.Minute
)

// fetcher is what the loop knows of the line. It belongs to the loop.
type fetcher struct {
	bytes   int
	refused time.Time // since when the broker refuses
	lags    time.Time // since when its newest head does not cover what it accepted
}

// fetchAll fetches until ctx ends.
func (v *View) fetchAll(ctx context.Context) {
	f := fetcher{bytes: firstBytes}
	pause := minPause
	for {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		began := time.Now()
		more, err := v.fetch(ctx, &f)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			v.opts.Logger.DebugContext(ctx, "entries of the ledger are fetched later", "error", err)
		}
		if pause = max(share*time.Since(began), minPause); !more {
			pause = max(pause, idlePause)
		}
	}
}

// fetch asks for one page, verifies and keeps it. more says that the next one
// can be asked for.
func (v *View) fetch(ctx context.Context, f *fetcher) (more bool, err error) {
	if v.Forked() {
		return false, nil // nothing that it says counts any more
	}
	k, head, err := v.keptHead()
	if err != nil {
		return false, err
	}
	if k.Head == "" { // the broker had none yet when it was last heard
		_, err := v.newest(ctx, 1)
		return false, err
	}
	var after uint64
	err = v.opts.Store.View(func(tx durable.Tx) (err error) {
		after, err = Fetched(tx, head.Epoch)
		return err
	})
	if err != nil {
		return false, err
	}
	if after >= head.Size {
		return false, v.idle(ctx, f, head, after)
	}
	began := time.Now()
	reply, err := v.opts.Prove(ctx, schemas.ProofRequest{V: 1, After: after, Size: head.Size, MaxBytes: f.bytes})
	if err != nil {
		return false, errors.Join(err, v.unproven(ctx, f, err))
	}
	if now, err := schemas.PeekLedgerHead(reply.Head); err == nil && now.Epoch != head.Epoch {
		// A new epoch that this agency has not entered yet: the inbox will.
		return false, v.unproven(ctx, f, schemas.Refuse(schemas.CodeEpochChanged, "head", "must be of the epoch that this agency knows", "ask the broker's operator"))
	}
	f.refused = time.Time{}
	f.took(time.Since(began))
	page := Page{Head: k.Head, Key: k.Key, After: after}
	if reply.Excerpt != nil {
		page.LedgerExcerpt = *reply.Excerpt
	}
	entries, err := v.check(head, page)
	if err != nil {
		return false, errors.Join(err, v.alarm(ctx, err))
	}
	if page.Next == after {
		return false, nil // the broker has just started and looks at its records itself
	}
	if err := v.keep(ctx, head.Epoch, page, entries); err != nil {
		return false, err
	}
	_, err = v.reckon(ctx, head, page.Next)
	return page.Next < head.Size, err
}

// idle is when everything under the head that is kept was fetched. If this
// agency knows of more, the broker is asked for its newest head: on a quiet line
// none would come by itself.
func (v *View) idle(ctx context.Context, f *fetcher, head schemas.LedgerHead, fetched uint64) error {
	more, err := v.reckon(ctx, head, fetched)
	if err != nil || !more {
		f.lags = time.Time{}
		return err
	}
	newest, err := v.newest(ctx, head.Size)
	switch {
	case err != nil || newest.Size > head.Size:
		f.lags = time.Time{}
		return err
	case f.lags.IsZero():
		f.lags = v.opts.Now()
	case v.opts.Now().Sub(f.lags) > unprovenAfter:
		return v.alarm(ctx, schemas.Refuse(schemas.CodeUnavailable, "ledger", "lags: what was accepted ten minutes ago is under no signed head", "ask the broker's operator"))
	}
	return nil
}

// newest asks the broker for its newest head, by a question about a size that it
// must have.
func (v *View) newest(ctx context.Context, size uint64) (schemas.LedgerHead, error) {
	reply, err := v.opts.Prove(ctx, schemas.ProofRequest{V: 1, From: size, To: size})
	if err != nil {
		return schemas.LedgerHead{}, err
	}
	v.Saw(&reply.Head)
	return schemas.PeekLedgerHead(reply.Head)
}

// took fits the size of the next page to the line.
func (f *fetcher) took(d time.Duration) {
	switch {
	case d > slowPage:
		f.bytes = max(f.bytes/2, leastBytes)
	case d < quickPage:
		f.bytes = min(2*f.bytes, schemas.MaxExcerptBytes)
	}
}

// check verifies a page under the head that is kept.
func (v *View) check(head schemas.LedgerHead, p Page) ([]schemas.LedgerEntry, error) {
	entries, err := head.CheckExcerpt(p.LedgerExcerpt)
	if err != nil {
		return nil, err
	}
	if p.Next < p.After || len(entries) > 0 && entries[0].Position <= p.After {
		return nil, schemas.Malformed("excerpt", "must go on from where it was asked for")
	}
	for _, e := range entries {
		if e.Sender != v.opts.Own && e.Recipient != v.opts.Own {
			return nil, schemas.Malformed("excerpt", "must hold this agency's own entries only")
		}
	}
	return entries, nil
}

// unproven tells a person when the broker refuses for long.
func (v *View) unproven(ctx context.Context, f *fetcher, refusal error) error {
	if schemas.CodeOf(refusal) == "" { // the line, not the broker
		f.refused = time.Time{}
		return nil
	}
	if f.refused.IsZero() {
		f.refused = v.opts.Now()
	}
	if v.opts.Now().Sub(f.refused) < unprovenAfter {
		return nil
	}
	return v.alarm(ctx, refusal)
}

func (v *View) alarm(ctx context.Context, why error) error {
	code := schemas.CodeOf(why)
	if code == "" {
		return nil
	}
	return v.opts.Store.Update(ctx, func(tx durable.Tx) error {
		return v.opts.Raise(tx, code, "", "the exchange does not prove this agency's entries in its ledger: "+why.Error())
	})
}

// compareEntry holds what the ledger says that this agency sent against what it
// did send.
func (v *View) compareEntry(tx durable.Tx, e schemas.LedgerEntry) error {
	if e.Kind != KindAccepted || e.Sender != v.opts.Own || e.Hash == nil {
		return nil
	}
	sent, err := v.opts.Sent(tx, e)
	if err != nil || sent {
		return err
	}
	text := fmt.Sprintf("the exchange's ledger says that this agency sent envelope %s, which it did not send so: was its Linkage restored from a backup, or does a second copy run?", e.Envelope)
	return v.opts.Raise(tx, schemas.CodeChainConflict, "", text)
}

// keptHead is the newest head that was connected with those before.
func (v *View) keptHead() (k kept, head schemas.LedgerHead, err error) {
	err = v.opts.Store.View(func(tx durable.Tx) error {
		k, _, err = durable.GetJSON[kept](tx.Map(mapView), keyHead)
		return err
	})
	if err != nil || k.Head == "" {
		return k, head, err
	}
	head, err = schemas.PeekLedgerHead(k.Head)
	return k, head, err
}
