package schemas_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"github.com/linkage-exchange/linkage/schemas"
)

// ---- ledger-proof.json

type proofVectors struct {
	Public   []byte        `json:"public"`
	Files    []proofCase   `json:"files"`
	Excerpts []excerptCase `json:"excerpts"`
}

type proofCase struct {
	Name       string          `json:"name"`
	File       json.RawMessage `json:"file"`
	Statements []string        `json:"statements,omitempty"`
	Error      *outcome        `json:"error"`
}

type excerptCase struct {
	Name    string                `json:"name"`
	Head    string                `json:"head"`
	Excerpt schemas.LedgerExcerpt `json:"excerpt"`
	Error   *outcome              `json:"error"`
}

var brokerPublic = public(brokerKey)

// tiedEvent is an inner event that names its envelope.
func tiedEvent(to schemas.EventID) schemas.SignedRecord {
	text := strings.Replace(string(testEvent().Payload), `"purpose"`, `"envelope":"`+string(to)+`","purpose"`, 1)
	return schemas.SignBytes(schemas.RecordEvent, []byte(text), senderKey)
}

// provenDisclosure is a ledger of nine entries, of which the third accepted
// testEnvelope and the seventh is the recipient's receipt, and a proof of both
// with all that there can be.
func provenDisclosure() (schemas.LedgerProof, []string) {
	e := testEnvelope()
	m := e.Hash()
	receipt := sign(schemas.RecordReceipt, schemas.Receipt{
		V: 1, Network: network, From: recipient, To: sender, At: schemas.At(noon),
		Items: []schemas.ReceiptItem{{Envelope: e.ID, Chain: e.Chain, Sequence: e.Sequence, Hash: m, Kind: schemas.ReceiptStored}},
	}, strangerKey)
	tree := testonly.New(rfc6962.DefaultHasher)
	var texts []string
	for p := uint64(1); p <= 9; p++ {
		entry := ledgerLeaf(p)
		switch p {
		case 3:
			entry = schemas.LedgerEntry{Epoch: ledgerEpoch, Position: p, Time: noon, Kind: "accepted", Sender: sender, Recipient: recipient, Envelope: e.ID, Grant: grantID, Hash: &m, Count: -1, Salt: sha256.Sum256(nil)}
		case 7:
			hash := receipt.Hash()
			entry = schemas.LedgerEntry{Epoch: ledgerEpoch, Position: p, Time: noon, Kind: "stored", Sender: recipient, Recipient: sender, Hash: &hash, Count: 1, Salt: sha256.Sum256([]byte{1})}
		}
		tree.AppendData(entry.Encode())
		texts = append(texts, string(entry.Encode()))
	}
	headed := func(position, size uint64) schemas.HeadedEntry {
		return schemas.HeadedEntry{Head: mustValue(headAt(tree, size).Sign(brokerKey)), ProvenEntry: schemas.ProvenEntry{
			Entry: texts[position-1], Proof: hashes(mustValue(tree.InclusionProof(position-1, size))),
		}}
	}
	outline, event := e.Outline(), tiedEvent(e.ID)
	_, _, terms := testGrant()
	return schemas.LedgerProof{
		V: 1, Type: schemas.LedgerProofType, Key: brokerPublic, Entries: []schemas.HeadedEntry{headed(3, 6), headed(7, 9)},
		Envelope: &outline, SenderKey: public(senderKey), Receipt: &receipt, RecipientKey: public(strangerKey), Event: &event, Terms: &terms,
	}, texts
}

