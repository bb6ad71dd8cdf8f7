package agent

import (
	"context"
	"encoding/json"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// canaryState is the last message that this agency sent to itself.
type canaryState struct {
	Nonce string    `json:"nonce"`
	Sent  time.Time `json:"sent"`
	Back  time.Time `json:"back,omitzero"`
	Last  time.Time `json:"last,omitzero"` // when the one before came back
}

// back is when a canary last came back, zero if none did.
func (c canaryState) back() time.Time {
	if c.Back.IsZero() {
		return c.Last
	}
	return c.Back
}

const (
	mapCanary = "canary"
	keyCanary = "canary"
)

// sendCanary puts a message to this agency itself into the outbox.
func (m *membership) sendCanary(ctx context.Context) (canaryState, error) {
	state := canaryState{Nonce: string(schemas.KeyIDOf(schemas.NewSecret())), Sent: m.agent.opts.Now()}
	err := m.store.Update(ctx, func(tx durable.Tx) error {
		last, err := canaryOf(tx)
		if err != nil {
			return err
		}
		state.Last = last.back()
		if err := durable.PutJSON(tx.Map(mapCanary), keyCanary, state); err != nil {
			return err
		}
		return m.say(tx, schemas.TypeNetworkCanarySent, m.own, schemas.NetworkCanarySent{Nonce: state.Nonce, SentAt: state.Sent.UTC(), Version: m.agent.opts.Version})
	})
	if err == nil {
		m.committed()
	}
	return state, err
}

// canary sends a message through outbox, gate and inbox to this agency itself
// and waits for it. It returns how long that took.
func (m *membership) canary(ctx context.Context) (time.Duration, error) {
	state, err := m.sendCanary(ctx)
	if err != nil {
		return 0, err
	}
	err = m.await(ctx, func() (bool, error) {
		err := m.store.View(func(tx durable.Tx) error {
			now, err := canaryOf(tx)
			if now.Nonce == state.Nonce {
				state = now
			}
			return err
		})
		return !state.Back.IsZero(), err
	})
	return state.Back.Sub(state.Sent), err
}

func canaryOf(tx durable.Tx) (canaryState, error) {
	c, _, err := durable.GetJSON[canaryState](tx.Map(mapCanary), keyCanary)
	return c, err
}

// canaryBack notes that a canary arrived.
func (m *membership) canaryBack(tx durable.Tx, t inbox.Taken) error {
	var payload schemas.NetworkCanarySent
	if err := json.Unmarshal(t.Event.Data(), &payload); err != nil || t.Sender != m.own {
		return schemas.Refuse(schemas.CodeInvalidEvent, "data", "must be a canary of this agency", "canaries go to their own sender only")
	}
	state, err := canaryOf(tx)
	if err != nil || state.Nonce != payload.Nonce {
		return err
	}
	state.Back = m.agent.opts.Now()
	return durable.PutJSON(tx.Map(mapCanary), keyCanary, state)
}
