// The FIPS module takes its entropy from real time, which a synctest bubble does
// not have.
//
//go:debug fips140=off
package outbox_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	network = schemas.NetworkID("river-county")
	own     = schemas.AgencyID("riverside-treatment")
	court   = schemas.AgencyID("drug-court")
	housing = schemas.AgencyID("housing-first")
)

// errLost says that the line broke: some answers did not come.
var errLost = errors.New("the line broke")

// gate is a line to a broker that answers like the real gate: it keeps every
// chain without a gap, knows what it has committed, and refuses what a test
// tells it to refuse. It fails the test when an envelope without a definite
// answer comes again with other bytes, or is not signed.
type gate struct {
	t   testing.TB
	key ed25519.PublicKey

	mu       sync.Mutex // guards what follows
	down     bool
	calls    int
	chains   map[string][]schemas.Envelope
	accepted []schemas.Envelope
	open     map[schemas.EventID]schemas.Envelope // without a definite answer
	// refuse is asked about every envelope that was not committed before.
	refuse func(schemas.Envelope) *schemas.Error
	// entry goes with the refusal unknown-recipient-key.
	entry *schemas.Entry
	// taken and answered bound how many envelopes of a call are looked at, and
	// answered, before the line breaks; -1 for all.
	taken, answered int
	// trusting skips the signature of most envelopes.
	trusting bool
	// held, if there is one for a recipient, is waited for before anything.
	held map[schemas.AgencyID]chan struct{}
}

func (g *gate) Connected() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.down
}

func (g *gate) SubmitAll(ctx context.Context, envelopes []schemas.Envelope, reply func(schemas.SubmitReply)) error {
	g.mu.Lock()
	g.calls++
	held := g.held[envelopes[0].Recipient]
	g.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return errLost
	}
	refused := map[string]bool{}
	dead := false // behind one that was refused for good, in the same chain: see answer
	for i, e := range envelopes {
		g.checkBytes(e)
		taken := g.taken < 0 || i < g.taken
		var r schemas.SubmitReply
		if taken {
			r = g.decide(e, refused)
		}
		if !taken || g.answered >= 0 && i >= g.answered {
			if !dead {
				g.open[e.ID] = e
			}
			continue
		}
		dead = g.answer(e, r) || dead
		reply(r)
	}
	if g.taken >= 0 || g.answered >= 0 {
		return errLost
	}
	return nil
}

// checkBytes holds an envelope against what was sent before under its id.
func (g *gate) checkBytes(e schemas.Envelope) {
	if before, ok := g.open[e.ID]; ok && !bytes.Equal(wire(before), wire(e)) {
		g.t.Errorf("envelope %d for %s came with other bytes although nobody had answered it", e.Sequence, e.Recipient)
	}
	if g.trusting && e.Sequence%100 > 0 {
		return
	}
	if err := e.Verify(g.key); err != nil {
		g.t.Errorf("envelope %d for %s: %v", e.Sequence, e.Recipient, err)
	}
}

// answer notes that an envelope's fate is known. If it was refused for good,
// what was sent behind it can never be accepted as it was.
func (g *gate) answer(e schemas.Envelope, r schemas.SubmitReply) (refused bool) {
	delete(g.open, e.ID)
	if r.Code == "" || r.Code.Kind() == schemas.KindLater && r.Code != schemas.CodeClockSkew {
		return false
	}
	maps.DeleteFunc(g.open, func(_ schemas.EventID, o schemas.Envelope) bool {
		return o.Recipient == e.Recipient && o.Sequence > e.Sequence
	})
	return true
}

func wire(e schemas.Envelope) []byte {
	var b bytes.Buffer
	h := e.Header()
	for _, name := range []string{"ce-id", "ce-time", "ce-recipient", "ce-grant", "ce-recipientkey", "ce-chain", "ce-sequence", "ce-previous", "ce-dssematerial"} {
		fmt.Fprintln(&b, h[name])
	}
	b.Write(e.Data)
	return b.Bytes()
}

