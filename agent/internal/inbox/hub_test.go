// The FIPS module takes its entropy from real time, which a synctest bubble does
// not have.
//
//go:debug fips140=off
package inbox_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	network = schemas.NetworkID("river-county")
	own     = schemas.AgencyID("county-probation")
	sender  = schemas.AgencyID("riverside-treatment")
	other   = schemas.AgencyID("housing-first")
	epoch   = schemas.ULID("01K0000000000000000000EP0C")
)

// keys are made once: making one takes a while.
var keys = sync.OnceValue(func() (k struct{ own, old hpke.PrivateKey }) {
	for _, p := range []*hpke.PrivateKey{&k.own, &k.old} {
		key, err := schemas.NewSealingKey()
		if err != nil {
			panic(err)
		}
		*p = key
	}
	return k
})

func signingKey(a schemas.AgencyID) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32.32s", a)))
}

// hub is a line to a broker that hands over what a test put there.
type hub struct {
	mu       sync.Mutex // guards what follows
	down     bool
	pulls    int
	failing  error // of every pull
	cut      int   // every page breaks after so many items; 0 for none
	epoch    schemas.ULID
	items    []schemas.Item
	receipts []schemas.Receipt
	refuse   func(schemas.Receipt) error
}

func (h *hub) Connected() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.down
}

// asked counts the pulls so far.
func (h *hub) asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pulls
}

func (h *hub) Pull(_ context.Context, req schemas.PullRequest) ([]schemas.Item, schemas.PullEnd, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pulls++
	end := schemas.PullEnd{V: 1, Epoch: h.epoch, Next: uint64(len(h.items)), Time: schemas.At(time.Now())}
	if h.failing != nil {
		return nil, end, h.failing
	}
	var page []schemas.Item
	for _, i := range h.items {
		if i.Position <= max(req.After, req.From) {
			continue
		}
		if len(page) == req.Max {
			end.Next, end.More = page[len(page)-1].Position, true
			break
		}
		page = append(page, i)
		if h.cut > 0 && len(page) == h.cut {
			return page, schemas.PullEnd{}, schemas.Refuse(schemas.CodeUnavailable, "", "the line broke", "")
		}
	}
	return page, end, nil
}

func (h *hub) Receipt(_ context.Context, rec schemas.SignedRecord) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := schemas.ReadRecord[schemas.Receipt](rec, schemas.RecordReceipt, signingKey(own).Public().(ed25519.PublicKey))
	if err == nil && h.refuse != nil {
		err = h.refuse(r)
	}
	if err == nil {
		h.receipts = append(h.receipts, r)
	}
	return err
}

func (h *hub) set(change func(*hub)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

func (h *hub) add(kind schemas.ItemKind, header map[string][]string, data []byte) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	position := uint64(len(h.items)) + 1
	h.items = append(h.items, schemas.Item{Kind: kind, Position: position, Header: header, Data: data})
	return position
}

// answers lists what was answered, such as "stored" or "refused no-grant", by
// envelope.
func (h *hub) answers() map[schemas.EventID][]string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[schemas.EventID][]string{}
	for _, r := range h.receipts {
		for _, i := range r.Items {
			all[i.Envelope] = append(all[i.Envelope], strings.TrimSpace(string(i.Kind)+" "+string(i.Code)))
		}
	}
	return all
}

// effects write what they are told into the transaction, as the casebook does.
type effects struct {
	mu      sync.Mutex // guards what follows
	grants  map[schemas.GrantID]*schemas.Grant
	revoked map[schemas.GrantID]bool
	refuse  map[schemas.EventID]error // by the inner event's id
}

func (f *effects) SigningKey(_ durable.Tx, a schemas.AgencyID, id schemas.KeyID, _ time.Time) (ed25519.PublicKey, error) {
	key := signingKey(a).Public().(ed25519.PublicKey)
	if schemas.KeyIDOf(key) != id {
		return nil, nil
	}
	return key, nil
}

func (f *effects) Grant(tx durable.Tx, id schemas.GrantID) (inbox.GrantState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, kept, err := durable.GetJSON[bool](tx.Map("terms"), string(id))
	return inbox.GrantState{Grant: f.grants[id], Revoked: f.revoked[id], Terms: kept}, err
}

func (f *effects) KeepTerms(tx durable.Tx, _ schemas.SignedRecord, t schemas.Terms) error {
	return durable.PutJSON(tx.Map("terms"), string(t.ID), true)
}

func (f *effects) Take(tx durable.Tx, t inbox.Taken) error {
	f.mu.Lock()
	err := f.refuse[schemas.EventID(t.Event.ID())]
	f.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = durable.AppendJSON(tx.Log("taken"), t.Event.ID())
	return err
}

func (f *effects) Apply(tx durable.Tx, item schemas.Item) error {
	if bytes.Equal(item.Data, []byte("bad")) {
		return schemas.Malformed("record", "must be a record")
	}
	_, err := durable.AppendJSON(tx.Log("applied"), string(item.Kind))
	return err
}

