package registry

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// checkNetwork is the first rule of every record that names its network.
func (r *Registry) checkNetwork(n schemas.NetworkID) error {
	if n != r.network {
		return schemas.Malformed("network", "must be %s", r.network)
	}
	return nil
}

// The sizes of records as JSON. Unknown fields are kept, so a record can be
// larger than its rules suggest; but a revocation is written again with every
// envelope that it withdraws, and everybody's cards are one answer.
const (
	maxSmall = 8 << 10 // grants, revocations, admissions, invitations
)

// checkSize keeps out what the hub could not be read with again, or what is
// larger than its kind has any use for.
func checkSize(rec schemas.SignedRecord, most int) error {
	if len(rec.Encode()) > most {
		return schemas.Refuse(schemas.CodeTooLarge, "payload", fmt.Sprintf("must be at most %d bytes as JSON", most), "send less in one record")
	}
	return nil
}

// CheckGrant reports whether a member may issue a grant, and reads it. known
// says that exactly this grant was issued before, which is no error.
func (r *Registry) CheckGrant(rec schemas.SignedRecord, from schemas.AgencyID, now time.Time) (g schemas.Grant, known bool, err error) {
	if err := checkSize(rec, maxSmall); err != nil {
		return g, false, err
	}
	key, err := r.grantSigner(from, rec.KeyID(), now)
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
		if old.Record.Hash() == rec.Hash() { // signed anew, when its key was stolen, it is told of again
			return g, old.Record.KeyID() == rec.KeyID(), nil
		}
		return g, false, errNotNew
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ended := r.cancels(g); ended || r.members[from].ended[g.ID] {
		return g, false, schemas.Refuse(schemas.CodeGrantRevoked, "id", "was revoked", "ask the client for a new consent")
	}
	return g, false, nil
}

var errNotNew = schemas.Refuse(schemas.CodeNoGrant, "id", "must be new", "issue the grant under a new id")

// CheckRevocation reports whether a revocation ends its grant: signed by the
// discloser, or by any member with the key of the lock. known says that the
// grant was revoked before, which is no error. A suspended member may revoke.
//
// A revocation may come before its grant: after a broker has lost its memory,
// nobody knows who offers what first. It is taken in, and g then holds nothing
// but the id; whether it counts shows when the grant is issued. A member may
// bring one whose signer is not back yet: that is verified then, too. from is
// who brings it, "" if that is not known.
func (r *Registry) CheckRevocation(rec schemas.SignedRecord, from schemas.AgencyID, now time.Time) (g Grant, known bool, err error) {
	if err := checkSize(rec, maxSmall); err != nil {
		return g, false, err
	}
	rev, err := schemas.PeekRecord[schemas.Revocation](rec, schemas.RecordRevocation)
	if err != nil {
		return g, false, err
	}
	if err := r.checkNetwork(rev.Network); err != nil {
		return g, false, err
	}
	if from == "" || !r.away(rev.By) {
		if err := r.verifyRevocation(rec, rev.By, now); err != nil {
			return g, false, err
		}
	}
	g, ok := r.Grant(rev.Grant)
	if !ok {
		g.ID = rev.Grant
		known, err := r.checkEarly(rec, bringer(rec, from), rev.Grant)
		return g, known, err
	}
	if !ends(rev, g.Grant) {
		return g, false, schemas.Refuse(schemas.CodeNoGrant, "grant", "must be a grant that the signer may revoke", "revoke as its discloser, or with the consent's key")
	}
	return g, g.Revocation != nil, nil
}

