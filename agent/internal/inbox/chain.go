package inbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// chain is what came of one sender's chain for this agency.
type chain struct {
	Next  uint64       `json:"next"`  // one more than the highest sequence seen
	Hash  schemas.Hash `json:"hash"`  // of the highest
	Holes []hole       `json:"holes"` // sequences below Next that did not come
	Asked time.Time    `json:"asked,omitzero"`
	Times int          `json:"times,omitempty"` // how often the sender was asked about these holes
}

// hole is a run of sequences that did not come.
type hole struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

func chainKey(sender schemas.AgencyID, id schemas.ULID) string {
	return string(sender) + "|" + string(id)
}

// follow notes an envelope, or the outline of a withdrawn one, in its sender's
// chain. known says that it came before. A break of the chain is an alarm; the
// envelope itself is genuine, so it is not refused for it.
func (in *Inbox) follow(tx durable.Tx, o schemas.Outline) (known bool, err error) {
	e := o.Envelope
	key := chainKey(e.Sender, e.Chain)
	c, ok, err := durable.GetJSON[chain](tx.Map(mapChains), key)
	if err != nil {
		return false, err
	}
	if !ok {
		c.Next = 1
	}
	switch {
	case e.Sequence < c.Next:
		if !c.fill(e.Sequence) {
			return true, nil
		}
		before, ok, err := durable.GetJSON[answer](tx.Map(mapAnswers), placeKey(e.Sender, e.Chain, e.Sequence-1))
		if err != nil {
			return false, err
		}
		if ok && before.Hash != e.Previous || e.Sequence == 1 && e.Previous != (schemas.Hash{}) {
			if err := in.broken(tx, e); err != nil {
				return false, err
			}
		}
	case e.Sequence == c.Next:
		if e.Previous != c.Hash {
			if err := in.broken(tx, e); err != nil {
				return false, err
			}
		}
		c.Next, c.Hash = e.Sequence+1, o.Hash()
	default:
		c.Holes, c.Times = append(c.Holes, hole{c.Next, e.Sequence - 1}), 0
		c.Next, c.Hash = e.Sequence+1, o.Hash()
	}
	return false, durable.PutJSON(tx.Map(mapChains), key, c)
}

// newest notes a sender's newest chain. The gate refuses an older one once a
// newer one was used, so one that comes after it is two copies of the sender and
// a gate that does not look.
func (in *Inbox) newest(tx durable.Tx, e schemas.Envelope) error {
	chain, _, err := durable.GetJSON[schemas.ULID](tx.Map(mapNewest), string(e.Sender))
	switch {
	case err != nil || e.Chain == chain:
		return err
	case e.Chain > chain:
		return durable.PutJSON(tx.Map(mapNewest), string(e.Sender), e.Chain)
	}
	return in.opts.Effects.Raise(tx, schemas.CodeChainConflict, e.Sender, "two copies of this agency's Linkage are running: the older one sent after the newer one")
}

func (in *Inbox) broken(tx durable.Tx, e schemas.Envelope) error {
	return in.opts.Effects.Raise(tx, schemas.CodeChainMismatch, e.Sender, "the sender's hash chain is broken: an envelope does not name the one before it")
}

// fill takes a sequence out of the holes; false if it is in none.
func (c *chain) fill(sequence uint64) bool {
	for i, h := range c.Holes {
		if sequence < h.From || sequence > h.To {
			continue
		}
		rest := append([]hole{}, c.Holes[:i]...)
		if h.From < sequence {
			rest = append(rest, hole{h.From, sequence - 1})
		}
		if sequence < h.To {
			rest = append(rest, hole{sequence + 1, h.To})
		}
		c.Holes = append(rest, c.Holes[i+1:]...)
		return true
	}
	return false
}

const (
	// askAgain is how long an answer to a request for missing events may take.
	askAgain = time.Hour
	// askMost is how often a sender is asked about the same holes: what it sends
	// again comes in new envelopes, so a hole may stay when nothing is missing.
	askMost = 3
	// askFor bounds the sequences of one request; the sender refuses more.
	askFor = 1000
	// askAtOnce bounds the requests about one hole.
	askAtOnce = 100
)

// askForHoles asks each sender for what its chain lacks here, once everything
// that waited was taken in.
func (in *Inbox) askForHoles(ctx context.Context) error {
	type lack struct {
		key   string
		chain chain
	}
	var lacks []lack
	now := in.opts.Now()
	err := in.opts.Store.View(func(tx durable.Tx) error {
		return tx.Map(mapChains).Each(func(key string, v []byte) error {
			c, err := durable.DecodeJSON[chain](v)
			if err == nil && len(c.Holes) > 0 && c.Times < askMost && now.Sub(c.Asked) >= askAgain {
				lacks = append(lacks, lack{key, c})
			}
			return err
		})
	})
	if err != nil || len(lacks) == 0 {
		return err
	}
	err = in.opts.Store.Update(ctx, func(tx durable.Tx) error {
		for _, l := range lacks {
			sender, id, _ := strings.Cut(l.key, "|")
			for _, h := range l.chain.Holes {
				if err := in.ask(tx, schemas.AgencyID(sender), schemas.ULID(id), h); err != nil {
					return err
				}
			}
			text := fmt.Sprintf("%d gaps in what came from this sender; it was asked to send again", len(l.chain.Holes))
			if err := in.opts.Effects.Raise(tx, schemas.CodeSequenceGap, schemas.AgencyID(sender), text); err != nil {
				return err
			}
			l.chain.Asked = now
			l.chain.Times++
			if err := durable.PutJSON(tx.Map(mapChains), l.key, l.chain); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		in.opts.Effects.Committed()
	}
	return err
}

func (in *Inbox) ask(tx durable.Tx, sender schemas.AgencyID, id schemas.ULID, h hole) error {
	for from, n := h.From, 0; from <= h.To && n < askAtOnce; from, n = from+askFor, n+1 {
		if err := in.opts.Effects.Ask(tx, sender, id, from, min(h.To, from+askFor-1)); err != nil {
			return err
		}
	}
	return nil
}

// Holes counts, by sender, the envelopes that did not come.
func Holes(tx durable.Tx) (map[schemas.AgencyID]uint64, error) {
	all := map[schemas.AgencyID]uint64{}
	err := tx.Map(mapChains).Each(func(key string, v []byte) error {
		c, err := durable.DecodeJSON[chain](v)
		sender, _, _ := strings.Cut(key, "|")
		for _, h := range c.Holes {
			all[schemas.AgencyID(sender)] += h.To - h.From + 1
		}
		return err
	})
	return all, err
}

// Known is what this agency has of each chain of each sender.
func Known(tx durable.Tx) (map[schemas.AgencyID][]schemas.NetworkKnown, error) {
	all := map[schemas.AgencyID][]schemas.NetworkKnown{}
	err := tx.Map(mapChains).Each(func(key string, v []byte) error {
		c, err := durable.DecodeJSON[chain](v)
		sender, id, _ := strings.Cut(key, "|")
		k := schemas.NetworkKnown{Chain: schemas.ULID(id), Through: max(c.Next, 1) - 1}
		for _, h := range c.Holes {
			k.Lacks = append(k.Lacks, schemas.NetworkRun(h))
		}
		all[schemas.AgencyID(sender)] = append(all[schemas.AgencyID(sender)], k)
		return err
	})
	return all, err
}
