package gate_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
)

// memory is a hub without a disk, for the thousands of schedules that a disk
// would make slow. It keeps the real one's rules.
type memory struct {
	now func() time.Time

	mu      sync.Mutex // guards records
	records []journal.Record
}

var errNoRecord = errors.New("no record at this position")

func (m *memory) Commit(_ context.Context, last uint64, records []journal.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last != uint64(len(m.records)) {
		return journal.ErrMoved
	}
	if len(records) > 1000 {
		return errors.New("at most 1000 records fit one commit")
	}
	for _, r := range records {
		r.Position, r.Time, r.Header = uint64(len(m.records))+1, m.now(), maps.Clone(r.Header)
		m.records = append(m.records, r)
	}
	return nil
}

func (m *memory) all() []journal.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[:len(m.records):len(m.records)]
}

func (m *memory) Scan(_ context.Context, from uint64, fn func(journal.Record) error) error {
	for _, r := range m.all()[max(from, 1)-1:] {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Read(_ context.Context, position uint64) (journal.Record, error) {
	all := m.all()
	if position == 0 || position > uint64(len(all)) {
		return journal.Record{}, errNoRecord
	}
	return all[position-1], nil
}

func (m *memory) ReadMany(ctx context.Context, positions []uint64, fn func(journal.Record) error) error {
	for _, position := range positions {
		r, err := m.Read(ctx, position)
		if err != nil {
			return err
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Last(context.Context) (uint64, error) { return uint64(len(m.all())), nil }
