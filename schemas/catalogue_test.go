package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// document reads a JSON object from a file.
func document(t testing.TB, path string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return doc
}

// schemaSet is every schema by its $id.
func schemaSet(t testing.TB) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob("json/*.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]map[string]any{}
	for _, f := range files {
		doc := document(t, f)
		id, _ := doc["$id"].(string)
		if set[id] != nil {
			t.Errorf("%s: $id %s is taken", f, id)
		}
		set[id] = doc
	}
	return set
}

// resolve follows a node's references; base is the $id of the document in which
// node stands.
func resolve(t testing.TB, set map[string]map[string]any, base string, node map[string]any) (string, map[string]any) {
	t.Helper()
	for range 20 {
		ref, ok := node["$ref"].(string)
		if !ok {
			return base, node
		}
		id, name, ok := strings.Cut(ref, "#/$defs/")
		if !ok {
			t.Fatalf("reference %s does not name a definition", ref)
		}
		if id != "" {
			base = id
		}
		defs, _ := set[base]["$defs"].(map[string]any)
		if node, ok = defs[name].(map[string]any); !ok {
			t.Fatalf("reference %s leads nowhere", ref)
		}
	}
	t.Fatal("references in a circle")
	return "", nil
}

func TestCatalogueIsComplete(t *testing.T) {
	set := schemaSet(t)
	seen := map[schemas.EventType]bool{}
	used := map[schemas.Category]bool{}
	for _, info := range schemas.Catalogue() {
		if seen[info.Type] {
			t.Errorf("%s stands twice in the catalogue", info.Type)
		}
		seen[info.Type] = true
		used[info.Category] = true
		want := "org.linkage." + info.Type.Noun() + "." + info.Type.Verb() + ".v1"
		if string(info.Type) != want {
			t.Errorf("got type %s, want the form %s", info.Type, want)
		}
		if !info.Category.Valid() && info.Category != schemas.CategoryCharter && info.Type != schemas.TypeAttachmentPartShared {
			t.Errorf("%s has no category", info.Type)
		}
		if info.Payload == nil || info.Payload.Kind() != reflect.Struct {
			t.Errorf("%s has no Go type", info.Type)
		}
		doc := document(t, "json/"+info.Type.Short()+".schema.json")
		if doc["$id"] != info.Type.Schema() {
			t.Errorf("schema of %s: got $id %v, want %s", info.Type, doc["$id"], info.Type.Schema())
		}
		if doc["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("schema of %s is not of draft 2020-12", info.Type)
		}
		if looked, ok := schemas.LookUp(info.Type); !ok || looked.Category != info.Category {
			t.Errorf("LookUp(%s) does not find it", info.Type)
		}
	}
	for _, c := range schemas.Categories {
		if !used[c] {
			t.Errorf("category %s has no event", c)
		}
	}
	for id := range set {
		if short, ok := strings.CutPrefix(id, "urn:linkage:event:"); ok && !seen[schemas.EventType("org.linkage."+short)] {
			t.Errorf("schema %s has no event type", id)
		}
	}
}

// TestSchemasStayOpen: unknown fields are kept, so no schema closes its fields;
// annotations are well-formed, and never on a required field or where the
// projection does not look.
func TestSchemasStayOpen(t *testing.T) {
	for id, doc := range schemaSet(t) {
		var walk func(path string, v any)
		walk = func(path string, v any) {
			switch v := v.(type) {
			case map[string]any:
				for _, keyword := range []string{"additionalProperties", "unevaluatedProperties", "patternProperties", "oneOf", "anyOf", "prefixItems", "dependentSchemas"} {
					if _, ok := v[keyword]; ok && !strings.HasSuffix(path, "/properties") {
						t.Errorf("%s%s has %s", id, path, keyword)
					}
				}
				if pattern, ok := v["pattern"].(string); ok && v["x-rule"] == nil {
					t.Errorf("%s%s: pattern %s without x-rule", id, path, pattern)
				}
				checkAnnotations(t, id+path, v)
				for name, e := range v {
					walk(path+"/"+name, e)
				}
			case []any:
				for i, e := range v {
					walk(fmt.Sprintf("%s/%d", path, i), e)
				}
			}
		}
		walk("", doc)
	}
}