func makeProofs() proofVectors {
	v := proofVectors{Public: brokerPublic}
	add := func(name string, err *outcome, change func(*schemas.LedgerProof)) {
		p, _ := provenDisclosure()
		change(&p)
		c := proofCase{Name: name, File: mustValue(json.Marshal(p)), Error: err}
		if err == nil {
			c.Statements = mustValue(p.Check(nil)).Statements()
		}
		v.Files = append(v.Files, c)
	}
	bad := func(code schemas.Code, field string) *outcome { return &outcome{code, field} }
	add("everything", nil, func(*schemas.LedgerProof) {})
	add("the entry alone", nil, func(p *schemas.LedgerProof) {
		*p = schemas.LedgerProof{V: 1, Type: p.Type, Key: p.Key, Entries: p.Entries[:1]}
	})
	add("an event that names no envelope", nil, func(p *schemas.LedgerProof) { e := testEvent(); p.Event = &e })
	add("no entry", bad(schemas.CodeMalformed, "entries"), func(p *schemas.LedgerProof) { p.Entries = nil })
	add("another broker's key", bad(schemas.CodeBadSignature, "head"), func(p *schemas.LedgerProof) { p.Key = public(strangerKey) })
	add("changed entry", bad(schemas.CodeHistoryForked, "proof"), func(p *schemas.LedgerProof) {
		p.Entries[0].Entry = strings.Replace(p.Entries[0].Entry, string(recipient), "other-probation", 1)
	})
	add("the receipt first", bad(schemas.CodeMalformed, "entries"), func(p *schemas.LedgerProof) { p.Entries = p.Entries[1:] })
	add("another envelope", bad(schemas.CodeBadSignature, "envelope"), func(p *schemas.LedgerProof) {
		e := testEnvelope()
		e.Data = []byte("\x01another")
		o := e.Signed(senderKey).Outline()
		p.Envelope = &o
	})
	add("envelope signed by another", bad(schemas.CodeUnknownSigningKey, "signatures.keyid"), func(p *schemas.LedgerProof) { p.SenderKey = public(strangerKey) })
	add("receipt for another envelope", bad(schemas.CodeBadSignature, "receipt"), func(p *schemas.LedgerProof) {
		r := mustValue(schemas.PeekRecord[schemas.Receipt](*p.Receipt, schemas.RecordReceipt))
		r.Items[0].Hash[0] ^= 1
		rec := sign(schemas.RecordReceipt, r, strangerKey)
		p.Receipt = &rec
	})
	add("receipt that the ledger does not speak of", bad(schemas.CodeBadSignature, "receipt"), func(p *schemas.LedgerProof) {
		r := mustValue(schemas.PeekRecord[schemas.Receipt](*p.Receipt, schemas.RecordReceipt))
		r.At = schemas.At(noon.AddDate(0, 0, 1))
		rec := sign(schemas.RecordReceipt, r, strangerKey)
		p.Receipt = &rec
	})
	add("event of another envelope", bad(schemas.CodeBadSignature, "event"), func(p *schemas.LedgerProof) {
		e := tiedEvent("0193a8f0-0000-7000-8000-000000000002")
		p.Event = &e
	})
	add("terms of another permission", bad(schemas.CodeBadSignature, "terms"), func(p *schemas.LedgerProof) {
		t := testTerms()
		t.ID = otherGrant
		rec := sign(schemas.RecordTerms, t, senderKey)
		p.Terms = &rec
	})
	v.Excerpts = makeExcerpts()
	return v
}

