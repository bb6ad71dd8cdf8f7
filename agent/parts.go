package agent

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/agent/internal/attachments"
	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file lets the parts of documents follow the events that name them.

// Moved lets the documents of an event follow it once its recipient has it, and
// one part the other.
func (c content) Moved(tx durable.Tx, from outbox.State, d outbox.Delivery) error {
	if d.State == outbox.Accepted {
		if err := c.m.accepted(tx, d); err != nil {
			return err
		}
	}
	now, queue := c.m.agent.opts.Now(), c.queuePart
	if d.Part == nil {
		if d.State != outbox.Stored {
			return nil
		}
		return c.followUp(tx, d)
	}
	moved := attachments.Moved{Delivery: d.Part.Of, Attachment: d.Part.Attachment, Index: d.Part.Index}
	switch stood := from == outbox.Held || from == outbox.Withdrawn; {
	case d.State == outbox.Stored:
		moved.Stored = true
	case d.State == outbox.Held || d.State == outbox.Withdrawn:
		moved.Code = d.Refusal.Code
	case d.State == outbox.Ended:
		moved.Ended = true
	case stood:
		moved.Again = true
	default:
		return nil
	}
	return attachments.PartMoved(tx, moved, now, queue)
}

// Committed follows a transaction of the outbox.
func (c content) Committed() { c.m.addQueued() }

// followUp begins to send the documents that the recipient's view of an event
// names.
func (c content) followUp(tx durable.Tx, d outbox.Delivery) error {
	if carries, err := attachments.Carries(tx, d.EventID); err != nil || !carries {
		return err
	}
	e, err := eventToSend(tx, d.Event)
	if err != nil {
		return err
	}
	named, code, err := c.m.namedUnder(tx, d, e)
	if err != nil {
		return err
	}
	for _, n := range named {
		err := attachments.Begin(tx, attachments.Outgoing{
			Delivery: d.Number, Event: d.Event, EventID: d.EventID, Recipient: d.Recipient, Grant: d.Grant, Attachment: n.SHA256, Bytes: n.Bytes,
		}, code, c.m.agent.opts.Now(), c.queuePart)
		if err != nil {
			return err
		}
	}
	return nil
}

// queuePart puts one part into the outbox.
func (c content) queuePart(tx durable.Tx, o attachments.Outgoing, index int) error {
	of := outbox.Delivery{Number: o.Delivery, Event: o.Event, Recipient: o.Recipient, Grant: o.Grant}
	n, err := c.m.outbox.QueuePart(tx, of, o.Attachment, index)
	if err == nil {
		c.m.later(outbox.Queued{Recipient: o.Recipient, Number: n})
	}
	return err
}

// namedUnder lists the documents that a recipient may have: those that are left
// of an event under the grant of its delivery. If nothing may go any more, code
// says why, and named is what the event names.
func (m *membership) namedUnder(tx durable.Tx, d outbox.Delivery, e event.Event) (named []schemas.Named, code schemas.Code, err error) {
	p, err := m.permitAgain(tx, d, e)
	if refusal, ok := errors.AsType[*schemas.Error](err); ok {
		code = refusal.Code
	} else if err != nil {
		return nil, "", err
	} else {
		e = p.event
	}
	named, err = schemas.Attachments(schemas.EventType(e.Type()), e.Data())
	return named, code, err
}

// permitAgain decides about an event under the grant under which its recipient
// has it, and under no other: the recipient holds the parts against it.
func (m *membership) permitAgain(tx durable.Tx, d outbox.Delivery, e event.Event) (*permitted, error) {
	p, ok, err := casebook.FindPermission(tx, d.Grant)
	if err != nil {
		return nil, err
	}
	if !ok || p.Terms == nil {
		return nil, schemas.Refuse(schemas.CodeNoGrant, "grant", "must be that of the event that names the attachment", "send the event again")
	}
	return m.permitUnder(p, schemas.Question{
		At: m.agent.opts.Now(), Sender: m.own, Recipient: d.Recipient, Type: schemas.EventType(e.Type()), Category: schemas.CategoryOf(e),
	}, e)
}

// preparePart makes the event of one part. e is the event that names the
// document, before projection.
func (c content) preparePart(tx durable.Tx, d outbox.Delivery, e event.Event, envelope schemas.EventID) (s schemas.Sealed, grant schemas.GrantID, ready bool, err error) {
	p, err := c.m.permitAgain(tx, d, e)
	if err != nil {
		return s, "", false, err
	}
	named, err := schemas.Attachments(schemas.EventType(e.Type()), p.event.Data())
	if err != nil {
		return s, "", false, err
	}
	i := slices.IndexFunc(named, func(n schemas.Named) bool { return n.SHA256 == d.Part.Attachment })
	if i < 0 {
		return s, "", false, schemas.Refuse(schemas.CodePurposeNotCovered, "attachment", "must be one that the recipient may have for the grant's purpose", "end this delivery")
	}
	if p.permission.Registered.IsZero() {
		return s, d.Grant, false, nil
	}
	s.Terms = p.permission.TermsRecord
	if s.Attached, err = attachments.Part(tx, d.Part.Attachment, d.Part.Index); err != nil {
		return s, "", false, err
	}
	part, err := partEvent(d, p.event, schemas.AttachmentPartShared{
		Event: schemas.EventID(e.ID()), Attachment: d.Part.Attachment, Index: d.Part.Index, Parts: schemas.PartsOf(named[i].Bytes), SHA256: schemas.HashOf(s.Attached),
	})
	if err != nil {
		return s, "", false, err
	}
	s, err = c.sign(tx, s, part, envelope)
	return s, d.Grant, err == nil, err
}

// partEvent is a part's inner event: its client, purpose and category are those
// of the event that names the document, as its recipient has it.
func partEvent(d outbox.Delivery, carrier event.Event, part schemas.AttachmentPartShared) (event.Event, error) {
	e := event.New()
	e.SetID(string(d.EventID))
	e.SetSource(carrier.Source())
	e.SetType(string(schemas.TypeAttachmentPartShared))
	e.SetTime(carrier.Time())
	for _, name := range []string{schemas.ExtClient, schemas.ExtPurpose, schemas.ExtClassification, schemas.ExtCategory, schemas.ExtRegulation} {
		if v := schemas.Extension(carrier, name); v != "" {
			e.SetExtension(name, v)
		}
	}
	e.SetExtension(schemas.ExtCausation, carrier.ID())
	if err := e.SetData(event.ApplicationJSON, part); err != nil {
		return e, fmt.Errorf("encode part: %w", err)
	}
	return e, nil
}
