package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/linkage-exchange/linkage/internal/journal"
)

const (
	hubStream     = "HUB"
	hubSubjects   = "hub.>"
	commitTimeout = 30 * time.Second // a disk that needs longer is as good as broken
)

// ErrNoRecord is returned for a position that holds no record.
var ErrNoRecord = errors.New("no record at this position")

// Hub is the broker's journal: one file stream, every commit synced to disk
// before its answer. It is made by [Start] and ends with [Server.Stop].
type Hub struct {
	conn   *nats.Conn
	stream jetstream.Stream // set by open
	// writable ends, with the cause, when a record could not be written: the
	// server then answers nothing, and writes nothing until it is started anew.
	writable context.Context
	copies   int
	// local is the last position of this server's own copy; nil when there is
	// one copy only.
	local func() (uint64, error)
}

var _ journal.Journal = (*Hub)(nil)

// Hub returns the journal. Everything committed to it is on disk.
func (s *Server) Hub() *Hub { return s.hub }

func hubConfig(copies int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               hubStream,
		Subjects:           []string{hubSubjects},
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew,
		Replicas:           copies,
		AllowAtomicPublish: true,
		AllowDirect:        true,
	}
}

func (s *Server) newHub() (*Hub, error) {
	conn, err := s.connect("hub", s.opts.Keys.Broker)
	h := &Hub{conn: conn, copies: 1, writable: s.writable}
	if s.opts.Cluster != nil {
		h.copies = Brokers
		h.local = func() (uint64, error) {
			c, err := s.Copies()
			return c.Last, err
		}
	}
	return h, err
}

// open makes the stream in an empty directory, and otherwise refuses one whose
// settings are not what the promises of this package rest on. In a cluster it
// fails while this server's copy has not everything that was committed.
func (h *Hub) open(ctx context.Context) error {
	js, err := jetstream.New(h.conn)
	if err != nil {
		return fmt.Errorf("open hub: %w", err)
	}
	stream, err := js.Stream(ctx, hubStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, hubConfig(h.copies))
	}
	if err != nil {
		return fmt.Errorf("open hub: %w", err)
	}
	info := stream.CachedInfo()
	if err := compare(info.Config, hubConfig(h.copies)); err != nil {
		return fmt.Errorf("open hub: %w", err)
	}
	h.stream = stream
	if h.local != nil {
		last, err := h.local()
		if err != nil {
			return fmt.Errorf("open hub: %w", err)
		}
		if last < info.State.LastSeq {
			return fmt.Errorf("open hub: this broker's copy has %d of %d records so far", last, info.State.LastSeq)
		}
	}
	if info.State.Msgs > 0 {
		if _, err := h.Read(ctx, info.State.LastSeq); err != nil {
			return fmt.Errorf("open hub: %w", err)
		}
	}
	return nil
}

func compare(got, want jetstream.StreamConfig) error {
	for name, same := range map[string]bool{
		"subjects":       len(got.Subjects) == 1 && got.Subjects[0] == want.Subjects[0],
		"storage":        got.Storage == want.Storage,
		"retention":      got.Retention == want.Retention,
		"discard":        got.Discard == want.Discard && !got.DiscardNewPerSubject,
		"replicas":       got.Replicas == want.Replicas,
		"atomic publish": got.AllowAtomicPublish,
		"direct reads":   got.AllowDirect,
		"no age limit":   got.MaxAge == 0,
		"no count limit": got.MaxMsgs <= 0 && got.MaxMsgsPerSubject <= 0,
		"no size limit":  got.MaxBytes <= 0 && got.MaxMsgSize <= 0,
		"synced writes":  got.PersistMode == want.PersistMode,
		"not sealed":     !got.Sealed,
		"own content":    got.Mirror == nil && len(got.Sources) == 0 && got.RePublish == nil,
	} {
		if !same {
			return fmt.Errorf("stream %s has another setting: %s", hubStream, name)
		}
	}
	return nil
}

// Commit writes all records at positions last+1 and following, or none, and
// returns after they are on disk: one record as a plain write, 2 to 1,000 as
// one atomic batch, which the server completes at its next start if the power
// fails halfway. More are refused. Header names must not begin with Nats-.
func (h *Hub) Commit(ctx context.Context, last uint64, records []journal.Record) error {
	if len(records) == 0 {
		return nil
	}
	messages, err := h.messages(last, records)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	defer context.AfterFunc(h.writable, cancel)()
	final := len(messages) - 1
	for i, m := range messages[:final] {
		if err := h.conn.PublishMsg(m); err != nil {
			return fmt.Errorf("commit record %d of %d: %w", i+1, len(messages), err)
		}
	}
	reply, err := h.conn.RequestMsgWithContext(ctx, messages[final])
	if err != nil {
		if cause := context.Cause(h.writable); cause != nil {
			err = cause
		}
		return fmt.Errorf("commit %d records: %w", len(messages), err)
	}
	if err := committed(reply.Data, last, len(records)); err != nil {
		return fmt.Errorf("commit %d records after %d: %w", len(records), last, err)
	}
	return nil
}

// committed reads the hub's answer to a commit.
func committed(answer []byte, last uint64, n int) error {
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
		Count    int                 `json:"count"`
	}
	if err := json.Unmarshal(answer, &ack); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if ack.Error != nil {
		switch ack.Error.ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
			return journal.ErrMoved
		}
		return ack.Error
	}
	if want := last + uint64(n); ack.Sequence != want || (n > 1 && ack.Count != n) {
		return fmt.Errorf("hub stored %d records up to %d, not %d up to %d", max(ack.Count, 1), ack.Sequence, n, want)
	}
	return nil
}

// messages checks every record before the first is sent: a batch that stops
// halfway holds one of the server's few places for ten seconds.
func (h *Hub) messages(last uint64, records []journal.Record) ([]*nats.Msg, error) {
	if len(records) > maxBatch {
		return nil, fmt.Errorf("%d records: at most %d fit one commit", len(records), maxBatch)
	}
	id := nuid.Next()
	messages := make([]*nats.Msg, len(records))
	for i, r := range records {
		header, err := storedHeader(r.Header)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		if !storedSubject(r.Subject) {
			return nil, fmt.Errorf("record %d: subject %q is not one under hub", i+1, r.Subject)
		}
		if i == 0 {
			header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(last, 10)}
		}
		if len(records) > 1 {
			header["Nats-Batch-Id"] = []string{id}
			header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
			if i == len(records)-1 {
				header["Nats-Batch-Commit"] = []string{"1"}
			}
		}
		messages[i] = &nats.Msg{Subject: r.Subject, Header: header, Data: r.Data}
		if size := messages[i].Size(); int64(size) > h.conn.MaxPayload() {
			return nil, fmt.Errorf("record %d: %d bytes are more than %d", i+1, size, h.conn.MaxPayload())
		}
	}
	return messages, nil
}

func storedSubject(s string) bool {
	return strings.HasPrefix(s, "hub.") && !strings.ContainsAny(s, " \t\r\n*>") &&
		!strings.Contains(s, "..") && !strings.HasSuffix(s, ".")
}

// Last is the position of the newest record, 0 in an empty hub. In a cluster it
// is that of this server's copy, which may be behind the others'.
func (h *Hub) Last(ctx context.Context) (uint64, error) {
	if h.local != nil {
		return h.local()
	}
	info, err := h.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("read hub's last position: %w", err)
	}
	return info.State.LastSeq, nil
}
