package vault_test

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/agent/internal/vault"
)

func newRecovery(t testing.TB) vault.RecoveryKey {
	t.Helper()
	_, recovery, err := vault.Create(filepath.Join(t.TempDir(), "vault.json"), vault.Source{KeyFile: filepath.Join(t.TempDir(), "k")})
	if err != nil {
		t.Fatal(err)
	}
	return recovery
}

func TestRecoveryKeyIsForgiving(t *testing.T) {
	key := newRecovery(t)
	text := key.Text()
	if !regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{5}-){8}[0-9A-HJKMNP-TV-Z]{5}$`).MatchString(text) {
		t.Fatalf("form: %d characters", len(text))
	}
	for name, typed := range map[string]string{
		"as printed":  text,
		"lower case":  strings.ToLower(text),
		"spaces":      "  " + strings.ReplaceAll(text, "-", "   ") + "\n",
		"nothing":     strings.ReplaceAll(text, "-", ""),
		"odd groups":  text[:9] + " " + text[9:20] + "\t" + text[20:],
		"long dashes": strings.ReplaceAll(text, "-", " – "),
		"letters":     strings.NewReplacer("0", "O", "1", "l").Replace(text),
		"more":        strings.NewReplacer("0", "o", "1", "I").Replace(text),
	} {
		if got, err := vault.ParseRecoveryKey(typed); err != nil || got.Text() != text {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever one slip of the pen does is noticed, and the group named.
func TestRecoveryKeySlips(t *testing.T) {
	text := newRecovery(t).Text()
	expectGroup := func(slip, typed string, want ...int) {
		t.Helper()
		_, err := vault.ParseRecoveryKey(typed)
		e, ok := errors.AsType[*vault.RecoveryKeyError](err)
		if !ok || !errors.Is(err, vault.ErrRecoveryKey) {
			t.Errorf("%s: got %v, want %v", slip, err, vault.ErrRecoveryKey)
			return
		}
		for _, w := range want {
			if e.Group == w {
				return
			}
		}
		t.Errorf("%s: got group %d, want one of %v", slip, e.Group, want)
	}
	for i := range text {
		group := i/6 + 1
		if text[i] == '-' {
			continue
		}
		for _, c := range "0123456789ABCDEFGHJKMNPQRSTVWXYZU*é" {
			if byte(c) != text[i] {
				expectGroup("other character", text[:i]+string(c)+text[i+1:], group)
			}
		}
		expectGroup("character missing", text[:i]+text[i+1:], group)
		expectGroup("character doubled", text[:i]+text[i:i+1]+text[i:], group)
		if i+1 < len(text) && text[i+1] != '-' && text[i+1] != text[i] {
			expectGroup("neighbours swapped", text[:i]+text[i+1:i+2]+text[i:i+1]+text[i+2:], group)
		}
	}
	groups := strings.Split(text, "-")
	for i := range groups {
		for j := range i {
			swapped := append([]string{}, groups...)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			if groups[i] != groups[j] {
				expectGroup("groups swapped", strings.Join(swapped, "-"), j+1)
			}
		}
		expectGroup("group missing", strings.Join(append(append([]string{}, groups[:i]...), groups[i+1:]...), "-"), 0)
	}
	other := strings.Split(newRecovery(t).Text(), "-")
	expectGroup("one group of another key", strings.Join(append([]string{other[0]}, groups[1:]...), "-"), 0)
	expectGroup("empty", "", 0)
}

func FuzzParseRecoveryKey(f *testing.F) {
	text := newRecovery(f).Text()
	f.Add(text)
	f.Add(strings.ToLower(text[:20]))
	f.Add(strings.Repeat("0", 45))
	f.Add("ſ\xff–İ")
	f.Fuzz(func(t *testing.T, s string) {
		key, err := vault.ParseRecoveryKey(s)
		if err != nil {
			if !errors.Is(err, vault.ErrRecoveryKey) || !key.IsZero() {
				t.Errorf("got %v, %v, want %v and no key", key, err, vault.ErrRecoveryKey)
			}
			return
		}
		if again, err := vault.ParseRecoveryKey(key.Text()); err != nil || again.Text() != key.Text() {
			t.Errorf("own text is not read back: %v", err)
		}
	})
}

// Most texts of the right form are no key: the checks are not decoration.
func TestRandomTextIsNoRecoveryKey(t *testing.T) {
	form := rapid.StringMatching(`([0-9A-HJKMNP-TV-Z]{5}-){8}[0-9A-HJKMNP-TV-Z]{5}`)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := vault.ParseRecoveryKey(form.Draw(t, "text")); err == nil {
			t.Error("a random text is a recovery key")
		}
	})
}
