package registry_test

import (
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/registry"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// anew is the same network after its broker has lost its memory: an epoch that
// continues the one before, with its roll.
func (w *world) anew() *world {
	w.t.Helper()
	old := schemas.NewULID(w.at)
	next := &world{t: w.t, at: w.at, admission: w.admission, roll: w.roll}
	next.journal = &journalOf{reg: registry.New(networkID, public(w.admission))}
	next.Service = &registry.Service{Registry: next.journal.reg, Writer: next.journal, Now: func() time.Time { return next.at }}
	check(w.t, next.OpenEpoch(w.ctx(), w.sign(schemas.RecordEpoch, schemas.Epoch{
		V: 1, Network: networkID, Epoch: next.epoch(), Previous: &old, Reason: "wiped", Time: schemas.At(w.at), Roll: w.roll.Number,
	})))
	return next
}

func (w *world) epoch() schemas.ULID { return "01KAZZZZZZZZZZZZZZZZZZZZZZ" }

func (w *world) begin() {
	w.t.Helper()
	_, err := w.PublishRoll(w.ctx(), w.sign(schemas.RecordRoll, w.roll))
	check(w.t, err)
}

// back is the request with which a member of the network before returns.
func (a *agency) back(before *world) schemas.ReturnRequest {
	m, _ := before.Member(a.id)
	return schemas.ReturnRequest{V: 1, Epoch: before.epoch(), Entry: m.Entry, Proof: a.sign(schemas.RecordHello, schemas.Hello{
		V: 1, Network: networkID, Nonce: "a nonce of some length", Key: public(a.key), Time: schemas.At(a.w.at),
	})}
}

func (a *agency) returns(before, to *world) {
	to.t.Helper()
	a.w = to
	_, err := to.Return(to.ctx(), a.back(before), public(to.admission))
	check(to.t, err)
}

func TestReturn(t *testing.T) {
	w := newWorld(t)
	a, b := w.joined("hilltop"), w.joined("harbor")
	w.line(b).Status = schemas.MemberSuspended
	w.publish()
	next := w.anew()
	again := func(req schemas.ReturnRequest) error {
		_, err := next.Return(t.Context(), req, public(w.admission))
		return err
	}
	refused(t, "before the roll", again(a.back(w)), schemas.CodeNotMember)
	older := w.roll
	older.Number--
	_, err := next.PublishRoll(t.Context(), w.sign(schemas.RecordRoll, older))
	refused(t, "a roll from before the statement", err, schemas.CodeHistoryForked)
	next.begin()

	foreign := a.back(w)
	foreign.Proof = b.back(w).Proof
	refused(t, "another's proof", again(foreign), schemas.CodeNotMember)
	other := a.back(w)
	other.Epoch = schemas.NewULID(w.at)
	refused(t, "another epoch", again(other), schemas.CodeEpochChanged)
	old := a.back(w)
	w.at = w.at.Add(2 * time.Hour)
	next.at = w.at
	refused(t, "an old proof", again(old), schemas.CodeClockSkew)

	check(t, again(a.back(w)))
	check(t, again(a.back(w)))
	check(t, again(b.back(w)))
	if got := next.journal.kinds(); len(got) != 4 || got[2] != journal.MemberReturned || got[3] != journal.MemberReturned {
		t.Errorf("got %v", got)
	}
	m, _ := next.Member("harbor")
	if !m.Joined || m.Status != schemas.MemberSuspended {
		t.Errorf("the suspended one is %+v", m)
	}
	if !next.Offering("hilltop") || next.Registered("hilltop") {
		t.Error("who has just come back counts as done")
	}
	_, err = next.Grants(t.Context(), "hilltop", schemas.GrantRequest{V: 1, Finished: true})
	check(t, err)
	if next.Offering("hilltop") {
		t.Error("it is never done")
	}
	_, err = next.Grants(t.Context(), "harbor", schemas.GrantRequest{V: 1, Finished: true})
	refused(t, "a suspended member's offer", err, schemas.CodeSuspended)
	next.sameAfterReplay()
}

// Who was invited anew on another machine has replaced the one before.
func TestReplacedAgentDoesNotReturn(t *testing.T) {
	w := newWorld(t)
	a := w.joined("hilltop")
	req := a.back(w)
	w.line(a).Invitation = schemas.KeyIDOf(public(newKey(t)))
	w.publish()
	next := w.anew()
	next.begin()
	_, err := next.Return(t.Context(), req, public(w.admission))
	refused(t, "the old machine", err, schemas.CodeNotMember)
}

// A revocation ends its grant whatever comes first in a new epoch: the
// revocation, its signer's cards, or the grant.
func TestS1RevocationInAnyOrder(t *testing.T) {
	for name, order := range map[string]string{
		"grant, then revocation": "dgr", "revocation, then grant": "drg", "revocation before its signer": "rdg",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, r := w.joined("hilltop"), w.joined("harbor")
			grant, _, err := schemas.Issue(schemas.Terms{
				V: 1, Network: networkID, ID: schemas.NewGrantID(), Discloser: d.id, Recipient: r.id,
				NotBefore: schemas.OnDay(schemas.DateOf(w.at)), NotAfter: schemas.OnDay(schemas.DateOf(w.at).AddDays(9)), Client: "h-1",
				Cells: []schemas.Cell{{Category: schemas.CategoryReferral, Purpose: schemas.PurposeTreatment}}, Basis: schemas.BasisConsent,
			}, make([]byte, 32), d.key)
			check(t, err)
			g, err := schemas.PeekRecord[schemas.Grant](grant, schemas.RecordGrant)
			check(t, err)
			revocation := d.sign(schemas.RecordRevocation, schemas.Revocation{V: 1, Network: networkID, Grant: g.ID, At: schemas.At(w.at), By: d.id})
			next := w.anew()
			next.begin()
			r.returns(w, next)
			for _, step := range order {
				switch step {
				case 'd':
					d.returns(w, next)
				case 'g':
					_, err := next.Grants(t.Context(), d.id, schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{grant}})
					if order != "dgr" {
						refused(t, "the grant", err, schemas.CodeGrantRevoked)
					} else {
						check(t, err)
					}
				case 'r':
					_, err := next.Grants(t.Context(), r.id, schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{revocation}})
					check(t, err)
				}
			}
			if next.Live(w.at) != 0 {
				t.Error("the grant lives")
			}
			next.sameAfterReplay()
		})
	}
}

