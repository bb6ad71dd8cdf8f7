package schemas_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

func TestCodeSurvivesPasting(t *testing.T) {
	text := testCode().String()
	rapid.Check(t, func(t *rapid.T) {
		pasted := text
		for range rapid.IntRange(0, 8).Draw(t, "breaks") {
			at := rapid.IntRange(0, len(pasted)).Draw(t, "at")
			pasted = pasted[:at] + rapid.SampledFrom([]string{"\n", "\r\n", " ", "\t", "\n    "}).Draw(t, "break") + pasted[at:]
		}
		got, err := schemas.ParseCode(pasted)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != text {
			t.Fatalf("got %s, want %s", got, text)
		}
	})
}

// TestCodeNoticesEveryChange tries every other printable character at every
// place, and every place with its character left out or doubled.
func TestCodeNoticesEveryChange(t *testing.T) {
	text := testCode().String()
	for at := range len(text) {
		for c := byte('!'); c <= '~'; c++ {
			if c == text[at] {
				continue
			}
			if _, err := schemas.ParseCode(text[:at] + string(c) + text[at+1:]); err == nil {
				t.Fatalf("%q for %q at %d is not noticed", c, text[at], at)
			}
		}
		if _, err := schemas.ParseCode(text[:at] + text[at+1:]); err == nil {
			t.Fatalf("%q left out at %d is not noticed", text[at], at)
		}
		if _, err := schemas.ParseCode(text[:at] + text[at:at+1] + text[at:]); err == nil {
			t.Fatalf("%q doubled at %d is not noticed", text[at], at)
		}
	}
}

// TestCodeErrorsDoNotRepeatTheCode: a code is a secret.
func TestCodeErrorsDoNotRepeatTheCode(t *testing.T) {
	for _, text := range []string{marker, "linkage1." + marker, "linkage1." + marker + ".00000000", codeText([]byte(`{"n":"` + marker + `"}`)), codeText([]byte(`"` + marker + `"`))} {
		_, err := schemas.ParseCode(text)
		refused(t, err, schemas.CodeMalformed, "code")
	}
}

func FuzzParseCode(f *testing.F) {
	text := testCode().String()
	f.Add(text)
	f.Add(text[:30] + "\n" + text[30:])
	f.Add(codeText([]byte(`{"n":"valley","a":"riverside-treatment","u":"https://","s":"AAAA"}`)))
	f.Add("linkage1..00000000")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := schemas.ParseCode(s)
		if err != nil {
			checkFuzzError(t, err)
			return
		}
		back, err := schemas.ParseCode(c.String())
		if err != nil {
			if len(c.String()) > 4096 {
				return // escaping may take more room
			}
			t.Fatal(err)
		}
		if back.String() != c.String() || !strings.HasPrefix(c.URL, "https://") {
			t.Fatalf("got %+v, want %+v", back, c)
		}
	})
}
