package schemas_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"github.com/linkage-exchange/linkage/schemas"
)

// ---- ledger.json

type ledgerVectors struct {
	Seed    []byte            `json:"seed"`
	Public  []byte            `json:"public"`
	Entries []ledgerEntryCase `json:"entries"`
	// Leaves are the entries of one ledger; Heads are signed over its first
	// ones.
	Leaves      []string          `json:"leaves"`
	Heads       []ledgerHeadCase  `json:"heads"`
	Inclusion   []inclusionCase   `json:"inclusion"`
	Consistency []consistencyCase `json:"consistency"`
}

type ledgerEntryCase struct {
	Name  string   `json:"name"`
	Text  string   `json:"text"`
	Leaf  string   `json:"leaf,omitempty"`
	Error *outcome `json:"error"`
}

type ledgerHeadCase struct {
	Name  string   `json:"name"`
	Text  string   `json:"text"`
	Size  uint64   `json:"size,omitempty"`
	Root  string   `json:"root,omitempty"`
	Error *outcome `json:"error"`
}

type inclusionCase struct {
	Name  string         `json:"name"`
	Leaf  string         `json:"leaf"`
	Head  string         `json:"head"`
	Proof []schemas.Hash `json:"proof"`
	Error *outcome       `json:"error"`
}

type consistencyCase struct {
	Name  string         `json:"name"`
	From  string         `json:"from"`
	To    string         `json:"to"`
	Proof []schemas.Hash `json:"proof"`
	Error *outcome       `json:"error"`
}

const ledgerEpoch schemas.ULID = "01JD6Z0000000000000000000E"

func ledgerLeaf(position uint64) schemas.LedgerEntry {
	e := schemas.LedgerEntry{
		Epoch: ledgerEpoch, Position: position, Time: time.UnixMilli(1_795_262_400_000 + int64(position)).UTC(), Kind: "accepted",
		Sender: sender, Recipient: recipient, Envelope: "0193a8f0-0000-7000-8000-000000000001", Grant: grantID, Count: -1,
		Salt: sha256.Sum256(fmt.Appendf(nil, "salt %d", position)),
	}
	m := schemas.HashOf(fmt.Appendf(nil, "envelope %d", position))
	e.Hash = &m
	if position%3 == 0 {
		e = schemas.LedgerEntry{Epoch: e.Epoch, Position: position, Time: e.Time, Kind: "handed-over", Recipient: recipient, Count: 2, Salt: e.Salt}
	}
	return e
}

// ledgerTree is a ledger of n entries, by the library's own slow tree.
func ledgerTree(n uint64) (*testonly.Tree, []string) {
	tree, texts := testonly.New(rfc6962.DefaultHasher), []string{}
	for p := uint64(1); p <= n; p++ {
		text := ledgerLeaf(p).Encode()
		tree.AppendData(text)
		texts = append(texts, string(text))
	}
	return tree, texts
}

func headAt(tree *testonly.Tree, size uint64) schemas.LedgerHead {
	return schemas.LedgerHead{Network: network, Epoch: ledgerEpoch, Size: size, Root: schemas.Hash(tree.HashAt(size))}
}

func hashes(path [][]byte) []schemas.Hash {
	out := make([]schemas.Hash, 0, len(path))
	for _, h := range path {
		out = append(out, schemas.Hash(h))
	}
	return out
}

