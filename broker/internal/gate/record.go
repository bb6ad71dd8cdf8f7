package gate

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is the gate's records, and how they look to members.

func asError(err error) *schemas.Error {
	e, _ := errors.AsType[*schemas.Error](err)
	return e
}

// encode renders one of the wire's own types.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("a message of the wire always encodes: " + err.Error())
	}
	return b
}

// envelopeRecord is the envelope as it came, with the hash that the ledger
// wants. It is the record of the disclosure.
func envelopeRecord(s *submission) journal.Record {
	h := s.envelope.Header()
	h[journal.HeaderKind] = []string{string(journal.Accepted)}
	h[journal.HeaderHash] = []string{s.hash.String()}
	return journal.Record{
		Subject: "hub.0.inbox." + string(s.envelope.Recipient) + "." + string(s.envelope.Grant),
		Header:  h,
		Data:    s.data,
	}
}

// refusedRecord notes a refusal. An envelope that could not be read has no id.
func refusedRecord(s *submission, code schemas.Code) journal.Record {
	h := map[string][]string{
		journal.HeaderKind:   {string(journal.Refused)},
		journal.HeaderSender: {string(s.sender)},
		journal.HeaderCode:   {string(code)},
		journal.HeaderCount:  {"1"},
	}
	if e := s.envelope; e.Sender != "" {
		h[journal.HeaderRecipient] = []string{string(e.Recipient)}
		h[journal.HeaderGrant] = []string{string(e.Grant)}
		h[journal.HeaderHash] = []string{s.hash.String()}
	}
	if id := s.id(); id != "" {
		h[journal.HeaderEnvelope] = []string{string(id)}
	}
	return journal.Record{Subject: "hub.0.decision." + s.account, Header: h}
}

// countedRecord notes refusals of one member that were only counted.
func countedRecord(k refusalKey, n int) journal.Record {
	return journal.Record{
		Subject: "hub.0.decision." + orNobody(k.agency),
		Header: map[string][]string{
			journal.HeaderKind:   {string(journal.Refused)},
			journal.HeaderSender: {string(k.agency)},
			journal.HeaderCode:   {string(k.code)},
			journal.HeaderCount:  {strconv.Itoa(n)},
		},
	}
}

// orNobody stands in a subject for an account that is no member's.
func orNobody(a schemas.AgencyID) string {
	if a == "" {
		return "nobody"
	}
	return string(a)
}

func handOverRecord(a schemas.AgencyID, b *mailbox) journal.Record {
	return journal.Record{
		Subject: "hub.0.decision." + string(a),
		Header: map[string][]string{
			journal.HeaderKind:      {string(journal.HandedOver)},
			journal.HeaderRecipient: {string(a)},
			journal.HeaderThrough:   {strconv.FormatUint(b.mark, 10)},
			journal.HeaderCursor:    {strconv.FormatUint(b.cursor, 10)},
			journal.HeaderCount:     {strconv.Itoa(b.handedOver())},
		},
	}
}

// withdrawnRecord tells both parties about an envelope, given as the hub holds
// it, that will not be handed over.
func (g *Gate) withdrawnRecord(r journal.Record, recipient schemas.AgencyID, code schemas.Code) (journal.Record, error) {
	e, err := schemas.ParseEnvelope(r.Header, r.Data)
	if err != nil {
		return journal.Record{}, err
	}
	notice := schemas.Withdrawn{Outline: e.Outline(), Position: r.Position, Code: code}
	if code == schemas.CodeGrantRevoked {
		_, notice.Revocation, _ = g.grants.Permission(e.Grant)
	}
	return journal.Record{
		Subject: "hub.0.decision." + string(recipient),
		Header: map[string][]string{
			journal.HeaderKind:      {string(journal.Withdrawn)},
			journal.HeaderSender:    {string(e.Sender)},
			journal.HeaderRecipient: {string(recipient)},
			journal.HeaderEnvelope:  {string(e.ID)},
			journal.HeaderGrant:     {string(e.Grant)},
			journal.HeaderHash:      {r.Get(journal.HeaderHash)},
			journal.HeaderCode:      {string(code)},
			journal.HeaderOf:        {strconv.FormatUint(r.Position, 10)},
		},
		Data: encode(notice),
	}, nil
}

// closedRecord is a withdrawal that stands in the envelope's own place on a
// page. It is not written to the hub: the envelope stays handed over.
func (g *Gate) closedRecord(r journal.Record, recipient schemas.AgencyID, code schemas.Code) (journal.Record, error) {
	closed, err := g.withdrawnRecord(r, recipient, code)
	closed.Position = r.Position
	return closed, err
}

// revokedItem tells the parties of a grant that it ended.
func revokedItem(r journal.Record) []byte {
	rec, err := schemas.ParseRecord(r.Data)
	if err != nil {
		return r.Data // the members see that it is not what it should be
	}
	return encode(schemas.Revoked{Revocation: rec, Position: r.Position})
}

func noticeRecord(n schemas.Notice) journal.Record {
	return journal.Record{
		Subject: "hub.0.decision." + string(n.To),
		Header: map[string][]string{
			journal.HeaderKind:      {string(journal.Noticed)},
			journal.HeaderSender:    {string(n.From)},
			journal.HeaderRecipient: {string(n.To)},
			journal.HeaderCode:      {n.Kind},
			journal.HeaderCount:     {strconv.Itoa(n.Waiting)},
		},
		Data: encode(n),
	}
}

func receiptRecord(r schemas.Receipt, rec schemas.SignedRecord) journal.Record {
	return journal.Record{
		Subject: "hub.0.receipt." + string(r.To),
		Header: map[string][]string{
			journal.HeaderKind:      {string(journal.Stored)},
			journal.HeaderSender:    {string(r.From)},
			journal.HeaderRecipient: {string(r.To)},
			journal.HeaderHash:      {rec.Hash().String()},
			journal.HeaderCount:     {strconv.Itoa(len(r.Items))},
		},
		Data: rec.Encode(),
	}
}
