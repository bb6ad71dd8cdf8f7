package registry_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

func lockKey(id schemas.GrantID) []byte { return schemas.LockKey([]byte("the consent's secret"), id) }

func (a *agency) grant(to schemas.AgencyID) schemas.Grant {
	id := schemas.NewGrantID()
	day := schemas.OnDay(schemas.DateOf(a.w.at))
	return schemas.Grant{
		V: 1, Network: networkID, ID: id, Discloser: a.id, Recipient: to, NotBefore: day, NotAfter: day,
		Commit: schemas.HashOf([]byte(id)), Lock: schemas.HashOf(lockKey(id)),
	}
}

func (a *agency) issue(grants ...schemas.Grant) error {
	req := schemas.GrantRequest{V: 1}
	for _, g := range grants {
		req.Issue = append(req.Issue, a.sign(schemas.RecordGrant, g))
	}
	_, err := a.w.Grants(a.w.ctx(), a.id, req)
	return err
}

func (a *agency) revocation(id schemas.GrantID, key []byte) schemas.SignedRecord {
	return a.sign(schemas.RecordRevocation, schemas.Revocation{V: 1, Network: networkID, Grant: id, At: schemas.At(a.w.at), By: a.id, Key: key})
}

func (a *agency) revoke(id schemas.GrantID, key []byte) error {
	_, err := a.w.Grants(a.w.ctx(), a.id, schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{a.revocation(id, key)}})
	return err
}

func TestIssue(t *testing.T) {
	w := newWorld(t)
	a, b := w.joined("riverside"), w.joined("harbor")
	invited := w.enrol("hillside")
	g := a.grant(b.id)
	changed := func(do func(*schemas.Grant)) schemas.SignedRecord {
		c := a.grant(b.id)
		do(&c)
		return a.sign(schemas.RecordGrant, c)
	}
	for name, tt := range map[string]struct {
		from *agency
		rec  schemas.SignedRecord
		code schemas.Code
	}{
		"in another's name":       {b, b.sign(schemas.RecordGrant, g), schemas.CodeSenderMismatch},
		"another's own":           {b, a.sign(schemas.RecordGrant, g), schemas.CodeUnknownSigningKey},
		"to a stranger":           {a, changed(func(g *schemas.Grant) { g.Recipient = "nobody" }), schemas.CodeUnknownRecipient},
		"in another network":      {a, changed(func(g *schemas.Grant) { g.Network = "other" }), schemas.CodeMalformed},
		"as another kind":         {a, a.sign(schemas.RecordTerms, g), schemas.CodeMalformed},
		"before it joined":        {invited, invited.sign(schemas.RecordGrant, invited.grant(b.id)), schemas.CodeNotMember},
		"too large to read again": {a, schemas.SignBytes(schemas.RecordGrant, make([]byte, schemas.MaxRecord), a.key), schemas.CodeTooLarge},
	} {
		_, err := w.Grants(t.Context(), tt.from.id, schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{tt.rec}})
		refused(t, name, err, tt.code)
	}
	if _, _, ok := w.Permission(g.ID); ok {
		t.Fatal("a refused grant is in force")
	}
	check(t, a.issue(g, g))
	check(t, a.issue(g))
	if got := len(w.GrantsOf(b.id)); got != 1 || w.Live(w.at) != 1 {
		t.Errorf("the recipient has %d grants, %d are live", got, w.Live(w.at))
	}
	wider := g
	wider.NotAfter = schemas.OnDay(schemas.DateOf(w.at).AddDays(100))
	refused(t, "the same id again", a.issue(wider), schemas.CodeNoGrant)
	first, second := a.grant(b.id), a.grant(b.id)
	second.ID = first.ID
	refused(t, "one id twice in a request", a.issue(first, second), schemas.CodeNoGrant)
	theirs := b.grant(a.id)
	theirs.ID = g.ID
	refused(t, "an id of another discloser", b.issue(theirs), schemas.CodeNoGrant)
	many := make([]schemas.Grant, schemas.MaxGrantRecords+1)
	for i := range many {
		many[i] = a.grant(b.id)
	}
	refused(t, "too many at once", a.issue(many...), schemas.CodeTooLarge)
	w.line(a).Status = schemas.MemberSuspended
	w.publish()
	refused(t, "while suspended", a.issue(a.grant(b.id)), schemas.CodeSuspended)
	check(t, a.revoke(g.ID, nil))
	w.sameAfterReplay()
}

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.joined("riverside"), w.joined("harbor"), w.joined("hillside")
	stranger := &agency{w: w, id: "nobody", key: newKey(t)}
	for name, tt := range map[string]struct {
		by   *agency
		key  func(schemas.GrantID) []byte
		code schemas.Code
	}{
		"the discloser":                           {a, nil, ""},
		"the discloser with the key":              {a, lockKey, ""},
		"the recipient without the key":           {b, nil, schemas.CodeNoGrant},
		"the recipient with the key":              {b, lockKey, ""},
		"a third member without the key":          {c, nil, schemas.CodeNoGrant},
		"a third member with the key":             {c, lockKey, ""},
		"a third member with another grant's key": {c, func(schemas.GrantID) []byte { return lockKey(schemas.NewGrantID()) }, schemas.CodeNoGrant},
		"a stranger with the key":                 {stranger, lockKey, schemas.CodeNotMember},
		"a stranger in the discloser's name":      {&agency{w: w, id: a.id, key: newKey(t)}, nil, schemas.CodeUnknownSigningKey},
	} {
		g := a.grant(b.id)
		check(t, a.issue(g))
		var key []byte
		if tt.key != nil {
			key = tt.key(g.ID)
		}
		rec := tt.by.revocation(g.ID, key)
		_, err := w.Grants(t.Context(), tt.by.id, schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{rec}})
		refused(t, name, err, tt.code)
		_, revocation, ok := w.Permission(g.ID)
		if !ok || (revocation != nil) != (tt.code == "") {
			t.Errorf("%s: revoked is %v", name, revocation != nil)
		}
		if tt.code == "" && revocation.Hash() != rec.Hash() {
			t.Errorf("%s: another revocation is shown", name)
		}
		before := len(w.journal.records)
		if err := a.revoke(g.ID, nil); err != nil || tt.code == "" && len(w.journal.records) != before {
			t.Errorf("%s: once more: %v, %d records", name, err, len(w.journal.records)-before)
		}
	}

	// A suspended member may revoke, and nothing else.
	g := a.grant(b.id)
	check(t, a.issue(g))
	w.line(a).Status = schemas.MemberSuspended
	w.publish()
	check(t, a.revoke(g.ID, nil))
	w.line(a).Status = schemas.MemberActive
	w.publish()

	// Two in one request end the grant once; a successor comes with them.
	g, next := a.grant(b.id), a.grant(b.id)
	check(t, a.issue(g))
	before := len(w.journal.records)
	_, err := w.Grants(t.Context(), a.id, schemas.GrantRequest{
		V: 1, Revoke: []schemas.SignedRecord{a.revocation(g.ID, nil), a.revocation(g.ID, lockKey(g.ID))}, Issue: []schemas.SignedRecord{a.sign(schemas.RecordGrant, next)},
	})
	check(t, err)
	if got := w.journal.kinds()[before:]; !slices.Equal(got, []journal.Kind{journal.GrantRevoked, journal.GrantIssued}) {
		t.Errorf("got %v", got)
	}
	w.sameAfterReplay()
}

// TestRevocationBeforeItsGrant is what a broker meets that has lost its memory.
func TestRevocationBeforeItsGrant(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.joined("riverside"), w.joined("harbor"), w.joined("hillside")
	for name, tt := range map[string]struct {
		by     *agency
		key    func(schemas.GrantID) []byte
		counts bool
	}{
		"the discloser":         {a, nil, true},
		"a member with the key": {c, lockKey, true},
		"a member without it":   {c, nil, false},
		"the recipient":         {b, nil, false},
	} {
		g := a.grant(b.id)
		var key []byte
		if tt.key != nil {
			key = tt.key(g.ID)
		}
		rec := schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{tt.by.revocation(g.ID, key)}}
		_, err := w.Grants(t.Context(), tt.by.id, rec)
		check(t, err)
		before := len(w.journal.records)
		_, err = w.Grants(t.Context(), tt.by.id, rec)
		if check(t, err); len(w.journal.records) != before {
			t.Errorf("%s: the same revocation was written twice", name)
		}
		err = a.issue(g)
		if tt.counts {
			refused(t, name, err, schemas.CodeGrantRevoked)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, revocation, ok := w.Permission(g.ID); ok != !tt.counts || revocation != nil {
			t.Errorf("%s: the grant is there: %v", name, ok)
		}
	}
	w.sameAfterReplay()
}

