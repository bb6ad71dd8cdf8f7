package schemas

import (
	"reflect"
	"slices"
	"strings"
)

// EventType is the CloudEvents type of an inner event:
// org.linkage.<noun>.<past-tense>.v1.
type EventType string

// Noun is the thing that the event is about, such as drug-test.
func (t EventType) Noun() string { return t.part(2) }

// Verb is what happened to it, such as confirmed.
func (t EventType) Verb() string { return t.part(3) }

// Schema is the CloudEvents dataschema of the type, a URN.
func (t EventType) Schema() string { return "urn:linkage:event:" + t.Short() }

// Short is the type without its prefix, such as drug-test.confirmed.v1; files
// are named with it.
func (t EventType) Short() string { return strings.TrimPrefix(string(t), "org.linkage.") }

func (t EventType) part(n int) string {
	if parts := strings.Split(string(t), "."); len(parts) == 5 {
		return parts[n]
	}
	return ""
}

// TypeInfo describes one event type of the catalogue.
type TypeInfo struct {
	Type EventType
	// Category is the kind of information that the event discloses. A grant
	// needs a cell of it; [CategoryCharter] means that the event concerns no
	// client, [CategoryCarried] that each event names its own.
	Category Category
	// Local marks a type that never leaves the agency.
	Local bool
	// Payload is the Go type of the event's data.
	Payload reflect.Type
}

// is makes the entry of a type whose payload is P.
func is[P any](t EventType, c Category) TypeInfo {
	return TypeInfo{Type: t, Category: c, Payload: reflect.TypeFor[P]()}
}

// catalogue is every event type, each noun's list standing in that noun's file.
var catalogue = slices.Concat(
	referralTypes, appointmentTypes, consentTypes, drugTestTypes, attendanceTypes, treatmentTypes, sharingTypes,
	supervisionTypes, caseTypes, directoryTypes, networkTypes, disclosureTypes, grantControlTypes,
	attachmentTypes,
)

var byType = func() map[EventType]TypeInfo {
	m := make(map[EventType]TypeInfo, len(catalogue))
	for _, info := range catalogue {
		m[info.Type] = info
	}
	return m
}()

// Catalogue lists every event type, noun by noun.
func Catalogue() []TypeInfo { return slices.Clone(catalogue) }

// LookUp describes an event type; ok is false for one that this version does
// not know. An unknown type is stored and shown as such, never dropped.
func LookUp(t EventType) (info TypeInfo, ok bool) {
	info, ok = byType[t]
	return info, ok
}
