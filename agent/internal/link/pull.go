package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/schemas"
)

// Pull asks for one page and returns it with its end. A refusal in the end is
// an error. If the line breaks, what came of the page until then is returned
// with the error.
func (l *Link) Pull(ctx context.Context, req schemas.PullRequest) ([]schemas.Item, schemas.PullEnd, error) {
	var end schemas.PullEnd
	if !l.Connected() {
		return nil, end, ErrOffline
	}
	data, err := json.Marshal(req)
	if err != nil {
		return nil, end, fmt.Errorf("encode pull: %w", err)
	}
	outer := ctx
	ctx, cancel := l.whileUp(ctx)
	defer cancel()
	inbox := l.conn.NewInbox() // not the one that requests share, or all that comes would come twice
	sub, err := l.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, end, unanswered(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	if err := l.conn.PublishRequest("broker."+schemas.VerbPull, inbox, data); err != nil {
		return nil, end, unanswered(err)
	}
	items, end, err := l.collect(ctx, sub)
	_ = l.noted(outer, cause(err)) // it only looks
	return items, end, err
}

// cause is the message client's part of an error, nil if the broker answered.
func cause(err error) error {
	for _, cause := range []error{nats.ErrNoResponders, nats.ErrTimeout, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			return cause
		}
	}
	return nil
}

func (l *Link) collect(ctx context.Context, sub *nats.Subscription) ([]schemas.Item, schemas.PullEnd, error) {
	var items []schemas.Item
	var end schemas.PullEnd
	var last uint64
	for {
		m, err := l.next(ctx, sub)
		if err != nil {
			return items, end, unanswered(err)
		}
		kind := schemas.ItemKind(m.Header.Get(schemas.HeaderItem))
		if kind == "" && len(m.Data) == 0 { // the server: nobody serves this
			return nil, end, unanswered(nats.ErrNoResponders)
		}
		if kind == schemas.ItemEnd {
			if err := json.Unmarshal(m.Data, &end); err != nil {
				return nil, end, fmt.Errorf("read end of page: %w", err)
			}
			if end.Err() == nil && end.Next < last { // of another broker, while the two change over
				continue
			}
			return items, end, end.Err()
		}
		position, err := strconv.ParseUint(m.Header.Get(schemas.HeaderPosition), 10, 64)
		if err != nil || len(items) >= schemas.MaxPullItems {
			return nil, end, schemas.Malformed("page", "must hold numbered items, at most %d", schemas.MaxPullItems)
		}
		if position <= last {
			continue // given twice, by two brokers
		}
		last = position
		items = append(items, schemas.Item{Kind: kind, Position: position, Header: m.Header, Data: m.Data})
	}
}