func makeExcerpts() []excerptCase {
	const n = 11
	tree, texts := ledgerTree(n)
	head := mustValue(headAt(tree, n).Sign(brokerKey))
	var nodes func(shown []uint64, first, end uint64) []schemas.Hash
	root := func(first, end uint64) schemas.Hash {
		sub := testonly.New(rfc6962.DefaultHasher)
		for _, text := range texts[first:end] {
			sub.AppendData([]byte(text))
		}
		return schemas.Hash(sub.Hash())
	}
	nodes = func(shown []uint64, first, end uint64) []schemas.Hash {
		within := false
		for _, p := range shown {
			within = within || p > first && p <= end
		}
		if !within {
			return []schemas.Hash{root(first, end)}
		}
		if end-first == 1 {
			return nil
		}
		middle := first + schemas.LeftLeaves(end-first)
		return append(nodes(shown, first, middle), nodes(shown, middle, end)...)
	}
	excerpt := func(next uint64, shown ...uint64) schemas.LedgerExcerpt {
		x := schemas.LedgerExcerpt{Entries: []string{}, Nodes: nodes(shown, 0, n), Next: next}
		for _, p := range shown {
			x.Entries = append(x.Entries, texts[p-1])
		}
		return x
	}
	changed, missing := excerpt(n, 2, 9), excerpt(n, 2, 9)
	changed.Entries[1] = strings.Replace(changed.Entries[1], "handed-over", "withdrawn", 1)
	missing.Entries = missing.Entries[:1]
	return []excerptCase{
		{"none", head, excerpt(n), nil},
		{"one", head, excerpt(4, 4), nil},
		{"several", head, excerpt(n, 2, 3, 7, 11), nil},
		{"all", head, excerpt(n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), nil},
		{"changed entry", head, changed, &outcome{schemas.CodeHistoryForked, "excerpt"}},
		{"entry left out after the fact", head, missing, &outcome{schemas.CodeHistoryForked, "excerpt"}},
		{"entry beyond next", head, excerpt(3, 4), &outcome{schemas.CodeMalformed, "entries"}},
		{"next beyond the head", head, excerpt(n+1, 4), &outcome{schemas.CodeMalformed, "next"}},
	}
}

func TestVectorsLedgerProof(t *testing.T) {
	if *update {
		writeVectors(t, "ledger-proof.json", makeProofs())
	}
	v := readVectors[proofVectors](t, "ledger-proof.json")
	for _, c := range v.Files {
		t.Run(c.Name, func(t *testing.T) {
			p, err := schemas.ParseLedgerProof(c.File)
			var got schemas.Proven
			if err == nil {
				got, err = p.Check(nil)
			}
			checkOutcome(t, err, c.Error)
			if err == nil && strings.Join(got.Statements(), "\n") != strings.Join(c.Statements, "\n") {
				t.Errorf("says %q", got.Statements())
			}
			if _, err := p.Check(public(admissionKey)); err == nil {
				t.Error("holds under another key")
			}
		})
	}
	for _, c := range v.Excerpts {
		t.Run(c.Name, func(t *testing.T) {
			head, err := schemas.OpenLedgerHead(c.Head, v.Public)
			if err != nil {
				t.Fatal(err)
			}
			entries, err := head.CheckExcerpt(c.Excerpt)
			checkOutcome(t, err, c.Error)
			for _, e := range entries {
				p, err := c.Excerpt.Proof(head.Size, e.Position)
				if err == nil {
					_, err = head.CheckInclusion([]byte(p.Entry), p.Proof)
				}
				if err != nil {
					t.Errorf("position %d: %v", e.Position, err)
				}
			}
		})
	}
}

// Whatever a file says: no panic, and what holds was signed.
func FuzzLedgerProof(f *testing.F) {
	for _, c := range readVectors[proofVectors](f, "ledger-proof.json").Files {
		f.Add([]byte(c.File))
	}
	good, _ := provenDisclosure()
	want := good.Entries[0].Entry
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := schemas.ParseLedgerProof(b)
		if err != nil {
			if schemas.KindOf(err) != schemas.KindInvalid {
				t.Errorf("%v is not invalid", err)
			}
			return
		}
		if got, err := p.Check(brokerPublic); err == nil && got.Entries[0].Position == 3 && !bytes.Equal(got.Entries[0].Encode(), []byte(want)) {
			t.Errorf("an entry that nobody signed: %q", got.Entries[0].Encode())
		}
		_, _ = schemas.LedgerExcerpt{Entries: []string{want}, Nodes: []schemas.Hash{{}}, Next: 3}.Proof(uint64(len(b)), 3)
	})
}
