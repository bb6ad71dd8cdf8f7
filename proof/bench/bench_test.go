package main

import (
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// A prepared member's envelopes must be what the gate takes: the chain unbroken
// and the signature good.
func TestPreparedEnvelopesChain(t *testing.T) {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	sealing, err := schemas.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	m := &member{
		agency: "prepared-0", key: key, chain: schemas.NewULID(time.Now()), heads: map[schemas.AgencyID]head{},
		site: &site{sealing: sealing.PublicKey().Bytes()},
	}
	messages, err := m.prepare("prepared-1", schemas.NewGrantID(), 3)
	if err != nil {
		t.Fatal(err)
	}
	var last schemas.Hash
	for i, message := range messages {
		e, err := schemas.ParseEnvelope(message.Header, message.Data)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Verify(public); err != nil {
			t.Error(err)
		}
		if e.Sequence != uint64(i+1) || e.Previous != last {
			t.Errorf("envelope %d has sequence %d after %s, want after %s", i+1, e.Sequence, e.Previous, last)
		}
		last = e.Hash()
	}
}

func TestSpreadAndMiddle(t *testing.T) {
	runs := []float64{300, 100, 200}
	if got := middle(runs); got != 200 {
		t.Errorf("got %v", got)
	}
	if got, want := spread(runs, perSecond), "100/s to 300/s in 3 runs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	l := load{took: []time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}
	if got := l.at(0.99); got != 10 {
		t.Errorf("p99 of ten is %v", got)
	}
	if got := l.at(0.5); got != 6 {
		t.Errorf("p50 of ten is %v", got)
	}
}

// The page must say what was not measured, and not call a missed target met.
func TestDocumentSaysWhatIsMissing(t *testing.T) {
	page := string(document(surroundings{commit: "abc"}, []result{
		{row: row{what: "fast", target: "quick"}, figures: []figure{{what: "rate", value: "3/s", met: met(false)}}},
		{row: row{what: "later", target: "soon"}, missing: "it | failed"},
	}))
	for _, want := range []string{"| fast | quick | rate: 3/s |  | **no** |", "| later | soon | not run: it / failed | | |"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

func TestRowsAreWhole(t *testing.T) {
	var names []string
	for _, r := range rows {
		if (r.measure == nil) == (r.missing == "") || r.what == "" || r.target == "" || slices.Contains(names, r.name) {
			t.Errorf("row %q is not whole", r.name)
		}
		names = append(names, r.name)
	}
}

func TestBesideReturnsEveryError(t *testing.T) {
	err := beside(3, 2, func(i int) error {
		if i == 1 {
			return context.Canceled
		}
		return nil
	})
	if err == nil {
		t.Error("an error was lost")
	}
}
