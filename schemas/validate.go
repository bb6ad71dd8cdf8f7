package schemas

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:embed json/*.schema.json
var schemaFiles embed.FS

const (
	// maxPayload bounds a payload before anything looks into it: what fits into
	// the largest bucket of a seal.
	maxPayload = 512 << 10
	// maxNumber bounds the digits of a number: 1e999999 is eight bytes on the
	// wire and a megabyte in memory.
	maxNumber = 24
	// maxViolations bounds what is collected of one payload.
	maxViolations = 100
)

// documents are the embedded schemas by their $id, as plain JSON. Nobody writes
// to them.
var documents = sync.OnceValue(func() map[string]map[string]any {
	files, err := schemaFiles.ReadDir("json")
	if err != nil {
		panic(err) // embedded
	}
	docs := make(map[string]map[string]any, len(files))
	for _, f := range files {
		b, err := schemaFiles.ReadFile(path.Join("json", f.Name()))
		if err != nil {
			panic(err) // embedded
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			panic(fmt.Sprintf("schema %s: %v", f.Name(), err))
		}
		doc, _ := v.(map[string]any)
		id, _ := doc["$id"].(string)
		makeAbsolute(id, doc)
		docs[id] = doc
	}
	return docs
})

// makeAbsolute puts id in front of the references that stay within a document.
func makeAbsolute(id string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && strings.HasPrefix(ref, "#") {
			v["$ref"] = id + ref
		}
		for _, e := range v {
			makeAbsolute(id, e)
		}
	case []any:
		for _, e := range v {
			makeAbsolute(id, e)
		}
	}
}

// compiled holds, for each type that has a schema, what compiles it once, when
// it is first wanted.
var compiled = sync.OnceValue(func() map[EventType]func() (*jsonschema.Schema, error) {
	m := make(map[EventType]func() (*jsonschema.Schema, error), len(catalogue))
	for _, info := range catalogue {
		id := info.Type.Schema()
		if documents()[id] != nil {
			m[info.Type] = sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(id) })
		}
	}
	return m
})

func compile(id string) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(embedded{})
	return c.Compile(id)
}

// embedded loads schemas by $id and nothing from anywhere else.
type embedded struct{}

// Load implements [jsonschema.URLLoader].
func (embedded) Load(url string) (any, error) {
	if doc := documents()[url]; doc != nil {
		return doc, nil
	}
	return nil, fmt.Errorf("no embedded schema %s", url)
}

// ValidatePayload checks an event's data against the schema of its type. A type
// that this version does not know passes: it is stored and shown as such.
//
// The error is an [Error] with [CodeInvalidEvent] that names the first field
// that breaks a rule and the rule in plain words. It never holds the value,
// which may say something about a client.
func ValidatePayload(t EventType, data json.RawMessage) error {
	found, err := violations(t, data)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	return found[0].refusal()
}

// violations lists every rule of t's schema that data breaks, in the order of
// the fields' names. The error says that data could not be checked at all.
func violations(t EventType, data json.RawMessage) ([]violation, error) {
	v, err := decodePayload(data)
	if err != nil {
		return nil, err
	}
	schema, ok := compiled()[t]
	if !ok {
		return nil, nil
	}
	s, err := schema()
	if err != nil {
		return nil, fmt.Errorf("compile schema of %s: %w", t, err)
	}
	err = s.Validate(v)
	if err == nil {
		return nil, nil
	}
	failed, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return nil, fmt.Errorf("validate %s: %w", t, err)
	}
	found := collect(failed, nil)
	slices.SortStableFunc(found, func(a, b violation) int {
		return cmp.Or(slices.Compare(a.at, b.at), cmp.Compare(a.keyword, b.keyword))
	})
	return slices.CompactFunc(found, func(a, b violation) bool {
		return a.keyword == b.keyword && slices.Equal(a.at, b.at)
	}), nil
}

// decodePayload reads data within our bounds. Numbers stay as they are written.
func decodePayload(data json.RawMessage) (any, error) {
	if len(data) > maxPayload {
		return nil, Refuse(CodeInvalidEvent, "data", fmt.Sprintf("must not be larger than %d KiB", maxPayload>>10), "send documents as attachments")
	}
	if err := CheckJSON(data); err != nil {
		rule := "must be well-formed JSON"
		if e, ok := errors.AsType[*Error](err); ok {
			rule = e.Rule
		}
		return nil, Refuse(CodeInvalidEvent, "data", rule, "correct the data and send it again")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, Refuse(CodeInvalidEvent, "data", "must be well-formed JSON", "correct the data and send it again")
	}
	if !ordinaryNumbers(v) {
		return nil, Refuse(CodeInvalidEvent, "data", fmt.Sprintf("must not hold a number of more than %d characters or with a long exponent", maxNumber),
			"write the number shorter")
	}
	return v, nil
}

func ordinaryNumbers(v any) bool {
	switch v := v.(type) {
	case json.Number:
		_, exponent, _ := strings.Cut(strings.ToLower(v.String()), "e")
		return len(v) <= maxNumber && len(exponent) <= 3 // sign and two digits
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !ordinaryNumbers(e) })
	case map[string]any:
		for _, e := range v {
			if !ordinaryNumbers(e) {
				return false
			}
		}
	}
	return true
}

// A violation is one rule that one field breaks.
type violation struct {
	at      []string // the field's path; for a missing one, the path it should have
	keyword string   // of JSON Schema
	rule    string   // in words
}

// pointer is the JSON pointer of the field.
func (v violation) pointer() string {
	var b strings.Builder
	for _, name := range v.at {
		b.WriteByte('/')
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
	}
	return b.String()
}

func (v violation) refusal() *Error {
	field := strings.Join(append([]string{"data"}, v.at...), ".")
	remedy := "correct the field and send it again"
	if v.keyword == "required" {
		remedy = "add the field and send it again"
	}
	return Refuse(CodeInvalidEvent, field, v.rule, remedy)
}

// collect walks to the leaves of the validator's error tree: they are the rules
// that failed, everything above only says through which reference.
func collect(e *jsonschema.ValidationError, found []violation) []violation {
	for _, cause := range e.Causes {
		found = collect(cause, found)
	}
	if len(e.Causes) > 0 || len(found) >= maxViolations {
		return found
	}
	at := e.InstanceLocation
	if k, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range k.Missing {
			found = append(found, violation{slices.Concat(at, []string{name}), "required", "is required"})
		}
		return found
	}
	keyword := "schema"
	if kp := e.ErrorKind.KeywordPath(); len(kp) > 0 {
		keyword = kp[0]
	}
	return append(found, violation{at, keyword, ruleOf(e)})
}

// ruleOf says what the rule wants, for people.
func ruleOf(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return "must be " + wordsOf(k.Want, typeWords)
	case *kind.Enum:
		var allowed []string
		for _, v := range k.Want {
			allowed = append(allowed, fmt.Sprint(v))
		}
		return "must be one of " + strings.Join(allowed, ", ")
	case *kind.Const:
		if text, ok := k.Want.(string); ok {
			return fmt.Sprintf("must be exactly %q", text)
		}
		return fmt.Sprintf("must be %v", k.Want)
	case *kind.Format:
		return "must be " + wordsOf([]string{k.Want}, formatWords)
	case *kind.Pattern:
		if rule, ok := schemaAt(e.SchemaURL)["x-rule"].(string); ok {
			return rule
		}
		return "must have the form that its schema gives"
	case *kind.MinLength:
		if k.Want == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d %s", k.Want, entries(k.Want))
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d %s", k.Want, entries(k.Want))
	case *kind.UniqueItems:
		return "must not have the same entry twice"
	case *kind.Minimum:
		return "must be at least " + decimal(k.Want)
	case *kind.Maximum:
		return "must be at most " + decimal(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + decimal(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + decimal(k.Want)
	case *kind.FalseSchema:
		return "must be absent here"
	}
	return "must follow the schema of its event type"
}

var typeWords = map[string]string{
	"object": "an object with fields", "array": "a list", "string": "text", "number": "a number",
	"integer": "a whole number", "boolean": "true or false", "null": "null",
}

var formatWords = map[string]string{
	"date": "a day such as 2026-11-21", "date-time": "a date and time with its offset, such as 2026-11-21T09:30:00Z",
	"email": "an e-mail address", "uri": "a full address such as http://loinc.org", "uuid": "a UUID",
}

func wordsOf(names []string, words map[string]string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = cmp.Or(words[n], n)
	}
	return strings.Join(out, " or ")
}

func entries(n int) string {
	if n == 1 {
		return "entry"
	}
	return "entries"
}

func decimal(r *big.Rat) string {
	if f, exact := r.Float64(); exact || f != 0 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return r.RatString()
}

// schemaAt is the part of a schema that an absolute location such as
// urn:linkage:common#/$defs/id names, nil if there is none.
func schemaAt(url string) map[string]any {
	id, fragment, _ := strings.Cut(url, "#")
	var node any = documents()[id]
	for name := range strings.SplitSeq(strings.TrimPrefix(fragment, "/"), "/") {
		if name == "" {
			continue
		}
		switch n := node.(type) {
		case map[string]any:
			node = n[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(n) {
				return nil
			}
			node = n[i]
		default:
			return nil
		}
	}
	found, _ := node.(map[string]any)
	return found
}
