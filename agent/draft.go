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
}

// Complete puts a draft's attributes on a CloudEvent in JSON format. Data stays
// as it is, byte for byte.
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
	return json.Marshal(members)
}

func quoted(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		panic("a string always encodes: " + err.Error())
	}
	return b
}