func makeLedger(t *testing.T) ledgerVectors {
	const n = 11
	tree, texts := ledgerTree(n)
	v := ledgerVectors{Seed: senderKey.Seed(), Public: senderKey.Public().(ed25519.PublicKey), Leaves: texts}
	bad := func(code schemas.Code, field string) *outcome { return &outcome{code, field} }
	good := texts[0]
	entry := func(name, text string, err *outcome) {
		c := ledgerEntryCase{Name: name, Text: text, Error: err}
		if err == nil {
			c.Leaf = schemas.LeafHash([]byte(text)).String()
		}
		v.Entries = append(v.Entries, c)
	}
	line := func(n int, with string) string {
		lines := strings.SplitAfter(good, "\n")
		lines[n-1] = with + "\n"
		return strings.Join(lines, "")
	}
	entry("an envelope", good, nil)
	entry("a page that was handed over", texts[2], nil)
	entry("no end of the last line", strings.TrimSuffix(good, "\n"), bad(schemas.CodeMalformed, "entry"))
	entry("one line too many", good+"-\n", bad(schemas.CodeMalformed, "entry"))
	entry("empty line", line(12, ""), bad(schemas.CodeMalformed, "entry"))
	entry("other version", line(1, "linkage-ledger-v2"), bad(schemas.CodeUnsupportedVersion, "entry"))
	entry("no epoch", line(2, "-"), bad(schemas.CodeMalformed, "epoch"))
	entry("position 0", line(3, "0"), bad(schemas.CodeMalformed, "position"))
	entry("position with a leading zero", line(3, "01"), bad(schemas.CodeMalformed, "entry"))
	entry("time in words", line(4, "now"), bad(schemas.CodeMalformed, "time"))
	entry("kind in capitals", line(5, "Accepted"), bad(schemas.CodeMalformed, "kind"))
	entry("sender that is none", line(6, "River Side"), bad(schemas.CodeMalformed, "sender"))
	entry("recipient that is none", line(7, "/x"), bad(schemas.CodeMalformed, "recipient"))
	entry("envelope that is none", line(8, "1"), bad(schemas.CodeMalformed, "envelope"))
	entry("grant that is none", line(9, "1"), bad(schemas.CodeMalformed, "grant"))
	entry("hash in capitals", line(10, strings.Repeat("A", 64)), bad(schemas.CodeMalformed, "hash"))
	entry("code in capitals", line(11, "NO"), bad(schemas.CodeMalformed, "code"))
	entry("count below zero", line(12, "-1"), bad(schemas.CodeMalformed, "count"))
	entry("no salt", line(13, "-"), bad(schemas.CodeMalformed, "salt"))

	signed := func(size uint64) string { return mustValue(headAt(tree, size).Sign(senderKey)) }
	head := func(name, text string, err *outcome) {
		c := ledgerHeadCase{Name: name, Text: text, Error: err}
		if err == nil {
			h := mustValue(schemas.PeekLedgerHead(text))
			c.Size, c.Root = h.Size, h.Root.String()
		}
		v.Heads = append(v.Heads, c)
	}
	for _, size := range []uint64{1, 7, n} {
		head(fmt.Sprintf("of %d entries", size), signed(size), nil)
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	head("signed by another", mustValue(headAt(tree, 7).Sign(other)), bad(schemas.CodeBadSignature, "head"))
	head("size changed", strings.Replace(signed(7), "\n7\n", "\n8\n", 1), bad(schemas.CodeBadSignature, "head"))
	head("size with a leading zero", strings.Replace(signed(7), "\n7\n", "\n07\n", 1), bad(schemas.CodeMalformed, "head"))
	head("no signature", strings.SplitAfter(signed(7), "\n\n")[0], bad(schemas.CodeMalformed, "head"))
	head("no epoch", strings.Replace(signed(7), "/"+string(ledgerEpoch)+"\n", "\n", 1), bad(schemas.CodeMalformed, "head"))
	head("a line more", strings.Replace(signed(7), "\n\n", "\nmore\n\n", 1), bad(schemas.CodeMalformed, "head"))

	for _, size := range []uint64{1, 7, 8, n} {
		for _, index := range []uint64{0, size / 2, size - 1} {
			path := hashes(mustValue(tree.InclusionProof(index, size)))
			v.Inclusion = append(v.Inclusion, inclusionCase{fmt.Sprintf("entry %d of %d", index+1, size), texts[index], signed(size), path, nil})
		}
	}
	path := hashes(mustValue(tree.InclusionProof(3, 7)))
	v.Inclusion = append(v.Inclusion,
		inclusionCase{"changed entry", strings.Replace(texts[3], "accepted", "refused", 1), signed(7), path, bad(schemas.CodeHistoryForked, "proof")},
		inclusionCase{"short proof", texts[3], signed(7), path[1:], bad(schemas.CodeHistoryForked, "proof")},
		inclusionCase{"beyond the head", texts[8], signed(7), path, bad(schemas.CodeMalformed, "entry")})

	for _, pair := range [][2]uint64{{1, n}, {4, 8}, {6, 7}, {7, 7}, {3, n}} {
		v.Consistency = append(v.Consistency, consistencyCase{
			fmt.Sprintf("%d to %d", pair[0], pair[1]), signed(pair[0]), signed(pair[1]), hashes(mustValue(tree.ConsistencyProof(pair[0], pair[1]))), nil,
		})
	}
	forked := headAt(tree, 7)
	forked.Root[0] ^= 1
	v.Consistency = append(v.Consistency,
		consistencyCase{"another history", mustValue(forked.Sign(senderKey)), signed(n), hashes(mustValue(tree.ConsistencyProof(7, n))), bad(schemas.CodeHistoryForked, "proof")},
		consistencyCase{"two heads of one size", mustValue(forked.Sign(senderKey)), signed(7), nil, bad(schemas.CodeHistoryForked, "proof")},
		consistencyCase{"backwards", signed(8), signed(7), nil, bad(schemas.CodeMalformed, "head")})
	return v
}

func TestVectorsLedger(t *testing.T) {
	if *update {
		writeVectors(t, "ledger.json", makeLedger(t))
	}
	v := readVectors[ledgerVectors](t, "ledger.json")
	for _, c := range v.Entries {
		t.Run(c.Name, func(t *testing.T) {
			e, err := schemas.ParseLedgerEntry([]byte(c.Text))
			checkOutcome(t, err, c.Error)
			if err == nil && (string(e.Encode()) != c.Text || schemas.LeafHash(e.Encode()).String() != c.Leaf) {
				t.Errorf("encodes to %q", e.Encode())
			}
		})
	}
	for _, c := range v.Heads {
		t.Run(c.Name, func(t *testing.T) {
			h, err := schemas.OpenLedgerHead(c.Text, v.Public)
			checkOutcome(t, err, c.Error)
			if err != nil {
				return
			}
			again, err := h.Sign(ed25519.NewKeyFromSeed(v.Seed))
			if err != nil || again != c.Text || h.Size != c.Size || h.Root.String() != c.Root {
				t.Errorf("signs to %q, %v", again, err)
			}
		})
	}
	for _, c := range v.Inclusion {
		t.Run(c.Name, func(t *testing.T) {
			e := schemas.HeadedEntry{Head: c.Head, ProvenEntry: schemas.ProvenEntry{Entry: c.Leaf, Proof: c.Proof}}
			_, _, err := e.Check(v.Public)
			checkOutcome(t, err, c.Error)
		})
	}
	for _, c := range v.Consistency {
		t.Run(c.Name, func(t *testing.T) {
			from, err1 := schemas.OpenLedgerHead(c.From, v.Public)
			to, err2 := schemas.OpenLedgerHead(c.To, v.Public)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			checkOutcome(t, from.CheckConsistency(to, c.Proof), c.Error)
		})
	}
}

func FuzzParseLedgerEntry(f *testing.F) {
	f.Add(ledgerLeaf(1).Encode())
	f.Add(ledgerLeaf(3).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := schemas.ParseLedgerEntry(b)
		if err == nil && !bytes.Equal(e.Encode(), b) {
			t.Errorf("%q encodes to %q", b, e.Encode())
		}
		if err != nil && schemas.KindOf(err) != schemas.KindInvalid {
			t.Errorf("%v is not invalid", err)
		}
	})
}

func FuzzOpenLedgerHead(f *testing.F) {
	tree, _ := ledgerTree(5)
	f.Add(mustValue(headAt(tree, 5).Sign(senderKey)))
	key := senderKey.Public().(ed25519.PublicKey)
	f.Fuzz(func(t *testing.T, s string) {
		h, err := schemas.OpenLedgerHead(s, key)
		if err == nil && (h.Size != 5 || !bytes.Equal(h.Root[:], tree.Hash())) {
			t.Errorf("a head that nobody signed: %q", s)
		}
		if err != nil && schemas.KindOf(err) != schemas.KindInvalid {
			t.Errorf("%v is not invalid", err)
		}
	})
}