func (f *effects) Ask(tx durable.Tx, s schemas.AgencyID, _ schemas.ULID, from, to uint64) error {
	_, err := durable.AppendJSON(tx.Log("asked"), fmt.Sprintf("%s %d-%d", s, from, to))
	return err
}

func (f *effects) Raise(tx durable.Tx, code schemas.Code, about schemas.AgencyID, _ string) error {
	_, err := durable.AppendJSON(tx.Log("alarms"), strings.TrimSpace(string(code)+" "+string(about)))
	return err
}

func (f *effects) Committed() {}

func (f *effects) Lost(durable.Tx, schemas.Outline) error { return nil }

func (f *effects) CaughtUp(context.Context) error { return nil }

// brokenStore fails at the nth write of a transaction, until it is mended.
type brokenStore struct {
	durable.Store
	mu sync.Mutex // guards what follows
	at int        // 0: not broken
}

var errBroken = errors.New("the disk failed")

func (s *brokenStore) Update(ctx context.Context, fn func(durable.Tx) error) error {
	s.mu.Lock()
	left := s.at
	s.mu.Unlock()
	return s.Store.Update(ctx, func(tx durable.Tx) error {
		if left == 0 {
			return fn(tx)
		}
		n := left
		return fn(brokenTx{tx, &n})
	})
}

func (s *brokenStore) set(at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = at
}

type brokenTx struct {
	durable.Tx
	left *int
}

func (t brokenTx) spend() error {
	if *t.left--; *t.left <= 0 {
		return errBroken
	}
	return nil
}

func (t brokenTx) Map(name string) durable.Map { return brokenMap{t.Tx.Map(name), t} }
func (t brokenTx) Log(name string) durable.Log { return brokenLog{t.Tx.Log(name), t} }

type brokenMap struct {
	durable.Map
	tx brokenTx
}

func (m brokenMap) Put(key string, value []byte) error {
	return errors.Join(m.tx.spend(), m.Map.Put(key, value))
}

type brokenLog struct {
	durable.Log
	tx brokenTx
}

func (l brokenLog) Append(value []byte) (uint64, error) {
	n, err := l.Log.Append(value)
	return n, errors.Join(l.tx.spend(), err)
}

// house is an inbox with everything around it.
type house struct {
	t       testing.TB
	memory  *durabletest.Memory
	store   *brokenStore
	hub     *hub
	effects *effects
	box     *inbox.Inbox
}