// What nobody signed ends nothing, and is not taken from somebody who is not
// known at all.
func TestForgedRevocationInANewEpoch(t *testing.T) {
	w := newWorld(t)
	d, r := w.joined("hilltop"), w.joined("harbor")
	id := schemas.NewGrantID()
	forged := r.sign(schemas.RecordRevocation, schemas.Revocation{V: 1, Network: networkID, Grant: id, At: schemas.At(w.at), By: d.id})
	next := w.anew()
	next.begin()
	r.returns(w, next)
	_, err := next.Grants(t.Context(), "", schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{forged}})
	refused(t, "from nobody", err, schemas.CodeNotMember)
	_, err = next.Grants(t.Context(), r.id, schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{forged}})
	check(t, err)
	d.returns(w, next)
	grant, _, err := schemas.Issue(schemas.Terms{
		V: 1, Network: networkID, ID: id, Discloser: d.id, Recipient: r.id,
		NotBefore: schemas.OnDay(schemas.DateOf(w.at)), NotAfter: schemas.OnDay(schemas.DateOf(w.at).AddDays(9)), Client: "h-1",
		Cells: []schemas.Cell{{Category: schemas.CategoryReferral, Purpose: schemas.PurposeTreatment}}, Basis: schemas.BasisConsent,
	}, make([]byte, 32), d.key)
	check(t, err)
	_, err = next.Grants(t.Context(), d.id, schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{grant}})
	check(t, err)
	if next.Live(w.at) != 1 {
		t.Error("a forged revocation ended a grant")
	}
}

