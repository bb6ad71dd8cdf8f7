package registry

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// After a broker lost its memory, its members bring it back: each its own cards,
// and what it holds about permissions. See docs/adr/0015.

// Anew reports whether the present epoch continues an earlier one.
func (r *Registry) Anew() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.epoch.Previous != nil
}

// Offering reports whether a member of an earlier epoch has still to bring what
// it holds about permissions.
func (r *Registry) Offering(a schemas.AgencyID) bool {
	m, _ := r.Member(a)
	return m.Offering
}

// away reports whether a member has not come back in this epoch: its keys are
// not known yet.
func (r *Registry) away(a schemas.AgencyID) bool {
	m, ok := r.Member(a)
	return ok && !m.Joined && r.Anew()
}

// CheckReturn reports whether a member of an earlier epoch is who it says, in
// whatever standing. known says that it is here already, with these cards or
// later ones.
func (r *Registry) CheckReturn(req schemas.ReturnRequest, now time.Time) (m Member, known bool, err error) {
	if err := r.checkReturnSize(req); err != nil {
		return m, false, err
	}
	refused := schemas.Refuse(schemas.CodeNotMember, "entry", "must be of a member who stands on the roll with this invitation", "ask the network's lead agency for a new code")
	card, inv, err := req.Entry.Card(r.admission)
	if err != nil {
		return m, false, err
	}
	if inv.Network != r.network || !r.onRoll(inv) {
		return m, false, refused
	}
	if err := CheckProof(req.Proof, card, r.network, now); err != nil {
		return m, false, err
	}
	adm, err := schemas.PeekRecord[schemas.Admission](req.Entry.Admission, schemas.RecordAdmission)
	if err != nil {
		return m, false, err
	}
	r.mu.RLock()
	epoch, roll := r.epoch, r.roll.Number
	r.mu.RUnlock()
	m, _ = r.Member(inv.Agency)
	switch {
	case epoch.Previous == nil || req.Epoch != epoch.Epoch:
		return m, false, schemas.Refuse(schemas.CodeEpochChanged, "epoch", "must be the broker's present epoch, which follows another", "fetch the epochs and verify them")
	case roll < epoch.Roll:
		return m, false, schemas.Refuse(schemas.CodeUnavailable, "roll", fmt.Sprintf("must be number %d or higher before anybody is admitted", epoch.Roll), "wait until the lead agency, or a member that has it, brings it")
	case !m.Joined:
		m.Card, m.User = card, adm.User
		return m, false, nil
	case m.Entry.Invitation.Hash() != req.Entry.Invitation.Hash() || m.Entry.Cards[0].Hash() != req.Entry.Cards[0].Hash():
		return m, false, refused
	}
	return m, true, nil
}

func (r *Registry) checkReturnSize(req schemas.ReturnRequest) error {
	if req.V != 1 {
		return schemas.Refuse(schemas.CodeUnsupportedVersion, "v", "must be 1", "upgrade this agency's Linkage")
	}
	if req.Head != nil && len(*req.Head) > schemas.MaxHead {
		return schemas.Malformed("head", "must be at most %d bytes", schemas.MaxHead)
	}
	for _, rec := range []schemas.SignedRecord{req.Entry.Invitation, req.Entry.Admission, req.Proof} {
		if err := checkSize(rec, maxSmall); err != nil {
			return err
		}
	}
	for _, card := range req.Entry.Cards { // their number is the entry's business
		if err := checkSize(card, schemas.MaxCard); err != nil {
			return err
		}
	}
	return nil
}

// CheckProof checks a hello by which an agency shows now that it has a key of
// its card.
func CheckProof(proof schemas.SignedRecord, card schemas.Card, network schemas.NetworkID, now time.Time) error {
	hello, err := schemas.PeekRecord[schemas.Hello](proof, schemas.RecordHello)
	if err != nil {
		return err
	}
	if age := now.Sub(hello.Time.Time); age > time.Hour || age < -time.Hour {
		return schemas.Refuse(schemas.CodeClockSkew, "time", "must be within an hour of the broker's clock", "set this machine's clock")
	}
	key, ok := card.SigningKey(schemas.KeyIDOf(hello.Key), now)
	if !ok || hello.Network != network || proof.Verify(schemas.RecordHello, key) != nil {
		return schemas.Refuse(schemas.CodeNotMember, "proof", "must be signed by a member of the network", "join the network first")
	}
	return nil
}

