package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	// keyOverlap is for how long others may still seal to a key that was
	// replaced. What they seal later is refused with the new card and sealed
	// anew, so nothing depends on it.
	keyOverlap = 24 * time.Hour
	// keyKept is how long after its end a sealing key is kept: what was sealed to
	// it in time may lie at the broker for 90 days.
	keyKept = 91 * 24 * time.Hour
)

// Rotation says how keys are to be replaced.
type Rotation struct {
	Network schemas.NetworkID `json:"network,omitempty"`
	// Compromised is since when somebody else may have had the present keys; zero
	// if nobody had. Then they end at once, and what was signed with them from
	// then on counts for nothing.
	Compromised time.Time `json:"compromised,omitzero"`
}

// Rotated is what a person reads when keys were replaced.
type Rotated struct {
	Network schemas.NetworkID `json:"network"`
	Agency  schemas.AgencyID  `json:"agency"`
	Number  uint64            `json:"number"` // of the new card
	// Fingerprint is that of the new keys, Before of the ones they replace.
	Fingerprint string `json:"fingerprint"`
	Before      string `json:"before"`
	// InForce says that the broker has the new card. Until then the old keys are
	// used, and the card is brought as soon as there is a line.
	InForce bool `json:"inforce"`
}

// Rotate makes new signing and sealing keys and a card for them, signed by the
// old one. When it returns, the keys are on disk; it waits for the broker until
// ctx ends. What is in flight is not touched: it stays valid, and what others
// have sealed to the old key can be opened for as long as it may arrive.
func (a *Agent) Rotate(ctx context.Context, how Rotation) (Rotated, error) {
	m, err := a.member(how.Network)
	if err != nil {
		return Rotated{}, err
	}
	out := Rotated{Network: m.network, Agency: m.own}
	err = m.change(context.WithoutCancel(ctx), func(_ durable.Tx, r *membershipRecord) error {
		if r.Next != nil {
			return schemas.Refuse(schemas.CodeNotAttempted, "keys", "must not be replaced while new ones are on their way to the broker", "wait until there is a line to it; see `linkage agent status`")
		}
		old, err := vault.ParseIdentity(r.Identity)
		if err != nil {
			return err
		}
		next, err := old.Successor()
		if err != nil {
			return err
		}
		rec, card, err := m.nextCard(r.card(), old, next, how)
		if err != nil {
			return err
		}
		r.Next = &nextKeys{Card: rec}
		r.Next.Identity, err = next.Encode()
		out.Number, out.Fingerprint, out.Before = card.Number, card.Fingerprint(), old.Public().SigningID().Fingerprint()
		return err
	})
	if err != nil {
		return Rotated{}, err
	}
	crash.Point(crash.AgentKeysMade)
	m.wakeSync()
	err = m.await(ctx, func() (bool, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		out.InForce = m.record.Next == nil
		return out.InForce, nil
	})
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil // on its way is the truth so far
	}
	if err == nil && out.InForce && m.identity().Public().SigningID().Fingerprint() != out.Fingerprint {
		err = schemas.Refuse(schemas.CodeUnknownSigningKey, "card", "was refused by the broker", "see the alarm in `linkage agent status`")
	}
	return out, err
}

// nextCard makes the card that replaces the last one.
func (m *membership) nextCard(last schemas.SignedRecord, old, next vault.Identity, how Rotation) (schemas.SignedRecord, schemas.Card, error) {
	card, err := schemas.PeekRecord[schemas.Card](last, schemas.RecordCard)
	if err != nil {
		return schemas.SignedRecord{}, card, err
	}
	// A clock that is wrong, here or there, must not make a key begin in the
	// others' future, nor end in their past.
	here := m.agent.opts.Now()
	_, ahead := m.inbox.Heard()
	from, to := schemas.At(here.Add(min(ahead, 0))), schemas.At(here.Add(max(ahead, 0)+keyOverlap))
	if !how.Compromised.IsZero() {
		if how.Compromised.After(here) {
			return schemas.SignedRecord{}, card, schemas.Malformed("compromised", "must not lie in the future")
		}
		to = from
	}
	signing := []schemas.SigningKey{{Key: next.Public().Signing, From: from}}
	for _, k := range card.Signing {
		if k.To == nil || k.To.After(to.Time) {
			k.To = endOf(to, k.From)
		}
		if since := schemas.At(how.Compromised); !how.Compromised.IsZero() && k.To.After(since.Time) && (k.Compromised == nil || since.Before(k.Compromised.Time)) {
			k.Compromised = &since
		}
		if k.Compromised != nil || k.To.After(here.Add(-keyKept)) {
			signing = append(signing, k)
		}
	}
	sealing := []schemas.SealingKey{{Suite: schemas.SealSuite, Key: next.Public().Sealing, From: from}}
	for _, k := range card.Sealing {
		if k.To == nil || k.To.After(to.Time) {
			k.To = endOf(to, k.From)
		}
		if k.To.After(here) {
			sealing = append(sealing, k)
		}
	}
	card.Number, card.Signing, card.Sealing = card.Number+1, bounded(signing), bounded(sealing)
	card.Names.Display = m.agent.profile.Display
	rec, err := schemas.Sign(schemas.RecordCard, card, old.SigningKey())
	return rec, card, err
}