// verifyRevocation checks its signature. In an epoch that continues another, a
// key that has ended since counts, too: what was revoked stays revoked.
func (r *Registry) verifyRevocation(rec schemas.SignedRecord, by schemas.AgencyID, now time.Time) error {
	key, err := r.signer(by, rec.KeyID(), now)
	if err == nil {
		return rec.Verify(schemas.RecordRevocation, key)
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.epoch.Previous != nil && r.signed(rec, by) {
		return nil
	}
	return err
}

// grantSigner returns a member's key for a grant that it brings: a live one, or,
// in an epoch that continues another, one that has ended since.
func (r *Registry) grantSigner(a schemas.AgencyID, id schemas.KeyID, now time.Time) (ed25519.PublicKey, error) {
	key, err := r.signer(a, id, now)
	if err == nil || !r.Anew() {
		return key, err
	}
	m, _ := r.Member(a)
	if earlier, ok := m.Card.Trusted(id); ok && m.Joined {
		return earlier, nil
	}
	return nil, err
}

// Revocations that come before their grants are kept for as long as the epoch
// lasts, so their number and size are bounded. A member holds one for each grant
// that was revoked before its last day.
const (
	maxEarly     = 20_000  // of one member
	maxEarlyEach = 8       // of one member, for one grant: they are looked through for every grant
	maxEarlySize = 2 << 10 // as JSON
)

func (r *Registry) checkEarly(rec schemas.SignedRecord, from schemas.AgencyID, grant schemas.GrantID) (known bool, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	hash, each := earlyHash(rec), 0
	for _, c := range r.cancelled[grant] {
		if c.hash == hash {
			return true, nil
		}
		if c.by == from {
			each++
		}
	}
	switch {
	case each >= maxEarlyEach:
		return false, errEarlyEach
	case r.early[from] >= maxEarly:
		return false, schemas.Refuse(schemas.CodeQuota, "revoke", fmt.Sprintf("must be at most %d of grants that the broker does not know", maxEarly), "issue or bring the grants first")
	}
	return false, checkSize(rec, maxEarlySize)
}

var errEarlyEach = schemas.Refuse(schemas.CodeQuota, "revoke", fmt.Sprintf("must be at most %d of one grant that the broker does not know", maxEarlyEach), "bring one revocation of each grant")

// CheckRegister reports whether a register may replace the one that is known.
func (r *Registry) CheckRegister(rec schemas.SignedRecord, from schemas.AgencyID, now time.Time) (known bool, err error) {
	if err := checkSize(rec, schemas.MaxRecord); err != nil {
		return false, err
	}
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
	case reg.Number < m.Register || reg.Number == m.Register && rec.Hash() != m.registerHash:
		return false, schemas.Refuse(schemas.CodeHistoryForked, "number", "must be higher than that of the register that is known", "restore this agency from a newer backup")
	}
	return reg.Number == m.Register && m.Registered, nil
}

// signer returns a member's live signing key. Suspension is not its business.
func (r *Registry) signer(a schemas.AgencyID, id schemas.KeyID, now time.Time) (ed25519.PublicKey, error) {
	m, ok := r.Member(a)
	if !ok || !m.Joined {
		return nil, schemas.Refuse(schemas.CodeNotMember, "agency", "must be a member of the network", "join the network first")
	}
	key, ok := m.Card.SigningKey(id, now)
	if _, trusted := m.Card.Trusted(id); !ok || !trusted {
		return nil, schemas.Refuse(schemas.CodeUnknownSigningKey, "signatures.keyid", "must name a live signing key of the agency", "publish the card with the new key first")
	}
	return key, nil
}

// CheckRoll reports whether a roll may replace the one that is known, as which
// kind of record, and which members' standing it changes.
func (r *Registry) CheckRoll(rec schemas.SignedRecord) (kind journal.Kind, changed []schemas.RollMember, known bool, err error) {
	if err := checkSize(rec, schemas.MaxRecord); err != nil {
		return "", nil, false, err
	}
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
	if floor := r.rollFloor(); roll.Number < floor {
		return "", nil, false, schemas.Refuse(schemas.CodeHistoryForked, "number", fmt.Sprintf("must be at least %d, which this epoch began with", floor), "bring the newest roll")
	}
	if roll.Number <= old.Number {
		return "", nil, false, schemas.Refuse(schemas.CodeHistoryForked, "number", "must be higher than the roll that is known", "fetch the current roll and change that one")
	}
	accounts := map[string]bool{}
	for i, line := range roll.Members {
		if accounts[line.Account] {
			return "", nil, false, schemas.Malformed(fmt.Sprintf("members[%d].account", i), "must be one member's alone")
		}
		accounts[line.Account] = true
		if before, was := old.Member(line.Agency); was && before.Status != line.Status {
			changed = append(changed, line)
		}
	}
	for _, before := range old.Members {
		if _, ok := roll.Member(before.Agency); !ok {
			return "", nil, false, schemas.Malformed("members", "must still list every member; one who went has the status left")
		}
	}
	return kindOf(changed), changed, false, nil
}

