package outbox

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Supplied is what became of a restored recipient's request.
type Supplied struct {
	Events []schemas.EventID // that go again
	// Withheld counts the events that may not go again, by the reason.
	Withheld map[schemas.Code]int
	Gone     int // let go: too long ago
	More     bool
}

const (
	// supplyAtOnce bounds what goes again for one request.
	supplyAtOnce = 500
	// maxRestores is how often one event goes again because its recipient was
	// restored: each time costs a partner one envelope, and us hundreds.
	maxRestores = 5
)

// Supply queues again what a recipient had signed for and lost: everything of
// our chains beyond what it says it has. Each event is decided about anew; one
// that may not go any more is counted and stays where it is. What has not been
// signed for is still on its way by itself.
func (o *Outbox) Supply(tx durable.Tx, recipient schemas.AgencyID, known []schemas.NetworkKnown) (Supplied, []Queued, error) {
	out := Supplied{Events: []schemas.EventID{}, Withheld: map[schemas.Code]int{}}
	heads, err := chainsTo(tx, recipient)
	if err != nil {
		return out, nil, err
	}
	s := supply{outbox: o, tx: tx, recipient: recipient, out: &out, again: map[uint64]bool{}}
	for _, h := range heads {
		for _, run := range lacking(h, known) {
			for sequence := run.From; sequence <= run.To && !out.More; sequence++ {
				if err := s.place(h.Chain, sequence); err != nil {
					return out, nil, err
				}
			}
		}
	}
	return out, s.queued, nil
}

// chainsTo lists our chains to a recipient, oldest first.
func chainsTo(tx durable.Tx, recipient schemas.AgencyID) ([]head, error) {
	byChain := map[schemas.ULID]head{}
	err := tx.Map(mapChains).Each(func(key string, v []byte) error {
		to, _, _ := strings.Cut(key, "|")
		if schemas.AgencyID(to) != recipient {
			return nil
		}
		h, err := durable.DecodeJSON[head](v)
		if h.Sequence >= byChain[h.Chain].Sequence {
			byChain[h.Chain] = h
		}
		return err
	})
	var all []head
	for _, h := range byChain {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b head) int { return strings.Compare(string(a.Chain), string(b.Chain)) })
	return all, err
}

// lacking is what the recipient lacks of a chain: runs within what it has, and
// the rest. No sequence stands in two of them, whatever the recipient says: a
// request costs no more than the chain is long.
func lacking(h head, known []schemas.NetworkKnown) []schemas.NetworkRun {
	var said []schemas.NetworkRun
	through := uint64(0)
	for _, k := range known {
		if k.Chain == h.Chain {
			through = max(through, k.Through)
			said = append(said, k.Lacks...)
		}
	}
	slices.SortFunc(said, func(a, b schemas.NetworkRun) int { return cmp.Compare(a.From, b.From) })
	var runs []schemas.NetworkRun
	next := uint64(1)
	for _, run := range append(said, schemas.NetworkRun{From: through + 1, To: h.Sequence}) {
		run.From, run.To = max(run.From, next), min(run.To, h.Sequence)
		if run.From <= run.To {
			runs = append(runs, run)
			next = run.To + 1
		}
	}
	return runs
}

// supply is a request that is being answered.
type supply struct {
	outbox    *Outbox
	tx        durable.Tx
	recipient schemas.AgencyID
	out       *Supplied
	queued    []Queued
	again     map[uint64]bool // deliveries of events that go again: their documents follow by themselves
}

// place answers for one place of a chain.
func (s *supply) place(chain schemas.ULID, sequence uint64) error {
	n, ok, err := durable.GetJSON[uint64](s.tx.Map(mapByChain), chainKey(s.recipient, chain, sequence))
	if err != nil {
		return err
	}
	if !ok {
		s.out.Gone++
		return nil
	}
	d, err := read(s.tx, n)
	if err != nil {
		return err
	}
	if d.State != Stored || d.Resent > 0 || d.Part != nil && s.again[d.Part.Of] {
		return nil // on its way, or a repeat of it is, which has a place of its own
	}
	due, err := s.outbox.opts.Content.Due(s.tx, d)
	if refusal, ok := errors.AsType[*schemas.Error](err); ok {
		s.out.Withheld[refusal.Code]++
		return nil
	}
	switch {
	case err != nil || !due:
		return err
	case d.Restores >= maxRestores:
		s.out.Withheld[schemas.CodeOverRate]++
		return nil
	case len(s.queued) == supplyAtOnce:
		s.out.More = true
		return nil
	}
	return s.repeat(d)
}

func (s *supply) repeat(d Delivery) (err error) {
	d.Resent, err = s.outbox.queue(s.tx, Delivery{
		Event: d.Event, EventID: d.EventID, Recipient: s.recipient, Grant: d.Grant, Part: d.Part, Restores: d.Restores + 1,
	})
	if err != nil {
		return err
	}
	if err := s.outbox.put(s.tx, d, d.State); err != nil {
		return err
	}
	s.again[d.Number] = true
	s.queued = append(s.queued, Queued{s.recipient, d.Resent})
	if d.Part == nil {
		s.out.Events = append(s.out.Events, d.EventID)
	}
	return nil
}
