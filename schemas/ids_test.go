package schemas_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

func TestIDForms(t *testing.T) {
	type form struct {
		valid        func(string) bool
		good, rotten []string
	}
	tests := map[string]form{
		"agency": {
			func(s string) bool { return schemas.AgencyID(s).Valid() },
			[]string{"ab", "riverside-treatment", "a1-", "a" + strings.Repeat("b", 62)},
			[]string{"", "a", "A1", "1a", "-a", "a_b", "a b", "a\n", "ab\n", "\u00e4b", "a" + strings.Repeat("b", 63), "a.b", "a*", "a>"},
		},
		"network": {
			func(s string) bool { return schemas.NetworkID(s).Valid() },
			[]string{"valley"},
			[]string{"", "v", "Valley", "valley\n"},
		},
		"grant": {
			func(s string) bool { return schemas.GrantID(s).Valid() },
			[]string{"charter", string(grantID), "00000000000000000000000000"},
			[]string{"", "Charter", "charter ", strings.ToLower(string(grantID)), string(grantID[1:]), string(grantID) + "0", "0123456789ABCDEFGHJKMNPQRI", "0123456789ABCDEFGHJKMNPQRL", "0123456789ABCDEFGHJKMNPQRO", "0123456789ABCDEFGHJKMNPQRU", string(grantID) + "\n"},
		},
		"event": {
			func(s string) bool { return schemas.EventID(s).Valid() },
			[]string{string(envelopeOne), "ffffffff-ffff-7fff-bfff-ffffffffffff"},
			[]string{
				"", strings.ToUpper(string(envelopeOne)), "{" + string(envelopeOne) + "}", "urn:uuid:" + string(envelopeOne), strings.ReplaceAll(string(envelopeOne), "-", ""),
				"0193a8f0-0000-4000-8000-000000000001", "0193a8f0-0000-7000-c000-000000000001", "0193a8f0-0000-7000-0000-000000000001", string(envelopeOne) + "\n", string(envelopeOne) + "0",
			},
		},
		"ULID": {
			func(s string) bool { return schemas.ULID(s).Valid() },
			[]string{string(chainID), "00000000000000000000000000", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"},
			[]string{"", strings.ToLower(string(chainID)), "80000000000000000000000000", string(chainID[1:]), string(chainID) + "0", "01JD6Z000000000000000000OA", "01JD6Z000000000000000000IA"},
		},
		"key": {
			func(s string) bool { return schemas.KeyID(s).Valid() },
			[]string{string(sealingKeyID()), strings.Repeat("-", 22), strings.Repeat("_", 22)},
			[]string{"", strings.Repeat("a", 21), strings.Repeat("a", 23), strings.Repeat("a", 21) + "=", strings.Repeat("a", 21) + "+", strings.Repeat("a", 22) + "\n"},
		},
		"hash": {
			func(s string) bool { _, ok := schemas.ParseHash(s); return ok },
			[]string{strings.Repeat("0", 64), strings.Repeat("9af", 21) + "b"},
			[]string{"", strings.Repeat("0", 63), strings.Repeat("0", 65), strings.Repeat("A", 64), strings.Repeat("g", 64)},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, s := range tt.good {
				if !tt.valid(s) {
					t.Errorf("refused %q", s)
				}
			}
			for _, s := range tt.rotten {
				if tt.valid(s) {
					t.Errorf("accepted %q", s)
				}
			}
		})
	}
}

func TestNewIDsAreValidAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	note := func(s string, valid bool) {
		t.Helper()
		if !valid || seen[s] {
			t.Errorf("%q is not valid or not new", s)
		}
		seen[s] = true
	}
	for range 200 {
		g := schemas.NewGrantID()
		note(string(g), g.Valid() && strings.ContainsAny(string(g[25]), "048CGMRW")) // 128 bits leave two bits over
		e := schemas.NewEventID()
		note(string(e), e.Valid())
		u := schemas.NewULID(noon)
		note(string(u), u.Valid() && u[:10] == schemas.NewULID(noon)[:10])
		h := schemas.NewHandle()
		note(string(h), len(h) == 28 && strings.HasPrefix(string(h), "h-") && strings.ToLower(string(h)) == string(h))
		note(string(schemas.NewSecret()), true)
	}
	if a, b := schemas.NewULID(noon), schemas.NewULID(noon.Add(time.Millisecond)); a >= b {
		t.Errorf("%s is not before %s", a, b)
	}
}