// kindOf names a roll after what it does to members; what it takes away goes
// first.
func kindOf(changed []schemas.RollMember) journal.Kind {
	is := func(s schemas.MemberStatus) bool {
		return slices.ContainsFunc(changed, func(m schemas.RollMember) bool { return m.Status == s })
	}
	switch {
	case is(schemas.MemberSuspended):
		return journal.MemberSuspended
	case is(schemas.MemberLeft):
		return journal.MemberLeft
	case is(schemas.MemberActive):
		return journal.MemberReadmitted
	}
	return journal.RollPublished
}

// CheckInvitation reports whether an invitation is genuine and its agency on
// the roll.
func (r *Registry) CheckInvitation(rec schemas.SignedRecord) (inv schemas.Invitation, known bool, err error) {
	if err := checkSize(rec, maxSmall); err != nil {
		return inv, false, err
	}
	if inv, err = schemas.ReadRecord[schemas.Invitation](rec, schemas.RecordInvitation, r.admission); err != nil {
		return inv, false, err
	}
	if err := r.checkNetwork(inv.Network); err != nil {
		return inv, false, err
	}
	if !r.onRoll(inv) {
		return inv, false, schemas.Malformed("agency", "must stand on the roll with this invitation")
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return inv, r.invited[schemas.KeyIDOf(inv.Key)].Hash() == rec.Hash(), nil
}

// onRoll reports whether the roll names this invitation for its agency.
func (r *Registry) onRoll(inv schemas.Invitation) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	line, ok := r.roll.Member(inv.Agency)
	return ok && line.Invitation == schemas.KeyIDOf(inv.Key) && line.Account == inv.Account
}

// CheckJoin reports whether a card and its admission make their agency a
// member. known says that exactly they did so before, which is no error: the
// answer was lost.
func (r *Registry) CheckJoin(req schemas.JoinRequest, now time.Time) (m Member, known bool, err error) {
	if err := checkSize(req.Card, schemas.MaxCard); err != nil {
		return m, false, err
	}
	if err := checkSize(req.Admission, maxSmall); err != nil {
		return m, false, err
	}
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
	if m, ok = r.Member(inv.Agency); !ok || m.Status != schemas.MemberActive || !r.onRoll(inv) {
		return m, false, refused
	}
	entry := schemas.Entry{Invitation: invitation, Admission: req.Admission, Cards: []schemas.SignedRecord{req.Card}}
	if _, _, err := entry.Card(r.admission); err != nil {
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
func (r *Registry) CheckCard(rec schemas.SignedRecord, from schemas.AgencyID) (known bool, err error) {
	m, ok := r.Member(from)
	if !ok || !m.Joined {
		return false, schemas.Refuse(schemas.CodeNotMember, "agency", "must be a member of the network", "join the network first")
	}
	if m.Status != schemas.MemberActive {
		return false, schemas.Refuse(schemas.CodeSuspended, "agency", "must be an active member to change its keys", "speak with the network's lead agency")
	}
	if err := checkSize(rec, schemas.MaxCard); err != nil {
		return false, err
	}
	last := m.Entry.Cards[len(m.Entry.Cards)-1]
	if last.Hash() == rec.Hash() {
		return true, nil
	}
	if len(m.Entry.Cards) >= schemas.MaxCards {
		return false, schemas.Refuse(schemas.CodeTooLarge, "cards", fmt.Sprintf("must be at most %d since this agency was invited", schemas.MaxCards), "have the lead agency invite this agency again")
	}
	_, err = m.Card.Successor(rec)
	return false, err
}

// CheckEpoch reports whether a statement may begin the hub's life, or its next
// one.
func (r *Registry) CheckEpoch(rec schemas.SignedRecord) (e schemas.Epoch, known bool, err error) {
	if e, err = schemas.ReadRecord[schemas.Epoch](rec, schemas.RecordEpoch, r.admission); err != nil {
		return e, false, err
	}
	if err := r.checkNetwork(e.Network); err != nil {
		return e, false, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch {
	case r.epochRec.Hash() == rec.Hash():
		return e, true, nil
	case r.epoch.Epoch != "" && (e.Previous == nil || *e.Previous != r.epoch.Epoch):
		return e, false, schemas.Refuse(schemas.CodeEpochChanged, "previous", "must be the epoch that is open", "sign a statement that names it")
	}
	return e, false, nil
}

// rollFloor is the lowest number that a roll of this epoch may have.
func (r *Registry) rollFloor() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.epoch.Roll
}