// endOf is an end that does not lie before its beginning.
func endOf(to, from schemas.Instant) *schemas.Instant {
	if to.Before(from.Time) {
		to = from
	}
	return &to
}

// bounded keeps as many keys as a card may list, the newest. Older signing keys
// stand on the cards before, and to older sealing keys nobody seals.
func bounded[K any](keys []K) []K { return keys[:min(len(keys), schemas.MaxKeys)] }

// syncCard brings new keys to the broker and puts them to use once it has them.
func (m *membership) syncCard() error {
	m.mu.Lock()
	next := m.record.Next
	m.mu.Unlock()
	l := m.link.Load()
	if next == nil || !l.Connected() {
		return nil
	}
	err := l.Card(m.ctx, schemas.CardRequest{V: 1, Card: next.Card})
	switch {
	case err == nil:
		crash.Point(crash.AgentCardSent)
		err = m.change(m.ctx, m.adopt)
	case definite(err) || schemas.KindOf(err) == schemas.KindConflict && schemas.CodeOf(err) == schemas.CodeUnknownSigningKey:
		refusal := err
		err = m.change(m.ctx, func(tx durable.Tx, r *membershipRecord) error {
			r.Next = nil
			return m.raise(tx, schemas.CodeOf(refusal), m.own, fmt.Sprintf("the broker refuses this agency's new keys, the old ones stay in use: %v", refusal))
		})
	}
	if err == nil {
		m.committed()
		m.wake()
	}
	return err
}

// adopt puts the next keys to use. What this agency has signed and may have to
// show again is signed with the new key: the bytes, and so their hashes, stay.
func (m *membership) adopt(tx durable.Tx, r *membershipRecord) error {
	old, err := vault.ParseIdentity(r.Identity)
	if err != nil {
		return err
	}
	next, err := vault.ParseIdentity(r.Next.Identity)
	if err != nil {
		return err
	}
	sealing, err := old.SealingKey().Bytes()
	if err != nil {
		return fmt.Errorf("keep sealing key: %w", err)
	}
	r.Past = append(r.Past, pastKey{Sealing: sealing, Destroy: m.agent.opts.Now().Add(keyOverlap + keyKept)})
	r.Cards = append(r.Cards, r.Next.Card)
	card, err := schemas.PeekRecord[schemas.Card](r.Next.Card, schemas.RecordCard)
	if err != nil {
		return err
	}
	r.Identity, r.Next = r.Next.Identity, nil
	if err := casebook.SignAnew(tx, m.own, next.SigningKey()); err != nil {
		return err
	}
	since, stolen := stolenSince(card, old)
	if !stolen {
		return nil
	}
	// Partners may already refuse what the old key signed: it is said again.
	return errors.Join(casebook.TellAgain(tx, m.own), m.inbox.ReceiptsSince(tx, since))
}

// stolenSince says since when a card calls the key of an identity stolen.
func stolenSince(c schemas.Card, old vault.Identity) (time.Time, bool) {
	for _, k := range c.Signing {
		if k.Compromised != nil && schemas.KeyIDOf(k.Key) == old.Public().SigningID() {
			return k.Compromised.Time, true
		}
	}
	return time.Time{}, false
}

// Rewrap changes what opens the store of an agent that may or may not run: a key
// file, a passphrase or a systemd credential. The store itself is not touched. The
// change is one atomic replacement of vault.json: a crash leaves the old way or
// the new one, never none.
func Rewrap(opts, replacement Options) error {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return err
	}
	replacement.DataDir = opts.DataDir
	replacement.Listen = opts.Listen
	if err := replacement.Validate(); err != nil {
		return err
	}
	if !Initialised(opts.DataDir) {
		return errNoAgent(opts.DataDir)
	}
	return vault.Rewrap(filepath.Join(opts.DataDir, fileVault), opts.source(), replacement.source())
}
