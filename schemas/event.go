package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// MaxEvent is the size limit of an inner event as JSON, in bytes: with its
// signature and the grant's terms it must fit into the largest bucket.
const MaxEvent = 360 << 10

// The extension attributes of an inner event. Published names are used where
// there are any: correlationid and causationid (correlation), recordedtime,
// dataclassification, dataregulation and datacategory (data classification),
// traceparent (distributed tracing).
const (
	ExtClient         = "client"             // the handle; absent when no client is concerned
	ExtPurpose        = "purpose"            // the purpose under which the event was disclosed
	ExtCorrelation    = "correlationid"      // the referral or case
	ExtCausation      = "causationid"        // the event that caused this one
	ExtRecorded       = "recordedtime"       // when the agency wrote it down
	ExtClassification = "dataclassification" // restricted, or internal when no client is concerned
	ExtRegulation     = "dataregulation"     // such as 42CFR2,HIPAA
	ExtCategory       = "datacategory"       // the Category
	ExtTrace          = "traceparent"
	// ExtEnvelope names the envelope in which the event travels. The sender sets
	// it when it seals, so that its signature ties the one to the other.
	ExtEnvelope = "envelope"
	// ExtRecipient and ExtNetwork are for the agency's own agent: who should
	// hear of the event, and in which network. They never leave.
	ExtRecipient = "recipient"
	ExtNetwork   = "network"
)

// ParseEvent reads one CloudEvent in JSON format within bounds. It checks what
// CloudEvents 1.0 demands, not the payload.
func ParseEvent(b []byte) (event.Event, error) {
	e := event.New()
	if len(b) > MaxEvent {
		return e, Refuse(CodeTooLarge, "event", fmt.Sprintf("must be at most %d bytes", MaxEvent), "send large content as attachments")
	}
	if err := CheckJSON(b); err != nil {
		return e, err
	}
	if err := checkMembers(b); err != nil {
		return e, err
	}
	if err := e.UnmarshalJSON(b); err != nil {
		return event.New(), Refuse(CodeInvalidEvent, "event", "must be a CloudEvent 1.0 in JSON format", "see docs/protocol.md for an example")
	}
	if err := e.Validate(); err != nil {
		return e, invalidEvent(err)
	}
	return e, nil
}

// attributeName is the form that CloudEvents 1.0 gives the names of attributes.
var attributeName = regexp.MustCompile(`^[a-z0-9]+$`)

// checkMembers looks at an event's members before the SDK does, which panics on
// data_base64 that is no string, stops reading at an empty name, takes DATA for
// an attribute called data, and lets the second of data and data_base64 win.
func checkMembers(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil || members == nil {
		return Refuse(CodeInvalidEvent, "event", "must be a JSON object", "see docs/protocol.md for an example")
	}
	invalid := func(field, rule string) error {
		return Refuse(CodeInvalidEvent, field, rule, "correct the event and send it again")
	}
	for name := range members {
		if name != "data_base64" && !attributeName.MatchString(name) {
			return invalid("event", "must name its attributes in lower-case letters and digits")
		}
	}
	if string(members["specversion"]) != `"`+event.CloudEventsVersionV1+`"` {
		return Refuse(CodeUnsupportedVersion, "specversion", "must be 1.0", "send CloudEvents 1.0")
	}
	encoded, ok := members["data_base64"]
	if !ok {
		return nil
	}
	if !bytes.HasPrefix(encoded, []byte{'"'}) {
		return invalid("data_base64", "must be a string")
	}
	if _, both := members["data"]; both {
		return invalid("data_base64", "must not stand beside data")
	}
	return nil
}

// ReadEvent verifies a signed inner event and reads it.
func ReadEvent(r SignedRecord, key []byte) (event.Event, error) {
	if err := r.Verify(RecordEvent, key); err != nil {
		return event.Event{}, err
	}
	return ParseEvent(r.Payload)
}

// Extension returns an extension attribute as a string, "" if it is not set.
func Extension(e event.Event, name string) string {
	v, ok := e.Extensions()[name]
	if !ok {
		return ""
	}
	return canonical(v)
}

// CategoryOf is the event's category: the catalogue's, or the one that the event
// claims, for the parts of attachments and for a type that this version does
// not know.
func CategoryOf(e event.Event) Category {
	if info, ok := LookUp(EventType(e.Type())); ok && info.Category != CategoryCarried {
		return info.Category
	}
	return Category(Extension(e, ExtCategory))
}

var typePattern = regexp.MustCompile(`^org\.linkage\.[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*\.v[1-9][0-9]*$`)

// CheckInner checks what holds for every inner event on the wire, beyond
// CloudEvents: who says it, its id and its times. now bounds the times.
func CheckInner(e event.Event, sender AgencyID, now time.Time) error {
	invalid := func(field, rule string) error {
		return Refuse(CodeInvalidEvent, field, rule, "correct the event and send it again")
	}
	switch {
	case e.Source() != sender.Source():
		return Refuse(CodeSenderMismatch, "source", "must be the agency that sends", "send events of this agency only")
	case !EventID(e.ID()).Valid():
		return invalid("id", "must be a UUIDv7")
	case !typePattern.MatchString(e.Type()):
		return invalid("type", "must be org.linkage.<noun>.<past-tense>.v<number>")
	case e.Time().IsZero():
		return invalid("time", "is required: when it happened")
	case e.Time().After(now.Add(MaxClockSkew)):
		return invalid("time", "must not lie in the future: events say what happened")
	}
	return nil
}
