package ledger

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/bits"
	"slices"

	"github.com/transparency-dev/merkle/proof"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Another member's entry and no entry are the same answer.
var errNotYours = schemas.Refuse(schemas.CodeNotFound, "positions", "must be of entries that name this member, under the newest head", "ask for positions that the broker gave")

// Prove answers broker.proof for a member.
func (l *Ledger) Prove(ctx context.Context, a schemas.AgencyID, req schemas.ProofRequest) (schemas.ProofReply, error) {
	if req.V != 1 {
		return schemas.ProofReply{}, schemas.Refuse(schemas.CodeUnsupportedVersion, "v", "must be 1", "upgrade this agency's Linkage")
	}
	if len(req.Positions) > schemas.MaxProofPositions {
		return schemas.ProofReply{}, schemas.Refuse(schemas.CodeTooLarge, "positions", fmt.Sprintf("must be at most %d at once", schemas.MaxProofPositions), "ask several times")
	}
	given := 0
	for _, asked := range []bool{len(req.Positions) > 0, req.From > 0 || req.To > 0, req.Size > 0} {
		if asked {
			given++
		}
	}
	if given != 1 {
		return schemas.ProofReply{}, schemas.Malformed("positions", "must be given, or from and to instead, or size")
	}
	head := l.head.Load()
	if head == nil {
		return schemas.ProofReply{}, schemas.Refuse(schemas.CodeUnavailable, "ledger", "has no head yet", "try again in a second")
	}
	if req.Size > 0 {
		return l.excerpt(ctx, a, req)
	}
	entries, err := l.entries(ctx, a, head.Size, req.Positions)
	if err != nil {
		return schemas.ProofReply{}, err
	}
	l.files.RLock()
	defer l.files.RUnlock()
	head = l.head.Load() // perhaps a later one: it covers the same entries
	reply := schemas.ProofReply{Key: l.opts.Key.Public().(ed25519.PublicKey), Head: head.text}
	tiles := newReader(l.opts.Dir, head.Size)
	if len(entries) == 0 {
		reply.Consistency, err = tiles.consistency(req.From, req.To)
		return reply, err
	}
	for _, e := range entries {
		if err := tiles.holds(e.Position, schemas.LeafHash(e.Encode())); err != nil {
			return schemas.ProofReply{}, untold(err)
		}
		path, err := tiles.inclusion(e.Position - 1)
		if err != nil {
			return schemas.ProofReply{}, err
		}
		reply.Entries = append(reply.Entries, schemas.ProvenEntry{Entry: string(e.Encode()), Proof: path})
	}
	return reply, nil
}

// entries makes the entries at positions again, all of them the member's.
func (l *Ledger) entries(ctx context.Context, a schemas.AgencyID, size uint64, positions []uint64) ([]schemas.LedgerEntry, error) {
	if len(positions) == 0 {
		return nil, nil
	}
	positions = slices.Compact(slices.Sorted(slices.Values(positions)))
	if positions[0] == 0 || positions[len(positions)-1] > size {
		return nil, errNotYours
	}
	var out []schemas.LedgerEntry
	m := newMaker(l.opts.Epoch, l.opts.SaltKey)
	err := l.opts.Hub.ReadMany(ctx, positions, func(r journal.Record) error {
		e := m.entry(r)
		if e.Sender != a && e.Recipient != a {
			return errNotYours
		}
		out = append(out, e)
		return nil
	})
	return out, err
}

// The text of one entry with what JSON and its share of the nodes add to it.
const excerptEntry = 640

// excerpt gives a member its next entries after a position.
func (l *Ledger) excerpt(ctx context.Context, a schemas.AgencyID, req schemas.ProofRequest) (schemas.ProofReply, error) {
	head := l.head.Load()
	if req.Size > head.Size {
		return schemas.ProofReply{}, errBeyond("size", head.Size)
	}
	most := req.MaxBytes
	if most <= 0 || most > schemas.MaxExcerptBytes {
		most = schemas.MaxExcerptBytes
	}
	positions, next := l.parties.list(a, req.After, req.Size, max(1, most/excerptEntry))
	x := schemas.LedgerExcerpt{Entries: []string{}, Nodes: []schemas.Hash{}, Next: min(next, req.Size)}
	entries, err := l.entries(ctx, a, req.Size, positions)
	if err != nil {
		return schemas.ProofReply{}, err
	}
	l.files.RLock()
	defer l.files.RUnlock()
	tiles := newReader(l.opts.Dir, l.head.Load().Size)
	for _, e := range entries {
		text := e.Encode()
		if err := tiles.holds(e.Position, schemas.LeafHash(text)); err != nil {
			return schemas.ProofReply{}, untold(err)
		}
		x.Entries = append(x.Entries, string(text))
	}
	if x.Nodes, err = tiles.others(x.Nodes, positions, 0, req.Size); err != nil {
		return schemas.ProofReply{}, err
	}
	return schemas.ProofReply{Key: l.opts.Key.Public().(ed25519.PublicKey), Head: head.text, Excerpt: &x}, nil
}

