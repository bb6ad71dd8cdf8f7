package registry_test

import (
	"slices"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

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
	card, _, err := entry.Card(public(w.admission))
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
