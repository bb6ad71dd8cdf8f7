// Package journal is the contract between the broker's parts and its hub: one
// ordered, durable sequence of records with one writer.
package journal

import (
	"context"
	"errors"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Record is one record of the hub. Position and Time are set by the hub.
type Record struct {
	// Subject is where the record is filed, such as hub.0.grant.<grant>. It
	// never names a person.
	Subject string
	// Header holds the record's attributes; names are compared exactly.
	Header map[string][]string
	Data   []byte
	// Position is the record's place in the hub, from 1, without gaps.
	Position uint64
	// Time is when the hub stored the record.
	Time time.Time
}

// Get returns the first value of a header, "" if there is none.
func (r Record) Get(name string) string {
	if v := r.Header[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// ErrMoved is returned by Commit when the hub's last position is not the one
// that the writer expected: somebody else wrote, or an earlier commit whose
// answer was lost went in. Nothing of the batch was written.
var ErrMoved = errors.New("hub moved")

// Journal is the hub. Commit has one caller at a time.
type Journal interface {
	// Commit writes all records, at positions last+1 and following, or none,
	// and returns after fsync. Any error but ErrMoved leaves open whether the
	// batch went in: the caller reads on from last before it decides again.
	Commit(ctx context.Context, last uint64, records []Record) error
	// Scan calls fn for every record from the given position on, in order, up
	// to the last one at the time of the call.
	Scan(ctx context.Context, from uint64, fn func(Record) error) error
	// Read returns the record at a position.
	Read(ctx context.Context, position uint64) (Record, error)
	// Last is the position of the newest record, 0 in an empty hub.
	Last(ctx context.Context) (uint64, error)
}

// Change is a decision about members or grants that waits to be written. The
// gate, the hub's only writer, runs it between its own.
type Change struct {
	// Keys name what the change touches, such as grant:<id>. Changes that share
	// a key are never decided in the same commit, so that each sees the ones
	// before it.
	Keys []string
	// Exclusive changes take something away. While one is decided and committed
	// no page is between its last check and its hand-over.
	Exclusive bool
	// Revokes names the grants that the change ends, or finds ended; what
	// becomes of their envelopes is in the [Outcome].
	Revokes []schemas.GrantID
	// Decide returns the records to write; none when nothing has to change. It
	// may run more than once.
	Decide func() ([]Record, error)
}

// Outcome is what became of a [Change]: when it is returned, the change is on
// disk and in force.
type Outcome struct {
	Position uint64 // of the change's last record; 0 if none was needed
	Time     time.Time
	// What became of the envelopes under the grants in Revokes that their
	// recipient had not acknowledged. Each is in one count.
	HandedOver, Withdrawn, Unknown int
}
