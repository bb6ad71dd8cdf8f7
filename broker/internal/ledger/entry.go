package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// entryOf is what the ledger says of a record. It depends on nothing but the
// record, the epoch and the salt's key, so it can be made again at any time.
func (l *Ledger) entryOf(r journal.Record) schemas.LedgerEntry {
	e := schemas.LedgerEntry{
		Epoch: l.opts.Epoch, Position: r.Position, Time: r.Time.UTC().Truncate(time.Millisecond), Kind: string(r.Kind()),
		Sender: schemas.AgencyID(r.Get(journal.HeaderSender)), Recipient: schemas.AgencyID(r.Get(journal.HeaderRecipient)),
		Envelope: schemas.EventID(r.Get(journal.HeaderEnvelope)), Grant: schemas.GrantID(r.Get(journal.HeaderGrant)),
		Code: r.Get(journal.HeaderCode), Count: -1, Salt: l.salt(r.Position),
	}
	if r.Kind() == journal.Accepted { // the envelope's own headers say who and what
		e.Sender, _ = schemas.AgencyOfSource(r.Get("ce-source"))
		e.Recipient, e.Envelope, e.Grant = schemas.AgencyID(r.Get("ce-recipient")), schemas.EventID(r.Get("ce-id")), schemas.GrantID(r.Get("ce-grant"))
	}
	if hash, ok := schemas.ParseHash(r.Get(journal.HeaderHash)); ok {
		e.Hash = &hash
	}
	if n, err := strconv.ParseUint(r.Get(journal.HeaderCount), 10, 63); err == nil {
		e.Count = int64(n)
	}
	return e
}

// salt is HMAC-SHA256 with the salt's key over epoch and position.
func (l *Ledger) salt(position uint64) (salt [32]byte) {
	mac := hmac.New(sha256.New, l.opts.SaltKey)
	_, _ = mac.Write([]byte(l.opts.Epoch)) // a hash takes everything
	_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, position))
	copy(salt[:], mac.Sum(nil))
	return salt
}
