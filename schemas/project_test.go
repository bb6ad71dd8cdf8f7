package schemas_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

// annotated lists, by path, the annotations that stand on a payload's field or
// on any field above it.
type annotated struct {
	purposes   [][]any
	categories []schemas.Category
}

func (a annotated) with(node map[string]any) annotated {
	out := annotated{slices.Clone(a.purposes), slices.Clone(a.categories)}
	if list, ok := node["x-purposes"].([]any); ok {
		out.purposes = append(out.purposes, list)
	}
	if c, ok := node["x-category"].(string); ok {
		out.categories = append(out.categories, schemas.Category(c))
	}
	return out
}

func (a annotated) allow(p schemas.Purpose, covered func(schemas.Category) bool) bool {
	for _, list := range a.purposes {
		if !slices.Contains(list, any(string(p))) {
			return false
		}
	}
	return !slices.ContainsFunc(a.categories, func(c schemas.Category) bool { return !covered(c) })
}

// leaves calls visit for each field of v with its path and the annotations that
// apply to it; known is false for a field that the schema does not have.
func leaves(t testing.TB, set map[string]map[string]any, base string, node map[string]any, v any, path string, a annotated,
	visit func(path string, a annotated, known bool),
) {
	t.Helper()
	base, node = resolve(t, set, base, node)
	switch v := v.(type) {
	case map[string]any:
		properties, _ := node["properties"].(map[string]any)
		for name, e := range v {
			p, known := properties[name].(map[string]any)
			visit(path+"."+name, a.with(p), known)
			if known {
				leaves(t, set, base, p, e, path+"."+name, a.with(p), visit)
			}
		}
	case []any:
		items, _ := node["items"].(map[string]any)
		for i, e := range v {
			leaves(t, set, base, items, e, path+"."+strconv.Itoa(i), a, visit)
		}
	}
}

// TestProjection holds, for random events, purposes and grants, with unknown
// fields put in anywhere: what stays is covered and nothing else is lost, it is
// part of what was there, it is valid, and doing it again changes nothing.
func TestProjection(t *testing.T) {
	set := schemaSet(t)
	type example struct {
		info schemas.TypeInfo
		data json.RawMessage
	}
	var all []example
	for _, info := range schemas.Catalogue() {
		for _, data := range examples(t, info.Type, "valid") {
			all = append(all, example{info, data})
		}
	}
	if len(all) == 0 {
		t.Fatal("no examples")
	}
	rapid.Check(t, func(r *rapid.T) {
		e := rapid.SampledFrom(all).Draw(r, "example")
		purpose := rapid.SampledFrom(schemas.Purposes).Draw(r, "purpose")
		cells := rapid.SliceOfDistinct(rapid.SampledFrom(schemas.Categories), func(c schemas.Category) schemas.Category { return c }).Draw(r, "categories")
		covered := func(c schemas.Category) bool { return slices.Contains(cells, c) }
		var doc any
		if err := json.Unmarshal(e.data, &doc); err != nil {
			r.Fatal(err)
		}
		doc = strew(r, doc)
		in, err := json.Marshal(doc)
		if err != nil {
			r.Fatal(err)
		}
		out, removed, err := schemas.ProjectPayload(e.info.Type, in, purpose, covered)
		if err != nil {
			r.Fatal(err)
		}
		if err := schemas.ValidatePayload(e.info.Type, out); err != nil {
			r.Fatalf("what is left is not valid: %v", err)
		}
		var kept any
		if err := json.Unmarshal(out, &kept); err != nil {
			r.Fatal(err)
		}
		want := map[string]bool{}
		leaves(t, set, e.info.Type.Schema(), set[e.info.Type.Schema()], doc, "data", annotated{}, func(path string, a annotated, known bool) {
			if known && a.allow(purpose, covered) {
				want[path] = true
			}
		})
		got := map[string]bool{}
		leaves(t, set, e.info.Type.Schema(), set[e.info.Type.Schema()], kept, "data", annotated{}, func(path string, _ annotated, _ bool) { got[path] = true })
		for path := range got {
			if !want[path] {
				r.Errorf("%s: %s is kept for %s and %v", e.info.Type, path, purpose, cells)
			}
		}
		for path := range want {
			if !got[path] {
				r.Errorf("%s: %s is lost for %s and %v", e.info.Type, path, purpose, cells)
			}
		}
		for _, path := range removed {
			if got[path] {
				r.Errorf("%s: %s is said to be removed and is there", e.info.Type, path)
			}
		}
		if !within(kept, doc) {
			r.Errorf("%s: got something that was not there: %s from %s", e.info.Type, out, in)
		}
		again, removedAgain, err := schemas.ProjectPayload(e.info.Type, out, purpose, covered)
		if err != nil || string(again) != string(out) || len(removedAgain) > 0 {
			r.Errorf("%s: doing it again changes it: %s, %v", e.info.Type, again, err)
		}
	})
}

// strew puts fields that no schema knows into some objects of v.
func strew(r *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = strew(r, v[name])
		}
		if rapid.Bool().Draw(r, "unknown") {
			v["zzUnknown"] = map[string]any{"name": recognisable}
		}
	case []any:
		for i := range v {
			v[i] = strew(r, v[i])
		}
	}
	return v
}

// within reports whether every field of a is in b with the same value.
func within(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		for name, v := range a {
			ok = ok && within(v, b[name])
		}
		return ok
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			ok = ok && within(a[i], b[i])
		}
		return ok
	}
	return a == b
}

