package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is what only a person can decide.

// Retry sends a held or withdrawn delivery again.
func (a *Agent) Retry(ctx context.Context, network schemas.NetworkID, delivery uint64) error {
	m, err := a.member(network)
	if err != nil {
		return err
	}
	return m.outbox.Retry(ctx, delivery)
}

// End decides that a held or withdrawn delivery will not go. The reason is kept
// with it.
func (a *Agent) End(ctx context.Context, network schemas.NetworkID, delivery uint64, reason string) error {
	m, err := a.member(network)
	if err != nil {
		return err
	}
	return m.outbox.End(ctx, delivery, reason)
}

// Dismiss removes an alarm that a person has looked at.
func (a *Agent) Dismiss(ctx context.Context, network schemas.NetworkID, alarm uint64) error {
	m, err := a.member(network)
	if err != nil {
		return err
	}
	return m.store.Update(ctx, func(tx durable.Tx) error {
		alarms, err := casebook.Alarms(tx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(alarms, func(x casebook.Alarm) bool { return x.Number == alarm }) {
			return schemas.Refuse(schemas.CodeNotFound, "alarm", "must be one that nobody has dismissed", "see `linkage agent status`")
		}
		return casebook.Dismiss(tx, alarm)
	})
}

// Confirm takes over a partner's new keys after a person has compared their
// fingerprint with the partner by another channel. Spaces in it are forgiven.
func (a *Agent) Confirm(ctx context.Context, network schemas.NetworkID, partner schemas.AgencyID, fingerprint string) error {
	m, err := a.member(network)
	if err != nil {
		return err
	}
	key := schemas.KeyID(strings.Join(strings.Fields(fingerprint), ""))
	if !key.Valid() {
		return schemas.Malformed("fingerprint", "must be 22 letters, digits, - and _")
	}
	err = m.store.Update(ctx, func(tx durable.Tx) error { return m.dir.Confirm(tx, partner, key) })
	if err == nil {
		m.committed()
		m.wake() // what waited for the keys can go
	}
	return err
}

// Ready says what is in the way of an exchange, nil if nothing is.
func (a *Agent) Ready() error {
	if err := a.store.View(func(durable.Tx) error { return nil }); err != nil {
		return schemas.Refuse(schemas.CodeUnavailable, "store", "must be open", "look at the agent's log")
	}
	for _, m := range a.all() {
		if l := m.link.Load(); l == nil || !l.Connected() {
			return schemas.Refuse(schemas.CodeUnavailable, string(m.network), "is not connected to its broker", "run `linkage agent doctor` to see why")
		}
		s, err := m.status()
		if err != nil {
			return err
		}
		if s.Stalled != nil {
			return schemas.Refuse(schemas.CodeUnavailable, string(m.network), "is stalled since "+s.Stalled.Since.UTC().Format(clockLayout)+" at hop "+string(s.Stalled.Hop), s.Stalled.Text)
		}
	}
	return nil
}