func TestAgencyOfSource(t *testing.T) {
	if a, ok := schemas.AgencyOfSource(sender.Source()); !ok || a != sender {
		t.Errorf("got %q, %v", a, ok)
	}
	for _, s := range []string{"", "/agencies/", "/agencies", "riverside-treatment", "/agencies/a", "/agencies/riverside-treatment/", "//agencies/ab", "/Agencies/ab"} {
		if _, ok := schemas.AgencyOfSource(s); ok {
			t.Errorf("accepted %q", s)
		}
	}
}

func TestHashJSON(t *testing.T) {
	h := schemas.HashOf([]byte("x"))
	var back schemas.Hash
	if err := schemas.DecodeJSON(mustValue(json.Marshal(h)), &back); err != nil || back != h {
		t.Errorf("got %s, %v, want %s", back, err, h)
	}
	for _, s := range []string{`"` + marker + `"`, `"` + strings.ToUpper(h.String()) + `"`} {
		refused(t, schemas.DecodeJSON([]byte(s), &back), schemas.CodeMalformed, "hash")
	}
	if err := schemas.DecodeJSON([]byte(`1`), &back); err == nil {
		t.Error("accepted a number")
	}
}

// TestTimesCompare checks that days, instants and bounds that came through
// JSON are the same values, so that == may compare them.
func TestTimesCompare(t *testing.T) {
	zone := time.FixedZone("far", -7*3600)
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-62135596799, 253402300799-86400).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		if rapid.Bool().Draw(t, "elsewhere") {
			at = at.In(zone)
		}
		if rapid.Bool().Draw(t, "now") {
			at = time.Now() // has a monotonic reading
		}
		day, instant := schemas.DateOf(at), schemas.At(at)
		var d schemas.Date
		var i schemas.Instant
		if err := schemas.DecodeJSON(mustValue(json.Marshal(day)), &d); err != nil || d != day {
			t.Fatalf("day: got %v, %v, want %v", d, err, day)
		}
		if err := schemas.DecodeJSON(mustValue(json.Marshal(instant)), &i); err != nil || i != instant {
			t.Fatalf("instant: got %v, %v, want %v", i, err, instant)
		}
		for _, want := range []schemas.Bound{schemas.OnDay(day), schemas.AtInstant(at)} {
			var b schemas.Bound
			if err := schemas.DecodeJSON(mustValue(json.Marshal(want)), &b); err != nil || b != want {
				t.Fatalf("bound: got %v, %v, want %v", b, err, want)
			}
			if !b.Start().Before(b.End()) && b == schemas.OnDay(day) {
				t.Fatalf("%v has no length", b)
			}
		}
		if at.Before(day.Start()) || !at.Before(day.End()) || day.AddDays(1).Start() != day.End() {
			t.Fatalf("%v is not within %v", at, day)
		}
		if at.Before(instant.Time) || at.Sub(instant.Time) >= time.Second {
			t.Fatalf("%v is not the second of %v", instant, at)
		}
	})
}

func TestTimesRefuse(t *testing.T) {
	for _, s := range []string{`""`, `"2026-11-31"`, `"2026-1-1"`, `"26-01-01"`, `"2026-11-21T00:00:00Z"`, `" 2026-11-21"`, `null`, `20261121`, `"` + marker + `"`} {
		var d schemas.Date
		refused(t, schemas.DecodeJSON([]byte(s), &d), schemas.CodeMalformed, "date")
	}
	for _, s := range []string{
		`""`, `"2026-11-21"`, `"2026-11-21T09:30:00"`, `"2026-11-21T09:30:00+00:00"`, `"2026-11-21T09:30:00z"`, `"2026-11-21 09:30:00Z"`,
		`"2026-11-21T9:30:00Z"`, `"2026-11-21T09:30:00.0Z"`, `"2026-11-21T09:30:00,5Z"`, `"2026-11-21T24:00:00Z"`, `"2026-11-21T23:59:60Z"`, `null`, `1`, `"` + marker + `"`,
	} {
		var i schemas.Instant
		refused(t, schemas.DecodeJSON([]byte(s), &i), schemas.CodeMalformed, "time")
		var b schemas.Bound
		if s != `"2026-11-21"` {
			refused(t, schemas.DecodeJSON([]byte(s), &b), schemas.CodeMalformed, "time")
		}
	}
	var d schemas.Date
	var b schemas.Bound
	if !d.IsZero() || !b.IsZero() || schemas.OnDay(schemas.DateOf(noon)).IsZero() || schemas.AtInstant(noon).IsZero() {
		t.Error("IsZero is wrong")
	}
}
