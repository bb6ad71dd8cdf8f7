package schemas

// This test pads and unpads without sealing, which the package does not offer.

import (
	"bytes"
	"errors"
	"testing"
)

func TestPadTakesTheSmallestBucket(t *testing.T) {
	for length, want := range map[int]int{0: 2048, 1: 2048, 2044: 2048, 2045: 4096, 4092: 4096, 4093: 8192, maxBucket - 4: maxBucket} {
		plain, err := pad(make([]byte, length/2), make([]byte, length-length/2))
		if err != nil || len(plain) != want {
			t.Errorf("%d bytes: got a bucket of %d, %v, want %d", length, len(plain), err, want)
		}
	}
	if _, err := pad(make([]byte, maxBucket-3), nil); CodeOf(err) != CodeTooLarge {
		t.Errorf("got %v, want %s", err, CodeTooLarge)
	}
}

func FuzzUnpad(f *testing.F) {
	full, err := pad(bytes.Repeat([]byte("x"), 2044), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full, 0)
	f.Add(full, 1)
	f.Add(append([]byte{0, 0, 0, 1}, bytes.Repeat([]byte("x"), 2044)...), 2043)
	f.Add(make([]byte, 2048), 0)
	f.Add(append(make([]byte, 2047), 1), -1)
	f.Add(append([]byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 4092)...), 0)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, plain []byte, beside int) {
		content, rest, err := unframe(plain)
		var more []byte
		if err == nil {
			more, err = attached(rest, beside)
		}
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Code != CodeMalformed || e.Field != "padding" && e.Field != "attached" {
				t.Fatalf("got %v, want malformed padding", err)
			}
			return
		}
		again, err := pad(content, more)
		if err != nil {
			t.Fatal(err)
		}
		// A sender may take a larger bucket than it must; what it frames is the
		// same.
		if len(again) > len(plain) || !bytes.Equal(again, plain[:len(again)]) {
			t.Fatalf("padded again it is another plaintext of %d bytes, not %d", len(again), len(plain))
		}
	})
}
