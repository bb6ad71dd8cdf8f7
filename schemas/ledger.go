package schemas

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

// The ledger is a Merkle tree (RFC 6962) with one entry for each decision of
// the broker, in the hub's order. This file is what both sides and an offline
// verifier compute of it: entries, signed heads, proofs.

// ledgerVersion is the first line of every entry.
const ledgerVersion = "linkage-ledger-v1"

// maxLedgerText bounds an entry and a head, in bytes.
const maxLedgerText = 2 << 10

// LedgerEntry is one decision of the broker as its leaf in the ledger says it.
// A zero field was not part of the decision, but for Count, which says with -1
// that it was not.
type LedgerEntry struct {
	Epoch     ULID
	Position  uint64    // in the hub, from 1; the leaf's index is one less
	Time      time.Time // of the hub, in whole milliseconds
	Kind      string    // what was decided, such as accepted or grant-revoked
	Sender    AgencyID
	Recipient AgencyID
	Envelope  EventID
	Grant     GrantID
	Hash      *Hash // M of an envelope, otherwise of the signed record
	Code      string
	Count     int64
	// Salt keeps whoever sees a hash from guessing the entry.
	Salt [32]byte
}

var ledgerWord = regexp.MustCompile(`^[a-z][a-z-]{1,39}$`)

// Encode renders the entry's lines, which are what the leaf is the hash of.
func (e LedgerEntry) Encode() []byte { return e.AppendTo(make([]byte, 0, 512)) }

// AppendTo appends what Encode renders: whoever makes a million entries brings
// one buffer.
func (e LedgerEntry) AppendTo(b []byte) []byte {
	b = append(b, ledgerVersion+"\n"...)
	b = appendLine(b, string(e.Epoch))
	b = append(strconv.AppendUint(b, e.Position, 10), '\n')
	b = append(strconv.AppendInt(b, e.Time.UnixMilli(), 10), '\n')
	for _, line := range [...]string{e.Kind, string(e.Sender), string(e.Recipient), string(e.Envelope), string(e.Grant)} {
		b = appendLine(b, line)
	}
	if e.Hash != nil {
		b = append(hex.AppendEncode(b, e.Hash[:]), '\n')
	} else {
		b = appendLine(b, "")
	}
	b = appendLine(b, e.Code)
	if e.Count >= 0 {
		b = append(strconv.AppendInt(b, e.Count, 10), '\n')
	} else {
		b = appendLine(b, "")
	}
	return append(hex.AppendEncode(b, e.Salt[:]), '\n')
}

func appendLine(b []byte, line string) []byte {
	if line == "" {
		line = "-"
	}
	return append(append(b, line...), '\n')
}

// ParseLedgerEntry reads an entry. It accepts exactly what Encode renders.
func ParseLedgerEntry(b []byte) (LedgerEntry, error) {
	e := LedgerEntry{Count: -1}
	if len(b) > maxLedgerText {
		return e, Refuse(CodeTooLarge, "entry", fmt.Sprintf("must be at most %d bytes", maxLedgerText), "send the entry as the broker gave it")
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) != 14 || lines[13] != "" {
		return e, Malformed("entry", "must be 13 lines, each with its end")
	}
	for i, line := range lines[:13] {
		if line == "" {
			return e, Malformed("entry", "must have no empty line")
		}
		if line == "-" {
			lines[i] = ""
		}
	}
	if lines[0] != ledgerVersion {
		return e, Refuse(CodeUnsupportedVersion, "entry", "must begin with "+ledgerVersion, "upgrade this agency's Linkage")
	}
	e.Epoch, e.Kind, e.Sender, e.Recipient = ULID(lines[1]), lines[4], AgencyID(lines[5]), AgencyID(lines[6])
	e.Envelope, e.Grant, e.Code = EventID(lines[7]), GrantID(lines[8]), lines[10]
	var err error
	if e.Position, err = strconv.ParseUint(lines[2], 10, 64); err != nil || e.Position == 0 {
		return e, Malformed("position", "must be a number from 1")
	}
	ms, err := strconv.ParseInt(lines[3], 10, 64)
	if err != nil {
		return e, Malformed("time", "must be milliseconds since 1970")
	}
	e.Time = time.UnixMilli(ms).UTC()
	if lines[11] != "" {
		if e.Count, err = strconv.ParseInt(lines[11], 10, 64); err != nil || e.Count < 0 {
			return e, Malformed("count", "must be a number from 0")
		}
	}
	if lines[9] != "" {
		hash, ok := ParseHash(lines[9])
		if !ok {
			return e, Malformed("hash", "must be 64 lower-case hexadecimal digits")
		}
		e.Hash = &hash
	}
	salt, ok := ParseHash(lines[12])
	if !ok {
		return e, Malformed("salt", "must be 64 lower-case hexadecimal digits")
	}
	e.Salt = salt
	if err := e.validate(); err != nil {
		return e, err
	}
	if !bytes.Equal(e.Encode(), b) { // numbers with a sign or leading zeros
		return e, Malformed("entry", "must write each number in its one form")
	}
	return e, nil
}

