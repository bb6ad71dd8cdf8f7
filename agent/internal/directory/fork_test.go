package directory_test

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/directory"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
	"github.com/linkage-exchange/linkage/schemas"
)

// Whoever has a member's old key can sign another second card with it. Where
// the true one is known, the other is not believed until a person has compared
// fingerprints.
func TestForkedCardsAreNotBelieved(t *testing.T) {
	const network, partner = schemas.NetworkID("river-county"), schemas.AgencyID("drug-court")
	now := time.Now()
	key := func(seed byte) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), seed))
	}
	public := func(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }
	sign := func(kind schemas.RecordType, v any, k ed25519.PrivateKey) schemas.SignedRecord {
		t.Helper()
		rec, err := schemas.Sign(kind, v, k)
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	sealing, err := schemas.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	admission, invitation, first, second, evil := key(1), key(2), key(3), key(4), key(5)
	card := func(number uint64, k, by ed25519.PrivateKey) schemas.SignedRecord {
		end := schemas.At(now.Add(time.Hour))
		signing := []schemas.SigningKey{{Key: public(k), From: schemas.At(now)}}
		if !k.Equal(by) {
			signing = append(signing, schemas.SigningKey{Key: public(by), From: schemas.At(now), To: &end})
		}
		return sign(schemas.RecordCard, schemas.Card{
			V: 1, Network: network, Agency: partner, Number: number, Signing: signing,
			Sealing: []schemas.SealingKey{{Suite: schemas.SealSuite, Key: sealing.PublicKey().Bytes(), From: schemas.At(now)}},
		}, by)
	}
	one := card(1, first, first)
	entry := schemas.Entry{
		Invitation: sign(schemas.RecordInvitation, schemas.Invitation{
			V: 1, Network: network, Agency: partner, Account: "A", Key: public(invitation), Expires: schemas.At(now.Add(time.Hour)),
		}, admission),
		Admission: sign(schemas.RecordAdmission, schemas.Admission{
			V: 1, Network: network, Agency: partner, Card: one.Hash(), User: "U", At: schemas.At(now),
		}, invitation),
	}
	with := func(cards ...schemas.SignedRecord) schemas.Entry {
		e := entry
		e.Cards = cards
		return e
	}
	two, forged := card(2, second, first), card(2, evil, first)

	alarms := 0
	d := &directory.Directory{
		Network: network, Own: "county-probation", Admission: public(admission), Now: func() time.Time { return now },
		Raise: func(durable.Tx, schemas.Code, schemas.AgencyID, string) error { alarms++; return nil },
	}
	store := durabletest.New()
	apply := func(what string, e schemas.Entry, holds ed25519.PrivateKey, wantAlarms int) {
		t.Helper()
		if err := store.Update(context.Background(), func(tx durable.Tx) error {
			if err := d.ApplyEntry(tx, e); err != nil {
				return err
			}
			m, _, err := d.Member(tx, partner)
			if got := schemas.KeyIDOf(m.Card.Signing[0].Key); got != schemas.KeyIDOf(public(holds)) {
				t.Errorf("%s: another card is in force", what)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if alarms != wantAlarms {
			t.Errorf("%s: %d alarms, want %d", what, alarms, wantAlarms)
		}
	}
	if err := store.Update(context.Background(), func(tx durable.Tx) error {
		return d.ApplyRoll(tx, sign(schemas.RecordRoll, schemas.Roll{
			V: 1, Network: network, Setup: "formal-consortium", Number: 1, At: schemas.At(now),
			Members: []schemas.RollMember{{Agency: partner, Account: "A", Status: schemas.MemberActive, Invitation: schemas.KeyIDOf(public(invitation))}},
		}, admission))
	}); err != nil {
		t.Fatal(err)
	}
	apply("the first card", with(one), first, 0)
	apply("its successor", with(one, two), second, 0)
	apply("the first again", with(one), second, 0)
	apply("the successor again", with(one, two), second, 0)
	apply("another successor of the first", with(one, forged), second, 1)
	apply("and one more behind it", with(one, forged, card(3, evil, evil)), second, 1)
	apply("the true ones", with(one, two), second, 1)
}
