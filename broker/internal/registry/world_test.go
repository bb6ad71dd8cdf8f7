package registry_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/registry"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

const networkID schemas.NetworkID = "hill-county"

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, what string, err error, code schemas.Code) {
	t.Helper()
	if schemas.CodeOf(err) != code {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

// journalOf decides changes one after the other and keeps their records, as the
// gate does.
type journalOf struct {
	mu      sync.Mutex // guards what follows
	reg     *registry.Registry
	records []journal.Record
	lost    bool // the next answer
}

func (j *journalOf) Write(_ context.Context, c journal.Change) (journal.Outcome, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	records, err := c.Decide()
	if err != nil {
		return journal.Outcome{}, err
	}
	for _, r := range records {
		r.Position = uint64(len(j.records)) + 1
		j.records = append(j.records, r)
		if err := r.Sound(); err != nil { // or nothing behind it would ever be handed over
			return journal.Outcome{}, err
		}
		if err := j.reg.Apply(r); err != nil {
			return journal.Outcome{}, err
		}
	}
	if j.lost {
		j.lost = false
		return journal.Outcome{}, errors.New("answer lost")
	}
	return journal.Outcome{Position: uint64(len(j.records))}, nil
}

func (j *journalOf) kinds() []journal.Kind {
	var kinds []journal.Kind
	for _, r := range j.records {
		kinds = append(kinds, r.Kind())
	}
	return kinds
}

type world struct {
	t         testing.TB
	at        time.Time
	admission ed25519.PrivateKey
	roll      schemas.Roll
	journal   *journalOf
	*registry.Service
}

type agency struct {
	w          *world
	id         schemas.AgencyID
	invitation ed25519.PrivateKey
	key        ed25519.PrivateKey
}

func newKey(t testing.TB) ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(nil)
	check(t, err)
	return key
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func newWorld(t testing.TB) *world {
	w := &world{t: t, at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), admission: newKey(t)}
	reg := registry.New(networkID, public(w.admission))
	w.journal = &journalOf{reg: reg}
	w.Service = &registry.Service{Registry: reg, Writer: w.journal, Now: func() time.Time { return w.at }}
	w.roll = schemas.Roll{V: 1, Network: networkID, Setup: "formal-consortium", At: schemas.At(w.at)}
	return w
}

func (w *world) ctx() context.Context { return w.t.Context() }

func (w *world) sign(kind schemas.RecordType, v any) schemas.SignedRecord {
	rec, err := schemas.Sign(kind, v, w.admission)
	check(w.t, err)
	return rec
}

func (a *agency) sign(kind schemas.RecordType, v any) schemas.SignedRecord {
	rec, err := schemas.Sign(kind, v, a.key)
	check(a.w.t, err)
	return rec
}

// enrol puts an agency on the roll with an invitation; it has not joined yet.
func (w *world) enrol(id schemas.AgencyID) *agency {
	w.t.Helper()
	a := &agency{w: w, id: id, key: newKey(w.t), invitation: newKey(w.t)}
	w.roll.Members = append(w.roll.Members, schemas.RollMember{
		Agency: id, Account: "ACCOUNT-" + string(id), Status: schemas.MemberActive, Invitation: schemas.KeyIDOf(public(a.invitation)),
	})
	w.publish()
	check(w.t, w.Invite(w.ctx(), a.invite()))
	return a
}

func (w *world) publish() {
	w.t.Helper()
	w.roll.Number++
	_, err := w.PublishRoll(w.ctx(), w.sign(schemas.RecordRoll, w.roll))
	check(w.t, err)
}

func (w *world) line(a *agency) *schemas.RollMember {
	i := slices.IndexFunc(w.roll.Members, func(m schemas.RollMember) bool { return m.Agency == a.id })
	return &w.roll.Members[i]
}

func (a *agency) invite() schemas.SignedRecord {
	return a.w.sign(schemas.RecordInvitation, schemas.Invitation{
		V: 1, Network: networkID, Agency: a.id, Account: a.w.line(a).Account, Key: public(a.invitation), Expires: schemas.At(a.w.at.Add(time.Hour)),
	})
}

var sealing = sync.OnceValues(func() ([]byte, error) {
	key, err := schemas.NewSealingKey()
	return key.PublicKey().Bytes(), err
})

func (a *agency) card(number uint64, keys ...ed25519.PrivateKey) schemas.Card {
	seal, err := sealing()
	check(a.w.t, err)
	c := schemas.Card{
		V: 1, Network: networkID, Agency: a.id, Number: number,
		Sealing: []schemas.SealingKey{{Suite: schemas.SealSuite, Key: seal, From: schemas.At(a.w.at)}},
	}
	end := schemas.At(a.w.at.Add(24 * time.Hour))
	for i, key := range append(keys, a.key) {
		k := schemas.SigningKey{Key: public(key), From: schemas.At(a.w.at)}
		if i > 0 {
			k.To = &end
		}
		c.Signing = append(c.Signing, k)
	}
	return c
}

func (a *agency) request(card schemas.SignedRecord, invitation ed25519.PrivateKey) schemas.JoinRequest {
	admission, err := schemas.Sign(schemas.RecordAdmission, schemas.Admission{
		V: 1, Network: networkID, Agency: a.id, Card: card.Hash(), User: "USER", At: schemas.At(a.w.at),
	}, invitation)
	check(a.w.t, err)
	return schemas.JoinRequest{V: 1, Card: card, Admission: admission}
}

func (a *agency) join() {
	a.w.t.Helper()
	m, err := a.w.Join(a.w.ctx(), a.request(a.sign(schemas.RecordCard, a.card(1)), a.invitation))
	check(a.w.t, err)
	if !m.Joined || m.Agency != a.id || m.User != "USER" {
		a.w.t.Fatalf("got %+v", m)
	}
}

func (w *world) joined(id schemas.AgencyID) *agency {
	w.t.Helper()
	a := w.enrol(id)
	a.join()
	return a
}

// sameAfterReplay checks that the records lead to the same registry again.
func (w *world) sameAfterReplay() {
	w.t.Helper()
	again := registry.New(networkID, public(w.admission))
	for _, r := range w.journal.records {
		check(w.t, again.Apply(r))
	}
	if !reflect.DeepEqual(again, w.Registry) {
		w.t.Error("a replay leads to another registry")
	}
}
