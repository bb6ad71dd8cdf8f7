package gate

import (
	"encoding/json"
	"errors"
	"maps"
	"strconv"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

func asError(err error) *schemas.Error {
	e, _ := errors.AsType[*schemas.Error](err)
	return e
}

// envelopeRecord is the envelope as it came, with the hash that the ledger
// wants. It is the record of the disclosure.
func envelopeRecord(s *submission) journal.Record {
	h := maps.Clone(s.envelope.Header())
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
	if s.envelope.ID != "" {
		h[journal.HeaderEnvelope] = []string{string(s.envelope.ID)}
	}
	return journal.Record{Subject: "hub.0.decision." + s.account, Header: h}
}

// withdrawnRecord tells both parties about an envelope that will not be handed
// over.
func (g *Gate) withdrawnRecord(position uint64, w withdrawal) (journal.Record, error) {
	r, err := g.hub.Read(g.ctx, position)
	if err != nil {
		return journal.Record{}, err
	}
	return g.withdrawnOf(r, w)
}

// closedRecord is a withdrawal that stands in the envelope's own place on a
// page. It is not written to the hub: the envelope stays handed over.
func (g *Gate) closedRecord(r journal.Record, w withdrawal) (journal.Record, error) {
	closed, err := g.withdrawnOf(r, w)
	closed.Position = r.Position
	return closed, err
}

func (g *Gate) withdrawnOf(r journal.Record, w withdrawal) (journal.Record, error) {
	e, err := schemas.ParseEnvelope(r.Header, r.Data)
	if err != nil {
		return journal.Record{}, err
	}
	notice := schemas.Withdrawn{Outline: e.Outline(), Position: r.Position, Code: w.code}
	if w.code == schemas.CodeGrantRevoked {
		_, notice.Revocation, _ = g.grants.Permission(w.grant)
	}
	data, err := json.Marshal(notice)
	if err != nil {
		return journal.Record{}, err
	}
	return journal.Record{
		Subject: "hub.0.decision." + string(w.recipient),
		Header: map[string][]string{
			journal.HeaderKind:      {string(journal.Withdrawn)},
			journal.HeaderSender:    {string(e.Sender)},
			journal.HeaderRecipient: {string(w.recipient)},
			journal.HeaderEnvelope:  {string(e.ID)},
			journal.HeaderGrant:     {string(e.Grant)},
			journal.HeaderHash:      {r.Get(journal.HeaderHash)},
			journal.HeaderCode:      {string(w.code)},
			journal.HeaderOf:        {strconv.FormatUint(r.Position, 10)},
		},
		Data: data,
	}, nil
}