func (g *gate) decide(e schemas.Envelope, refused map[string]bool) schemas.SubmitReply {
	key := string(e.Recipient) + "|" + string(e.Chain)
	all := g.chains[key]
	last := uint64(len(all))
	var previous schemas.Hash
	if last > 0 {
		previous = all[last-1].Hash()
	}
	expect := &schemas.Expect{Chain: e.Chain, Sequence: last + 1, Previous: previous}
	no := func(code schemas.Code) schemas.SubmitReply {
		if e.Sequence == last+1 {
			refused[key] = true
		}
		result := schemas.ResultRefused
		if code == schemas.CodeNotAttempted {
			result = schemas.ResultNotAttempted
		}
		r := schemas.SubmitReply{V: 1, Envelope: e.ID, Result: result, Refusal: schemas.Refusal{Code: code, Rule: "must not be refused"}, Expect: expect}
		if code == schemas.CodeUnknownRecipientKey {
			r.Entry = g.entry
		}
		return r
	}
	switch {
	case e.Sequence <= last && all[e.Sequence-1].Hash() == e.Hash():
		return schemas.SubmitReply{V: 1, Envelope: e.ID, Result: schemas.ResultDuplicate, Position: e.Sequence}
	case e.Sequence <= last:
		return no(schemas.CodeChainConflict)
	}
	if g.refuse != nil {
		if err := g.refuse(e); err != nil {
			return no(err.Code)
		}
	}
	switch {
	case refused[key] && e.Sequence > last+1:
		return no(schemas.CodeNotAttempted)
	case e.Sequence != last+1:
		return no(schemas.CodeSequenceGap)
	case e.Previous != previous:
		return no(schemas.CodeChainMismatch)
	}
	g.chains[key] = append(all, e)
	g.accepted = append(g.accepted, e)
	return schemas.SubmitReply{V: 1, Envelope: e.ID, Result: schemas.ResultAccepted, Position: uint64(len(g.accepted))}
}

// set changes the gate's behaviour.
func (g *gate) set(change func(*gate)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g)
}

// to lists what was accepted for a recipient.
func (g *gate) to(a schemas.AgencyID) []schemas.Envelope {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []schemas.Envelope
	for _, e := range g.accepted {
		if e.Recipient == a {
			all = append(all, e)
		}
	}
	return all
}

func (g *gate) attempts() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}

// record is the agency's record as the outbox sees it.
type record struct {
	key ed25519.PrivateKey

	mu      sync.Mutex // guards what follows
	keys    map[schemas.AgencyID]hpke.PrivateKey
	refused map[uint64]schemas.Code // by event
	unready map[uint64]bool         // by event
	grants  map[uint64]schemas.GrantID
	quiet   map[schemas.GrantID]bool
	alarms  []string
	entered func(*record) // what a card that a refusal brought changes
}

func (c *record) Committed() {}

func (c *record) Moved(durable.Tx, outbox.State, outbox.Delivery) error { return nil }

func (c *record) Prepare(_ durable.Tx, d outbox.Delivery, _ schemas.EventID) (schemas.Sealed, schemas.GrantID, bool, error) {
	event := d.Event
	c.mu.Lock()
	defer c.mu.Unlock()
	if code, ok := c.refused[event]; ok {
		return schemas.Sealed{}, "", false, schemas.Refuse(code, "grant", "must permit it", "ask the client")
	}
	grant := schemas.CharterGrant
	if g, ok := c.grants[event]; ok {
		grant = g
	}
	s := schemas.Sealed{Event: schemas.SignBytes(schemas.RecordEvent, []byte(strconv.FormatUint(event, 10)), c.key)}
	if grant != schemas.CharterGrant {
		s.Terms = &schemas.SignedRecord{PayloadType: schemas.RecordTerms}
	}
	return s, grant, !c.unready[event], nil
}

func (c *record) Quiet(_ durable.Tx, grant schemas.GrantID) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quiet[grant], nil
}

func (c *record) SealingKey(_ durable.Tx, a schemas.AgencyID) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[a].PublicKey().Bytes(), nil
}

func (c *record) ApplyEntry(durable.Tx, schemas.Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entered != nil {
		c.entered(c)
	}
	return nil
}

func (c *record) Due(durable.Tx, outbox.Delivery) (bool, error) { return true, nil }

func (c *record) Forgotten(tx durable.Tx, from schemas.AgencyID, _ schemas.ReceiptItem) error {
	return c.Raise(tx, schemas.CodeChainMismatch, from, "")
}

func (c *record) Doubled(tx durable.Tx) error {
	return c.Raise(tx, schemas.CodeChainConflict, "", "")
}

func (c *record) Raise(_ durable.Tx, code schemas.Code, about schemas.AgencyID, _ string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarms = append(c.alarms, fmt.Sprintf("%s %s", code, about))
	return nil
}

func (c *record) set(change func(*record)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *record) alarmed() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.alarms, ", ")
}

// sealingKeys are made once: two for each recipient.
var sealingKeys = sync.OnceValue(func() map[schemas.AgencyID][2]hpke.PrivateKey {
	keys := map[schemas.AgencyID][2]hpke.PrivateKey{}
	for _, a := range []schemas.AgencyID{court, housing} {
		var pair [2]hpke.PrivateKey
		for i := range pair {
			key, err := schemas.NewSealingKey()
			if err != nil {
				panic(err)
			}
			pair[i] = key
		}
		keys[a] = pair
	}
	return keys
})

// house is an outbox with everything around it.
type house struct {
	t      testing.TB
	store  *durabletest.Memory
	gate   *gate
	record *record
	box    *outbox.Outbox
	events uint64
}

