package agent

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Draft is what a person says about an event beside the event itself. What is
// empty leaves the event as it is.
type Draft struct {
	To      []schemas.AgencyID
	Client  string
	Network schemas.NetworkID
	// Source and Time stand in for attributes that the event lacks, as do a
	// random id and CloudEvents 1.0.
	Source string
	Time   time.Time
	// Attachments are named in the event's data, behind those that it names
	// already.
	Attachments []schemas.Attachment
}

// Complete puts a draft's attributes on a CloudEvent in JSON format. Data stays
// as it is, byte for byte, unless there are attachments.
func (d Draft) Complete(event []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := schemas.DecodeJSON(event, &members); err != nil || members == nil {
		return nil, schemas.Refuse(schemas.CodeInvalidEvent, "event", "must be one CloudEvent in JSON format", "see docs/protocol.md for an example")
	}
	recipients := make([]string, len(d.To))
	for i, a := range d.To {
		recipients[i] = string(a)
	}
	for name, value := range map[string]string{
		schemas.ExtRecipient: strings.Join(recipients, ","), schemas.ExtClient: d.Client, schemas.ExtNetwork: string(d.Network),
	} {
		if value != "" {
			members[name] = quoted(value)
		}
	}
	for name, value := range map[string]string{
		"specversion": "1.0", "id": string(schemas.NewEventID()), "source": d.Source, "time": d.Time.UTC().Format(time.RFC3339Nano),
	} {
		if _, given := members[name]; !given {
			members[name] = quoted(value)
		}
	}
	if err := d.attach(members); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

// attach names the attachments in the event's data.
func (d Draft) attach(members map[string]json.RawMessage) error {
	if len(d.Attachments) == 0 {
		return nil
	}
	var kind schemas.EventType
	if err := json.Unmarshal(members["type"], &kind); err != nil || !schemas.TakesAttachments(kind) {
		return schemas.Refuse(schemas.CodeInvalidEvent, "type", "must be one whose events have a list of attachments, such as assessment.shared", "see docs/events.md, or send the document with an event of another type")
	}
	var data map[string]json.RawMessage
	if err := json.Unmarshal(members["data"], &data); err != nil || data == nil {
		return schemas.Refuse(schemas.CodeInvalidEvent, "data", "must be an object", "correct the event and send it again")
	}
	var all []any
	if list, ok := data["attachments"]; ok {
		if err := json.Unmarshal(list, &all); err != nil {
			return schemas.Refuse(schemas.CodeInvalidEvent, "data.attachments", "must be a list", "correct the event and send it again")
		}
	}
	for _, a := range d.Attachments {
		all = append(all, a)
	}
	var err error
	if data["attachments"], err = json.Marshal(all); err != nil {
		return err
	}
	members["data"], err = json.Marshal(data)
	return err
}

func quoted(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		panic("a string always encodes: " + err.Error())
	}
	return b
}
