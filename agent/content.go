package agent

import (
	"fmt"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/ledgerview"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// content gives the outbox what it seals.
type content struct{ m *membership }

// Prepare decides anew whether an event, or a part of its attachment, may go to
// a recipient, projects it to what the recipient may see, ties it to its
// envelope, and signs it.
func (c content) Prepare(tx durable.Tx, d outbox.Delivery, envelope schemas.EventID) (s schemas.Sealed, grant schemas.GrantID, ready bool, err error) {
	e, err := eventToSend(tx, d.Event)
	if err != nil {
		return s, "", false, err
	}
	if d.Part != nil {
		return c.preparePart(tx, d, e, envelope)
	}
	p, err := c.m.permit(tx, e, d.Recipient)
	if err != nil {
		return s, "", false, err
	}
	if p == nil {
		out, err := underCharter(e)
		if err != nil {
			return s, "", false, err
		}
		s, err = c.sign(tx, schemas.Sealed{}, out, envelope)
		return s, schemas.CharterGrant, err == nil, err
	}
	if p.permission.Registered.IsZero() {
		return s, p.permission.Grant.ID, false, nil
	}
	s, err = c.sign(tx, schemas.Sealed{Terms: p.permission.TermsRecord}, p.event, envelope)
	return s, p.permission.Grant.ID, err == nil, err
}

// underCharter projects an event that concerns no client.
func underCharter(e event.Event) (event.Event, error) {
	out, _, err := schemas.Project(e, schemas.Terms{}, "")
	if err != nil {
		return out, err
	}
	out.SetExtension(schemas.ExtClassification, "internal")
	out.SetExtension(schemas.ExtCategory, string(schemas.CategoryCharter))
	return out, nil
}

// eventToSend reads an event of this agency as it leaves, before projection.
func eventToSend(tx durable.Tx, number uint64) (event.Event, error) {
	entry, ok, err := casebook.Read(tx, number)
	if err != nil {
		return event.Event{}, err
	}
	if !ok {
		return event.Event{}, fmt.Errorf("event %d is missing", number)
	}
	e, err := schemas.ParseEvent(entry.Event)
	if err != nil {
		return event.Event{}, err
	}
	e.SetExtension(schemas.ExtRecorded, schemas.At(entry.Recorded).Time)
	return e, nil
}

// sign completes what is sealed.
func (c content) sign(tx durable.Tx, s schemas.Sealed, e event.Event, envelope schemas.EventID) (schemas.Sealed, error) {
	var err error
	if s.Event, err = c.m.signEvent(e, envelope); err != nil {
		return s, err
	}
	s.Head, err = ledgerview.Head(tx)
	return s, err
}

// signEvent ties an event to its envelope and signs it.
func (m *membership) signEvent(e event.Event, envelope schemas.EventID) (schemas.SignedRecord, error) {
	for _, local := range []string{schemas.ExtRecipient, schemas.ExtNetwork} {
		e.SetExtension(local, nil)
	}
	e.SetExtension(schemas.ExtEnvelope, string(envelope))
	payload, err := e.MarshalJSON()
	if err != nil {
		return schemas.SignedRecord{}, fmt.Errorf("encode event: %w", err)
	}
	return schemas.SignBytes(schemas.RecordEvent, payload, m.identity().SigningKey()), nil
}

// Quiet reports whether a revocation of the grant is still to reach the broker.
func (c content) Quiet(tx durable.Tx, grant schemas.GrantID) (bool, error) {
	p, ok, err := casebook.FindPermission(tx, grant)
	return ok && p.Revocation != nil && p.StoppedEverywhere.IsZero(), err
}

// SealingKey returns the recipient's present key.
func (c content) SealingKey(tx durable.Tx, recipient schemas.AgencyID) ([]byte, error) {
	return c.m.dir.SealingKey(tx, recipient)
}

// ApplyEntry takes over cards that a refusal brought.
func (c content) ApplyEntry(tx durable.Tx, e schemas.Entry) error { return c.m.dir.ApplyEntry(tx, e) }

// Raise records an alarm.
func (c content) Raise(tx durable.Tx, code schemas.Code, about schemas.AgencyID, text string) error {
	return c.m.raise(tx, code, about, text)
}

// permitted is an event as a recipient may see it, and by what permission.
type permitted struct {
	permission casebook.Permission
	purpose    schemas.Purpose
	event      event.Event
}

// permit makes the sender's decision about an event of the casebook: nil for
// one that concerns no client and travels under the charter. Its error is the
// refusal.
func (m *membership) permit(tx durable.Tx, e event.Event, recipient schemas.AgencyID) (*permitted, error) {
	now := m.agent.opts.Now()
	category, client := schemas.CategoryOf(e), schemas.Extension(e, schemas.ExtClient)
	q := schemas.Question{At: now, Sender: m.own, Recipient: recipient, Type: schemas.EventType(e.Type()), Category: category}
	if category == schemas.CategoryCharter {
		q.Client = schemas.Handle(client)
		_, err := schemas.Decide(q)
		return nil, err
	}
	handle, err := casebook.Handle(tx, recipient, client, false)
	if err != nil {
		return nil, err
	}
	p, err := casebook.For(tx, m.own, recipient, handle, category, now)
	if err != nil {
		return nil, err
	}
	return m.permitUnder(p, q, e)
}

// permitUnder decides about an event under one permission and projects it.
func (m *membership) permitUnder(p casebook.Permission, q schemas.Question, e event.Event) (*permitted, error) {
	q.Client, q.Grant, q.Terms, q.Revoked = p.Terms.Client, &p.Grant, p.Terms, p.Revocation != nil
	purpose, err := schemas.Decide(q)
	if err != nil {
		return nil, err
	}
	out, err := m.project(e, *p.Terms, purpose)
	if err != nil {
		return nil, err
	}
	return &permitted{permission: p, purpose: purpose, event: out}, nil
}

// project makes of an event what a recipient may see.
func (m *membership) project(e event.Event, t schemas.Terms, purpose schemas.Purpose) (event.Event, error) {
	out, _, err := schemas.Project(e, t, purpose)
	if err != nil {
		return out, err
	}
	out.SetExtension(schemas.ExtClient, string(t.Client))
	out.SetExtension(schemas.ExtPurpose, string(purpose))
	out.SetExtension(schemas.ExtClassification, "restricted")
	out.SetExtension(schemas.ExtCategory, string(schemas.CategoryOf(e)))
	if r := m.agent.opts.Regulations; r != "" {
		out.SetExtension(schemas.ExtRegulation, r)
	}
	return out, nil
}
