package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/attachments"
	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// NewGrant is a permission that a person of this agency gives: this agency may
// tell the recipient these categories about this client for these purposes.
type NewGrant struct {
	Network   schemas.NetworkID `json:"network,omitempty"`
	Recipient schemas.AgencyID  `json:"recipient"`
	// Client is the agency's own id of the client, or the handle that the
	// recipient uses for them.
	Client  string         `json:"client"`
	Cells   []schemas.Cell `json:"cells"`
	Basis   schemas.Basis  `json:"basis"`
	Consent string         `json:"consent,omitempty"` // reference to the document
	// From and Until are whole days, both included; From is today if it is not
	// set.
	From  schemas.Date `json:"from,omitzero"`
	Until schemas.Date `json:"until"`
}

// Issue draws and signs a grant. When it returns, the grant is on disk here;
// events under it leave as soon as the broker knows of it.
func (a *Agent) Issue(ctx context.Context, g NewGrant) (schemas.GrantID, error) {
	m, err := a.member(g.Network)
	if err != nil {
		return "", err
	}
	now := a.opts.Now()
	if g.From.IsZero() {
		g.From = schemas.DateOf(now)
	}
	if g.Until.IsZero() {
		return "", schemas.Malformed("until", "must be a day such as %s", schemas.DateOf(now).AddDays(365))
	}
	id, secret := schemas.NewGrantID(), schemas.NewSecret()
	err = m.store.Update(ctx, func(tx durable.Tx) error {
		if _, err := m.dir.SealingKey(tx, g.Recipient); err != nil {
			return err
		}
		handle, err := casebook.Handle(tx, g.Recipient, g.Client, true)
		if err != nil {
			return err
		}
		return m.issue(tx, schemas.Terms{
			V: 1, Network: m.network, ID: id, Discloser: m.own, Recipient: g.Recipient, NotBefore: schemas.OnDay(g.From), NotAfter: schemas.OnDay(g.Until),
			Client: handle, Cells: g.Cells, Basis: g.Basis, Consent: optional(g.Consent),
		}, schemas.LockKey(secret, id))
	})
	if err != nil {
		return "", err
	}
	crash.Point(crash.AgentGrantRecorded)
	m.wakeSync()
	return id, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (m *membership) issue(tx durable.Tx, t schemas.Terms, lockKey []byte) error {
	rec, termsRec, err := schemas.Issue(t, lockKey, m.identity().SigningKey())
	if err != nil {
		return err
	}
	grant, err := schemas.PeekRecord[schemas.Grant](rec, schemas.RecordGrant)
	if err != nil {
		return err
	}
	if t, err = schemas.PeekRecord[schemas.Terms](termsRec, schemas.RecordTerms); err != nil { // with the nonce, as signed
		return err
	}
	return casebook.Issue(tx, casebook.Permission{Grant: grant, Record: rec, Terms: &t, TermsRecord: &termsRec, LockKey: lockKey})
}

// Stopped says since when a revoked grant is out of force, and where.
type Stopped struct {
	Grant schemas.GrantID `json:"grant"`
	// Here: this agency sends nothing more. Everywhere: the broker hands
	// nothing more over; zero while that is not known.
	Here       time.Time `json:"here"`
	Everywhere time.Time `json:"everywhere,omitzero"`
	// HandedOver, Withdrawn and Unknown count the envelopes that the recipient
	// had not acknowledged by then.
	HandedOver int `json:"handedover"`
	Withdrawn  int `json:"withdrawn"`
	Unknown    int `json:"unknown"`
}

// Revoke ends a grant. This agency's own sending stops with the call, line or
// no line. Revoke then waits for the broker until ctx ends; Everywhere is set
// if its answer came.
func (a *Agent) Revoke(ctx context.Context, network schemas.NetworkID, id schemas.GrantID) (Stopped, error) {
	m, err := a.member(network)
	if err != nil {
		return Stopped{}, err
	}
	err = m.store.Update(context.WithoutCancel(ctx), func(tx durable.Tx) error {
		p, ok, err := casebook.FindPermission(tx, id)
		if err != nil {
			return err
		}
		if !ok || !p.Issued(m.own) && p.LockKey == nil {
			return schemas.Refuse(schemas.CodeNotFound, "grant", "must be one that this agency issued", "see `linkage grant list`")
		}
		if p.Revocation != nil {
			return nil
		}
		return m.revoke(tx, p)
	})
	if err != nil {
		return Stopped{}, err
	}
	m.wakeSync()
	return m.awaitStopped(ctx, id)
}

// revoke signs the end of a grant and stops this agency's own sending.
func (m *membership) revoke(tx durable.Tx, p casebook.Permission) error {
	now := m.agent.opts.Now()
	r := schemas.Revocation{V: 1, Network: m.network, Grant: p.Grant.ID, At: schemas.At(now), By: m.own}
	if !p.Issued(m.own) {
		r.Key = p.LockKey
	}
	rec, err := schemas.Sign(schemas.RecordRevocation, r, m.identity().SigningKey())
	if err != nil {
		return err
	}
	p.Revocation, p.StoppedHere = &rec, now
	if err := casebook.PutPermission(tx, p); err != nil {
		return err
	}
	if err := casebook.SetPending(tx, p.Grant.ID); err != nil {
		return err
	}
	return m.stopSending(tx, p)
}

// stopSending ends this agency's sending under a grant that was revoked.
func (m *membership) stopSending(tx durable.Tx, p casebook.Permission) error {
	if err := m.outbox.Stop(tx, p.Grant.ID); err != nil {
		return err
	}
	return attachments.Stop(tx, p.Grant.Recipient, p.Grant.ID, m.agent.opts.Now())
}

// keepRevocation takes over a revocation that the broker told of.
func (m *membership) keepRevocation(tx durable.Tx, p casebook.Permission, rec schemas.SignedRecord, rev schemas.Revocation) error {
	now := m.agent.opts.Now()
	if p.Revocation == nil {
		p.Revocation, p.StoppedHere = &rec, now
		if p.Issued(m.own) {
			if err := m.stopSending(tx, p); err != nil {
				return err
			}
		}
		if p.Issued(m.own) && rev.By != m.own { // our own comes back to us after a restore
			text := fmt.Sprintf("grant %s was revoked by %s, who holds the consent", p.Grant.ID, rev.By)
			if err := m.raise(tx, schemas.CodeGrantRevoked, rev.By, text); err != nil {
				return err
			}
		}
	}
	if p.StoppedEverywhere.IsZero() {
		p.StoppedEverywhere = now
	}
	if err := casebook.PutPermission(tx, p); err != nil || p.Issued(m.own) {
		return err
	}
	return m.withdrawAttachments(tx)
}

func (m *membership) awaitStopped(ctx context.Context, id schemas.GrantID) (Stopped, error) {
	var s Stopped
	err := m.await(ctx, func() (bool, error) {
		err := m.store.View(func(tx durable.Tx) error {
			p, _, err := casebook.FindPermission(tx, id)
			s = Stopped{id, p.StoppedHere, p.StoppedEverywhere, p.HandedOver, p.Withdrawn, p.Unknown}
			return err
		})
		return !s.Everywhere.IsZero(), err
	})
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil // stopped here is the truth so far
	}
	return s, err
}
