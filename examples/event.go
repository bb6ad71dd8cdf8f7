package examples

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Event is one event of the week, in CloudEvents' JSON format. Its client is
// the key of a [Person].
type Event struct {
	ID       schemas.EventID
	Type     schemas.EventType
	Category schemas.Category
	From     schemas.AgencyID
	Time     time.Time
	Client   string // "" when no client is concerned

	raw json.RawMessage
}

// parseEvent reads an event and holds its data against the schema of its type.
func parseEvent(b []byte) (Event, error) {
	e, err := schemas.ParseEvent(b)
	if err != nil {
		return Event{}, err
	}
	from, ok := schemas.AgencyOfSource(e.Source())
	if !ok {
		return Event{}, errors.New("source must be /agencies/ and an agency")
	}
	if err := schemas.CheckInner(e, from, time.Now()); err != nil {
		return Event{}, err
	}
	info, ok := schemas.LookUp(schemas.EventType(e.Type()))
	if !ok || info.Local {
		return Event{}, fmt.Errorf("type %s must be one of the catalogue that travels", e.Type())
	}
	if err := schemas.ValidatePayload(info.Type, e.Data()); err != nil {
		return Event{}, err
	}
	client := schemas.Extension(e, schemas.ExtClient)
	if (client == "") != (info.Category == schemas.CategoryCharter) {
		return Event{}, errors.New("client must be set unless the type concerns none")
	}
	return Event{
		ID: schemas.EventID(e.ID()), Type: info.Type, Category: info.Category, From: from, Time: e.Time(), Client: client, raw: b,
	}, nil
}

// For returns the event as its sender hands it in, with the sender's own name
// for the client ("" when none is concerned).
func (e Event) For(client string) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(e.raw, &members); err != nil {
		return nil, fmt.Errorf("read event %s: %w", e.ID, err)
	}
	delete(members, schemas.ExtClient)
	if client != "" {
		name, err := json.Marshal(client)
		if err != nil {
			return nil, fmt.Errorf("name client: %w", err)
		}
		members[schemas.ExtClient] = name
	}
	return json.Marshal(members)
}
