package ledger

import "context"

// Advance does what the follower does at each look, for tests that want to know
// when.
func (l *Ledger) Advance(ctx context.Context) error { return l.advance(ctx) }

// TileWidth is how many hashes a full tile holds.
const TileWidth = tileWidth