func (e LedgerEntry) validate() error {
	switch {
	case !e.Epoch.Valid():
		return Malformed("epoch", "must be a ULID")
	case !ledgerWord.MatchString(e.Kind):
		return Malformed("kind", "must be a word in lower case")
	case e.Sender != "" && !e.Sender.Valid():
		return Malformed("sender", "must be an agency")
	case e.Recipient != "" && !e.Recipient.Valid():
		return Malformed("recipient", "must be an agency")
	case e.Envelope != "" && !e.Envelope.Valid():
		return Malformed("envelope", "must be a UUIDv7")
	case e.Grant != "" && !e.Grant.Valid():
		return Malformed("grant", "must be a grant id")
	case e.Code != "" && !ledgerWord.MatchString(e.Code):
		return Malformed("code", "must be a word in lower case")
	}
	return nil
}

// LeafHash is RFC 6962's hash of an entry's text.
func LeafHash(entry []byte) Hash {
	var b [1 + 1023]byte // zero first; what is longer than any entry is copied to the heap
	return sha256.Sum256(append(b[:1], entry...))
}

// NodeHash is RFC 6962's hash of two children.
func NodeHash(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// LedgerHead says what the first Size entries of an epoch's ledger are. On the
// wire and at rest it is a C2SP checkpoint, signed by the broker.
type LedgerHead struct {
	Network NetworkID
	Epoch   ULID
	Size    uint64
	Root    Hash
}

// origin is the checkpoint's first line and the name of the broker's key on it.
func (h LedgerHead) origin() string { return string(h.Network) + "/" + string(h.Epoch) }

func (h LedgerHead) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", h.origin(), h.Size, base64.StdEncoding.EncodeToString(h.Root[:]))
}

// headSigner is an Ed25519 key in the form that signed notes want.
type headSigner struct {
	note.Verifier
	key ed25519.PrivateKey
}

// Sign signs a note's text.
func (s headSigner) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

func (h LedgerHead) verifier(key ed25519.PublicKey) (note.Verifier, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, Malformed("key", "must be an Ed25519 public key")
	}
	text, err := note.NewEd25519VerifierKey(h.origin(), key)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(text)
}

// Sign renders the head as a signed checkpoint.
func (h LedgerHead) Sign(key ed25519.PrivateKey) (string, error) {
	v, err := h.verifier(key.Public().(ed25519.PublicKey))
	if err != nil {
		return "", fmt.Errorf("sign ledger head: %w", err)
	}
	b, err := note.Sign(&note.Note{Text: h.text()}, headSigner{v, key})
	if err != nil {
		return "", fmt.Errorf("sign ledger head: %w", err)
	}
	return string(b), nil
}

// PeekLedgerHead reads a head without verifying who signed it.
func PeekLedgerHead(s string) (LedgerHead, error) {
	var h LedgerHead
	if len(s) > maxLedgerText {
		return h, Refuse(CodeTooLarge, "head", fmt.Sprintf("must be at most %d bytes", maxLedgerText), "send the head as the broker gave it")
	}
	text, signatures, ok := strings.Cut(s, "\n\n")
	lines := strings.Split(text, "\n")
	if !ok || len(lines) != 3 || signatures == "" {
		return h, Malformed("head", "must be origin, size and root on three lines, an empty line, and a signature")
	}
	network, epoch, _ := strings.Cut(lines[0], "/")
	h.Network, h.Epoch = NetworkID(network), ULID(epoch)
	if !h.Network.Valid() || !h.Epoch.Valid() {
		return h, Malformed("head", "must name network and epoch")
	}
	var err error
	if h.Size, err = strconv.ParseUint(lines[1], 10, 64); err != nil || h.Size == 0 {
		return h, Malformed("head", "must hold a size from 1")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(h.Root) {
		return h, Malformed("head", "must hold a root of 32 bytes in base64")
	}
	h.Root = Hash(root)
	if h.text() != text+"\n" {
		return h, Malformed("head", "must write size and root in their one form")
	}
	return h, nil
}

// OpenLedgerHead reads a head and verifies that the key signed it. Signatures
// by others beside it are passed over.
func OpenLedgerHead(s string, key ed25519.PublicKey) (LedgerHead, error) {
	h, err := PeekLedgerHead(s)
	if err != nil {
		return h, err
	}
	v, err := h.verifier(key)
	if err != nil {
		return h, err
	}
	if _, err := note.Open([]byte(s), note.VerifierList(v)); err != nil {
		return h, Refuse(CodeBadSignature, "head", "must be signed by the broker's key", "send the head as the broker gave it")
	}
	return h, nil
}

// CheckInclusion reports whether an entry's text is the leaf at its own
// position under the head.
func (h LedgerHead) CheckInclusion(text []byte, path []Hash) (LedgerEntry, error) {
	e, err := ParseLedgerEntry(text)
	if err != nil {
		return e, err
	}
	if e.Epoch != h.Epoch || e.Position > h.Size {
		return e, Malformed("entry", "must lie under the head: the same epoch, a position up to its size")
	}
	leaf := LeafHash(text)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, e.Position-1, h.Size, leaf[:], byteSlices(path), h.Root[:]); err != nil {
		return e, Refuse(CodeHistoryForked, "proof", "must lead from the entry to the head's root", "keep both: the entry or the head was changed")
	}
	return e, nil
}

// CheckConsistency reports whether the history under a later head of the same
// epoch begins with the one under h.
func (h LedgerHead) CheckConsistency(later LedgerHead, path []Hash) error {
	if h.Network != later.Network || h.Epoch != later.Epoch || h.Size > later.Size {
		return Malformed("head", "must be a later one of the same network and epoch")
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, h.Size, later.Size, byteSlices(path), h.Root[:], later.Root[:]); err != nil {
		return Refuse(CodeHistoryForked, "proof", "must lead from the earlier head to the later", "keep both heads: together they prove that the broker changed its history")
	}
	return nil
}

func byteSlices(path []Hash) [][]byte {
	out := make([][]byte, len(path))
	for i := range path {
		out[i] = path[i][:]
	}
	return out
}

// The bounds of a [ProofRequest].
const (
	MaxProofPositions = 100
	MaxExcerptBytes   = 256 << 10
)

// ProofRequest asks broker.proof one of three things: for entries of the asking
// member and their inclusion proofs; with From and To for the consistency of
// two sizes; with Size for an excerpt: the member's next entries after a
// position, proven under the first Size entries of the ledger.
type ProofRequest struct {
	V         int      `json:"v"`
	Positions []uint64 `json:"positions,omitempty"`
	From      uint64   `json:"from,omitempty"`
	To        uint64   `json:"to,omitempty"`
	After     uint64   `json:"after,omitempty"`
	Size      uint64   `json:"size,omitempty"`
	// MaxBytes is about how long the excerpt may be; 0 stands for the most. One
	// entry is always given.
	MaxBytes int `json:"maxbytes,omitempty"`
}

// ProofReply answers broker.proof. The proofs of entries are against Head.
type ProofReply struct {
	V       int           `json:"v"`
	Key     []byte        `json:"key,omitempty"` // the broker's; its id is known from the invitation
	Head    string        `json:"head,omitempty"`
	Entries []ProvenEntry `json:"entries,omitempty"`
	// Consistency leads from From to To; it is empty when they are equal.
	Consistency []Hash         `json:"consistency,omitempty"`
	Excerpt     *LedgerExcerpt `json:"excerpt,omitempty"`
	Refusal
}

// ProvenEntry is an entry's text and what leads from it to a head's root.
type ProvenEntry struct {
	Entry string `json:"entry"`
	Proof []Hash `json:"proof"`
}
