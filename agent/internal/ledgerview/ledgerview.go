// Package ledgerview is what an agent has seen of its broker's ledger: the
// newest head that it could connect with those before it, and each entry of its
// own with what proves it (own.go, page.go).
//
// Each head that comes, from the broker or inside a partner's seal, must be
// signed by the broker's key and continue the one that is kept, or be continued
// by it. A broker that cannot prove this has changed its history or shows two:
// that is kept as evidence, a person is told, and nothing is sent any more.
package ledgerview

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Options are what a view is made of; all are required.
type Options struct {
	Network schemas.NetworkID
	Own     schemas.AgencyID
	Broker  schemas.KeyID
	Store   durable.Store // of this network
	// Prove asks the broker.
	Prove func(context.Context, schemas.ProofRequest) (schemas.ProofReply, error)
	// Sent reports whether this agency sent the envelope of an entry, which has
	// a hash, as far as it can tell.
	Sent func(tx durable.Tx, e schemas.LedgerEntry) (bool, error)
	// Raise records an alarm.
	Raise  func(tx durable.Tx, code schemas.Code, about schemas.AgencyID, text string) error
	Now    func() time.Time
	Logger *slog.Logger
}

const (
	mapView  = "ledger"
	keyHead  = "head"
	keyFork  = "fork"
	mapHeard = "ledger-heard" // partner -> the head of its last seal that is not compared yet

	retryAfter = 10 * time.Second

	unsigned = "a ledger head that the broker did not sign"
)

// kept is the newest head that was connected with those before.
type kept struct {
	Head string `json:"head"`
	Key  []byte `json:"key"`
}

// Fork is the evidence that the broker's history does not hold together.
type Fork struct {
	Kept string `json:"kept"` // the head that we had
	Came string `json:"came"` // the one that does not fit
	// From is the partner in whose seal it came, "" for the broker itself.
	From schemas.AgencyID `json:"from,omitempty"`
	At   time.Time        `json:"at"`
}

// View follows the heads of one network.
type View struct {
	opts   Options
	forked atomic.Bool
	wake   chan struct{} // capacity 1

	mu   sync.Mutex // guards last
	last string     // the head that the broker gave last
}

// Open reads what was seen before.
func Open(opts Options) (*View, error) {
	v := &View{opts: opts, wake: make(chan struct{}, 1)}
	err := opts.Store.View(func(tx durable.Tx) error {
		_, forked, err := durable.GetJSON[Fork](tx.Map(mapView), keyFork)
		v.forked.Store(forked)
		return err
	})
	v.signal()
	return v, err
}

func (v *View) signal() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Forked reports whether the broker's history was found not to hold together.
func (v *View) Forked() bool { return v.forked.Load() }

// Saw takes a head that the broker gave, nil for none.
func (v *View) Saw(head *string) {
	if head == nil {
		return
	}
	v.mu.Lock()
	changed := v.last != *head
	v.last = *head
	v.mu.Unlock()
	if changed {
		v.signal()
	}
}

// Heard keeps a head from a partner's seal until it is compared. The partner's
// later heads continue it, so the last one is enough.
func (v *View) Heard(tx durable.Tx, from schemas.AgencyID, head *string) error {
	if head == nil {
		return nil
	}
	if h, err := schemas.PeekLedgerHead(*head); err != nil || h.Network != v.opts.Network {
		return v.opts.Raise(tx, schemas.CodeBadSignature, from, "a partner's message holds something in place of a ledger head")
	}
	if k, ok, err := durable.GetJSON[kept](tx.Map(mapView), keyHead); err != nil || ok && k.Head == *head {
		return err
	}
	return durable.PutJSON(tx.Map(mapHeard), string(from), *head)
}

// Committed looks at what [View.Heard] kept, once it is on disk.
func (v *View) Committed() { v.signal() }

