package agent

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/agent/internal/attachments"
	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Uploaded answers an upload.
type Uploaded = attachments.Uploaded

// Progress is how far a document has come.
type Progress = attachments.Progress

// Attach takes in a document of at most [schemas.MaxAttachment] bytes, for an
// event that will name it. When Attach returns without an error the document is
// on disk. If no event names it within a day it is removed.
func (a *Agent) Attach(ctx context.Context, network schemas.NetworkID, from io.Reader) (Uploaded, error) {
	m, err := a.member(network)
	if err != nil {
		return Uploaded{}, err
	}
	return attachments.Upload(ctx, m.store, a.opts.Now, from)
}

// Attachments lists every document: handed in, on its way to a partner, and
// from partners.
func (a *Agent) Attachments(network schemas.NetworkID) ([]Progress, error) {
	m, err := a.member(network)
	if err != nil {
		return nil, err
	}
	all := []Progress{}
	err = m.store.View(func(tx durable.Tx) error {
		listed, err := attachments.All(tx)
		all = append(all, listed...)
		return err
	})
	return all, err
}

// Attachment is a document that is whole. It is read in parts, and never in
// memory as a whole.
type Attachment struct {
	Bytes int
	m     *membership
	id    schemas.Hash
}

// Attachment finds a document by the SHA-256 of its content.
func (a *Agent) Attachment(network schemas.NetworkID, id schemas.Hash) (*Attachment, error) {
	m, err := a.member(network)
	if err != nil {
		return nil, err
	}
	found := &Attachment{m: m, id: id}
	return found, m.store.View(func(tx durable.Tx) error {
		bytes, ok, err := attachments.Size(tx, id)
		if err == nil && !ok {
			err = schemas.Refuse(schemas.CodeNotFound, "attachment", "must be one that is whole here", "see `linkage events attachments`")
		}
		found.Bytes = bytes
		return err
	})
}

// WriteTo writes the whole document.
func (a *Attachment) WriteTo(w io.Writer) (written int64, err error) {
	for i := range schemas.PartsOf(a.Bytes) {
		var part []byte
		err := a.m.store.View(func(tx durable.Tx) (err error) {
			part, err = attachments.Part(tx, a.id, i)
			return err
		})
		if err != nil {
			return written, err
		}
		n, err := w.Write(part)
		if written += int64(n); err != nil {
			return written, err
		}
	}
	return written, nil
}

// nameAttachments makes sure that this agent has every document that an event
// names.
func nameAttachments(tx durable.Tx, e event.Event) error {
	named, err := schemas.Attachments(schemas.EventType(e.Type()), e.Data())
	if err != nil {
		return err
	}
	for _, n := range named {
		if err := attachments.Name(tx, schemas.EventID(e.ID()), n); err != nil {
			return err
		}
	}
	return nil
}

// sweepLoop removes what nobody needs any more, now and once an hour.
func (m *membership) sweepLoop() {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		err := m.store.Update(m.ctx, func(tx durable.Tx) error {
			if err := m.withdrawAttachments(tx); err != nil {
				return err
			}
			return attachments.Sweep(tx, m.agent.opts.Now())
		})
		if err != nil && m.ctx.Err() == nil {
			m.log.WarnContext(m.ctx, "attachments are tidied up later", "error", err)
		}
		select {
		case <-ticker.C:
		case <-m.ctx.Done():
			return
		}
	}
}

// withdrawAttachments removes what came of documents whose permission ended
// before they were complete.
func (m *membership) withdrawAttachments(tx durable.Tx) error {
	now := m.agent.opts.Now()
	return attachments.Withdraw(tx, func(id schemas.GrantID) (schemas.Code, error) {
		p, ok, err := casebook.FindPermission(tx, id)
		switch {
		case err != nil || !ok:
			return "", err
		case p.Revocation != nil:
			return schemas.CodeGrantRevoked, nil
		}
		return p.Grant.Live(now), nil
	}, now)
}

// announced notes the documents that a partner's event names.
func (f effects) announced(tx durable.Tx, t inbox.Taken, number uint64) error {
	named, err := schemas.Attachments(schemas.EventType(t.Event.Type()), t.Event.Data())
	if err != nil {
		return err
	}
	for _, n := range named {
		err := attachments.Announce(tx, attachments.Incoming{
			Sender: t.Sender, EventID: schemas.EventID(t.Event.ID()), Event: number, Grant: t.Grant, Category: t.Category, Purpose: t.Purpose,
			Attachment: n.SHA256, Bytes: n.Bytes,
		}, f.m.agent.opts.Now())
		if err != nil {
			return err
		}
	}
	return nil
}

// part takes in a part of a document.
func (f effects) part(tx durable.Tx, t inbox.Taken) error {
	var part schemas.AttachmentPartShared
	if err := json.Unmarshal(t.Event.Data(), &part); err != nil {
		return schemas.Refuse(schemas.CodeInvalidEvent, "data", "must say which part of which attachment it is", "correct the event")
	}
	return attachments.TakePart(tx, attachments.Arrival{
		Sender: t.Sender, Grant: t.Grant, Category: t.Category, Purpose: t.Purpose, Part: part, Content: t.Attached,
	}, f.m.agent.opts.Now())
}
