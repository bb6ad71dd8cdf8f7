package transport

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/linkage-exchange/linkage/internal/journal"
)

const (
	pageRecords = 512
	pageBytes   = 4 << 20
	shortScan   = 2 * pageRecords // beyond it a stream is worth its setting up
	scanBytes   = 8 << 20         // under way from the server at once
)

// Scan calls fn for every record from the given position on, in order, up to
// the last one at the time of the call. Positions that were purged are passed
// over. The records are fn's to keep.
func (h *Hub) Scan(ctx context.Context, from uint64, fn func(journal.Record) error) error {
	last, err := h.Last(ctx)
	if err != nil {
		return err
	}
	from = max(from, 1)
	switch {
	case from > last:
		return nil
	case last-from < shortScan || h.copies > 1: // a stream may come from a copy that is lost meanwhile
		return h.scanPages(ctx, from, last, fn)
	default:
		return h.scanStream(ctx, from, last, fn)
	}
}

// scanPages asks for one page after the other: little to set up, so it is the
// way to catch up with a few records.
func (h *Hub) scanPages(ctx context.Context, from, last uint64, fn func(journal.Record) error) error {
	in, err := h.answers()
	if err != nil {
		return fmt.Errorf("scan hub: %w", err)
	}
	defer in.close()
	began := time.Now() // of the wait for the next record
	for next, page := from, 0; next <= last; page++ {
		token := strconv.Itoa(page)
		request := fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d}`, next, pageRecords, pageBytes)
		if err := h.conn.PublishRequest(directGet, in.subject(token), request); err != nil {
			return fmt.Errorf("scan hub from %d: %w", next, err)
		}
		read := next
		for {
			record, of, err := in.next(ctx, h.patience())
			if of != token && of != "" {
				continue // a late answer of a copy that was given up
			}
			if errors.Is(err, errEnd) || err != nil && h.copies > 1 && ctx.Err() == nil && time.Since(began) < readTimeout {
				break
			}
			if err != nil {
				return fmt.Errorf("scan hub from %d: %w", next, err)
			}
			if record.Position < next {
				continue
			}
			next, began = record.Position+1, time.Now()
			if record.Position > last {
				continue // written since the call; the page's end still has to be read
			}
			if err := fn(record); err != nil {
				return err
			}
		}
		if next > read {
			continue
		}
		if h.copies == 1 || time.Since(began) > copyTimeout {
			return nil // the rest was purged
		}
		if err := pause(ctx, localPatience); err != nil { // the copy that was asked may be behind
			return fmt.Errorf("scan hub from %d: %w", next, err)
		}
	}
	return nil
}

// scanStream has the server push: three times as fast as pages, once running.
func (h *Hub) scanStream(ctx context.Context, from, last uint64, fn func(journal.Record) error) error {
	consumer, err := h.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, InactiveThreshold: readTimeout,
	})
	if err != nil {
		return fmt.Errorf("scan hub from %d: %w", from, err)
	}
	defer func() { // it would end by itself after a while; nobody waits for that
		_ = h.stream.DeleteConsumer(context.WithoutCancel(ctx), consumer.CachedInfo().Name)
	}()
	if consumer.CachedInfo().NumPending == 0 {
		return nil // all of it was purged
	}
	messages, err := consumer.Messages(jetstream.PullMaxBytes(scanBytes))
	if err != nil {
		return fmt.Errorf("scan hub from %d: %w", from, err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	for {
		m, err := messages.Next(jetstream.NextMaxWait(readTimeout))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("scan hub from %d: %w", from, err)
		}
		at, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("scan hub from %d: %w", from, err)
		}
		if at.Sequence.Stream > last {
			return nil
		}
		if err := fn(journal.Record{
			Subject: m.Subject(), Header: ownHeader(m.Headers()), Data: m.Data(),
			Position: at.Sequence.Stream, Time: at.Timestamp.UTC(),
		}); err != nil {
			return err
		}
		if at.Sequence.Stream == last || at.NumPending == 0 {
			return nil
		}
	}
}
