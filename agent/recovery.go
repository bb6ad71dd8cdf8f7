package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is how an agency that was restored from a backup finds its way back
// into a network: it takes in what waits at the broker before it sends anything,
// then asks each partner for what came since the backup.

// recovery is where that stands. It is kept in the network's part of the store.
type recovery struct {
	// Since is when the backup was made, At when it was restored.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Pulled is when everything that waited at the broker had been taken in;
	// zero until then, and nothing is sent before.
	Pulled time.Time `json:"pulled,omitzero"`
	// Exchange counts the events that came from the broker until then.
	Exchange int `json:"exchange"`
}

const (
	mapRecovery = "recovery"
	keyRecovery = "recovery"
)

// recoveryOf reads it; ok is false if the agency was never restored.
func recoveryOf(tx durable.Tx) (r recovery, ok bool, err error) {
	return durable.GetJSON[recovery](tx.Map(mapRecovery), keyRecovery)
}

func putRecovery(tx durable.Tx, r recovery) error {
	return durable.PutJSON(tx.Map(mapRecovery), keyRecovery, r)
}

// beginRestored makes the records of one network those of a restored agency.
func beginRestored(tx durable.Tx, since, now time.Time) error {
	if err := beginChain(tx, now); err != nil {
		return err
	}
	return putRecovery(tx, recovery{Since: since, At: now})
}

// CaughtUp lets a restored agency speak: everything that the broker has for it
// is here now, revocations before all.
func (f effects) CaughtUp(ctx context.Context) error {
	m := f.m
	if !m.restoring.Load() {
		return nil
	}
	err := m.store.Update(ctx, func(tx durable.Tx) error {
		r, _, err := recoveryOf(tx)
		if err != nil || !r.Pulled.IsZero() {
			return err
		}
		r.Pulled = m.agent.opts.Now()
		return putRecovery(tx, r)
	})
	if err != nil {
		return err
	}
	m.restoring.Store(false)
	m.committed()
	m.outbox.Wake()
	m.wakeSync()
	return nil
}

// takenAgain counts an event that came from the broker after a restore.
func (m *membership) takenAgain(tx durable.Tx) error {
	if !m.restoring.Load() {
		return nil
	}
	r, _, err := recoveryOf(tx)
	if err != nil {
		return err
	}
	r.Exchange++
	return putRecovery(tx, r)
}

// sending is the line as the outbox sees it: an agency that was restored sends
// nothing before it has taken in what waits for it.
type sending struct{ line }

func (s sending) Connected() bool { return !s.m.restoring.Load() && s.line.Connected() }

// Recovery is how far a restored agency has found its way back into a network.
// It names no client.
type Recovery struct {
	Network schemas.NetworkID `json:"network"`
	// Since is when the backup was made, At when it was restored.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Done says that nothing more is expected by itself.
	Done bool `json:"done"`
	// Exchange counts the events since the backup that the exchange still had.
	Exchange int `json:"exchange"`
}

// Sentence says it to a person.
func (r Recovery) Sentence() string {
	if !r.Done {
		return fmt.Sprintf("%d events since this backup are here again; it is not done yet, see `linkage agent status`", r.Exchange)
	}
	return fmt.Sprintf("%d events came in since this backup; all of them are here again", r.Exchange)
}

// Recovered waits until every network of a restored agency has nothing more to
// fetch by itself, or ctx ends, and says how far it came.
func (a *Agent) Recovered(ctx context.Context) ([]Recovery, error) {
	all := []Recovery{}
	for _, m := range a.all() {
		var r *Recovery
		err := m.await(ctx, func() (bool, error) {
			err := m.store.View(func(tx durable.Tx) (err error) {
				r, err = m.recovery(tx)
				return err
			})
			return r == nil || r.Done, err
		})
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			return nil, err
		}
		if r != nil {
			all = append(all, *r)
		}
	}
	slices.SortFunc(all, func(x, y Recovery) int { return cmp.Compare(x.Network, y.Network) })
	return all, nil
}

// recovery is nil for an agency that was never restored.
func (m *membership) recovery(tx durable.Tx) (*Recovery, error) {
	r, restored, err := recoveryOf(tx)
	if err != nil || !restored {
		return nil, err
	}
	return &Recovery{Network: m.network, Since: r.Since, At: r.At, Done: !r.Pulled.IsZero(), Exchange: r.Exchange}, nil
}