func checkAnnotations(t *testing.T, at string, node map[string]any) {
	t.Helper()
	if list, ok := node["x-purposes"].([]any); ok {
		for _, p := range list {
			if s, _ := p.(string); !schemas.Purpose(s).Valid() {
				t.Errorf("%s: x-purposes has %v", at, p)
			}
		}
	}
	if c, ok := node["x-category"].(string); ok && !schemas.Category(c).Valid() {
		t.Errorf("%s: x-category is %s", at, c)
	}
	properties, _ := node["properties"].(map[string]any)
	required, _ := node["required"].([]any)
	for _, name := range required {
		s, _ := name.(string)
		p, _ := properties[s].(map[string]any)
		if p["x-purposes"] != nil || p["x-category"] != nil {
			t.Errorf("%s: %s is required, so it must not be annotated", at, s)
		}
	}
	inCondition := strings.Contains(at, "/if") || strings.Contains(at, "/then") || strings.Contains(at, "/allOf")
	if inCondition && (node["x-purposes"] != nil || node["x-category"] != nil) {
		t.Errorf("%s: an annotation here is not looked at", at)
	}
}

// TestSchemasAgreeWithGoTypes holds that the Go type of a payload and its schema
// have the same fields, required alike, with the same lists of values.
func TestSchemasAgreeWithGoTypes(t *testing.T) {
	set := schemaSet(t)
	for _, info := range schemas.Catalogue() {
		t.Run(info.Type.Short(), func(t *testing.T) {
			compareType(t, set, info.Type.Schema(), set[info.Type.Schema()], info.Payload, "data")
		})
	}
}

var leafTypes = map[reflect.Type]string{
	reflect.TypeFor[time.Time](): "date-time", reflect.TypeFor[schemas.Instant](): "date-time", reflect.TypeFor[schemas.Date](): "date",
}

func compareType(t *testing.T, set map[string]map[string]any, base string, node map[string]any, g reflect.Type, at string) {
	t.Helper()
	base, node = resolve(t, set, base, node)
	if g.Kind() == reflect.Pointer {
		g = g.Elem()
	}
	format, _ := node["format"].(string)
	if want, ok := leafTypes[g]; ok || format == "date-time" || format == "date" {
		if format != want {
			t.Errorf("%s: got Go type %s for format %q", at, g, format)
		}
		return
	}
	if list, ok := node["enum"].([]any); ok {
		compareEnum(t, list, g, at)
		return
	}
	switch want := node["type"]; g.Kind() {
	case reflect.Struct:
		if want != "object" {
			t.Errorf("%s: got Go type %s for schema type %v", at, g, want)
			return
		}
		compareFields(t, set, base, node, g, at)
	case reflect.Slice:
		items, _ := node["items"].(map[string]any)
		if want != "array" || items == nil || node["maxItems"] == nil {
			t.Errorf("%s: got Go type %s for %v; an array has items and maxItems", at, g, want)
			return
		}
		compareType(t, set, base, items, g.Elem(), at+".*")
	case reflect.String:
		if _, isConst := node["const"].(string); want != "string" && !isConst {
			t.Errorf("%s: got Go type %s for schema type %v", at, g, want)
		}
		if _, enumerated := reflect.Zero(g).Interface().(schemas.Enumerated); enumerated {
			t.Errorf("%s: %s has a list of values, the schema has none", at, g)
		}
	case reflect.Array: // a hash
		if want != "string" {
			t.Errorf("%s: got Go type %s for schema type %v", at, g, want)
		}
	case reflect.Bool:
		if _, isConst := node["const"].(bool); want != "boolean" && !isConst {
			t.Errorf("%s: got Go type %s for schema type %v", at, g, want)
		}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		if want != "integer" {
			t.Errorf("%s: got Go type %s for schema type %v", at, g, want)
		}
	case reflect.Float64:
		if want != "number" {
			t.Errorf("%s: got Go type %s for schema type %v", at, g, want)
		}
	default:
		t.Errorf("%s: no rule for Go type %s", at, g)
	}
}

