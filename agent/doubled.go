package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is what happens when two copies of one agency run: a machine that
// was cloned, or the old one that comes back after a restore. The broker takes
// the newer chain and refuses the older; of two with one chain it takes whoever
// sends first. The copy that is refused stops sending and taking in, keeps what
// it accepted, and says so until a person has decided which one is right.

// doubled says that the broker refused this copy.
type doubled struct {
	At time.Time `json:"at"`
	// Newest is the newest chain that the broker knows of, if it said.
	Newest schemas.ULID `json:"newest,omitempty"`
}

const (
	mapDoubled = "doubled"
	keyDoubled = "doubled"
)

func doubledOf(tx durable.Tx) (d doubled, ok bool, err error) {
	return durable.GetJSON[doubled](tx.Map(mapDoubled), keyDoubled)
}

// setDoubled notes that the broker refused this copy, and tells a person.
func (m *membership) setDoubled(tx durable.Tx, newest schemas.ULID) error {
	_, known, err := doubledOf(tx)
	if err != nil || known {
		return err
	}
	m.doubled.Store(true)
	text := "another copy of this agency's Linkage is running, or ran after this one: this one sends and takes in nothing any more; see `linkage agent status`"
	if err := m.raise(tx, schemas.CodeChainConflict, m.own, text); err != nil {
		return err
	}
	return durable.PutJSON(tx.Map(mapDoubled), keyDoubled, doubled{At: m.agent.opts.Now(), Newest: newest})
}

// Doubled is told of an answer to an envelope that only another copy of this
// agency explains.
func (c content) Doubled(tx durable.Tx) error { return c.m.setDoubled(tx, "") }

// refusedAsOlder notes that a pull was refused because of a newer chain.
func (m *membership) refusedAsOlder(ctx context.Context, newest schemas.ULID) error {
	return m.store.Update(ctx, func(tx durable.Tx) error { return m.setDoubled(tx, newest) })
}

// silent reports whether this copy must not send: it was restored and has not
// taken in what waits for it, or another copy is running.
func (m *membership) silent() bool { return m.restoring.Load() || m.doubled.Load() }

// Reclaimed answers a reclaim.
type Reclaimed struct {
	Network schemas.NetworkID `json:"network"`
	Chain   schemas.ULID      `json:"chain"`
}

// reclaimSince is how far back partners are asked for what the other copy sent
// and took in.
const reclaimSince = 7 * 24 * time.Hour

// Reclaim makes this copy the agency again, after the broker had turned it away
// for another: it begins a new chain, takes in what waits, and asks its partners
// for what the other copy had. The other one is refused from then on; it must be
// stopped.
func (a *Agent) Reclaim(ctx context.Context, network schemas.NetworkID) (Reclaimed, error) {
	m, err := a.member(network)
	if err != nil {
		return Reclaimed{}, err
	}
	out := Reclaimed{Network: m.network}
	err = m.store.Update(ctx, func(tx durable.Tx) error {
		d, is, err := doubledOf(tx)
		if err != nil {
			return err
		}
		if !is {
			return schemas.Refuse(schemas.CodeMalformed, "agency", "must have been turned away for another copy; it was not", "there is nothing to reclaim: see `linkage agent status`")
		}
		if err := beginRestored(tx, d.At.Add(-reclaimSince), a.opts.Now(), d.Newest); err != nil {
			return err
		}
		if out.Chain, err = outbox.Chain(tx); err != nil {
			return fmt.Errorf("read chain: %w", err)
		}
		return tx.Map(mapDoubled).Delete(keyDoubled)
	})
	if err != nil {
		return Reclaimed{}, err
	}
	m.restoring.Store(true)
	m.doubled.Store(false)
	m.committed()
	m.wake()
	return out, nil
}
