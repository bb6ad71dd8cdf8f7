package gate_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestReceipts(t *testing.T) {
	for name, n := range map[string]*network{"memory": inMemory(t, 3), "disk": onDisk(t, 3)} {
		t.Run(name, func(t *testing.T) {
			a, b, other := n.agencies[0], n.agencies[1], n.agencies[2]
			e, _ := a.thread(b).send(a.grant(b))
			_, stranger, err := ed25519.GenerateKey(nil)
			check(t, err)
			item := receiptItem(e)
			next, foreign := item, item
			next.Sequence++
			foreign.Chain = schemas.NewULID(n.clock.now())
			good := b.receipt(a.id, item)
			forged := schemas.SignBytes(schemas.RecordReceipt, good.Payload, stranger)
			renamed := forged
			renamed.Signatures = []schemas.Signature{{KeyID: good.KeyID(), Sig: forged.Signatures[0].Sig}}
			elsewhere := schemas.Receipt{V: 1, Network: "another-county", From: b.id, To: a.id, Items: []schemas.ReceiptItem{item}}
			big := schemas.SignBytes(schemas.RecordReceipt, make([]byte, schemas.MaxRecord), b.key)

			for name, tt := range map[string]struct {
				account string
				rec     schemas.SignedRecord
				code    schemas.Code
			}{
				"forged":                    {b.account, forged, schemas.CodeUnknownSigningKey},
				"forged under a known name": {b.account, renamed, schemas.CodeBadSignature},
				"another member's":          {other.account, good, schemas.CodeUnknownSigningKey},
				"in another member's name":  {other.account, schemas.SignBytes(schemas.RecordReceipt, good.Payload, other.key), schemas.CodeSenderMismatch},
				"of the sender itself":      {a.account, schemas.SignBytes(schemas.RecordReceipt, good.Payload, a.key), schemas.CodeSenderMismatch},
				"not a member's":            {"NOBODY", good, schemas.CodeNotMember},
				"of another network":        {b.account, b.sign(schemas.RecordReceipt, elsewhere), schemas.CodeMalformed},
				"of another kind":           {b.account, schemas.SignBytes(schemas.RecordGrant, good.Payload, b.key), schemas.CodeMalformed},
				"too large":                 {b.account, big, schemas.CodeTooLarge},
				"a sequence never sent":     {b.account, b.receipt(a.id, item, next), schemas.CodeMalformed},
				"a chain never seen":        {b.account, b.receipt(a.id, foreign), schemas.CodeMalformed},
				"of who was not sent it":    {other.account, other.receipt(a.id, item), schemas.CodeMalformed},
				"for who did not send it":   {b.account, b.receipt(other.id, item), schemas.CodeMalformed},
			} {
				if position, err := n.gate.Receipt(n.ctx(), tt.account, tt.rec); schemas.CodeOf(err) != tt.code || position != 0 {
					t.Errorf("%s: got %v at %d, want %s", name, err, position, tt.code)
				}
			}
			if got := count(n.records(), journal.Stored); got != 0 {
				t.Fatalf("%d receipts were written", got)
			}

			first, err := n.gate.Receipt(n.ctx(), b.account, good)
			check(t, err)
			n.restart(true)
			again, err := n.gate.Receipt(n.ctx(), b.account, good)
			check(t, err)
			if first != again || first == 0 {
				t.Errorf("the same receipt stands at %d and %d", first, again)
			}
			items, _ := a.collect(0)
			got := only(items, schemas.ItemReceipt)
			if len(got) != 1 || got[0].position != first {
				t.Fatalf("the sender got %v", got)
			}
			rec, err := schemas.ParseRecord(got[0].data)
			check(t, err)
			_, err = schemas.ReadRecord[schemas.Receipt](rec, schemas.RecordReceipt, b.key.Public().(ed25519.PublicKey))
			check(t, err)

			n.standing(b, schemas.MemberSuspended)
			if _, err := n.gate.Receipt(n.ctx(), b.account, b.receipt(a.id, item)); schemas.CodeOf(err) != schemas.CodeSuspended {
				t.Errorf("of a suspended member: got %v", err)
			}
		})
	}
}