func compareEnum(t *testing.T, list []any, g reflect.Type, at string) {
	t.Helper()
	var want []string
	for _, v := range list {
		want = append(want, fmt.Sprint(v))
	}
	var got []string
	switch v := reflect.Zero(g).Interface().(type) {
	case schemas.Category:
		for _, c := range schemas.Categories {
			got = append(got, string(c))
		}
	case schemas.Purpose:
		for _, p := range schemas.Purposes {
			got = append(got, string(p))
		}
	case schemas.Enumerated:
		got = v.Values()
	default:
		t.Errorf("%s: got Go type %s for an enum", at, g)
		return
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: got values %v, want %v", at, got, want)
	}
}

func compareFields(t *testing.T, set map[string]map[string]any, base string, node map[string]any, g reflect.Type, at string) {
	t.Helper()
	properties, _ := node["properties"].(map[string]any)
	required, _ := node["required"].([]any)
	fields := map[string]bool{}
	for _, f := range reflect.VisibleFields(g) {
		if f.Anonymous || !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = true
		property, ok := properties[name].(map[string]any)
		if !ok {
			t.Errorf("%s: Go field %s.%s is not in the schema", at, g, f.Name)
			continue
		}
		optional := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		if optional == slices.Contains(required, any(name)) {
			t.Errorf("%s.%s: required in the schema: %v, optional in Go: %v", at, name, !optional, optional)
		}
		compareType(t, set, base, property, f.Type, at+"."+name)
	}
	for name := range properties {
		if !fields[name] {
			t.Errorf("%s.%s: in the schema, not in %s", at, name, g)
		}
	}
	for _, name := range required {
		if s, _ := name.(string); !fields[s] {
			t.Errorf("%s.%s: required, but no property", at, s)
		}
	}
}

