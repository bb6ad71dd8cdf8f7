package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/directory"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// nextKeys are new keys whose card the broker does not have yet, or has without
// our knowing. Others may seal to them as soon as it does.
type nextKeys struct {
	Identity []byte               `json:"identity"`
	Card     schemas.SignedRecord `json:"card"`
}

// pastKey is a sealing key of the past, kept for what may still arrive under it.
type pastKey struct {
	Sealing []byte    `json:"sealing"` // HPKE SerializePrivateKey
	Destroy time.Time `json:"destroy"` // from then on nothing can arrive
}

// keyring is a membership's private keys as they are now. It is never changed;
// a new one takes its place.
type keyring struct {
	identity vault.Identity
	opens    map[schemas.KeyID]hpke.PrivateKey
}

func keyringOf(r membershipRecord) (*keyring, error) {
	identity, err := vault.ParseIdentity(r.Identity)
	if err != nil {
		return nil, fmt.Errorf("read keys of network %s: %w", r.Target.Network, err)
	}
	k := &keyring{identity: identity, opens: map[schemas.KeyID]hpke.PrivateKey{identity.Public().SealingID(): identity.SealingKey()}}
	if r.Next != nil {
		next, err := vault.ParseIdentity(r.Next.Identity)
		if err != nil {
			return nil, fmt.Errorf("read next keys of network %s: %w", r.Target.Network, err)
		}
		k.opens[next.Public().SealingID()] = next.SealingKey()
	}
	for _, p := range r.Past {
		past, err := schemas.ParseSealingKey(p.Sealing)
		if err != nil {
			return nil, fmt.Errorf("read past keys of network %s: %w", r.Target.Network, err)
		}
		k.opens[schemas.KeyIDOf(past.PublicKey().Bytes())] = past
	}
	return k, nil
}

// identity is what this agency signs with now.
func (m *membership) identity() vault.Identity { return m.keys.Load().identity }

func (m *membership) signingKey() ed25519.PrivateKey { return m.identity().SigningKey() }

// unseal returns the private key of an id: the present one, one of the past that
// something may still be sealed to, or the next one.
func (m *membership) unseal(id schemas.KeyID) hpke.PrivateKey { return m.keys.Load().opens[id] }

// ownCards are the hashes of the cards that this agency made, the one that is
// under way included.
func (m *membership) ownCards() []schemas.Hash {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := []schemas.Hash{m.record.Request.Card.Hash()}
	for _, rec := range m.record.Cards {
		own = append(own, rec.Hash())
	}
	if m.record.Next != nil {
		own = append(own, m.record.Next.Card.Hash())
	}
	return own
}

// card is this agency's newest card that the broker has.
func (r membershipRecord) card() schemas.SignedRecord {
	if n := len(r.Cards); n > 0 {
		return r.Cards[n-1]
	}
	return r.Request.Card
}

// change alters what the store keeps of the membership, in one transaction. The
// keys follow within the transaction: others never see new keys beside old
// records, nor the reverse.
func (m *membership) change(ctx context.Context, fn func(tx durable.Tx, r *membershipRecord) error) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	before := m.keys.Load()
	var r membershipRecord
	err := m.agent.store.Update(ctx, func(tx durable.Tx) (err error) {
		if r, _, err = durable.GetJSON[membershipRecord](tx.Map(mapMemberships), string(m.network)); err != nil {
			return err
		}
		if err := fn(durable.Sub(tx, string(m.network)), &r); err != nil {
			return err
		}
		keys, err := keyringOf(r)
		if err != nil {
			return err
		}
		m.keys.Store(keys)
		return durable.PutJSON(tx.Map(mapMemberships), string(m.network), r)
	})
	if err != nil {
		m.keys.Store(before)
		return err
	}
	m.mu.Lock()
	m.record = r
	m.mu.Unlock()
	return nil
}

// keysChanged follows a partner's new keys: what was held for want of keys goes,
// and what was taken in with a stolen one is shown to a person.
func (m *membership) keysChanged(tx durable.Tx, before, after directory.Member) error {
	again, err := m.outbox.Release(tx, after.Agency, schemas.CodeUnknownRecipientKey)
	if err != nil {
		return err
	}
	m.later(again...)
	for _, k := range after.Card.Signing {
		id := schemas.KeyIDOf(k.Key)
		known := func(b schemas.SigningKey) bool {
			return schemas.KeyIDOf(b.Key) == id && b.Compromised != nil && !k.Compromised.Before(b.Compromised.Time)
		}
		if k.Compromised == nil || slices.ContainsFunc(before.Card.Signing, known) {
			continue
		}
		if err := m.suspect(tx, after.Agency, id, k.Compromised.Time); err != nil {
			return err
		}
	}
	return nil
}

// suspect counts what was taken in since a partner's key may have been stolen.
// The time in an envelope counts for nothing then: a thief dates it as he likes.
func (m *membership) suspect(tx durable.Tx, from schemas.AgencyID, key schemas.KeyID, since time.Time) error {
	n, first, err := casebook.HeardSince(tx, from, key, since)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s reports that its key may have been stolen on %s; nothing that was signed with it has been taken in since", from, since.Format(time.RFC3339))
	if n > 0 {
		text = fmt.Sprintf("%s reports that its key may have been stolen on %s; %d events signed with it were taken in since, from number %d on: ask %s which of them are its own",
			from, since.Format(time.RFC3339), n, first, from)
	}
	return m.raise(tx, schemas.CodeUnknownSigningKey, from, text)
}

// destroyKeys removes the sealing keys under which nothing can arrive any more.
func (m *membership) destroyKeys() error {
	now := m.agent.opts.Now()
	over := func(p pastKey) bool { return !now.Before(p.Destroy) }
	m.mu.Lock()
	due := slices.ContainsFunc(m.record.Past, over)
	m.mu.Unlock()
	if !due {
		return nil
	}
	return m.change(m.ctx, func(_ durable.Tx, r *membershipRecord) error {
		r.Past = slices.DeleteFunc(r.Past, over)
		return nil
	})
}
