package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Writer puts changes into the hub: the gate.
type Writer interface {
	Write(context.Context, journal.Change) (journal.Outcome, error)
}

// Service makes changes to members and grants. Each method returns once the
// change is on disk and in force; making the same change again is no error.
type Service struct {
	*Registry
	Writer Writer
	Now    func() time.Time
}

func record(kind journal.Kind, subject string, data []byte, header map[string]string) journal.Record {
	h := map[string][]string{journal.HeaderKind: {string(kind)}}
	for k, v := range header {
		h[k] = []string{v}
	}
	return journal.Record{Subject: subject, Header: h, Data: data}
}

// Grants serves broker.grant: grants that a member issues, its register, and
// revocations, all in one commit.
func (s *Service) Grants(ctx context.Context, from schemas.AgencyID, req schemas.GrantRequest) (journal.Outcome, error) {
	if n := len(req.Issue) + len(req.Revoke); n > schemas.MaxGrantRecords {
		return journal.Outcome{}, schemas.Refuse(schemas.CodeTooLarge, "issue", fmt.Sprintf("must be at most %d records at once", schemas.MaxGrantRecords), "send them in several requests")
	}
	keys := []string{"grants:" + string(from)}
	for _, rec := range req.Issue { // somebody else may issue one of the same id
		if g, err := schemas.PeekRecord[schemas.Grant](rec, schemas.RecordGrant); err == nil {
			keys = append(keys, "grant:"+string(g.ID))
		}
	}
	var revokes []schemas.GrantID
	for _, rec := range req.Revoke {
		rev, err := schemas.PeekRecord[schemas.Revocation](rec, schemas.RecordRevocation)
		if err == nil && !slices.Contains(revokes, rev.Grant) {
			revokes = append(revokes, rev.Grant)
		}
	}
	return s.Writer.Write(ctx, journal.Change{Keys: keys, Exclusive: len(req.Revoke) > 0, Revokes: revokes, Decide: func() ([]journal.Record, error) {
		return s.decideGrants(from, req)
	}})
}

func (s *Service) decideGrants(from schemas.AgencyID, req schemas.GrantRequest) ([]journal.Record, error) {
	if len(req.Issue) > 0 || req.Register != nil || req.Finished {
		if m, ok := s.Member(from); !ok || m.Status != schemas.MemberActive {
			return nil, schemas.Refuse(schemas.CodeSuspended, "", "must be an active member to issue grants", "speak with the network's lead agency; revoking is possible")
		}
	}
	now := s.Now()
	// Revocation before issue, whatever the order of arrival.
	records, err := s.decideRevocations(req.Revoke, from, now)
	if err != nil {
		return nil, err
	}
	issued, err := s.decideIssue(req.Issue, from, now)
	if err != nil {
		return nil, err
	}
	records = append(records, issued...)
	if req.Register != nil {
		known, err := s.CheckRegister(*req.Register, from, now)
		if err != nil {
			return nil, err
		}
		if !known {
			records = append(records, record(journal.RegisterPublished, "hub.0.member."+string(from), req.Register.Encode(), map[string]string{
				journal.HeaderSender: string(from), journal.HeaderHash: req.Register.Hash().String(),
			}))
		}
	}
	if req.Finished && s.Offering(from) {
		records = append(records, record(journal.OfferFinished, "hub.0.member."+string(from), nil, map[string]string{journal.HeaderSender: string(from)}))
	}
	return records, nil
}

// bringer is the member on whose account a revocation before its grant counts.
func bringer(rec schemas.SignedRecord, from schemas.AgencyID) schemas.AgencyID {
	if from != "" {
		return from
	}
	rev, _ := schemas.PeekRecord[schemas.Revocation](rec, schemas.RecordRevocation) // it was read before
	return rev.By
}

// decideRevocations makes one record for each grant that ends.
func (s *Service) decideRevocations(revoke []schemas.SignedRecord, from schemas.AgencyID, now time.Time) ([]journal.Record, error) {
	var records []journal.Record
	done := map[schemas.GrantID]bool{}
	before := map[schemas.GrantID]int{} // of grants that are not known
	for _, rec := range revoke {
		g, known, err := s.CheckRevocation(rec, from, now)
		if err != nil {
			return nil, err
		}
		if g.Discloser == "" && !known {
			if before[g.ID]++; before[g.ID] > maxEarlyEach {
				return nil, errEarlyEach
			}
		}
		if !known && !done[g.ID] {
			h := parties(g.Grant, rec)
			if g.Discloser == "" {
				h[journal.HeaderBy] = string(bringer(rec, from))
			}
			records = append(records, record(journal.GrantRevoked, "hub.0.grant."+string(g.ID), rec.Encode(), h))
			done[g.ID] = g.Discloser != "" // which of those that come before their grant counts is not known yet
		}
	}
	return records, nil
}

func (s *Service) decideIssue(issue []schemas.SignedRecord, from schemas.AgencyID, now time.Time) ([]journal.Record, error) {
	var records []journal.Record
	done := map[schemas.GrantID]schemas.Hash{}
	for _, rec := range issue {
		g, known, err := s.CheckGrant(rec, from, now)
		if err != nil {
			return nil, err
		}
		if hash, twice := done[g.ID]; twice && hash != rec.Hash() {
			return nil, errNotNew
		} else if !known && !twice {
			records = append(records, record(journal.GrantIssued, "hub.0.grant."+string(g.ID), rec.Encode(), parties(g, rec)))
		}
		done[g.ID] = rec.Hash()
	}
	return records, nil
}

