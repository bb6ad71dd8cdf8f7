package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// What comes to a broker of a cluster by another way than the line, and is for
// the broker that leads to do.
const (
	askJoin    = "join"
	askReturn  = "return"
	askRevoke  = "revoke"
	askPublish = "publish"
	askStatus  = "status" // answered by all three
)

// asked is an answer between brokers.
type asked[T any] struct {
	Reply T `json:"reply"`
	schemas.Refusal
}

// answer makes of a request's handler one for another broker's question.
func answer[Req, Rep any](b *Broker, do func(context.Context, Req) (Rep, error)) func([]byte) []byte {
	return func(data []byte) []byte {
		var req Req
		var out asked[Rep]
		err := json.Unmarshal(data, &req)
		if err == nil {
			ctx, cancel := context.WithTimeout(b.ctx, requestTimeout)
			defer cancel()
			out.Reply, err = do(ctx, req)
		}
		out.Refusal = b.refusal(b.ctx, "cluster", err)
		text, err := json.Marshal(out)
		if err != nil {
			b.log.Error("answer could not be encoded", "error", err)
		}
		return text
	}
}

// written has a request done here, or by the broker of the cluster that leads.
func written[Req, Rep any](ctx context.Context, b *Broker, name string, req Req, here func(context.Context, Req) (Rep, error)) (Rep, error) {
	if b.writes() {
		return here(ctx, req)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var out asked[Rep]
	data, err := json.Marshal(req)
	if err != nil {
		return out.Reply, fmt.Errorf("ask another broker: %w", err)
	}
	text, err := b.askWriter(ctx, name, data)
	if err != nil {
		return out.Reply, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out.Reply, fmt.Errorf("read another broker's answer: %w", err)
	}
	return out.Reply, out.Err()
}

// askPatience is for how long one answer of another broker is waited for: it may
// have been lost with the question. Everything that is asked so may be asked
// twice.
const askPatience = 5 * time.Second

func (b *Broker) askWriter(ctx context.Context, name string, data []byte) ([]byte, error) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		one, cancel := context.WithTimeout(ctx, askPatience)
		text, err := b.nats.Ask(one, name, data)
		cancel()
		if err == nil {
			return text, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			b.log.WarnContext(ctx, "no other broker answered", "name", name, "error", err)
			return nil, errNoWriter
		}
	}
}
