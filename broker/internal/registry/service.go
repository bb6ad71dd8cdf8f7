package registry

import (
	"context"
	"encoding/json"
	"fmt"
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
// revocations, each with its successor in the same commit.
func (s *Service) Grants(ctx context.Context, from schemas.AgencyID, req schemas.GrantRequest) (journal.Outcome, error) {
	if n := len(req.Issue) + len(req.Revoke); n > schemas.MaxGrantRecords {
		return journal.Outcome{}, schemas.Refuse(schemas.CodeTooLarge, "issue", fmt.Sprintf("must be at most %d records at once", schemas.MaxGrantRecords), "send them in several requests")
	}
	keys := []string{"grants:" + string(from)}
	for _, r := range req.Revoke {
		keys = append(keys, "revoke:"+r.Hash().String())
	}
	return s.Writer.Write(ctx, journal.Change{Keys: keys, Exclusive: len(req.Revoke) > 0, Decide: func() ([]journal.Record, error) {
		return s.decideGrants(from, req)
	}})
}

func (s *Service) decideGrants(from schemas.AgencyID, req schemas.GrantRequest) ([]journal.Record, error) {
	var records []journal.Record
	now := s.Now()
	if len(req.Issue) > 0 || req.Register != nil {
		if m, ok := s.Member(from); !ok || m.Status != schemas.MemberActive {
			return nil, schemas.Refuse(schemas.CodeSuspended, "", "must be an active member to issue grants", "speak with the network's lead agency; revoking is possible")
		}
	}
	// Revocation before issue, whatever the order of arrival.
	for _, rec := range req.Revoke {
		g, known, err := s.CheckRevocation(rec, now)
		if err != nil {
			return nil, err
		}
		if !known {
			records = append(records, record(journal.GrantRevoked, "hub.0.grant."+string(g.ID), rec.Encode(), parties(g.Grant, rec)))
		}
	}
	for _, rec := range req.Issue {
		g, known, err := s.CheckGrant(rec, from, now)
		if err != nil {
			return nil, err
		}
		if !known {
			records = append(records, record(journal.GrantIssued, "hub.0.grant."+string(g.ID), rec.Encode(), parties(g, rec)))
		}
	}
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
		inv, err := s.CheckInvitation(rec)
		if err != nil {
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

// OpenEpoch writes the statement that begins a hub.
func (s *Service) OpenEpoch(ctx context.Context, rec schemas.SignedRecord) error {
	_, err := s.Writer.Write(ctx, journal.Change{Keys: []string{"epoch"}, Exclusive: true, Decide: func() ([]journal.Record, error) {
		e, err := schemas.ReadRecord[schemas.Epoch](rec, schemas.RecordEpoch, s.admission)
		if err != nil {
			return nil, err
		}
		if err := s.checkNetwork(e.Network); err != nil {
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
