package registry

import (
	"crypto/ed25519"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// What the gate asks, in the form in which it asks.

// AgencyOf names the agency that a NATS account belongs to.
func (r *Registry) AgencyOf(account string) (schemas.AgencyID, bool) {
	m, ok := r.MemberOfAccount(account)
	return m.Agency, ok
}

// Standing is "" for an agency that is not on the roll; joined says that it has
// keys.
func (r *Registry) Standing(a schemas.AgencyID) (status schemas.MemberStatus, joined bool) {
	m, _ := r.Member(a)
	return m.Status, m.Joined
}

// SigningKey returns a signing key of an agency that was live at a time and is
// not known to be compromised: what comes in now with a stolen key may bear any
// time.
func (r *Registry) SigningKey(a schemas.AgencyID, id schemas.KeyID, at time.Time) (ed25519.PublicKey, bool) {
	m, _ := r.Member(a)
	if _, ok := m.Card.Trusted(id); !ok {
		return nil, false
	}
	return m.Card.SigningKey(id, at)
}

// HasSealingKey reports whether events may be sealed to a key.
func (r *Registry) HasSealingKey(a schemas.AgencyID, id schemas.KeyID, at time.Time) bool {
	m, _ := r.Member(a)
	_, ok := m.Card.SealingKey(id, at)
	return ok
}

// Entry returns an agency's cards.
func (r *Registry) Entry(a schemas.AgencyID) schemas.Entry {
	m, _ := r.Member(a)
	return m.Entry
}

// Everybody lists the agencies on the roll.
func (r *Registry) Everybody() []schemas.AgencyID {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]schemas.AgencyID, 0, len(r.roll.Members))
	for _, line := range r.roll.Members {
		all = append(all, line.Agency)
	}
	return all
}

// RollNumber is the number of the roll in force.
func (r *Registry) RollNumber() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.roll.Number
}

// Permission returns a grant, and its revocation if it was revoked.
func (r *Registry) Permission(id schemas.GrantID) (schemas.Grant, *schemas.SignedRecord, bool) {
	g, ok := r.Grant(id)
	return g.Grant, g.Revocation, ok
}

// Registered reports whether a discloser's register came in this epoch.
func (r *Registry) Registered(a schemas.AgencyID) bool {
	m, _ := r.Member(a)
	return m.Registered
}
