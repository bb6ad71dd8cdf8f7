package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Acceptance is the answer to an event from the agency's people or systems.
type Acceptance struct {
	// ID is the event's id on the wire: the one that was given if it is a
	// UUIDv7, otherwise a new one.
	ID     schemas.EventID    `json:"id"`
	Number uint64             `json:"number"` // in the casebook
	Known  bool               `json:"known"`  // it was accepted before; nothing more happened
	To     []schemas.AgencyID `json:"to"`
}

// Accept takes one CloudEvent in JSON format from the agency. Its extension
// attribute recipient names the partners who are to hear of it (agencies,
// separated by commas), client the agency's own id of the client or the handle
// that the partner uses, network the network if there are several.
//
// When Accept returns without an error the event is on disk and will reach its
// recipients or stay visible with the reason why not. A refusal (nothing was
// kept) means that at least one recipient may not hear it. The same source and
// id accepted again has no effect.
func (a *Agent) Accept(ctx context.Context, body []byte) (Acceptance, error) {
	e, err := schemas.ParseEvent(body)
	if err != nil {
		return Acceptance{}, err
	}
	m, err := a.member(schemas.NetworkID(schemas.Extension(e, schemas.ExtNetwork)))
	if err != nil {
		return Acceptance{}, err
	}
	to, err := m.checkAccepted(e)
	if err != nil {
		return Acceptance{}, err
	}
	return m.accept(ctx, e, to)
}

// checkAccepted checks what needs no store.
func (m *membership) checkAccepted(e event.Event) ([]schemas.AgencyID, error) {
	t := schemas.EventType(e.Type())
	info, ok := schemas.LookUp(t)
	if !ok {
		return nil, schemas.Refuse(schemas.CodeInvalidEvent, "type", "must be one of the catalogue", "see docs/events.md for the types")
	}
	if media := e.DataMediaType(); media != "" && media != event.ApplicationJSON { // absent means JSON in the JSON format
		return nil, schemas.Refuse(schemas.CodeInvalidEvent, "datacontenttype", "must be application/json", "send the data as JSON")
	}
	if err := schemas.ValidatePayload(t, e.Data()); err != nil {
		return nil, err
	}
	wire := e.Clone()
	wire.SetID(string(schemas.NewEventID()))
	wire.SetSource(m.own.Source())
	if err := schemas.CheckInner(wire, m.own, m.agent.opts.Now()); err != nil {
		return nil, err
	}
	client := schemas.Extension(e, schemas.ExtClient)
	switch {
	case info.Category == schemas.CategoryCharter && client != "":
		return nil, schemas.Refuse(schemas.CodeInvalidEvent, "client", "must be absent: this type concerns no client", "leave it out")
	case info.Category != schemas.CategoryCharter && client == "":
		return nil, schemas.Refuse(schemas.CodeInvalidEvent, "client", "is required for this type", "name the client by this agency's own id")
	}
	if t == schemas.TypeAttachmentPartShared {
		return nil, schemas.Refuse(schemas.CodeInvalidEvent, "type", "must be said by the agent itself", "name the attachment in an event; its parts go by themselves")
	}
	to, err := recipients(schemas.Extension(e, schemas.ExtRecipient), m.own)
	if err == nil && info.Local && len(to) > 0 {
		err = schemas.Refuse(schemas.CodeInvalidEvent, "recipient", "must be absent: this type never leaves the agency", "leave it out")
	}
	return to, err
}

func recipients(list string, own schemas.AgencyID) ([]schemas.AgencyID, error) {
	var to []schemas.AgencyID
	for _, s := range strings.Split(list, ",") {
		a := schemas.AgencyID(strings.TrimSpace(s))
		switch {
		case a == "" && list == "":
		case !a.Valid() || a == own:
			return nil, schemas.Refuse(schemas.CodeInvalidEvent, "recipient", "must be other agencies of the network, separated by commas", "see `linkage agent status` for the names")
		case !slices.Contains(to, a):
			to = append(to, a)
		}
	}
	return to, nil
}