// Revocations that come before their grant are looked through when the grant
// comes, so one member brings few of one; it does not take the others' places.
func TestR6RevocationsOfOneUnknownGrant(t *testing.T) {
	w := newWorld(t)
	a, b := w.joined("hilltop"), w.joined("harbor")
	id := schemas.NewGrantID()
	many := func(from *agency, n int) (all []schemas.SignedRecord) {
		for i := range n {
			at := schemas.At(w.at.Add(time.Duration(i) * time.Second))
			all = append(all, from.sign(schemas.RecordRevocation, schemas.Revocation{V: 1, Network: networkID, Grant: id, At: at, By: from.id}))
		}
		return all
	}
	bring := func(from *agency, revoke ...schemas.SignedRecord) error {
		_, err := w.Grants(t.Context(), from.id, schemas.GrantRequest{V: 1, Revoke: revoke})
		return err
	}
	all := many(a, 9)
	refused(t, "nine at once", bring(a, all...), schemas.CodeQuota)
	check(t, bring(a, all[:8]...))
	refused(t, "one more", bring(a, all[8]), schemas.CodeQuota)
	check(t, bring(a, all[0]))
	check(t, bring(b, many(b, 1)...))
	w.sameAfterReplay()
}

// A forged copy of a revocation, which nobody can verify before its signer is
// back, does not keep the genuine one out.
func TestS1ForgedCopyOfARevocation(t *testing.T) {
	w := newWorld(t)
	d, r := w.joined("hilltop"), w.joined("harbor")
	grant, _, err := schemas.Issue(schemas.Terms{
		V: 1, Network: networkID, ID: schemas.NewGrantID(), Discloser: d.id, Recipient: r.id,
		NotBefore: schemas.OnDay(schemas.DateOf(w.at)), NotAfter: schemas.OnDay(schemas.DateOf(w.at).AddDays(9)), Client: "h-1",
		Cells: []schemas.Cell{{Category: schemas.CategoryReferral, Purpose: schemas.PurposeTreatment}}, Basis: schemas.BasisConsent,
	}, make([]byte, 32), d.key)
	check(t, err)
	g, err := schemas.PeekRecord[schemas.Grant](grant, schemas.RecordGrant)
	check(t, err)
	genuine := d.sign(schemas.RecordRevocation, schemas.Revocation{V: 1, Network: networkID, Grant: g.ID, At: schemas.At(w.at), By: d.id})
	forged := schemas.SignBytes(schemas.RecordRevocation, genuine.Payload, r.key)
	next := w.anew()
	next.begin()
	r.returns(w, next)
	for _, rec := range []schemas.SignedRecord{forged, genuine} {
		_, err = next.Grants(t.Context(), r.id, schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{rec}})
		check(t, err)
	}
	d.returns(w, next)
	_, err = next.Grants(t.Context(), d.id, schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{grant}})
	refused(t, "the revoked grant", err, schemas.CodeGrantRevoked)
	next.sameAfterReplay()
}

// Whoever has a key that ended long ago, and comes back in a new epoch with the
// cards of that time, does not keep the member itself out, which has later ones.
func TestS3OldCardsDoNotKeepTheirOwnerOut(t *testing.T) {
	w := newWorld(t)
	a := w.joined("hilltop")
	thief := a.back(w)
	second := newKey(t)
	check(t, w.ReplaceCard(t.Context(), a.id, a.sign(schemas.RecordCard, a.card(2, second))))
	a.key = second
	next := w.anew()
	next.begin()
	_, err := next.Return(t.Context(), thief, public(w.admission))
	check(t, err)
	a.returns(w, next)
	a.returns(w, next)
	_, err = next.Return(t.Context(), thief, public(w.admission))
	check(t, err)
	if _, ok := next.SigningKey(a.id, schemas.KeyIDOf(public(second)), w.at); !ok {
		t.Error("the member's present key does not count")
	}
	if m, _ := next.Member(a.id); len(m.Entry.Cards) != 2 {
		t.Errorf("the broker knows %d cards", len(m.Entry.Cards))
	}
	next.sameAfterReplay()
}
