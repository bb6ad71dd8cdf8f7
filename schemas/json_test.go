package schemas_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/linkage-exchange/linkage/schemas"
)

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func many(n int) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"n%d":[%d]`, i, i))
	}
	return strings.Join(members, ",")
}

func TestCheckJSON(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	accepted := map[string]string{
		"object":                   `{"a":1,"b":[true,null,"x",1.5e3],"c":{"a":1}}`,
		"a value alone":            `"text"`,
		"white space around":       " \n{}\t ",
		"same name in two objects": `[{"a":1},{"a":2}]`,
		"same name further in":     `{"a":{"a":{"a":1}}}`,
		"16 lists deep":            nested(16),
		"16 objects deep":          deep(16),
		"other letters":            `{"stra\u00dfe":1,"strasse":2}`,
		"names one apart":          `{"a":1,"a ":2}`,
		"many names":               `{` + many(40) + `}`,
		"texts in a list":          `["a","a",{"a":"a","b":"a"},"a"]`,
		"quotes within":            `{"a\"b":"\\","b":"\"a\"","a":1}`,
	}
	for name, text := range accepted {
		t.Run(name, func(t *testing.T) {
			if err := schemas.CheckJSON([]byte(text)); err != nil {
				t.Error(err)
			}
		})
	}
	rejected := map[string]string{
		"nothing":                     "",
		"white space alone":           " ",
		"name twice":                  `{"` + marker + `":1,"` + marker + `":2}`,
		"name twice, escaped":         `{"a":1,"\u0061":2}`,
		"name twice, in another case": `{"sig":1,"SIG":2}`,
		"name twice, with long s":     `{"sig":1,"` + "\u017f" + `ig":2}`,
		"name twice, with Kelvin":     `{"key":1,"` + "\u212a" + `ey":2}`,
		"name twice, Greek sigma":     `{"` + "\u03c3" + `":1,"` + "\u03c2" + `":2}`,
		"name twice, further in":      `[{"a":{"b":1,"B":2}}]`,
		"17 lists deep":               nested(17),
		"17 objects deep":             deep(17),
		"a million deep":              strings.Repeat("[", 1_000_000),
		"a second value":              `{}{}`,
		"text after the value":        `{} ` + marker,
		"not closed":                  `{"a":1`,
		"closed wrongly":              `{"a":1]`,
		"comma before the end":        `[1,]`,
		"comma before the brace":      `{"a":1,}`,
		"no colon":                    `{"a" 1}`,
		"name twice, among many":      `{` + many(40) + `,"N39":1}`,
		"name twice, first of many":   `{` + many(40) + `,"n0":1}`,
		"name twice, after a list":    `{"a":["x","y"],"b":{"c":1},"A":2}`,
		"number as a name":            `{1:1}`,
		"leading zero":                `[01]`,
		"not a number":                `NaN`,
		"single quotes":               `{'a':1}`,
		"byte that is not UTF-8":      "{\"a\":\"" + marker + "\xff\"}",
		"half a surrogate, raw":       "\"\xed\xa0\x80\"",
		"byte order mark":             "\ufeff{}",
		"control character":           "\"a\nb\"",
	}
	for name, text := range rejected {
		t.Run(name, func(t *testing.T) {
			refused(t, schemas.CheckJSON([]byte(text)), schemas.CodeMalformed, "json")
		})
	}
}

func TestDecodeJSONNamesTheField(t *testing.T) {
	type inner struct {
		Count uint8    `json:"count"`
		Yes   bool     `json:"yes"`
		Names []string `json:"names"`
		Raw   []byte   `json:"raw"`
		Map   map[string]int
		When  schemas.Instant `json:"when"`
	}
	var v struct {
		Inner inner `json:"inner"`
	}
	tests := map[string]struct{ text, field, rule string }{
		"text for a number":   {`{"inner":{"count":"` + marker + `"}}`, "inner.count", "must be a number in range"},
		"number out of range": {`{"inner":{"count":4711}}`, "inner.count", "must be a number in range"},
		"text for a truth":    {`{"inner":{"yes":"` + marker + `"}}`, "inner.yes", "must be true or false"},
		"text for a list":     {`{"inner":{"names":"` + marker + `"}}`, "inner.names", "must be a list"},
		"number for text":     {`{"inner":{"names":[1]}}`, "inner.names", "must be a string"},
		"number for bytes":    {`{"inner":{"raw":1}}`, "inner.raw", "must be a string"},
		"list for an object":  {`{"inner":[]}`, "inner", "must be an object"},
		"list for a map":      {`{"inner":{"Map":[]}}`, "inner.Map", "must be an object"},
		"text for the whole":  {`"` + marker + `"`, "", "must be an object"},
		"no base64":           {`{"inner":{"raw":"` + marker + `!"}}`, "json", "must have fields of the right form"},
		"our own refusal":     {`{"inner":{"when":"` + marker + `"}}`, "time", "must be RFC 3339 in UTC with whole seconds, such as 2026-11-21T09:30:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := schemas.DecodeJSON([]byte(tt.text), &v)
			refused(t, err, schemas.CodeMalformed, tt.field)
			if e := err.(*schemas.Error); e.Rule != tt.rule { //nolint:errorlint // refused has looked at the chain
				t.Errorf("rule: got %q, want %q", e.Rule, tt.rule)
			}
		})
	}
}

func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[true,null,"x",1.5e3]}`, `{"sig":1,"SIG":2}`, nested(17), `[01]`, `{"a":1,}`, "\"\xff\"", `"\ud800"`, `{"":{"":1}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := schemas.CheckJSON(b)
		if err != nil {
			checkError(t, err)
			return
		}
		if !json.Valid(b) {
			t.Fatalf("%q is no JSON", b)
		}
		var v any
		if err := schemas.DecodeJSON(b, &v); err != nil {
			checkError(t, err) // a number beyond a float's range
			return
		}
		again := mustValue(json.Marshal(v))
		if err := schemas.CheckJSON(again); err != nil {
			t.Fatalf("written again it is refused: %v", err)
		}
	})
}

// FuzzCheckJSONAgrees holds the check against one that reads token by token,
// which is slow and plain.
func FuzzCheckJSONAgrees(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[true,null,"x",1.5e3]}`, `{"sig":1,"SIG":2}`, nested(17), `{"a\"":"\\","a":"{"}`, `{` + many(20) + `}`, `[{"a":{}},{"a":[]}]`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, want := schemas.CheckJSON(b) == nil, utf8.Valid(b) && json.Valid(b) && byToken(b)
		if got != want {
			t.Fatalf("%q: accepted %v, want %v", b, got, want)
		}
	})
}

// byToken reports whether valid JSON keeps to the depth and names no field twice.
func byToken(b []byte) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	type level struct {
		names []string // nil in a list
		name  bool     // comes next
	}
	var open []level
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return false
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open) - 1; n >= 0 && open[n].names != nil {
			if open[n].name {
				for _, other := range open[n].names {
					if strings.EqualFold(other, token.(string)) {
						return false
					}
				}
				open[n].names = append(open[n].names, token.(string))
			}
			wasName := open[n].name
			open[n].name = !wasName
			if wasName {
				continue
			}
		}
		if delim, ok := token.(json.Delim); ok {
			if len(open) == 16 {
				return false
			}
			l := level{}
			if delim == '{' {
				l = level{names: []string{}, name: true}
			}
			open = append(open, l)
		}
	}
}