// TestProjectionForSupervision writes down what a probation office does and
// does not learn from a full event when the grant names the event's category.
func TestProjectionForSupervision(t *testing.T) {
	tests := map[schemas.EventType]struct{ stays, goes []string }{
		schemas.TypeAttendanceRecorded: {
			stays: []string{"date", "status", "counts", "nextDate"},
			goes:  []string{"sessionType", "topic", "note", "excuse", "minutes", "start", "program"},
		},
		schemas.TypeDrugTestPresumptive: {
			stays: []string{"kind", "confirmed", "notice", "results", "validity", "collectedAt"},
			goes:  []string{"remarks"},
		},
		schemas.TypeDrugTestCollected: {
			stays: []string{"observed", "custody", "collectedAt", "temperature"},
			goes:  []string{"medicationsDisclosed", "remarks"},
		},
		schemas.TypeDrugTestMedicallyReviewed: {
			stays: []string{"verdict", "analytes"},
			goes:  []string{"explanation", "prescriptions"},
		},
		schemas.TypeDrugTestMissed: {stays: []string{"window", "notified"}, goes: []string{"excuse"}},
		schemas.TypeReferralRequested: {
			stays: []string{"service", "urgency", "expectation", "firstContact", "contact"},
			goes:  []string{"client", "reason", "diagnoses", "medications", "risks", "healthNeeds", "levelOfCare", "priorityPopulation", "coverage", "clocks", "attachments"},
		},
		schemas.TypeReferralCompleted: {
			stays: []string{"serviceReceived", "resolved", "outcome", "endedAt"},
			goes:  []string{"text", "teds", "measuresAtEnd", "levelAtEnd", "services", "attachments"},
		},
		schemas.TypeAppointmentScheduled: {stays: []string{"start", "timeZone"}, goes: []string{"kind", "service", "place", "with", "instructions"}},
		schemas.TypeAppointmentMissed:    {stays: []string{"start", "noticeGiven"}, goes: []string{"reason", "attempts"}},
	}
	for e, tt := range tests {
		t.Run(e.Short(), func(t *testing.T) {
			info, _ := schemas.LookUp(e)
			full := examples(t, e, "valid")["valid-full.json"]
			out, removed, err := schemas.ProjectPayload(e, full, schemas.PurposeJusticeMonitoring, func(c schemas.Category) bool { return c == info.Category })
			if err != nil {
				t.Fatal(err)
			}
			var kept, before map[string]any
			if err := json.Unmarshal(out, &kept); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(full, &before); err != nil {
				t.Fatal(err)
			}
			for _, name := range tt.stays {
				if kept[name] == nil {
					t.Errorf("%s is gone", name)
				}
			}
			for _, name := range tt.goes {
				if before[name] == nil {
					t.Errorf("the example has no %s", name)
				}
				if kept[name] != nil || !slices.Contains(removed, "data."+name) {
					t.Errorf("%s stays", name)
				}
			}
		})
	}
}

// TestCharterEventsAreNotNarrowed: what concerns no client has no purpose
// either, so a field that a purpose opens would never arrive.
func TestCharterEventsAreNotNarrowed(t *testing.T) {
	for _, info := range schemas.Catalogue() {
		if info.Category != schemas.CategoryCharter {
			continue
		}
		for name, data := range examples(t, info.Type, "valid") {
			out, removed, err := schemas.ProjectPayload(info.Type, data, "", func(schemas.Category) bool { return false })
			if err != nil || len(removed) > 0 || normal(t, out) != normal(t, data) {
				t.Errorf("%s %s: loses %v, %v", info.Type, name, removed, err)
			}
		}
	}
}

// TestProjectionNeedsTheCategoryToo: the purpose alone does not open a field of
// another category.
func TestProjectionNeedsTheCategoryToo(t *testing.T) {
	full := examples(t, schemas.TypeReferralRequested, "valid")["valid-full.json"]
	for _, c := range []schemas.Category{schemas.CategoryDiagnosis, schemas.CategoryMedication} {
		for _, covered := range []bool{true, false} {
			out, _, err := schemas.ProjectPayload(schemas.TypeReferralRequested, full, schemas.PurposeTreatment, func(got schemas.Category) bool { return got == c && covered })
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%q", map[schemas.Category]string{schemas.CategoryDiagnosis: "diagnoses", schemas.CategoryMedication: "medications"}[c])
			if got := strings.Contains(string(out), name); got != covered {
				t.Errorf("%s covered %v: got %s there: %v", c, covered, name, got)
			}
		}
	}
}

func TestProjectionRefuses(t *testing.T) {
	all := func(schemas.Category) bool { return true }
	tests := map[string]struct {
		event schemas.EventType
		data  string
	}{
		"a type that no rule covers": {"org.linkage.weather.changed.v1", `{}`},
		"data that is not valid":     {schemas.TypeReferralReceived, `{"fillerId": 7}`},
		"no data":                    {schemas.TypeReferralReceived, ``},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, _, err := schemas.ProjectPayload(tt.event, json.RawMessage(tt.data), schemas.PurposeTreatment, all)
			if schemas.CodeOf(err) != schemas.CodeInvalidEvent || out != nil {
				t.Errorf("got %s, %v, want a refusal", out, err)
			}
		})
	}
}
