package schemas

import "math/bits"

// LedgerExcerpt is what one party gets of the ledger: every entry of its own
// between two positions, and as many hashes of everything else as lead to the
// root. Next is the position up to which the broker says that it is complete.
//
// Nodes are the roots of the largest subtrees without an entry of the excerpt,
// from left to right. Entries that stand close together share nearly all of
// them, so a thousand entries take little more than their text.
type LedgerExcerpt struct {
	Entries []string `json:"entries"`
	Nodes   []Hash   `json:"nodes"`
	Next    uint64   `json:"next"`
}

// CheckExcerpt reports whether an excerpt's entries are leaves under the head,
// each at its own position, rising, and none beyond Next. That none was left
// out it cannot tell: a party knows its own.
func (h LedgerHead) CheckExcerpt(x LedgerExcerpt) ([]LedgerEntry, error) {
	entries := make([]LedgerEntry, len(x.Entries))
	last := uint64(0)
	for i, text := range x.Entries {
		e, err := ParseLedgerEntry([]byte(text))
		if err != nil {
			return nil, err
		}
		if e.Epoch != h.Epoch || e.Position <= last || e.Position > x.Next {
			return nil, Malformed("entries", "must be of the head's epoch, rising, and none beyond next")
		}
		entries[i], last = e, e.Position
	}
	if x.Next > h.Size {
		return nil, Malformed("next", "must lie under the head")
	}
	w := excerptWalk{entries: entries, texts: x.Entries, nodes: x.Nodes}
	if root := w.root(0, h.Size); !w.ended() || root != h.Root {
		return nil, Refuse(CodeHistoryForked, "excerpt", "must lead from the entries to the head's root", "keep both: the entries or the head were changed")
	}
	return entries, nil
}

// Proof makes the inclusion proof of one entry out of an excerpt that was
// checked under a head of a size.
func (x LedgerExcerpt) Proof(size, position uint64) (ProvenEntry, error) {
	w := excerptWalk{texts: x.Entries, nodes: x.Nodes, wanted: position}
	var found ProvenEntry
	for _, text := range x.Entries {
		e, err := ParseLedgerEntry([]byte(text))
		if err != nil {
			return found, err
		}
		if w.entries = append(w.entries, e); e.Position == position {
			found.Entry = text
		}
	}
	if found.Entry == "" {
		return found, Refuse(CodeNotFound, "position", "must be of an entry of the excerpt", "look for it in another")
	}
	if w.root(0, size); !w.ended() {
		return found, Malformed("excerpt", "must be one of a ledger of that size")
	}
	found.Proof = w.path
	return found, nil
}

// excerptWalk computes a root from the left to the right.
type excerptWalk struct {
	entries []LedgerEntry
	texts   []string
	nodes   []Hash
	short   bool // nodes were missing
	wanted  uint64
	path    []Hash // of the wanted position's siblings, from the leaf up
}

func (w *excerptWalk) ended() bool { return !w.short && len(w.nodes) == 0 && len(w.entries) == 0 }

// root is that of the leaves from first up to before end, of which there is one
// at least.
func (w *excerptWalk) root(first, end uint64) Hash {
	if len(w.entries) == 0 || w.entries[0].Position > end {
		if len(w.nodes) == 0 {
			w.short = true
			return Hash{}
		}
		h := w.nodes[0]
		w.nodes = w.nodes[1:]
		return h
	}
	if end-first == 1 {
		h := LeafHash([]byte(w.texts[0]))
		w.entries, w.texts = w.entries[1:], w.texts[1:]
		return h
	}
	middle := first + LeftLeaves(end-first)
	left := w.root(first, middle)
	right := w.root(middle, end)
	switch {
	case w.wanted <= first || w.wanted > end:
	case w.wanted <= middle:
		w.path = append(w.path, right)
	default:
		w.path = append(w.path, left)
	}
	return NodeHash(left, right)
}

// LeftLeaves is how many of n leaves RFC 6962 puts into the left subtree: the
// largest power of two below n, which is 2 at least.
func LeftLeaves(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }
