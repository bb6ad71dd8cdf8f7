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
	for _, key := range append(keys, a.key) {
		c.Signing = append(c.Signing, schemas.SigningKey{Key: public(key), From: schemas.At(a.w.at)})
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

func TestJoin(t *testing.T) {
	w := newWorld(t)
	a, b := w.enrol("riverside"), w.enrol("harbor")
	card := a.sign(schemas.RecordCard, a.card(1))
	good := a.request(card, a.invitation)

	other := a.request(b.sign(schemas.RecordCard, b.card(1)), a.invitation)
	forgedCard := good
	forgedCard.Card = schemas.SignBytes(schemas.RecordCard, card.Payload, b.key)
	forgedAdmission := good
	forgedAdmission.Admission.Signatures = []schemas.Signature{{KeyID: good.Admission.KeyID(), Sig: make([]byte, 64)}}
	swapped := good
	swapped.Card = a.sign(schemas.RecordCard, a.card(2))
	large := good
	large.Card.Payload = make([]byte, schemas.MaxRecord)
	for name, tt := range map[string]struct {
		req  schemas.JoinRequest
		code schemas.Code
	}{
		"without an invitation":                 {a.request(card, newKey(t)), schemas.CodeNotMember},
		"with another agency's invitation":      {a.request(card, b.invitation), schemas.CodeMalformed},
		"another agency's card":                 {other, schemas.CodeMalformed},
		"a card signed by nobody on it":         {forgedCard, schemas.CodeUnknownSigningKey},
		"a forged admission":                    {forgedAdmission, schemas.CodeBadSignature},
		"another card than the admission's":     {swapped, schemas.CodeMalformed},
		"a card that could not be read again":   {large, schemas.CodeTooLarge},
		"an admission of the network's own key": {a.request(card, w.admission), schemas.CodeNotMember},
	} {
		_, err := w.Join(t.Context(), tt.req)
		refused(t, name, err, tt.code)
	}
	w.line(a).Status = schemas.MemberSuspended
	w.publish()
	_, err := w.Join(t.Context(), good)
	refused(t, "while suspended", err, schemas.CodeNotMember)
	w.line(a).Status = schemas.MemberActive
	w.publish()
	if _, joined := w.Standing(a.id); joined {
		t.Fatal("a refused request made a member")
	}

	w.journal.lost = true
	if _, err := w.Join(t.Context(), good); err == nil {
		t.Fatal("the answer was not lost")
	}
	before := len(w.journal.records)
	m, err := w.Join(t.Context(), good)
	check(t, err)
	if !m.Joined || len(w.journal.records) != before {
		t.Errorf("the same request again: got %+v and %d more records", m, len(w.journal.records)-before)
	}
	w.at = w.at.Add(24 * time.Hour)
	if _, err = w.Join(t.Context(), good); err != nil {
		t.Errorf("the same request when the invitation is over: %v", err)
	}
	thief := &agency{w: w, id: a.id, key: newKey(t)}
	_, err = w.Join(t.Context(), thief.request(thief.sign(schemas.RecordCard, thief.card(1)), a.invitation))
	refused(t, "the invitation again for another card", err, schemas.CodeNotMember)
	_, err = w.Join(t.Context(), b.request(b.sign(schemas.RecordCard, b.card(1)), b.invitation))
	refused(t, "an invitation that is over", err, schemas.CodeExpired)
	if key, ok := w.SigningKey(a.id, schemas.KeyIDOf(public(a.key)), w.at); !ok || !key.Equal(public(a.key)) {
		t.Error("the member's key is not live")
	}
	w.sameAfterReplay()
}

// TestJoinOnANewMachine invites a member again; the old invitation and key are
// worth nothing from then on.
func TestJoinOnANewMachine(t *testing.T) {
	w := newWorld(t)
	a := w.joined("riverside")
	reg := a.sign(schemas.RecordRegister, schemas.Register{V: 1, Network: networkID, Discloser: a.id, Number: 7})
	_, err := w.Grants(t.Context(), a.id, schemas.GrantRequest{V: 1, Register: &reg})
	check(t, err)
	fresh := &agency{w: w, id: a.id, key: newKey(t), invitation: newKey(t)}
	_, err = w.Join(t.Context(), fresh.request(fresh.sign(schemas.RecordCard, fresh.card(1)), fresh.invitation))
	refused(t, "before the roll names the invitation", err, schemas.CodeNotMember)
	refused(t, "inviting before", w.Invite(t.Context(), fresh.invite()), schemas.CodeMalformed)

	w.line(a).Invitation = schemas.KeyIDOf(public(fresh.invitation))
	w.publish()
	check(t, w.Invite(t.Context(), fresh.invite()))
	if _, ok := w.SigningKey(a.id, schemas.KeyIDOf(public(a.key)), w.at); !ok {
		t.Error("an invitation alone ended the old key")
	}
	fresh.join()
	if _, ok := w.SigningKey(a.id, schemas.KeyIDOf(public(a.key)), w.at); ok {
		t.Error("the old machine's key is still live")
	}
	if w.Registered(a.id) {
		t.Error("the old machine's register counts for the new one")
	}
	_, err = w.Join(t.Context(), a.request(a.sign(schemas.RecordCard, a.card(1)), a.invitation))
	refused(t, "the old machine joining again", err, schemas.CodeNotMember)
	w.sameAfterReplay()
}

func TestInvite(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("riverside")
	before := len(w.journal.records)
	check(t, w.Invite(t.Context(), a.invite()))
	if len(w.journal.records) != before {
		t.Error("the same invitation was written twice")
	}
	inv := schemas.Invitation{V: 1, Network: networkID, Agency: a.id, Account: "ACCOUNT-riverside", Key: public(a.invitation), Expires: schemas.At(w.at)}
	for name, tt := range map[string]struct {
		rec  schemas.SignedRecord
		code schemas.Code
	}{
		"forged":                {a.sign(schemas.RecordInvitation, inv), schemas.CodeUnknownSigningKey},
		"another network":       {w.sign(schemas.RecordInvitation, func() any { i := inv; i.Network = "other"; return i }()), schemas.CodeMalformed},
		"not on the roll":       {w.sign(schemas.RecordInvitation, func() any { i := inv; i.Agency = "harbor"; return i }()), schemas.CodeMalformed},
		"another account":       {w.sign(schemas.RecordInvitation, func() any { i := inv; i.Account = "X"; return i }()), schemas.CodeMalformed},
		"a key not on the roll": {w.sign(schemas.RecordInvitation, func() any { i := inv; i.Key = public(a.key); return i }()), schemas.CodeMalformed},
	} {
		refused(t, name, w.Invite(t.Context(), tt.rec), tt.code)
	}
}

func TestRoll(t *testing.T) {
	w := newWorld(t)
	a, b := w.joined("riverside"), w.joined("harbor")
	in := w.roll
	change := func(do func(*schemas.Roll)) schemas.Roll {
		r := in
		r.Number++
		r.Members = slices.Clone(in.Members)
		do(&r)
		return r
	}
	for name, tt := range map[string]struct {
		rec  schemas.SignedRecord
		code schemas.Code
	}{
		"forged":             {a.sign(schemas.RecordRoll, change(func(*schemas.Roll) {})), schemas.CodeUnknownSigningKey},
		"the same number":    {w.sign(schemas.RecordRoll, change(func(r *schemas.Roll) { r.Number--; r.Setup = "single-agency" })), schemas.CodeHistoryForked},
		"a lower number":     {w.sign(schemas.RecordRoll, change(func(r *schemas.Roll) { r.Number = 1 })), schemas.CodeHistoryForked},
		"a member missing":   {w.sign(schemas.RecordRoll, change(func(r *schemas.Roll) { r.Members = r.Members[:1] })), schemas.CodeMalformed},
		"two of one account": {w.sign(schemas.RecordRoll, change(func(r *schemas.Roll) { r.Members[1].Account = r.Members[0].Account })), schemas.CodeMalformed},
		"another network":    {w.sign(schemas.RecordRoll, change(func(r *schemas.Roll) { r.Network = "other" })), schemas.CodeMalformed},
		"an unknown status":  {w.sign(schemas.RecordRoll, change(func(r *schemas.Roll) { r.Members[0].Status = "gone" })), schemas.CodeMalformed},
	} {
		_, err := w.PublishRoll(t.Context(), tt.rec)
		refused(t, name, err, tt.code)
	}
	if w.RollNumber() != in.Number {
		t.Fatal("a refused roll is in force")
	}
	before := len(w.journal.records)
	changed, err := w.PublishRoll(t.Context(), w.sign(schemas.RecordRoll, in))
	if check(t, err); len(changed) > 0 || len(w.journal.records) != before {
		t.Error("the same roll was written twice")
	}

	// One roll may do several things; what it takes away names it.
	w.line(a).Status = schemas.MemberSuspended
	w.publish()
	w.line(a).Status, w.line(b).Status = schemas.MemberActive, schemas.MemberSuspended
	w.publish()
	w.line(b).Status = schemas.MemberLeft
	w.publish()
	w.line(b).Status = schemas.MemberActive
	w.publish()
	w.roll.Members[0].Account, w.roll.Members[1].Account = w.roll.Members[1].Account, w.roll.Members[0].Account
	w.publish()
	kinds := w.journal.kinds()
	want := []journal.Kind{journal.MemberSuspended, journal.MemberSuspended, journal.MemberLeft, journal.MemberReadmitted, journal.RollPublished}
	if got := kinds[len(kinds)-5:]; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for account, id := range map[string]schemas.AgencyID{"ACCOUNT-riverside": b.id, "ACCOUNT-harbor": a.id} {
		if got, ok := w.AgencyOf(account); !ok || got != id {
			t.Errorf("account %s belongs to %q, want %s", account, got, id)
		}
	}
	w.sameAfterReplay()
}

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

func TestEpoch(t *testing.T) {
	w := newWorld(t)
	a := w.joined("riverside")
	first := schemas.Epoch{V: 1, Network: networkID, Epoch: schemas.NewULID(w.at), Reason: "founded", Time: schemas.At(w.at)}
	refused(t, "forged", w.OpenEpoch(t.Context(), a.sign(schemas.RecordEpoch, first)), schemas.CodeUnknownSigningKey)
	check(t, w.OpenEpoch(t.Context(), w.sign(schemas.RecordEpoch, first)))
	before := len(w.journal.records)
	check(t, w.OpenEpoch(t.Context(), w.sign(schemas.RecordEpoch, first)))
	if len(w.journal.records) != before {
		t.Error("the same statement was written twice")
	}
	next := first
	next.Epoch, next.Reason = schemas.NewULID(w.at.Add(time.Hour)), "restored"
	refused(t, "one that names no predecessor", w.OpenEpoch(t.Context(), w.sign(schemas.RecordEpoch, next)), schemas.CodeEpochChanged)
	next.Previous = &first.Epoch
	check(t, w.OpenEpoch(t.Context(), w.sign(schemas.RecordEpoch, next)))
	w.sameAfterReplay()
}

func TestReplaceCard(t *testing.T) {
	w := newWorld(t)
	a, b := w.joined("riverside"), w.joined("harbor")
	next := newKey(t)
	second := a.sign(schemas.RecordCard, a.card(2, next))
	for name, tt := range map[string]struct {
		from *agency
		rec  schemas.SignedRecord
		code schemas.Code
	}{
		"signed by the new key only": {a, schemas.SignBytes(schemas.RecordCard, second.Payload, next), schemas.CodeUnknownSigningKey},
		"another's":                  {b, second, schemas.CodeUnknownSigningKey},
		"for another":                {a, a.sign(schemas.RecordCard, b.card(2)), schemas.CodeMalformed},
		"a number that was used":     {a, a.sign(schemas.RecordCard, a.card(1, next)), schemas.CodeMalformed},
	} {
		refused(t, name, w.ReplaceCard(t.Context(), tt.from.id, tt.rec), tt.code)
	}
	check(t, w.ReplaceCard(t.Context(), a.id, second))
	before := len(w.journal.records)
	check(t, w.ReplaceCard(t.Context(), a.id, second))
	if len(w.journal.records) != before {
		t.Error("the same card was written twice")
	}
	a.key = next
	third := a.card(3)
	check(t, w.ReplaceCard(t.Context(), a.id, a.sign(schemas.RecordCard, third)))
	refused(t, "back to the second", w.ReplaceCard(t.Context(), a.id, second), schemas.CodeUnknownSigningKey)
	entry := w.Entry(a.id)
	card, _, err := entry.Card(public(w.admission), w.at)
	check(t, err)
	if len(entry.Cards) != 3 || card.Number != 3 {
		t.Errorf("got %d cards, the last is number %d", len(entry.Cards), card.Number)
	}
	if d := w.Directory(b.id); len(d.Entries) != 2 || d.Roll.Hash() == (schemas.SignedRecord{}).Hash() {
		t.Errorf("the directory lists %d", len(d.Entries))
	}
	w.line(a).Status = schemas.MemberSuspended
	w.publish()
	refused(t, "while suspended", w.ReplaceCard(t.Context(), a.id, a.sign(schemas.RecordCard, a.card(4))), schemas.CodeSuspended)
	w.sameAfterReplay()
}