// open makes a house; call it within a bubble, and close it there.
func open(t testing.TB) *house {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	h := &house{
		t: t, store: durabletest.New(),
		gate: &gate{
			t: t, key: key.Public().(ed25519.PublicKey), chains: map[string][]schemas.Envelope{}, open: map[schemas.EventID]schemas.Envelope{},
			taken: -1, answered: -1, held: map[schemas.AgencyID]chan struct{}{},
		},
		record: &record{
			key: key, keys: map[schemas.AgencyID]hpke.PrivateKey{}, refused: map[uint64]schemas.Code{}, unready: map[uint64]bool{},
			grants: map[uint64]schemas.GrantID{}, quiet: map[schemas.GrantID]bool{},
		},
	}
	for a, pair := range sealingKeys() {
		h.record.keys[a] = pair[0]
	}
	h.update(func(tx durable.Tx) error { return outbox.BeginChain(tx, schemas.NewULID(time.Now())) })
	h.start()
	return h
}

func (h *house) update(fn func(tx durable.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		h.t.Error(err)
	}
}

// start opens the outbox, the first time or again.
func (h *house) start() {
	h.t.Helper()
	box, err := outbox.Open(outbox.Options{
		Network: network, Own: own, Store: h.store, Line: h.gate, Content: h.record,
		Key: func() ed25519.PrivateKey { return h.record.key }, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.box = box
	box.Start()
}

func (h *house) close() { h.box.Close() }

func (h *house) restart() {
	h.close()
	h.start()
}

// queue accepts one event for a recipient; it returns the event's number.
func (h *house) queue(to schemas.AgencyID) uint64 {
	h.t.Helper()
	h.events++
	var n uint64
	h.update(func(tx durable.Tx) (err error) {
		n, err = h.box.Queue(tx, h.events, schemas.NewEventID(), to, "")
		return err
	})
	h.box.Add(to, n)
	return h.events
}

// queueParts puts parts of an attachment into a recipient's lane.
func (h *house) queueParts(to schemas.AgencyID, n int) {
	h.t.Helper()
	for i := range n {
		h.events++
		var number uint64
		h.update(func(tx durable.Tx) (err error) {
			number, err = h.box.QueuePart(tx, outbox.Delivery{Event: h.events, Recipient: to}, schemas.Hash{1}, i)
			return err
		})
		h.box.Add(to, number)
	}
}

func (h *house) queueAll(to schemas.AgencyID, n int) {
	h.t.Helper()
	for range n {
		h.queue(to)
	}
}

// deliveries returns every delivery, by the number of its event.
func (h *house) deliveries() map[uint64]outbox.Delivery {
	h.t.Helper()
	all := map[uint64]outbox.Delivery{}
	err := h.store.View(func(tx durable.Tx) error {
		return outbox.All(tx, func(d outbox.Delivery) error { all[d.Event] = d; return nil })
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func (h *house) states() map[outbox.State]int {
	all := map[outbox.State]int{}
	for _, d := range h.deliveries() {
		all[d.State]++
	}
	return all
}

func (h *house) wantStates(want map[outbox.State]int) {
	h.t.Helper()
	if got := h.states(); !maps.Equal(got, want) {
		h.t.Errorf("states: got %v, want %v", got, want)
	}
}

// inner opens an envelope and returns the number of its event.
func inner(t testing.TB, e schemas.Envelope) uint64 {
	t.Helper()
	for _, key := range sealingKeys()[e.Recipient] {
		if schemas.KeyIDOf(key.PublicKey().Bytes()) != e.RecipientKey {
			continue
		}
		s, err := schemas.OpenSeal(key, e.SealInfo(network), e.Data)
		if err != nil {
			t.Errorf("open envelope %d for %s: %v", e.Sequence, e.Recipient, err)
			return 0
		}
		n, err := strconv.ParseUint(string(s.Event.Payload), 10, 64)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	t.Errorf("envelope %d for %s is sealed to a key that nobody has", e.Sequence, e.Recipient)
	return 0
}

func innerAll(t testing.TB, all []schemas.Envelope) []uint64 {
	t.Helper()
	numbers := make([]uint64, len(all))
	for i, e := range all {
		numbers[i] = inner(t, e)
	}
	return numbers
}

// receive lets the outbox have one receipt, as the membership does.
func (h *house) receive(from schemas.AgencyID, item schemas.ReceiptItem) {
	h.t.Helper()
	var again *outbox.Queued
	h.update(func(tx durable.Tx) (err error) {
		again, err = h.box.ApplyReceipt(tx, from, item)
		return err
	})
	if again != nil {
		h.box.Add(again.Recipient, again.Number)
	}
}

func receiptOf(e schemas.Envelope, kind schemas.ReceiptKind, code schemas.Code) schemas.ReceiptItem {
	return schemas.ReceiptItem{Envelope: e.ID, Chain: e.Chain, Sequence: e.Sequence, Hash: e.Hash(), Kind: kind, Code: code}
}

// bubble runs a test in fake time; settle within it waits until nothing moves.
func bubble(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	sealingKeys()
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		fn(t, h)
		h.close()
	})
}

// pass lets fake time go by, and everything happen that is due until then.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
