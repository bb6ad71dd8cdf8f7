package ledger

import (
	"context"
	"crypto/ed25519"
	"fmt"
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
	if (len(req.Positions) == 0) == (req.From == 0 && req.To == 0) {
		return schemas.ProofReply{}, schemas.Malformed("positions", "must be given, or from and to instead")
	}
	head := l.head.Load()
	if head == nil {
		return schemas.ProofReply{}, schemas.Refuse(schemas.CodeUnavailable, "ledger", "has no head yet", "try again in a second")
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
	err := l.opts.Hub.ReadMany(ctx, positions, func(r journal.Record) error {
		e := l.entryOf(r)
		if e.Sender != a && e.Recipient != a {
			return errNotYours
		}
		out = append(out, e)
		return nil
	})
	return out, err
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
		return nil, schemas.Refuse(schemas.CodeHistoryForked, "to", fmt.Sprintf("must be at most the ledger's size, %d", r.size), "ask the broker's operator whether it was restored from an old copy")
	}
	nodes, err := proof.Consistency(from, to)
	if err != nil {
		return nil, err
	}
	return r.path(nodes)
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
