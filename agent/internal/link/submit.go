package link

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/schemas"
)

// SubmitAll sends envelopes in order, without waiting for one before the next,
// and calls reply for each definite answer as it comes. An error means that
// some have none: their same bytes must be sent again.
func (l *Link) SubmitAll(ctx context.Context, envelopes []schemas.Envelope, reply func(schemas.SubmitReply)) error {
	if !l.Connected() {
		return ErrOffline
	}
	outer := ctx
	ctx, cancel := l.whileUp(ctx)
	defer cancel()
	inbox := l.conn.NewInbox() // not the one that requests share, or all that comes would come twice
	sub, err := l.conn.SubscribeSync(inbox)
	if err != nil {
		return unanswered(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	for _, e := range envelopes {
		m := &nats.Msg{Subject: "broker." + schemas.VerbSubmit, Reply: inbox, Header: e.Header(), Data: e.Data}
		if err := l.conn.PublishMsg(m); err != nil {
			return unanswered(err)
		}
	}
	open := make(map[schemas.EventID]bool, len(envelopes))
	for _, e := range envelopes {
		open[e.ID] = true
	}
	for range envelopes {
		r, err := l.answerTo(ctx, sub, open)
		if err != nil {
			_ = l.noted(outer, cause(err)) // it only looks
			return err
		}
		delete(open, r.Envelope)
		reply(r)
	}
	return l.noted(outer, nil)
}

// answerTo returns the next answer. Two brokers may answer one envelope, while
// they change over: the first answer counts.
func (l *Link) answerTo(ctx context.Context, sub *nats.Subscription, open map[schemas.EventID]bool) (r schemas.SubmitReply, err error) {
	for {
		m, err := l.next(ctx, sub)
		if err != nil {
			return r, unanswered(err)
		}
		if len(m.Data) == 0 {
			return r, unanswered(nats.ErrNoResponders)
		}
		r = schemas.SubmitReply{}
		if err := json.Unmarshal(m.Data, &r); err != nil {
			return r, fmt.Errorf("read answer of the gate: %w", err)
		}
		if r.Envelope == "" || open[r.Envelope] {
			return r, nil
		}
	}
}