// examples are the files of a type's examples whose names begin with kind.
func examples(t testing.TB, e schemas.EventType, kind string) map[string]json.RawMessage {
	t.Helper()
	files, err := filepath.Glob("testdata/events/" + e.Short() + "/" + kind + "-*.json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]json.RawMessage{}
	for _, f := range files {
		if out[filepath.Base(f)], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestValidExamples(t *testing.T) {
	for _, info := range schemas.Catalogue() {
		valid := examples(t, info.Type, "valid")
		if len(valid) == 0 {
			t.Errorf("%s has no valid example", info.Type)
		}
		for name, data := range valid {
			t.Run(info.Type.Short()+"/"+name, func(t *testing.T) {
				if err := schemas.ValidatePayload(info.Type, data); err != nil {
					t.Fatal(err)
				}
				v := reflect.New(info.Payload)
				dec := json.NewDecoder(bytes.NewReader(data))
				dec.DisallowUnknownFields()
				if err := dec.Decode(v.Interface()); err != nil {
					t.Fatal(err)
				}
				again, err := json.Marshal(v.Elem().Interface())
				if err != nil {
					t.Fatal(err)
				}
				if got, want := normal(t, again), normal(t, data); got != want {
					t.Errorf("decoded and encoded again\ngot  %s\nwant %s", got, want)
				}
			})
		}
	}
}

// normal renders JSON with sorted names.
func normal(t testing.TB, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestInvalidExamples: each fails for the rule that it names and for nothing
// else, and the refusal says which field without saying what was in it.
func TestInvalidExamples(t *testing.T) {
	for _, info := range schemas.Catalogue() {
		invalid := examples(t, info.Type, "invalid")
		if len(invalid) < 3 {
			t.Errorf("%s has %d invalid examples, want at least 3", info.Type, len(invalid))
		}
		for name, b := range invalid {
			t.Run(info.Type.Short()+"/"+name, func(t *testing.T) {
				var example struct {
					Rule string          `json:"rule"`
					Data json.RawMessage `json:"data"`
				}
				if err := json.Unmarshal(b, &example); err != nil {
					t.Fatal(err)
				}
				found, err := schemas.Violations(info.Type, example.Data)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, v := range found {
					got = append(got, v.Pointer+" "+v.Keyword)
				}
				if !slices.Equal(got, []string{example.Rule}) {
					t.Fatalf("got %q, want %q alone", got, example.Rule)
				}
				err = schemas.ValidatePayload(info.Type, example.Data)
				checkRefusal(t, err)
				pointer, _, _ := strings.Cut(example.Rule, " ")
				e, _ := errors.AsType[*schemas.Error](err)
				if e != nil && e.Field != "data"+strings.ReplaceAll(pointer, "/", ".") {
					t.Errorf("got field %s, want that of %s", e.Field, pointer)
				}
			})
		}
	}
}

func checkRefusal(t testing.TB, err error) {
	t.Helper()
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		t.Fatalf("got %T %v, want *schemas.Error", err, err)
	}
	if e.Code != schemas.CodeInvalidEvent || e.Rule == "" || e.Remedy == "" || !strings.HasPrefix(e.Field, "data") {
		t.Errorf("got %+v, want an invalid event with field, rule and remedy", e)
	}
}

// TestRefusalHidesTheValue: an error may end in a log, a value may be about a
// client.
func TestRefusalHidesTheValue(t *testing.T) {
	for _, info := range schemas.Catalogue() {
		for _, data := range examples(t, info.Type, "valid") {
			var doc map[string]any
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			for name := range doc {
				for _, wrong := range []any{recognisable, []any{recognisable}, map[string]any{recognisable: recognisable}} {
					changed := maps.Clone(doc)
					changed[name] = wrong
					b, err := json.Marshal(changed)
					if err != nil {
						t.Fatal(err)
					}
					err = schemas.ValidatePayload(info.Type, b)
					if err != nil && strings.Contains(fmt.Sprintf("%+v %v", err, err), recognisable) {
						t.Errorf("%s: the refusal of %s shows the value: %v", info.Type, name, err)
					}
				}
			}
		}
	}
}

const recognisable = "ZZ-RECOGNISABLE"

// TestLogShowsNoContent logs every payload about a client with a recognisable
// word in each text.
func TestLogShowsNoContent(t *testing.T) {
	set := schemaSet(t)
	for _, info := range schemas.Catalogue() {
		if info.Category == schemas.CategoryCharter {
			continue
		}
		for name, data := range examples(t, info.Type, "valid") {
			var doc any
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			marked, err := json.Marshal(mark(t, set, info.Type.Schema(), set[info.Type.Schema()], doc))
			if err != nil {
				t.Fatal(err)
			}
			v := reflect.New(info.Payload)
			if err := json.Unmarshal(marked, v.Interface()); err != nil {
				t.Fatal(err)
			}
			shown := logged(v.Interface()) + logged(v.Elem().Interface())
			for i := range v.Elem().NumField() { // its parts, logged by themselves
				if f := v.Elem().Field(i); f.Kind() == reflect.Struct {
					shown += logged(f.Interface())
				}
			}
			if at := strings.Index(shown, recognisable); at >= 0 {
				t.Errorf("%s %s: the log shows content: %s", info.Type, name, shown[max(0, at-100):at])
			}
		}
	}
}

// logged is what both handlers of slog write of v.
func logged(v any) string {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("logged", "v", v)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("logged", "v", v)
	return out.String()
}

// mark puts a recognisable word into every text of v that is free: no id, no
// code, no date.
func mark(t testing.TB, set map[string]map[string]any, base string, node map[string]any, v any) any {
	t.Helper()
	base, node = resolve(t, set, base, node)
	switch v := v.(type) {
	case map[string]any:
		properties, _ := node["properties"].(map[string]any)
		for name, e := range v {
			if p, ok := properties[name].(map[string]any); ok {
				v[name] = mark(t, set, base, p, e)
			}
		}
	case []any:
		items, _ := node["items"].(map[string]any)
		for i, e := range v {
			v[i] = mark(t, set, base, items, e)
		}
	case string:
		for _, keyword := range []string{"enum", "const", "pattern", "format"} {
			if node[keyword] != nil {
				return v
			}
		}
		return recognisable
	}
	return v
}
