package transport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkage-exchange/linkage/internal/journal"
)

const (
	directGet   = "$JS.API.DIRECT.GET." + hubStream
	readWindow  = 256              // reads under way at once
	readTimeout = 30 * time.Second // without any answer
	// A copy of a cluster that does not answer a read in this time was lost:
	// another is asked. One that does not have a record may be behind.
	copyTimeout = 2 * time.Second
)

// errEnd ends a page or says that nothing lies at or after its start.
var errEnd = errors.New("end of page")

// Read returns the record at a position, or [ErrNoRecord].
func (h *Hub) Read(ctx context.Context, position uint64) (record journal.Record, err error) {
	if h.copies > 1 { // it knows how to ask another
		err = h.ReadMany(ctx, []uint64{position}, func(r journal.Record) error {
			record = r
			return nil
		})
		return record, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	m, err := h.conn.RequestWithContext(ctx, directGet, place(position))
	if err == nil {
		record, err = decode(m)
	}
	if errors.Is(err, errEnd) {
		err = ErrNoRecord
	}
	if err != nil {
		return journal.Record{}, fmt.Errorf("read hub at %d: %w", position, err)
	}
	return record, nil
}

// ReadMany calls fn for the record at each position, in the order given; the
// first position without a record ends it with [ErrNoRecord]. It reads many
// scattered positions in far less time than as many calls of Read.
func (h *Hub) ReadMany(ctx context.Context, positions []uint64, fn func(journal.Record) error) error {
	in, err := h.answers()
	if err != nil {
		return fmt.Errorf("read hub: %w", err)
	}
	defer in.close()
	records := make([]journal.Record, readWindow)
	for ; len(positions) > 0; positions = positions[min(readWindow, len(positions)):] {
		window := positions[:min(readWindow, len(positions))]
		if err := h.readWindow(ctx, in, window, records); err != nil {
			return err
		}
		for _, record := range records[:len(window)] {
			if err := fn(record); err != nil {
				return err
			}
		}
	}
	return nil
}

// readWindow reads the records at some positions. In a cluster it asks again
// for what a lost copy did not answer, and for what one that is behind did not
// have.
func (h *Hub) readWindow(ctx context.Context, in *answers, window []uint64, records []journal.Record) error {
	clear(records[:len(window)])
	began := time.Now()
	missing := func(i int) bool { return records[i].Position == 0 }
	for {
		asked := 0
		for i, position := range window {
			if !missing(i) {
				continue
			}
			asked++
			if err := h.conn.PublishRequest(directGet, in.subject(strconv.Itoa(i)), place(position)); err != nil {
				return fmt.Errorf("read hub at %d: %w", position, err)
			}
		}
		var none error
		for range asked {
			record, token, err := in.next(ctx, h.patience())
			if errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				none = err
				break
			}
			i, bad := strconv.Atoi(token)
			if bad != nil || i >= len(window) {
				return fmt.Errorf("read hub: answer to no question: %w", errors.Join(err, bad))
			}
			switch {
			case errors.Is(err, errEnd):
				none = fmt.Errorf("read hub at %d: %w", window[i], ErrNoRecord)
			case err != nil:
				return fmt.Errorf("read hub at %d: %w", window[i], err)
			default:
				records[i] = record
			}
		}
		if none == nil && !slices.ContainsFunc(records[:len(window)], func(r journal.Record) bool { return r.Position == 0 }) {
			return nil
		}
		if since := time.Since(began); h.copies == 1 || errors.Is(none, ErrNoRecord) && since > copyTimeout || since > readTimeout {
			return none
		}
		if err := pause(ctx, localPatience); err != nil {
			return errors.Join(err, none)
		}
	}
}

// patience is for how long one copy of the hub is waited for.
func (h *Hub) patience() time.Duration {
	if h.copies > 1 {
		return copyTimeout
	}
	return readTimeout
}

// answers receives what direct reads send back.
type answers struct {
	prefix string
	sub    *nats.Subscription
}

func (h *Hub) answers() (*answers, error) {
	prefix := h.conn.NewInbox()
	sub, err := h.conn.SubscribeSync(prefix + ".*")
	if err != nil {
		return nil, err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil { // windows and pages bound it
		return nil, errors.Join(err, sub.Unsubscribe())
	}
	return &answers{prefix: prefix + ".", sub: sub}, nil
}

func (a *answers) close()                      { _ = a.sub.Unsubscribe() } // fails only on a closed connection
func (a *answers) subject(token string) string { return a.prefix + token }

// next waits for one answer and returns the record, the token of the request
// that it answers, and errEnd if it is not a record.
func (a *answers) next(ctx context.Context, patience time.Duration) (journal.Record, string, error) {
	m, err := a.sub.NextMsg(0)
	if err != nil { // nothing there yet
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if m, err = a.sub.NextMsgWithContext(ctx); err != nil {
			return journal.Record{}, "", err
		}
	}
	record, err := decode(m)
	return record, m.Subject[len(a.prefix):], err
}

func place(position uint64) []byte { return fmt.Appendf(nil, `{"seq":%d}`, position) }

// decode reads the answer to a direct read; errEnd if it is not a record.
func decode(m *nats.Msg) (journal.Record, error) {
	position := m.Header[jetstream.SequenceHeader]
	if len(position) == 0 {
		if status := m.Header.Get("Status"); status != "404" && status != "204" {
			return journal.Record{}, fmt.Errorf("hub answered %s %s", status, m.Header.Get("Description"))
		}
		return journal.Record{}, errEnd
	}
	record := journal.Record{Subject: m.Header.Get(jetstream.SubjectHeader), Data: m.Data}
	var err error
	if record.Position, err = strconv.ParseUint(position[0], 10, 64); err != nil {
		return journal.Record{}, err
	}
	if record.Time, err = time.Parse(time.RFC3339Nano, m.Header.Get(jetstream.TimeStampHeaer)); err != nil {
		return journal.Record{}, err
	}
	record.Header = ownHeader(m.Header)
	return record, nil
}
