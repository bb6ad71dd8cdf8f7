package agent

import (
	"context"
	"errors"
	"slices"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// EventQuery asks for events of the casebook.
type EventQuery struct {
	Network schemas.NetworkID // "" for the only one
	After   uint64            // the cursor: the number of the last event known
	Limit   int
	Subject string // "" for all
}

// Page is the answer to an [EventQuery]. Next is the cursor for the query after
// it.
type Page struct {
	Events []Event `json:"events"`
	Next   uint64  `json:"next"`
}

// AwaitEvents returns the events after a cursor. If there are none it waits
// until ctx ends, and then returns an empty page. What the agents say to each
// other about the line itself is not among them.
func (a *Agent) AwaitEvents(ctx context.Context, q EventQuery) (Page, error) {
	m, err := a.member(q.Network)
	if err != nil {
		return Page{}, err
	}
	page := Page{Events: []Event{}, Next: q.After}
	err = m.await(ctx, func() (bool, error) {
		err := m.store.View(func(tx durable.Tx) error { return m.readPage(tx, q, &page) })
		return len(page.Events) > 0, err
	})
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil // nothing came
	}
	return page, err
}

func (m *membership) readPage(tx durable.Tx, q EventQuery, page *Page) error {
	page.Events = page.Events[:0]
	add := func(e casebook.Entry) error {
		if len(page.Events) == q.Limit {
			return durable.ErrStop
		}
		if page.Next = e.Number; !e.Housekeeping() {
			page.Events = append(page.Events, eventOf(m.network, e))
		}
		return nil
	}
	if q.Subject == "" {
		return casebook.Events(tx, q.After, add)
	}
	view, _, err := casebook.Subject(tx, q.Subject)
	if err != nil {
		return err
	}
	var numbers []uint64
	for _, step := range view.History {
		if step.Number > q.After {
			numbers = append(numbers, step.Number)
		}
	}
	slices.Sort(numbers)
	for _, n := range numbers[:min(len(numbers), q.Limit)] {
		e, ok, err := casebook.Read(tx, n)
		if err != nil || !ok {
			return err
		}
		_ = add(e) // the limit is kept already
	}
	return nil
}