// holds reports whether an entry is the one that was signed.
func (r reader) holds(position uint64, leaf schemas.Hash) error {
	want, err := r.node(0, position-1)
	if err != nil {
		return err
	}
	if leaf != want {
		return errDiffers(position)
	}
	return nil
}

// untold is what a member hears of damage on this broker's disk. It is no
// second history, and nothing false is served in its place.
func untold(err error) error {
	if schemas.CodeOf(err) != schemas.CodeHistoryForked {
		return err
	}
	return schemas.Refuse(schemas.CodeUnavailable, "ledger", "is damaged at what was asked for", "tell the broker's operator; its log says where")
}

// errDiffers says that hub and ledger do not fit at a position.
func errDiffers(position uint64) error {
	return schemas.Refuse(schemas.CodeHistoryForked, "hub", fmt.Sprintf("must have at position %d the record that the ledger has an entry of, has another", position), remedy)
}

// others appends the roots of the largest subtrees between first and end that
// hold none of the positions, from left to right.
func (r reader) others(nodes []schemas.Hash, positions []uint64, first, end uint64) ([]schemas.Hash, error) {
	if len(positions) == 0 {
		h, err := r.subtree(first, end)
		return append(nodes, h), err
	}
	if end-first == 1 {
		return nodes, nil
	}
	middle := first + schemas.LeftLeaves(end-first)
	cut, _ := slices.BinarySearch(positions, middle+1)
	nodes, err := r.others(nodes, positions[:cut], first, middle)
	if err != nil {
		return nil, err
	}
	return r.others(nodes, positions[cut:], middle, end)
}

// subtree is the root over the leaves from first up to before end, as RFC 6962
// cuts the tree.
func (r reader) subtree(first, end uint64) (schemas.Hash, error) {
	n := end - first
	if n&(n-1) == 0 {
		level := bits.Len64(n) - 1
		return r.node(uint(level), first>>level) // #nosec G115 -- at most 63
	}
	middle := first + schemas.LeftLeaves(n)
	left, err := r.subtree(first, middle)
	if err != nil {
		return left, err
	}
	right, err := r.subtree(middle, end)
	return schemas.NodeHash(left, right), err
}

func (r reader) inclusion(index uint64) ([]schemas.Hash, error) {
	nodes, err := proof.Inclusion(index, r.size)
	if err != nil {
		return nil, err
	}
	return r.path(nodes)
}

// consistency leads from one size to another; both lie under the newest head.
func (r reader) consistency(from, to uint64) ([]schemas.Hash, error) {
	if from == 0 || from > to {
		return nil, schemas.Malformed("from", "must be a size from 1 up to the other")
	}
	if to > r.size {
		return nil, errBeyond("to", r.size)
	}
	nodes, err := proof.Consistency(from, to)
	if err != nil {
		return nil, err
	}
	return r.path(nodes)
}

// errBeyond answers whoever knows of a larger ledger than there is.
func errBeyond(field string, size uint64) error {
	return schemas.Refuse(schemas.CodeHistoryForked, field, fmt.Sprintf("must be at most the ledger's size, %d", size), "ask the broker's operator whether it was restored from an old copy")
}

// path reads the hashes of a proof.
func (r reader) path(nodes proof.Nodes) ([]schemas.Hash, error) {
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		h, err := r.node(id.Level, id.Index)
		if err != nil {
			return nil, err
		}
		hashes[i] = h[:]
	}
	hashes, err := nodes.Rehash(hashes, func(left, right []byte) []byte {
		h := schemas.NodeHash(schemas.Hash(left), schemas.Hash(right))
		return h[:]
	})
	if err != nil {
		return nil, err
	}
	path := make([]schemas.Hash, len(hashes))
	for i, h := range hashes {
		path[i] = schemas.Hash(h)
	}
	return path, nil
}