// Head is the newest head that was connected with those before, nil if none.
func Head(tx durable.Tx) (*string, error) {
	k, ok, err := durable.GetJSON[kept](tx.Map(mapView), keyHead)
	if err != nil || !ok {
		return nil, err
	}
	return &k.Head, nil
}

// Run compares heads and fetches entries until ctx ends.
func (v *View) Run(ctx context.Context) {
	var fetching sync.WaitGroup
	defer fetching.Wait()
	fetching.Go(func() { v.fetchAll(ctx) })
	for {
		select {
		case <-v.wake:
		case <-ctx.Done():
			return
		}
		if err := v.compareAll(ctx); err != nil && ctx.Err() == nil {
			v.opts.Logger.InfoContext(ctx, "ledger heads are compared later", "error", err)
			timer := time.NewTimer(retryAfter)
			select {
			case <-timer.C:
				v.signal()
			case <-ctx.Done():
				timer.Stop()
				return
			}
		}
	}
}

// compareAll takes the broker's last head first, then the partners'.
func (v *View) compareAll(ctx context.Context) error {
	v.mu.Lock()
	last := v.last
	v.mu.Unlock()
	if last == "" {
		return nil // the broker keeps no ledger, or has not said so yet
	}
	if err := v.compare(ctx, "", last); err != nil {
		return err
	}
	heard := map[schemas.AgencyID]string{}
	err := v.opts.Store.View(func(tx durable.Tx) error {
		clear(heard)
		return tx.Map(mapHeard).Each(func(from string, value []byte) error {
			head, err := durable.DecodeJSON[string](value)
			heard[schemas.AgencyID(from)] = head
			return err
		})
	})
	for from, head := range heard {
		if err == nil {
			err = v.compare(ctx, from, head)
		}
		if err == nil {
			err = v.forget(ctx, from, head)
		}
	}
	return err
}

// forget drops a partner's head that was compared, unless another came.
func (v *View) forget(ctx context.Context, from schemas.AgencyID, head string) error {
	return v.opts.Store.Update(ctx, func(tx durable.Tx) error {
		now, ok, err := durable.GetJSON[string](tx.Map(mapHeard), string(from))
		if err != nil || !ok || now != head {
			return err
		}
		return tx.Map(mapHeard).Delete(string(from))
	})
}

// compare connects one head with the one that is kept. An error means that it
// could not be found out now.
func (v *View) compare(ctx context.Context, from schemas.AgencyID, came string) error {
	var k kept
	err := v.opts.Store.View(func(tx durable.Tx) (err error) {
		k, _, err = durable.GetJSON[kept](tx.Map(mapView), keyHead)
		return err
	})
	if err != nil || k.Head == came {
		return err
	}
	head, err := schemas.PeekLedgerHead(came)
	if err != nil || head.Network != v.opts.Network {
		return v.found(ctx, Fork{Kept: k.Head, Came: came, From: from}, "something in place of a ledger head")
	}
	if k.Key != nil { // what is forged is not worth a question, and must not look like the broker's doing
		if _, err := schemas.OpenLedgerHead(came, k.Key); err != nil {
			return v.found(ctx, Fork{Kept: k.Head, Came: came, From: from}, unsigned)
		}
	}
	old := head // the first head ever is connected with itself
	if k.Head != "" {
		if old, err = schemas.PeekLedgerHead(k.Head); err != nil {
			return fmt.Errorf("read kept head: %w", err)
		}
	}
	if old.Epoch != head.Epoch {
		return nil // of an epoch that is over, or begins: its statement says whether that is so
	}
	earlier, later := old, head
	if head.Size < old.Size {
		earlier, later = head, old
	}
	reply, err := v.opts.Prove(ctx, schemas.ProofRequest{V: 1, From: earlier.Size, To: later.Size})
	if schemas.CodeOf(err) == schemas.CodeHistoryForked {
		return v.found(ctx, Fork{Kept: k.Head, Came: came, From: from}, "a ledger that is shorter than it was")
	}
	if err != nil {
		return err
	}
	if schemas.KeyIDOf(reply.Key) != v.opts.Broker {
		return errors.New("the answer does not bring the broker's key")
	}
	if _, err := schemas.OpenLedgerHead(came, reply.Key); err != nil {
		return v.found(ctx, Fork{Kept: k.Head, Came: came, From: from}, unsigned)
	}
	if err := earlier.CheckConsistency(later, reply.Consistency); err != nil {
		return v.found(ctx, Fork{Kept: k.Head, Came: came, From: from}, "a ledger that does not continue the one before")
	}
	if k.Head != "" && head.Size <= old.Size {
		return nil
	}
	return v.opts.Store.Update(ctx, func(tx durable.Tx) error {
		return durable.PutJSON(tx.Map(mapView), keyHead, kept{came, reply.Key})
	})
}

