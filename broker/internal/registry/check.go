package registry

import (
	"crypto/ed25519"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// refuseNetwork is the first rule of every record that names its network.
func (r *Registry) checkNetwork(n schemas.NetworkID) error {
	if n != r.network {
		return schemas.Malformed("network", "must be %s", r.network)
	}
	return nil
}

// CheckGrant reports whether a member may issue a grant, and reads it. known
// says that exactly this grant was issued before, which is no error.
func (r *Registry) CheckGrant(rec schemas.SignedRecord, from schemas.AgencyID, now time.Time) (g schemas.Grant, known bool, err error) {
	key, err := r.signer(from, rec.KeyID(), now)
	if err != nil {
		return g, false, err
	}
	if g, err = schemas.ReadRecord[schemas.Grant](rec, schemas.RecordGrant, key); err != nil {
		return g, false, err
	}
	if err := r.checkNetwork(g.Network); err != nil {
		return g, false, err
	}
	if g.Discloser != from {
		return g, false, schemas.Refuse(schemas.CodeSenderMismatch, "discloser", "must be the agency that sends", "issue grants of this agency only")
	}
	if m, ok := r.Member(g.Recipient); !ok || m.Status == schemas.MemberLeft {
		return g, false, schemas.Refuse(schemas.CodeUnknownRecipient, "recipient", "must be a member of the network", "look at the directory for the recipient's name")
	}
	if old, ok := r.Grant(g.ID); ok {
		if old.Record.Hash() == rec.Hash() {
			return g, true, nil
		}
		return g, false, schemas.Refuse(schemas.CodeNoGrant, "id", "must be new", "issue the grant under a new id")
	}
	return g, false, nil
}

// CheckRevocation reports whether a revocation ends its grant: signed by the
// discloser, or by any member with the key of the lock. known says that the
// grant was revoked before, which is no error. A suspended member may revoke.
func (r *Registry) CheckRevocation(rec schemas.SignedRecord, now time.Time) (g Grant, known bool, err error) {
	rev, err := schemas.PeekRecord[schemas.Revocation](rec, schemas.RecordRevocation)
	if err != nil {
		return g, false, err
	}
	if err := r.checkNetwork(rev.Network); err != nil {
		return g, false, err
	}
	key, err := r.signer(rev.By, rec.KeyID(), now)
	if err != nil {
		return g, false, err
	}
	if err := rec.Verify(schemas.RecordRevocation, key); err != nil {
		return g, false, err
	}
	refused := schemas.Refuse(schemas.CodeNoGrant, "grant", "must be a grant that the signer may revoke", "revoke as its discloser, or with the consent's key")
	g, ok := r.Grant(rev.Grant)
	if !ok {
		return g, false, refused
	}
	if rev.By != g.Discloser && (rev.Key == nil || schemas.HashOf(rev.Key) != g.Lock) {
		return g, false, refused
	}
	return g, g.Revocation != nil, nil
}

// CheckRegister reports whether a register may replace the one that is known.
func (r *Registry) CheckRegister(rec schemas.SignedRecord, from schemas.AgencyID, now time.Time) (known bool, err error) {
	key, err := r.signer(from, rec.KeyID(), now)
	if err != nil {
		return false, err
	}
	reg, err := schemas.ReadRecord[schemas.Register](rec, schemas.RecordRegister, key)
	if err != nil {
		return false, err
	}
	if err := r.checkNetwork(reg.Network); err != nil {
		return false, err
	}
	m, _ := r.Member(from)
	switch {
	case reg.Discloser != from:
		return false, schemas.Refuse(schemas.CodeSenderMismatch, "discloser", "must be the agency that sends", "send this agency's own register")
	case reg.Number < m.Register:
		return false, schemas.Refuse(schemas.CodeHistoryForked, "number", "must not be lower than the register that is known", "restore this agency from a newer backup")
	}
	return reg.Number == m.Register, nil
}

// signer returns a member's live signing key. Suspension is not its business.
func (r *Registry) signer(a schemas.AgencyID, id schemas.KeyID, now time.Time) (ed25519.PublicKey, error) {
	m, ok := r.Member(a)
	if !ok || !m.Joined {
		return nil, schemas.Refuse(schemas.CodeNotMember, "agency", "must be a member of the network", "join the network first")
	}
	key, ok := m.Card.SigningKey(id, now)
	if !ok {
		return nil, schemas.Refuse(schemas.CodeUnknownSigningKey, "signatures.keyid", "must name a live signing key of the agency", "publish the card with the new key first")
	}
	return key, nil
}

// CheckRoll reports whether a roll may replace the one that is known, and as
// which kind of record.
func (r *Registry) CheckRoll(rec schemas.SignedRecord) (kind journal.Kind, changed []schemas.RollMember, known bool, err error) {
	roll, err := schemas.ReadRecord[schemas.Roll](rec, schemas.RecordRoll, r.admission)
	if err != nil {
		return "", nil, false, err
	}
	if err := r.checkNetwork(roll.Network); err != nil {
		return "", nil, false, err
	}
	old, oldRec, _ := r.Roll()
	if rec.Hash() == oldRec.Hash() {
		return "", nil, true, nil
	}
	if roll.Number <= old.Number {
		return "", nil, false, schemas.Refuse(schemas.CodeHistoryForked, "number", "must be higher than the roll that is known", "fetch the current roll and change that one")
	}
	kind = journal.RollPublished
	for _, line := range roll.Members {
		before, was := old.Member(line.Agency)
		switch {
		case !was || before.Status == line.Status:
			continue
		case line.Status == schemas.MemberSuspended:
			kind = journal.MemberSuspended
		case line.Status == schemas.MemberLeft:
			kind = journal.MemberLeft
		default:
			kind = journal.MemberReadmitted
		}
		changed = append(changed, line)
	}
	for _, before := range old.Members {
		if _, ok := roll.Member(before.Agency); !ok {
			return "", nil, false, schemas.Malformed("members", "must still list every member; one who went has the status left")
		}
	}
	return kind, changed, false, nil
}

// CheckInvitation reports whether an invitation is genuine and its agency on
// the roll.
func (r *Registry) CheckInvitation(rec schemas.SignedRecord) (schemas.Invitation, error) {
	inv, err := schemas.ReadRecord[schemas.Invitation](rec, schemas.RecordInvitation, r.admission)
	if err != nil {
		return inv, err
	}
	if err := r.checkNetwork(inv.Network); err != nil {
		return inv, err
	}
	roll, _, _ := r.Roll()
	line, ok := roll.Member(inv.Agency)
	if !ok || line.Invitation != schemas.KeyIDOf(inv.Key) || line.Account != inv.Account {
		return inv, schemas.Malformed("agency", "must stand on the roll with this invitation")
	}
	return inv, nil
}

// CheckJoin reports whether a card and its admission make their agency a
// member. known says that exactly they did so before, which is no error: the
// answer was lost.
func (r *Registry) CheckJoin(req schemas.JoinRequest, now time.Time) (m Member, known bool, err error) {
	refused := schemas.Refuse(schemas.CodeNotMember, "code", "must be an invitation that is valid and was not used", "ask the network's lead agency for a new code")
	r.mu.RLock()
	invitation, ok := r.invited[req.Admission.KeyID()]
	r.mu.RUnlock()
	if !ok {
		return m, false, refused
	}
	inv, err := schemas.PeekRecord[schemas.Invitation](invitation, schemas.RecordInvitation)
	if err != nil {
		return m, false, err
	}
	m, ok = r.Member(inv.Agency)
	roll, _, _ := r.Roll()
	line, _ := roll.Member(inv.Agency)
	if !ok || m.Status != schemas.MemberActive || line.Invitation != schemas.KeyIDOf(inv.Key) {
		return m, false, refused
	}
	entry := schemas.Entry{Invitation: invitation, Admission: req.Admission, Cards: []schemas.SignedRecord{req.Card}}
	if _, _, err := entry.Card(r.admission, now); err != nil {
		return m, false, err
	}
	if m.Joined && m.Entry.Admission.KeyID() == req.Admission.KeyID() {
		if m.Entry.Cards[0].Hash() == req.Card.Hash() && m.Entry.Admission.Hash() == req.Admission.Hash() {
			return m, true, nil
		}
		return m, false, refused
	}
	if !now.Before(inv.Expires.Time) {
		return m, false, schemas.Refuse(schemas.CodeExpired, "code", "must not be expired", "ask the network's lead agency for a new code")
	}
	return m, false, nil
}

// CheckCard reports whether a member may replace its card.
func (r *Registry) CheckCard(rec schemas.SignedRecord, from schemas.AgencyID, now time.Time) (known bool, err error) {
	m, ok := r.Member(from)
	if !ok || !m.Joined {
		return false, schemas.Refuse(schemas.CodeNotMember, "agency", "must be a member of the network", "join the network first")
	}
	last := m.Entry.Cards[len(m.Entry.Cards)-1]
	if last.Hash() == rec.Hash() {
		return true, nil
	}
	_, err = m.Card.Successor(rec, now)
	return false, err
}
