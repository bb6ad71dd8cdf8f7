package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
)

func record(subject, data string) journal.Record {
	return journal.Record{Subject: subject, Header: map[string][]string{"ce-id": {data}}, Data: []byte(data)}
}

// commit appends at whatever the last position is and returns the first new one.
func commit(t testing.TB, h *transport.Hub, records ...journal.Record) uint64 {
	t.Helper()
	last, err := h.Last(t.Context())
	check(t, err)
	check(t, h.Commit(t.Context(), last, records))
	return last + 1
}

func scan(t fataler, h *transport.Hub, from uint64) (records []journal.Record) {
	t.Helper()
	if err := h.Scan(context.Background(), from, func(r journal.Record) error { records = append(records, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return records
}

// fataler is what rapid's T and testing's have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func same(a, b journal.Record) bool {
	return a.Subject == b.Subject && bytes.Equal(a.Data, b.Data) && maps.EqualFunc(a.Header, b.Header, slices.Equal)
}

func TestCommitOfOneRecordAndOfMany(t *testing.T) {
	h := shared.server.Hub()
	for _, n := range []int{1, 2, 7, 1000} {
		var want []journal.Record
		for i := range n {
			want = append(want, record(fmt.Sprintf("hub.0.inbox.A.%d", i%3), fmt.Sprintf("%d of %d", i, n)))
		}
		before := make([]journal.Record, n)
		for i, r := range want {
			before[i] = journal.Record{Header: maps.Clone(r.Header)}
		}
		first := commit(t, h, want...)
		got := scan(t, h, first)
		if len(got) != n {
			t.Fatalf("%d records: scanned %d", n, len(got))
		}
		for i, r := range got {
			if !same(r, want[i]) || r.Position != first+uint64(i) || r.Time.IsZero() {
				t.Fatalf("record %d of %d: got %v, want %v", i, n, r, want[i])
			}
			if !reflect.DeepEqual(want[i].Header, before[i].Header) {
				t.Fatalf("commit changed the caller's header: %v", want[i].Header)
			}
			read, err := h.Read(t.Context(), r.Position)
			check(t, err)
			if !same(read, r) || read.Position != r.Position || !read.Time.Equal(r.Time) {
				t.Fatalf("read %v, scanned %v", read, r)
			}
		}
	}
}

func TestCommitAtAWrongPositionWritesNothing(t *testing.T) {
	h := shared.server.Hub()
	last := commit(t, h, record("hub.0.epoch", "x"))
	for _, n := range []int{1, 2, 40} {
		for _, wrong := range []uint64{0, last - 1, last + 1, last + 1000} {
			if err := h.Commit(t.Context(), wrong, slices.Repeat([]journal.Record{record("hub.0.epoch", "y")}, n)); !errors.Is(err, journal.ErrMoved) {
				t.Errorf("%d records after %d instead of %d: %v", n, wrong, last, err)
			}
		}
	}
	if got, err := h.Last(t.Context()); err != nil || got != last {
		t.Errorf("last is %d (%v), want %d", got, err, last)
	}
}

func TestCommitRefusesWhatWouldNotComeBack(t *testing.T) {
	h := shared.server.Hub()
	last := commit(t, h, record("hub.0.epoch", "x"))
	header := func(name, value string) journal.Record {
		return journal.Record{Subject: "hub.0.x", Header: map[string][]string{name: {value}}}
	}
	for name, bad := range map[string]journal.Record{
		"server's header":  header("Nats-Expected-Last-Sequence", "0"),
		"in other case":    header("nats-rollup", "all"),
		"line end":         header("ce-id", "a\r\nb"),
		"outer space":      header("ce-id", " a"),
		"colon in name":    header("ce:id", "a"),
		"empty name":       header("", "a"),
		"other subject":    record("deliver.x.hint", "a"),
		"wildcard":         record("hub.0.>", "a"),
		"empty token":      record("hub.0..a", "a"),
		"space in subject": record("hub.0.a b", "a"),
		"too large":        record("hub.0.x", strings.Repeat("a", 1<<20)),
	} {
		for _, records := range [][]journal.Record{{bad}, {record("hub.0.x", "a"), bad}} {
			if err := h.Commit(t.Context(), last, records); err == nil || errors.Is(err, journal.ErrMoved) {
				t.Errorf("%s, %d records: %v", name, len(records), err)
			}
		}
	}
	if err := h.Commit(t.Context(), last, make([]journal.Record, 1001)); err == nil {
		t.Error("1001 records were taken")
	}
	if err := h.Commit(t.Context(), last, nil); err != nil {
		t.Errorf("nothing to commit: %v", err)
	}
	if got, err := h.Last(t.Context()); err != nil || got != last {
		t.Errorf("last is %d (%v), want %d", got, err, last)
	}
}

func TestHeadersComeBackAsTheyWere(t *testing.T) {
	h := shared.server.Hub()
	want := journal.Record{Subject: "hub.0.inbox.A.b", Header: map[string][]string{
		"ce-id": {"0199"}, "CE-ID": {"other"}, "ce-source": {"/agencies/a%20b%22%25"}, "empty": {""}, "twice": {"b", "a"},
		"inner": {"a  b\tc"}, "utf8": {"Zoë"}, "Status": {"404"}, "Description": {"EOB"}, "colon": {"a: b:c"},
	}}
	for _, n := range []int{1, 2} { // no data: the wire's own notes look like this
		first := commit(t, h, slices.Repeat([]journal.Record{want}, n)...)
		for _, got := range scan(t, h, first) {
			if !same(got, want) {
				t.Errorf("got %q, want %q", got.Header, want.Header)
			}
		}
	}
}

func TestReadManyKeepsTheOrderAsked(t *testing.T) {
	h := shared.server.Hub()
	var records []journal.Record
	for i := range 700 {
		records = append(records, record("hub.0.inbox.A.b", fmt.Sprint(i)))
	}
	first := commit(t, h, records...)
	var positions []uint64
	for i := range 700 {
		positions = append(positions, first+uint64(i*457%700))
	}
	var got []uint64
	check(t, h.ReadMany(t.Context(), positions, func(r journal.Record) error {
		if string(r.Data) != fmt.Sprint(r.Position-first) {
			t.Errorf("position %d holds %s", r.Position, r.Data)
		}
		got = append(got, r.Position)
		return nil
	}))
	if !slices.Equal(got, positions) {
		t.Error("other order")
	}
	stop := errors.New("stop")
	if err := h.ReadMany(t.Context(), positions, func(journal.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if err := h.Scan(t.Context(), 1, func(journal.Record) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestLongScanPassesOverGaps(t *testing.T) {
	h := shared.server.Hub()
	all := slices.Repeat([]journal.Record{record("hub.0.x", "a")}, 1000)
	first := commit(t, h, all...)
	commit(t, h, all...)
	last := commit(t, h, all...) + 999
	for _, gone := range []uint64{first, first + 1500, last} {
		check(t, h.DeleteRecord(t.Context(), gone))
	}
	if got := scan(t, h, first); len(got) != 2997 || got[0].Position != first+1 || got[2996].Position != last-1 {
		t.Errorf("got %d records", len(got))
	}
	stop := errors.New("stop")
	for range 100 { // more often than the server allows readers at once
		if err := h.Scan(t.Context(), first, func(journal.Record) error { return stop }); !errors.Is(err, stop) {
			t.Fatalf("got %v", err)
		}
	}
	seen := 0
	check(t, h.Scan(t.Context(), first, func(r journal.Record) error {
		if seen++; seen == 1 { // what comes after the call is not part of it
			commit(t, h, record("hub.0.x", "late"))
		}
		if r.Position > last {
			t.Errorf("scanned %d, last was %d", r.Position, last)
		}
		return nil
	}))
	for position := first; position <= last+1; position++ {
		_ = h.DeleteRecord(t.Context(), position) // some are gone already
	}
	if got := scan(t, h, first); len(got) != 0 {
		t.Errorf("scanned %d purged records", len(got))
	}
}

func TestScanPassesOverGaps(t *testing.T) {
	h := shared.server.Hub()
	first := commit(t, h, slices.Repeat([]journal.Record{record("hub.0.x", "a")}, 5)...)
	for _, gone := range []uint64{first + 1, first + 4} {
		check(t, h.DeleteRecord(t.Context(), gone))
		if _, err := h.Read(t.Context(), gone); !errors.Is(err, transport.ErrNoRecord) {
			t.Errorf("read a gap: %v", err)
		}
	}
	if got := scan(t, h, first); len(got) != 3 || got[2].Position != first+3 {
		t.Errorf("got %v", got)
	}
	if got := scan(t, h, first+4); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if _, err := h.Read(t.Context(), first+5); !errors.Is(err, transport.ErrNoRecord) {
		t.Errorf("read after the end: %v", err)
	}
	if last, err := h.Last(t.Context()); err != nil || last != first+4 {
		t.Errorf("last is %d (%v), want %d", last, err, first+4)
	}
}

// TestHubIsASlice holds any sequence of commits against a slice.
func TestHubIsASlice(t *testing.T) {
	h := shared.server.Hub()
	text := rapid.StringMatching(`[ -9;-~]{0,40}`)
	rapid.Check(t, func(t *rapid.T) {
		base, err := h.Last(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var model []journal.Record
		for range rapid.IntRange(1, 6).Draw(t, "commits") {
			records := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) journal.Record {
				return journal.Record{
					Subject: "hub.0." + rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "subject"),
					Header:  map[string][]string{"ce-x": {strings.TrimSpace(text.Draw(t, "value"))}},
					Data:    []byte(text.Draw(t, "data")),
				}
			}), 1, 50).Draw(t, "records")
			last := base + uint64(len(model))
			expected := last
			if rapid.Bool().Draw(t, "wrong") {
				expected = rapid.Uint64Range(0, last+60).Draw(t, "expected")
			}
			err := h.Commit(context.Background(), expected, records)
			switch {
			case expected == last && err != nil:
				t.Fatal(err)
			case expected == last:
				model = append(model, records...)
			case !errors.Is(err, journal.ErrMoved):
				t.Fatalf("expected %d, last %d: %v", expected, last, err)
			}
		}
		got := scan(t, h, base+1)
		if len(got) != len(model) {
			t.Fatalf("%d records, want %d", len(got), len(model))
		}
		for i, r := range got {
			if !same(r, model[i]) || r.Position != base+uint64(i)+1 {
				t.Fatalf("at %d: got %v, want %v", base+uint64(i)+1, r, model[i])
			}
		}
	})
}