// example reads a valid payload of an event type.
func example(t testing.TB, typ schemas.EventType) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile("../../../schemas/testdata/events/" + typ.Short() + "/valid-minimal.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bubble runs a test in fake time. Everything that is written is a function of
// what the hub holds, so a test that fails does so again.
func bubble(t *testing.T, fn func(t *testing.T, h *house)) {
	t.Helper()
	keys()
	synctest.Test(t, func(t *testing.T) {
		memory := durabletest.New()
		h := &house{
			t: t, memory: memory, store: &brokenStore{Store: memory}, hub: &hub{epoch: epoch, down: true},
			effects: &effects{grants: map[schemas.GrantID]*schemas.Grant{}, revoked: map[schemas.GrantID]bool{}, refuse: map[schemas.EventID]error{}},
		}
		if err := memory.Update(t.Context(), func(tx durable.Tx) error { return inbox.SetCursor(tx, epoch, 0) }); err != nil {
			t.Fatal(err)
		}
		h.start()
		fn(t, h)
		h.box.Close()
	})
}

func (h *house) start() {
	h.box = inbox.New(inbox.Options{
		Network: network, Own: own, Store: h.store, Line: h.hub, Effects: h.effects, Unseal: func(id schemas.KeyID) hpke.PrivateKey {
			if id == schemas.KeyIDOf(keys().own.PublicKey().Bytes()) {
				return keys().own
			}
			return nil
		},
		Key: func() ed25519.PrivateKey { return signingKey(own) }, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	h.box.Start()
}

// settle takes in what there is. The line comes up with the first call, so that
// nothing is taken in while a test still prepares.
func (h *house) settle() {
	h.hub.set(func(h *hub) { h.down = false })
	h.box.Wake()
	synctest.Wait()
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func read[T any](h *house, log string) []T {
	h.t.Helper()
	var all []T
	err := h.memory.View(func(tx durable.Tx) error {
		return tx.Log(log).Scan(1, func(_ uint64, v []byte) error {
			x, err := durable.DecodeJSON[T](v)
			all = append(all, x)
			return err
		})
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func (h *house) taken() []string   { return read[string](h, "taken") }
func (h *house) alarms() []string  { return read[string](h, "alarms") }
func (h *house) asked() []string   { return read[string](h, "asked") }
func (h *house) applied() []string { return read[string](h, "applied") }

func (h *house) cursor() (position uint64) {
	h.t.Helper()
	err := h.memory.View(func(tx durable.Tx) (err error) {
		_, position, err = inbox.Cursor(tx)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return position
}

func (h *house) holes() (n uint64) {
	h.t.Helper()
	err := h.memory.View(func(tx durable.Tx) error {
		all, err := inbox.Holes(tx)
		n = all[sender]
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func want[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// chain makes a sender's envelopes.
type chain struct {
	h        *house
	from     schemas.AgencyID
	id       schemas.ULID
	sequence uint64
	hash     schemas.Hash
}

func (h *house) chain(from schemas.AgencyID) *chain {
	return &chain{h: h, from: from, id: schemas.NewULID(time.Now())}
}

// letter is what goes into an envelope; the zero value of every field is right.
type letter struct {
	eventID schemas.EventID
	source  schemas.AgencyID
	grant   schemas.GrantID
	terms   *schemas.SignedRecord
	client  string
	purpose schemas.Purpose
	typ     schemas.EventType
	data    any
	key     hpke.PrivateKey    // to which it is sealed
	sealed  schemas.GrantID    // that the seal is bound to
	to      schemas.AgencyID   // the envelope's recipient
	sign    ed25519.PrivateKey // the envelope
	at      time.Time
}

// write makes the next envelope of the chain.
func (c *chain) write(l letter) schemas.Envelope {
	c.h.t.Helper()
	if l.eventID == "" {
		l.eventID = schemas.NewEventID()
	}
	if l.source == "" {
		l.source = c.from
	}
	if l.grant == "" {
		l.grant = schemas.CharterGrant
	}
	if l.sealed == "" {
		l.sealed = l.grant
	}
	if l.typ == "" {
		l.typ, l.data = schemas.TypeNetworkCanarySent, example(c.h.t, schemas.TypeNetworkCanarySent)
	}
	if l.key == nil {
		l.key = keys().own
	}
	if l.to == "" {
		l.to = own
	}
	if l.sign == nil {
		l.sign = signingKey(c.from)
	}
	if l.at.IsZero() {
		l.at = time.Now()
	}
	e := schemas.Envelope{
		ID: schemas.NewEventID(), Sender: c.from, Time: schemas.At(l.at).Time, Recipient: l.to, Grant: l.grant,
		RecipientKey: schemas.KeyIDOf(l.key.PublicKey().Bytes()), Chain: c.id, Sequence: c.sequence + 1, Previous: c.hash,
	}
	info := e.SealInfo(network)
	info.Grant = l.sealed
	var err error
	if e.Data, err = schemas.Seal(l.key.PublicKey().Bytes(), info, schemas.Sealed{Event: c.event(l), Terms: l.terms}); err != nil {
		c.h.t.Fatal(err)
	}
	e = e.Signed(l.sign)
	c.sequence, c.hash = e.Sequence, e.Hash()
	return e
}

func (c *chain) event(l letter) schemas.SignedRecord {
	c.h.t.Helper()
	e := event.New()
	e.SetID(string(l.eventID))
	e.SetSource(l.source.Source())
	e.SetType(string(l.typ))
	e.SetTime(time.Now().UTC())
	if l.client != "" {
		e.SetExtension(schemas.ExtClient, l.client)
	}
	if l.purpose != "" {
		e.SetExtension(schemas.ExtPurpose, string(l.purpose))
	}
	if err := e.SetData(event.ApplicationJSON, l.data); err != nil {
		c.h.t.Fatal(err)
	}
	b, err := e.MarshalJSON()
	if err != nil {
		c.h.t.Fatal(err)
	}
	return schemas.SignBytes(schemas.RecordEvent, b, signingKey(c.from))
}

// post puts an envelope into the hub.
func (h *house) post(e schemas.Envelope) schemas.Envelope {
	h.hub.add(schemas.ItemEnvelope, e.Header(), e.Data)
	return e
}

// send writes n envelopes and posts them; it returns the ids of the events.
func (c *chain) send(n int) []string {
	var ids []string
	for range n {
		id := schemas.NewEventID()
		c.h.post(c.write(letter{eventID: id}))
		ids = append(ids, string(id))
	}
	return ids
}

// permit makes the grant that a letter about a client needs, and the letter.
func (h *house) permit(change func(*schemas.Terms)) letter {
	h.t.Helper()
	today := schemas.DateOf(time.Now())
	terms := schemas.Terms{
		V: 1, Network: network, ID: schemas.NewGrantID(), Discloser: sender, Recipient: own,
		NotBefore: schemas.OnDay(today), NotAfter: schemas.OnDay(today.AddDays(10)), Client: schemas.NewHandle(),
		Cells: []schemas.Cell{{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring}}, Basis: schemas.BasisJusticeConsent,
	}
	if change != nil {
		change(&terms)
	}
	rec, termsRec, err := schemas.Issue(terms, schemas.LockKey([]byte("secret of the consent"), terms.ID), signingKey(sender))
	if err != nil {
		h.t.Fatal(err)
	}
	g, err := schemas.PeekRecord[schemas.Grant](rec, schemas.RecordGrant)
	if err != nil {
		h.t.Fatal(err)
	}
	h.effects.grants[terms.ID] = &g
	return letter{
		grant: terms.ID, terms: &termsRec, client: string(terms.Client), purpose: schemas.PurposeJusticeMonitoring,
		typ: schemas.TypeAttendanceRecorded, data: example(h.t, schemas.TypeAttendanceRecorded),
	}
}
