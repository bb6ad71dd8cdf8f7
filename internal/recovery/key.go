// Package recovery is the code on paper that opens what nothing else opens any
// more: an agent's vault, a backup of a broker's keys.
package recovery

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
)

// Key is 160 random bits. Nothing prints it but [Key.Text].
type Key struct {
	// bits is a function, because whatever prints a struct by looking into it
	// finds no bytes there.
	bits func() []byte
}

const (
	recoveryBytes = 20
	// A recovery key is written as nine groups of five symbols: four of content
	// and one that checks them. The ninth checks the whole.
	recoveryGroups = 9
	groupSymbols   = 5
	groupContent   = groupSymbols - 1
)

// New makes a key.
func New() Key {
	bits := make([]byte, recoveryBytes)
	_, _ = rand.Read(bits) // never returns an error (Go 1.24)
	return keyOf(bits)
}

func keyOf(bits []byte) Key { return Key{func() []byte { return bits }} }

// Bits is the key itself, nil if there is none, to derive other keys from.
func (k Key) Bits() []byte {
	if k.bits == nil {
		return nil
	}
	return k.bits()
}

// IsZero reports whether there is no key in k.
func (k Key) IsZero() bool { return k.bits == nil }

// Text is the key in clear, for the one time that it is shown: nine groups of
// five characters. [Parse] reads it.
func (k Key) Text() string {
	if k.bits == nil {
		return ""
	}
	symbols := append(toSymbols(k.bits()), wholeCheck(k.bits())...)
	groups := make([]string, recoveryGroups)
	for i := range groups {
		content := symbols[i*groupContent:][:groupContent]
		var b strings.Builder
		for _, s := range content {
			b.WriteByte(alphabet[s])
		}
		b.WriteByte(alphabet[groupCheck(i, content)])
		groups[i] = b.String()
	}
	return strings.Join(groups, "-")
}

// ErrKey says that a text is no recovery key; see [KeyError].
var ErrKey = errors.New("this is not a recovery key")

// KeyError says what is wrong with the text of a recovery key, without
// quoting it. It is an [ErrKey].
type KeyError struct {
	// Group is the group that is probably wrong, from 1; 0 when only the whole
	// does not fit.
	Group int
	// Rule is what must hold.
	Rule string
}

// Error names the group and the rule.
func (e *KeyError) Error() string {
	if e.Group == 0 {
		return fmt.Sprintf("%v: %s", ErrKey, e.Rule)
	}
	return fmt.Sprintf("%v: group %d: %s", ErrKey, e.Group, e.Rule)
}

// Unwrap returns [ErrKey].
func (e *KeyError) Unwrap() error { return ErrKey }

// Parse reads what Text gave and a person typed: in either case,
// with any spaces, dashes or dots, O for 0, I or L for 1. One wrong character,
// or two neighbours that changed places, is always noticed and its group named
// in the [KeyError].
func Parse(text string) (Key, error) {
	groups, err := splitGroups(text)
	if err != nil {
		return Key{}, err
	}
	var symbols []byte
	for i, group := range groups {
		s := make([]byte, 0, groupSymbols)
		for _, r := range group {
			v := symbol(r)
			if v < 0 {
				return Key{}, &KeyError{i + 1, "there is a character that recovery keys do not have"}
			}
			s = append(s, byte(v))
		}
		if groupCheck(i, s[:groupContent]) != s[groupContent] {
			return Key{}, &KeyError{i + 1, "a character is wrong, or the group is in another place"}
		}
		symbols = append(symbols, s[:groupContent]...)
	}
	content := symbols[:len(symbols)-groupContent]
	bits := fromSymbols(content)
	if string(wholeCheck(bits)) != string(symbols[len(content):]) {
		return Key{}, &KeyError{0, "more than one character is wrong"}
	}
	return keyOf(bits), nil
}

// splitGroups takes the reader's own groups if there are nine, so that it can
// say which is too short, and counts characters otherwise.
func splitGroups(text string) ([][]rune, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Dash, r) || r == '.' || r == '_'
	})
	if len(fields) != recoveryGroups {
		all := []rune(strings.Join(fields, ""))
		if len(all) != recoveryGroups*groupSymbols {
			return nil, &KeyError{0, fmt.Sprintf("it must have %d groups of %d characters", recoveryGroups, groupSymbols)}
		}
		fields = fields[:0]
		for ; len(all) > 0; all = all[groupSymbols:] {
			fields = append(fields, string(all[:groupSymbols]))
		}
	}
	groups := make([][]rune, len(fields))
	for i, field := range fields {
		groups[i] = []rune(field)
		if len(groups[i]) != groupSymbols {
			return nil, &KeyError{i + 1, fmt.Sprintf("it must have %d characters", groupSymbols)}
		}
	}
	return groups, nil
}

const hiddenRecoveryKey = "recovery key (hidden)"

// String hides the key.
func (k Key) String() string { return hiddenRecoveryKey }

// GoString hides the key.
func (k Key) GoString() string { return hiddenRecoveryKey }

// Format hides the key under every verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(hiddenRecoveryKey)) } // as fmt itself does

// LogValue hides the key.
func (k Key) LogValue() slog.Value { return slog.StringValue(hiddenRecoveryKey) }

// MarshalText hides the key, in JSON too.
func (k Key) MarshalText() ([]byte, error) { return []byte(hiddenRecoveryKey), nil }