// Return makes a member of an earlier epoch known again, in the standing that
// the roll gives it, and keeps the head that it brings. The head stands before
// everything else of that member. broker is the key that signs heads.
func (s *Service) Return(ctx context.Context, req schemas.ReturnRequest, broker ed25519.PublicKey) (m Member, err error) {
	keys := []string{"return:" + req.Entry.Invitation.Hash().String()}
	if inv, err := schemas.PeekRecord[schemas.Invitation](req.Entry.Invitation, schemas.RecordInvitation); err == nil {
		keys = append(keys, "card:"+string(inv.Agency)) // as for every next card
	}
	_, err = s.Writer.Write(ctx, journal.Change{Keys: keys, Decide: func() ([]journal.Record, error) {
		member, known, err := s.CheckReturn(req, s.Now())
		m = member
		if err != nil {
			return nil, err
		}
		if known {
			return laterCards(member, req.Entry), nil
		}
		data, err := json.Marshal(req.Entry)
		if err != nil {
			return nil, fmt.Errorf("encode entry: %w", err)
		}
		subject := "hub.0.member." + string(m.Agency)
		records := []journal.Record{record(journal.MemberReturned, subject, data, map[string]string{
			journal.HeaderSender: string(m.Agency), journal.HeaderHash: req.Entry.Cards[len(req.Entry.Cards)-1].Hash().String(),
		})}
		if head, ok := s.earlierHead(req.Head, broker); ok {
			brought := record(journal.HeadBrought, subject, []byte(*req.Head), map[string]string{
				journal.HeaderSender: string(m.Agency), journal.HeaderHash: schemas.HashOf([]byte(*req.Head)).String(), journal.HeaderCount: fmt.Sprint(head.Size),
			})
			records = append([]journal.Record{brought}, records...)
		}
		return records, nil
	}})
	if err != nil {
		return Member{}, err
	}
	m, _ = s.Member(m.Agency) // as it is now
	return m, nil
}

// laterCards are the records of what an entry, which was verified, adds to the
// cards that are known: whoever came first with fewer of them, perhaps with a key
// that has ended since, does not keep the member's present keys out.
func laterCards(m Member, e schemas.Entry) []journal.Record {
	known := len(m.Entry.Cards)
	if len(e.Cards) <= known || e.Cards[known-1].Hash() != m.Entry.Cards[known-1].Hash() {
		return nil
	}
	var records []journal.Record
	for _, card := range e.Cards[known:] {
		records = append(records, record(journal.KeyChanged, "hub.0.member."+string(m.Agency), card.Encode(), map[string]string{
			journal.HeaderSender: string(m.Agency), journal.HeaderHash: card.Hash().String(),
		}))
	}
	return records
}

// earlierHead reads a head that a member brings. One that the broker did not
// sign, or of this epoch, is nothing worth keeping, and no reason to keep a
// member out.
func (s *Service) earlierHead(head *string, broker ed25519.PublicKey) (schemas.LedgerHead, bool) {
	if head == nil {
		return schemas.LedgerHead{}, false
	}
	h, err := schemas.OpenLedgerHead(*head, broker)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return h, err == nil && h.Network == s.network && h.Epoch != s.epoch.Epoch
}

func (r *Registry) applyReturn(data []byte) error {
	var e schemas.Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("read entry in hub: %w", err)
	}
	adm, err := schemas.PeekRecord[schemas.Admission](e.Admission, schemas.RecordAdmission)
	if err != nil {
		return err
	}
	if len(e.Cards) == 0 {
		return fmt.Errorf("hub has no card of %s", adm.Agency)
	}
	card, err := schemas.PeekRecord[schemas.Card](e.Cards[len(e.Cards)-1], schemas.RecordCard)
	if err != nil {
		return err
	}
	m := r.members[adm.Agency]
	if m == nil {
		return fmt.Errorf("hub has %s return, who is not on the roll", adm.Agency)
	}
	r.invited[e.Admission.KeyID()] = e.Invitation
	m.Joined, m.Card, m.User, m.Entry, m.Offering = true, card, adm.User, e, true
	return nil
}

func (r *Registry) applyFinished(a schemas.AgencyID) error {
	m := r.members[a]
	if m == nil {
		return fmt.Errorf("hub has %s finish, who is not on the roll", a)
	}
	m.Offering = false
	return nil
}
