package schemas_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

func TestIssueCommitsToItsTerms(t *testing.T) {
	lockKey := schemas.LockKey([]byte("secret"), grantID)
	grant, terms, err := schemas.Issue(testTerms(), lockKey, senderKey)
	if err != nil {
		t.Fatal(err)
	}
	g, err := schemas.ReadRecord[schemas.Grant](grant, schemas.RecordGrant, public(senderKey))
	if err != nil {
		t.Fatal(err)
	}
	read, err := schemas.ReadRecord[schemas.Terms](terms, schemas.RecordTerms, public(senderKey))
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.MatchTerms(g, read, terms); err != nil {
		t.Error(err)
	}
	if g.Lock != schemas.HashOf(lockKey) {
		t.Error("the lock is not that of the key")
	}
	if bytes.Contains(grant.Payload, []byte(client)) || bytes.Contains(grant.Payload, []byte("referral")) {
		t.Errorf("the public part says too much: %s", grant.Payload)
	}

	fresh := testTerms()
	fresh.Nonce = nil
	_, one, err := schemas.Issue(fresh, lockKey, senderKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, two, _ := schemas.Issue(fresh, lockKey, senderKey); one.Hash() == two.Hash() {
		t.Error("two issues have the same commitment: the nonce is not random")
	}
}

func TestIssueRefuses(t *testing.T) {
	bad := testTerms()
	bad.Client = ""
	_, _, err := schemas.Issue(bad, schemas.LockKey(nil, grantID), senderKey)
	refused(t, err, schemas.CodeMalformed, "client")
	for _, key := range [][]byte{nil, {}, make([]byte, 31), make([]byte, 33)} {
		_, _, err := schemas.Issue(testTerms(), key, senderKey)
		refused(t, err, schemas.CodeMalformed, "lock")
	}
}

func TestMatchTermsSeesEveryDifference(t *testing.T) {
	g, _, record := testGrant()
	day := schemas.OnDay(schemas.DateOf(noon))
	tests := map[string]func(g *schemas.Grant, t *schemas.Terms, r *schemas.SignedRecord){
		"network":   func(_ *schemas.Grant, t *schemas.Terms, _ *schemas.SignedRecord) { t.Network = "mountain" },
		"id":        func(_ *schemas.Grant, t *schemas.Terms, _ *schemas.SignedRecord) { t.ID = otherGrant },
		"discloser": func(_ *schemas.Grant, t *schemas.Terms, _ *schemas.SignedRecord) { t.Discloser = "harbor-housing" },
		"recipient": func(_ *schemas.Grant, t *schemas.Terms, _ *schemas.SignedRecord) { t.Recipient = "harbor-housing" },
		"notbefore": func(_ *schemas.Grant, t *schemas.Terms, _ *schemas.SignedRecord) { t.NotBefore = day },
		"notafter":  func(_ *schemas.Grant, t *schemas.Terms, _ *schemas.SignedRecord) { t.NotAfter = day },
		"commit":    func(g *schemas.Grant, _ *schemas.Terms, _ *schemas.SignedRecord) { g.Commit[31] ^= 1 },
		"payload": func(_ *schemas.Grant, _ *schemas.Terms, r *schemas.SignedRecord) {
			r.Payload = append(bytes.Clone(r.Payload), ' ')
		},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			g, terms, r := g, testTerms(), record
			f(&g, &terms, &r)
			refused(t, schemas.MatchTerms(g, terms, r), schemas.CodeTermsMismatch, "terms")
		})
	}
}

func TestGrantLivesForWholeDays(t *testing.T) {
	g, _, _ := testGrant()
	first, after := g.NotBefore.Start(), g.NotAfter.End()
	tests := map[string]struct {
		at   time.Time
		want schemas.Code
	}{
		"before":              {first.Add(-1), schemas.CodeGrantNotYetValid},
		"first instant":       {first, ""},
		"last instant":        {after.Add(-1), ""},
		"after":               {after, schemas.CodeGrantExpired},
		"another time zone":   {after.Add(-1).In(time.FixedZone("", 14*3600)), ""},
		"the day it ends, at": {time.Date(2026, 12, 11, 23, 59, 59, 0, time.UTC), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := g.Live(tt.at); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	g.NotBefore, g.NotAfter = schemas.AtInstant(noon), schemas.AtInstant(noon.Add(time.Hour))
	for at, want := range map[time.Time]schemas.Code{
		noon.Add(-1): schemas.CodeGrantNotYetValid, noon: "", noon.Add(time.Hour - 1): "", noon.Add(time.Hour): schemas.CodeGrantExpired,
	} {
		if got := g.Live(at); got != want {
			t.Errorf("hours, at %v: got %q, want %q", at, got, want)
		}
	}
	if err := g.Validate(); err != nil {
		t.Error(err)
	}
	g.NotAfter = g.NotBefore
	refused(t, g.Validate(), schemas.CodeMalformed, "notafter")
	g.NotBefore = schemas.OnDay(schemas.DateOf(noon))
	g.NotAfter = g.NotBefore
	if err := g.Validate(); err != nil {
		t.Errorf("one day: %v", err)
	}
}

// TestLockKeyOpensOneGrantOnly: the key of one grant says nothing about the
// key of another, nor does the same grant's under another consent.
func TestLockKeyOpensOneGrantOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOf(rapid.Byte()).Draw(t, "secret")
		id, other := schemas.NewGrantID(), schemas.NewGrantID()
		key := schemas.LockKey(secret, id)
		if len(key) != 32 || !bytes.Equal(key, schemas.LockKey(secret, id)) {
			t.Fatalf("got %x, not one key of 32 bytes", key)
		}
		if bytes.Equal(key, schemas.LockKey(secret, other)) || bytes.Equal(key, schemas.LockKey(append(secret, 1), id)) {
			t.Fatal("two locks share a key")
		}
	})
}

func TestTermsPurpose(t *testing.T) {
	terms := testTerms()
	if p, ok := terms.Purpose(schemas.CategoryReferral); !ok || p != schemas.PurposeCareCoordination {
		t.Errorf("got %q, %v: the first named is the main one", p, ok)
	}
	if _, ok := terms.Purpose(schemas.CategoryDiagnosis); ok {
		t.Error("found a purpose for what is not named")
	}
	for _, c := range schemas.Categories {
		for _, p := range schemas.Purposes {
			want := c == schemas.CategoryReferral && (p == schemas.PurposeCareCoordination || p == schemas.PurposeTreatment) ||
				c == schemas.CategoryAttendance && p == schemas.PurposeJusticeMonitoring
			if got := terms.Has(c, p); got != want {
				t.Errorf("%s for %s: got %v, want %v", c, p, got, want)
			}
		}
	}
	for _, b := range schemas.Bases {
		if !b.Valid() {
			t.Errorf("%s is not valid", b)
		}
	}
}
