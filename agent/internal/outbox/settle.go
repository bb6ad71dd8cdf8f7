package outbox

import (
	"context"
	"fmt"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// settle stores what the broker answered. later says that it asked to come
// again with some of them; without an answer an envelope stays frozen.
func (o *Outbox) settle(ctx context.Context, sent []work, replies []schemas.SubmitReply) (states map[uint64]State, later bool, err error) {
	answers := map[schemas.EventID]schemas.SubmitReply{}
	for _, r := range replies {
		answers[r.Envelope] = r
	}
	err = o.opts.Store.Update(ctx, func(tx durable.Tx) error {
		states, later = map[uint64]State{}, false
		broken := false // an earlier one of the chain was refused
		for _, w := range sent {
			r, answered := answers[w.envelope.ID]
			d, err := read(tx, w.delivery.Number)
			if err != nil {
				return err
			}
			if d.State != Frozen || d.Envelope != w.envelope.ID { // a receipt was faster
				states[d.Number] = d.State
				continue
			}
			switch {
			case answered:
				var again, breaks bool
				if again, breaks, err = o.answer(tx, &d, r); err != nil {
					return err
				}
				later = later || again
				broken = broken || breaks
			case broken: // it can never be accepted with these bytes
				if err := o.put(tx, d, Waiting); err != nil {
					return err
				}
				d.State = Waiting
			default:
				later = true
			}
			states[d.Number] = d.State
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("store answers: %w", err)
	}
	return states, later, nil
}

// answer applies one reply. later says that the same bytes are to be sent again
// after a while, breaks that what follows in the chain has to be chained anew.
func (o *Outbox) answer(tx durable.Tx, d *Delivery, r schemas.SubmitReply) (later, breaks bool, err error) {
	move := func(s State) error {
		err := o.put(tx, *d, s)
		d.State = s
		return err
	}
	d.Refusal = schemas.Refusal{}
	switch r.Result {
	case schemas.ResultAccepted, schemas.ResultDuplicate:
		d.Epoch, d.Position = r.Epoch, r.Position
		if err := o.accepted(tx, *d); err != nil {
			return false, false, err
		}
		return false, false, move(Accepted)
	case schemas.ResultNotAttempted:
		return false, true, move(Waiting)
	}
	d.Refusal = r.Refusal
	chain, err := Chain(tx)
	if err != nil {
		return false, false, err
	}
	ended := d.Chain != chain
	switch code := r.Code; {
	case code == schemas.CodeSequenceGap || code == schemas.CodeChainMismatch:
		return o.rechain(tx, d, r, move)
	case code == schemas.CodeChainConflict && ended:
		return false, true, move(Waiting) // the broker has it not, or another in its place: it goes in the present chain
	case code == schemas.CodeChainConflict:
		// The broker holds another envelope of this agency in the same place, or
		// a newer chain: nothing that this copy could send would be right.
		if err := o.opts.Content.Doubled(tx); err != nil {
			return false, false, err
		}
		return true, false, move(Frozen)
	case code == schemas.CodeUnknownRecipientKey && r.Entry != nil:
		if err := o.opts.Content.ApplyEntry(tx, *r.Entry); err != nil && schemas.CodeOf(err) == "" {
			return false, false, err
		}
		return true, true, move(Waiting) // sealed anew to the key that is known then
	case code == schemas.CodeUnknownSigningKey && d.SenderKey != o.keyID():
		return false, true, move(Waiting) // signed with a key of the past that does not count any more
	case code == schemas.CodeClockSkew:
		return true, true, move(Waiting) // with these bytes, which bear the time, it would wait until our clock was right
	case code.Kind() == schemas.KindLater, code == schemas.CodeEpochChanged, code == schemas.CodeSuspended:
		return true, false, move(Frozen)
	default:
		return false, true, move(Held)
	}
}

// rechain looks at where the broker says that the chain stands.
func (o *Outbox) rechain(tx durable.Tx, d *Delivery, r schemas.SubmitReply, move func(State) error) (later, breaks bool, err error) {
	h, err := headOf(tx, d.Recipient)
	if err != nil {
		return false, false, err
	}
	text := ""
	switch {
	case r.Expect == nil || r.Expect.Chain != h.Chain || *r.Expect == (schemas.Expect{Chain: h.Chain, Sequence: h.Sequence + 1, Previous: h.Hash}):
		return true, true, move(Waiting)
	case r.Expect.Sequence <= h.Sequence:
		text = fmt.Sprintf("the broker has forgotten envelopes that it had accepted: it expects number %d, we have its word for %d", r.Expect.Sequence, h.Sequence)
	case r.Expect.Sequence == h.Sequence+1:
		text = fmt.Sprintf("the broker holds another envelope than ours as number %d", h.Sequence)
	}
	if text != "" {
		if err := o.opts.Content.Raise(tx, schemas.CodeHistoryForked, d.Recipient, text); err != nil {
			return false, false, err
		}
		return true, true, move(Waiting)
	}
	// The broker has more of our chain than we ever froze: another copy sent it.
	if err := o.opts.Content.Doubled(tx); err != nil {
		return false, false, err
	}
	return true, false, move(Frozen)
}
