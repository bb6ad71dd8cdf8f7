package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strconv"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// maker makes entries. It depends on nothing but the record, the epoch and the
// salts' key, so an entry can be made again at any time. It is not safe for
// concurrent use: a million entries share its buffers.
type maker struct {
	epoch schemas.ULID
	mac   hash.Hash
	text  []byte
}

func newMaker(epoch schemas.ULID, saltKey []byte) *maker {
	return &maker{epoch: epoch, mac: hmac.New(sha256.New, saltKey)}
}

// entry is what the ledger says of a record.
func (m *maker) entry(r journal.Record) schemas.LedgerEntry {
	e := schemas.LedgerEntry{
		Epoch: m.epoch, Position: r.Position, Time: r.Time.UTC().Truncate(time.Millisecond), Kind: string(r.Kind()),
		Code: r.Get(journal.HeaderCode), Count: -1, Salt: m.salt(r.Position),
	}
	if r.Kind() == journal.Accepted { // the envelope's own headers say who and what
		e.Envelope, e.Grant = schemas.EventID(r.Get("ce-id")), schemas.GrantID(r.Get("ce-grant"))
	} else {
		e.Envelope, e.Grant = schemas.EventID(r.Get(journal.HeaderEnvelope)), schemas.GrantID(r.Get(journal.HeaderGrant))
	}
	e.Sender, e.Recipient = partiesOf(r)
	if hash, ok := schemas.ParseHash(r.Get(journal.HeaderHash)); ok {
		e.Hash = &hash
	}
	if n, err := strconv.ParseUint(r.Get(journal.HeaderCount), 10, 63); err == nil {
		e.Count = int64(n)
	}
	return e
}

// leaf is the hash of a record's entry.
func (m *maker) leaf(r journal.Record) schemas.Hash {
	m.text = m.entry(r).AppendTo(m.text[:0])
	return schemas.LeafHash(m.text)
}

// salt is HMAC-SHA256 with the salts' key over epoch and position.
func (m *maker) salt(position uint64) (salt [32]byte) {
	m.mac.Reset()
	_, _ = m.mac.Write([]byte(m.epoch)) // a hash takes everything
	_, _ = m.mac.Write(binary.BigEndian.AppendUint64(nil, position))
	m.mac.Sum(salt[:0])
	return salt
}

// partiesOf names the members who may see a record's entry.
func partiesOf(r journal.Record) (sender, recipient schemas.AgencyID) {
	if r.Kind() == journal.Accepted {
		sender, _ = schemas.AgencyOfSource(r.Get("ce-source"))
		return sender, schemas.AgencyID(r.Get("ce-recipient"))
	}
	return schemas.AgencyID(r.Get(journal.HeaderSender)), schemas.AgencyID(r.Get(journal.HeaderRecipient))
}