func parties(g schemas.Grant, rec schemas.SignedRecord) map[string]string {
	return map[string]string{
		journal.HeaderSender: string(g.Discloser), journal.HeaderRecipient: string(g.Recipient),
		journal.HeaderGrant: string(g.ID), journal.HeaderHash: rec.Hash().String(),
	}
}

// PublishRoll puts a new roll in force. changed lists the members whose
// standing it changes; suspended and departed members get nothing more from the
// moment of return.
func (s *Service) PublishRoll(ctx context.Context, rec schemas.SignedRecord) (changed []schemas.RollMember, err error) {
	_, err = s.Writer.Write(ctx, journal.Change{Keys: []string{"roll"}, Exclusive: true, Decide: func() ([]journal.Record, error) {
		kind, c, known, err := s.CheckRoll(rec)
		if err != nil || known {
			return nil, err
		}
		changed = c
		h := map[string]string{journal.HeaderHash: rec.Hash().String()}
		if len(c) > 0 {
			h[journal.HeaderRecipient] = string(c[0].Agency)
		}
		return []journal.Record{record(kind, "hub.0.roll", rec.Encode(), h)}, nil
	}})
	return changed, err
}

// Invite makes an invitation known; its agency must be on the roll.
func (s *Service) Invite(ctx context.Context, rec schemas.SignedRecord) error {
	_, err := s.Writer.Write(ctx, journal.Change{Keys: []string{"invitation:" + rec.Hash().String()}, Decide: func() ([]journal.Record, error) {
		inv, known, err := s.CheckInvitation(rec)
		if err != nil || known {
			return nil, err
		}
		return []journal.Record{record(journal.MemberInvited, "hub.0.member."+string(inv.Agency), rec.Encode(), map[string]string{
			journal.HeaderRecipient: string(inv.Agency), journal.HeaderHash: rec.Hash().String(),
		})}, nil
	}})
	return err
}

// Join admits an invited agency. The invitation is used up in the same commit.
func (s *Service) Join(ctx context.Context, req schemas.JoinRequest) (m Member, err error) {
	_, err = s.Writer.Write(ctx, journal.Change{Keys: []string{"join:" + string(req.Admission.KeyID())}, Decide: func() ([]journal.Record, error) {
		member, known, err := s.CheckJoin(req, s.Now())
		if err != nil || known {
			m = member
			return nil, err
		}
		m = member
		data, err := json.Marshal(Admitted{Card: req.Card, Admission: req.Admission})
		if err != nil {
			return nil, fmt.Errorf("encode admission: %w", err)
		}
		return []journal.Record{record(journal.MemberAdmitted, "hub.0.member."+string(m.Agency), data, map[string]string{
			journal.HeaderSender: string(m.Agency), journal.HeaderHash: req.Card.Hash().String(),
		})}, nil
	}})
	if err != nil {
		return Member{}, err
	}
	m, _ = s.Member(m.Agency) // as it is now
	return m, nil
}

// ReplaceCard puts a member's next card in force, signed by a key of the one
// before.
func (s *Service) ReplaceCard(ctx context.Context, from schemas.AgencyID, rec schemas.SignedRecord) error {
	_, err := s.Writer.Write(ctx, journal.Change{Keys: []string{"card:" + string(from)}, Decide: func() ([]journal.Record, error) {
		known, err := s.CheckCard(rec, from)
		if err != nil || known {
			return nil, err
		}
		return []journal.Record{record(journal.KeyChanged, "hub.0.member."+string(from), rec.Encode(), map[string]string{
			journal.HeaderSender: string(from), journal.HeaderHash: rec.Hash().String(),
		})}, nil
	}})
	return err
}

// OpenEpoch writes the statement that begins a hub.
func (s *Service) OpenEpoch(ctx context.Context, rec schemas.SignedRecord) error {
	_, err := s.Writer.Write(ctx, journal.Change{Keys: []string{"epoch"}, Exclusive: true, Decide: func() ([]journal.Record, error) {
		e, known, err := s.CheckEpoch(rec)
		if err != nil || known {
			return nil, err
		}
		return []journal.Record{record(journal.EpochOpened, "hub.0.epoch", rec.Encode(), map[string]string{
			journal.HeaderHash: rec.Hash().String(), journal.HeaderCode: e.Reason,
		})}, nil
	}})
	return err
}

// Directory answers broker.directory for a member: everybody's cards, and the
// grants in which it is a party.
func (r *Registry) Directory(a schemas.AgencyID) schemas.DirectoryReply {
	reply := schemas.DirectoryReply{V: 1}
	_, reply.Roll, _ = r.Roll()
	for _, m := range r.Members() {
		if m.Joined {
			reply.Entries = append(reply.Entries, m.Entry)
		}
	}
	for _, g := range r.GrantsOf(a) {
		reply.Grants = append(reply.Grants, g.Record)
	}
	return reply
}