func TestRegister(t *testing.T) {
	w := newWorld(t)
	a, b := w.joined("riverside"), w.joined("harbor")
	ended := a.grant(b.id)
	publish := func(from *agency, signer *agency, r schemas.Register) error {
		r.V = 1
		rec := signer.sign(schemas.RecordRegister, r)
		_, err := w.Grants(t.Context(), from.id, schemas.GrantRequest{V: 1, Register: &rec})
		return err
	}
	own := func(number uint64, ended ...schemas.GrantID) schemas.Register {
		return schemas.Register{Network: networkID, Discloser: a.id, Number: number, Ended: ended}
	}
	if w.Registered(a.id) {
		t.Error("registered before any register")
	}
	check(t, publish(a, a, own(5, ended.ID)))
	before := len(w.journal.records)
	check(t, publish(a, a, own(5, ended.ID)))
	if len(w.journal.records) != before || !w.Registered(a.id) {
		t.Error("the same register was written twice")
	}
	refused(t, "a lower number", publish(a, a, own(4)), schemas.CodeHistoryForked)
	refused(t, "the same number with other content", publish(a, a, own(5)), schemas.CodeHistoryForked)
	refused(t, "another's", publish(b, a, own(6)), schemas.CodeUnknownSigningKey)
	refused(t, "in another's name", publish(b, b, own(6)), schemas.CodeSenderMismatch)
	refused(t, "a grant that it lists as ended", a.issue(ended), schemas.CodeGrantRevoked)
	check(t, publish(a, a, own(9)))

	// A new epoch asks for it anew, and remembers the number.
	epoch := schemas.Epoch{V: 1, Network: networkID, Epoch: schemas.NewULID(w.at), Reason: "founded", Time: schemas.At(w.at)}
	check(t, w.OpenEpoch(t.Context(), w.sign(schemas.RecordEpoch, epoch)))
	if w.Registered(a.id) {
		t.Error("a register of another epoch counts")
	}
	refused(t, "a lower number in a new epoch", publish(a, a, own(8)), schemas.CodeHistoryForked)
	check(t, publish(a, a, own(9)))
	if !w.Registered(a.id) {
		t.Error("not registered in the new epoch")
	}
	w.sameAfterReplay()
}

// What is written again for every envelope or sent to everybody is small,
// whatever fields of its own a member puts into it.
func TestSmallRecordsStaySmall(t *testing.T) {
	w := newWorld(t)
	a, b := w.joined("riverside"), w.joined("harbor")
	g := a.grant(b.id)
	check(t, a.issue(g))
	padded := func(kind schemas.RecordType, v any) schemas.SignedRecord {
		body, err := json.Marshal(v)
		check(t, err)
		body = append(body[:len(body)-1], `,"x":"`+strings.Repeat("x", 100_000)+`"}`...)
		return schemas.SignBytes(kind, body, a.key)
	}
	grants := func(req schemas.GrantRequest) error {
		_, err := w.Grants(w.ctx(), a.id, req)
		return err
	}
	refused(t, "a grant", grants(schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{padded(schemas.RecordGrant, a.grant(b.id))}}), schemas.CodeTooLarge)
	rev := schemas.Revocation{V: 1, Network: networkID, Grant: g.ID, At: schemas.At(w.at), By: a.id}
	refused(t, "a revocation", grants(schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{padded(schemas.RecordRevocation, rev)}}), schemas.CodeTooLarge)
	refused(t, "a card", w.ReplaceCard(w.ctx(), a.id, padded(schemas.RecordCard, a.card(2, a.key))), schemas.CodeTooLarge)
	check(t, a.revoke(g.ID, nil))
}
