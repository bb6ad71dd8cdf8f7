package schemas_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/linkage-exchange/linkage/schemas"
)

func TestValidatePayload(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30)
	tests := map[string]struct {
		event             schemas.EventType
		data, field, rule string
	}{
		"unknown type":       {event: "org.linkage.weather.changed.v1", data: `{"wind": "strong"}`},
		"unknown field":      {event: schemas.TypeReferralReceived, data: `{"zzUnknown": [1, 2]}`},
		"not an object":      {schemas.TypeReferralReceived, `[]`, "data", "must be an object with fields"},
		"empty":              {schemas.TypeReferralReceived, ``, "data", "must be complete and well-formed JSON"},
		"a name twice":       {schemas.TypeReferralReceived, `{"fillerId": "a", "fillerId": "b"}`, "data", "must not name a field twice in one object"},
		"too deep":           {schemas.TypeReferralReceived, deep, "data", "must not nest more than 16 deep"},
		"too large":          {schemas.TypeReferralReceived, `{"a": "` + strings.Repeat("a", 600<<10) + `"}`, "data", "must not be larger than 512 KiB"},
		"a number too long":  {schemas.TypeReferralStarted, `{"startedAt": "2026-03-15T09:30:00Z", "waitDays": 1e999999}`, "data", "must not hold a number of more than 24 characters or with a long exponent"},
		"missing":            {schemas.TypeReferralStarted, `{}`, "data.startedAt", "is required"},
		"not a time":         {schemas.TypeReferralStarted, `{"startedAt": "noon"}`, "data.startedAt", "must be a date and time with its offset, such as 2026-11-21T09:30:00Z"},
		"not in the list":    {schemas.TypeReferralExpired, `{"clock": "sand", "due": "2026-03-15T09:30:00Z", "ends": true}`, "data.clock", "must be one of acknowledge, decide, first-appointment, outcome, interim-service, admission, latest-admission, information, answer"},
		"a pattern in words": {schemas.TypeReferralReceived, `{"fillerId": "Jane Doe"}`, "data.fillerId", "must be an id of at most 128 letters, digits, dots, colons and hyphens"},
		"too small":          {schemas.TypeReferralWaitlisted, `{"listedAt": "2026-03-15T09:30:00Z", "position": 0}`, "data.position", "must be at least 1"},
		"inside a list":      {schemas.TypeDirectoryServiceListed, `{"service": "s", "program": {"id": "p"}, "name": "n", "status": "active", "assuredOn": "2026-03-15", "codes": [{"system": "http://loinc.org"}]}`, "data.codes.0.code", "is required"},
		"the fixed value":    {schemas.TypeDrugTestConfirmed, `{"kind": "forensic", "confirmed": false, "collectedAt": "2026-03-15T09:30:00Z", "reportedAt": "2026-03-15T09:30:00Z", "results": []}`, "data.confirmed", "must be true"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := schemas.ValidatePayload(tt.event, json.RawMessage(tt.data))
			if tt.rule == "" {
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
				return
			}
			checkRefusal(t, err)
			if e, ok := errors.AsType[*schemas.Error](err); ok && (e.Field != tt.field || e.Rule != tt.rule) {
				t.Errorf("got %s %q, want %s %q", e.Field, e.Rule, tt.field, tt.rule)
			}
		})
	}
}

// TestPresumptiveNotice: the constant, and the text that the schema asks for,
// are one.
func TestPresumptiveNotice(t *testing.T) {
	doc := document(t, "json/"+schemas.TypeDrugTestPresumptive.Short()+".schema.json")
	properties, _ := doc["properties"].(map[string]any)
	notice, _ := properties["notice"].(map[string]any)
	if got := notice["const"]; got != schemas.PresumptiveNotice {
		t.Errorf("got %v, want %s", got, schemas.PresumptiveNotice)
	}
}

// TestDrugTestsSayTheirKind: a clinical test must never pass for a forensic one.
func TestDrugTestsSayTheirKind(t *testing.T) {
	for _, info := range schemas.Catalogue() {
		if info.Type.Noun() != "drug-test" {
			continue
		}
		for name, data := range examples(t, info.Type, "valid") {
			var doc map[string]any
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			delete(doc, "kind")
			b, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if err := schemas.ValidatePayload(info.Type, b); err == nil {
				t.Errorf("%s %s passes without its kind", info.Type, name)
			}
		}
	}
}

func TestValidatePayloadAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, info := range schemas.Catalogue()[:8] {
				for name, data := range examples(t, info.Type, "valid") {
					if err := schemas.ValidatePayload(info.Type, data); err != nil {
						t.Errorf("%s %s: %v", info.Type, name, err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// FuzzValidatePayload: whatever comes, there is no panic and no error but ours;
// what is valid can be projected, and what is left is valid.
func FuzzValidatePayload(f *testing.F) {
	catalogue := schemas.Catalogue()
	for i, info := range catalogue {
		for _, data := range examples(f, info.Type, "valid") {
			f.Add(i, []byte(data))
		}
	}
	f.Add(0, []byte(`{"service":1e999999}`))
	f.Add(-1, []byte(`{"a":{"a":null}}`))
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		event := schemas.EventType("org.linkage.weather.changed.v1")
		if i >= 0 && i < len(catalogue) {
			event = catalogue[i].Type
		}
		err := schemas.ValidatePayload(event, data)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if _, known := schemas.LookUp(event); !known {
			return
		}
		out, _, err := schemas.ProjectPayload(event, data, schemas.PurposeJusticeMonitoring, func(schemas.Category) bool { return false })
		if err != nil {
			t.Fatalf("valid, but not projected: %v", err)
		}
		if err := schemas.ValidatePayload(event, out); err != nil {
			t.Fatalf("what is left is not valid: %v", err)
		}
	})
}