// Past is what is kept of an epoch that is over.
type Past struct {
	Head string `json:"head,omitempty"` // the newest that was connected with those before
	Key  []byte `json:"key,omitempty"`  // the broker's
	Fork *Fork  `json:"fork,omitempty"`
}

// End closes the epoch whose ledger was followed and returns what was known of
// it, for keeping. Once its transaction is on disk, [View.Begin] follows the
// next one's.
func End(tx durable.Tx) (p Past, err error) {
	k, _, err := durable.GetJSON[kept](tx.Map(mapView), keyHead)
	if err != nil {
		return p, err
	}
	p.Head, p.Key = k.Head, k.Key
	f, forked, err := durable.GetJSON[Fork](tx.Map(mapView), keyFork)
	if err != nil {
		return p, err
	}
	if forked {
		p.Fork = &f
	}
	var heard []string
	if err := tx.Map(mapHeard).Each(func(from string, _ []byte) error { heard = append(heard, from); return nil }); err != nil {
		return p, err
	}
	for _, from := range heard {
		if err := tx.Map(mapHeard).Delete(from); err != nil {
			return p, err
		}
	}
	return p, errors.Join(tx.Map(mapView).Delete(keyHead), tx.Map(mapView).Delete(keyFork))
}

// Begin follows the ledger of another epoch, after [End].
func (v *View) Begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = ""
	v.forked.Store(false)
}

// Broken takes it that the broker's history was found not to hold together by
// other means than its ledger.
func (v *View) Broken(ctx context.Context, what string) error { return v.found(ctx, Fork{}, what) }

// Forgot takes it that the broker itself says that its hub is shorter than it
// was; head is the one that it gave with that.
func (v *View) Forgot(ctx context.Context, head *string) error {
	f := Fork{}
	if head != nil {
		f.Came = *head
	}
	err := v.opts.Store.View(func(tx durable.Tx) error {
		k, _, err := durable.GetJSON[kept](tx.Map(mapView), keyHead)
		f.Kept = k.Head
		return err
	})
	if err != nil {
		return err
	}
	return v.found(ctx, f, "a hub that is shorter than it was")
}

// found keeps the evidence, tells a person, and stops sending. What a partner
// sent and the broker did not sign says nothing about the broker.
func (v *View) found(ctx context.Context, f Fork, what string) error {
	f.At = v.opts.Now()
	forged := f.From != "" && what == unsigned
	err := v.opts.Store.Update(ctx, func(tx durable.Tx) error {
		if forged {
			return v.opts.Raise(tx, schemas.CodeBadSignature, f.From, "a partner's message holds "+what)
		}
		if _, known, err := durable.GetJSON[Fork](tx.Map(mapView), keyFork); err != nil || known {
			return err
		}
		if err := durable.PutJSON(tx.Map(mapView), keyFork, f); err != nil {
			return err
		}
		return v.opts.Raise(tx, schemas.CodeHistoryForked, f.From, "the broker shows "+what+": its history was changed, or partners are shown another; nothing is sent any more, ask its operator and your partners")
	})
	if err == nil && !forged {
		v.forked.Store(true)
	}
	return err
}