// accept records the event and its deliveries in one transaction.
func (m *membership) accept(ctx context.Context, e event.Event, to []schemas.AgencyID) (Acceptance, error) {
	var out Acceptance
	var queued []outbox.Queued
	err := m.store.Update(ctx, func(tx durable.Tx) (err error) {
		out, queued = Acceptance{To: to}, nil
		wire, known, err := m.localEvent(tx, e, &out)
		if err != nil || known {
			return err
		}
		if err := nameAttachments(tx, wire); err != nil {
			return err
		}
		grants := map[schemas.AgencyID]schemas.GrantID{}
		for _, a := range to {
			if _, err := m.dir.SealingKey(tx, a); err != nil {
				return fmt.Errorf("to %s: %w", a, err)
			}
			p, err := m.permit(tx, wire, a)
			if err != nil {
				return fmt.Errorf("to %s: %w", a, err)
			}
			if p != nil {
				grants[a] = p.permission.Grant.ID
			}
		}
		queued, err = m.write(tx, wire, to, grants, &out)
		return err
	})
	if err != nil {
		return Acceptance{}, err
	}
	crash.Point(crash.AgentAccepted)
	m.addAll(queued)
	m.committed()
	return out, nil
}

const mapLocalIDs = "local-ids" // source|id of the agency's system -> id on the wire

// localEvent gives an event its form for the record: this agency as its source,
// an id for the wire. known says that it was accepted before.
func (m *membership) localEvent(tx durable.Tx, e event.Event, out *Acceptance) (wire event.Event, known bool, err error) {
	key := e.Source() + "|" + e.ID()
	id, known, err := durable.GetJSON[schemas.EventID](tx.Map(mapLocalIDs), key)
	if err != nil {
		return wire, false, err
	}
	if known {
		out.ID, out.Known = id, true
		out.Number, _, err = casebook.Find(tx, m.own.Source(), string(id))
		return wire, true, err
	}
	out.ID = schemas.EventID(e.ID())
	n, taken, err := casebook.Find(tx, m.own.Source(), e.ID())
	if back, err := tx.Map(mapReturned).Get(e.ID()); err != nil || back != nil && taken {
		out.Number, out.Known = n, true // it was accepted before a restore, and came back from a partner
		return wire, true, err
	}
	if err != nil || taken || !out.ID.Valid() {
		if err != nil {
			return wire, false, err
		}
		out.ID = schemas.NewEventID()
	}
	wire = e.Clone()
	wire.SetID(string(out.ID))
	wire.SetSource(m.own.Source())
	wire.SetDataContentType(event.ApplicationJSON)
	wire.SetDataSchema(schemas.EventType(e.Type()).Schema())
	return wire, false, durable.PutJSON(tx.Map(mapLocalIDs), key, out.ID)
}

// write appends an event of this agency and queues its deliveries.
func (m *membership) write(tx durable.Tx, e event.Event, to []schemas.AgencyID, grants map[schemas.AgencyID]schemas.GrantID, out *Acceptance) ([]outbox.Queued, error) {
	body, err := e.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	out.Number, _, err = casebook.Append(tx, casebook.Entry{
		Direction: casebook.Said, From: m.own, To: to, Recorded: m.agent.opts.Now(), Event: body,
	}, e)
	if err != nil {
		return nil, err
	}
	var queued []outbox.Queued
	for _, a := range to {
		n, err := m.outbox.Queue(tx, out.Number, schemas.EventID(e.ID()), a, grants[a])
		if err != nil {
			return nil, err
		}
		queued = append(queued, outbox.Queued{Recipient: a, Number: n})
	}
	return queued, nil
}

// say queues an event that the agent itself has to say under the charter, in a
// running transaction.
func (m *membership) say(tx durable.Tx, t schemas.EventType, to schemas.AgencyID, payload any) error {
	e := event.New()
	e.SetID(string(schemas.NewEventID()))
	e.SetSource(m.own.Source())
	e.SetType(string(t))
	e.SetTime(m.agent.opts.Now().UTC())
	e.SetDataSchema(t.Schema())
	e.SetExtension(schemas.ExtClassification, "internal")
	if err := e.SetData(event.ApplicationJSON, payload); err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	queued, err := m.write(tx, e, []schemas.AgencyID{to}, nil, &Acceptance{})
	m.later(queued...)
	return err
}
