package transport_test

import (
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
)

// Whoever restores the secret has every member's account again, and nobody
// another's.
func TestDeriveAccount(t *testing.T) {
	secret := []byte("32 bytes that a broker made once")
	derive := func(secret []byte, name string) transport.Account {
		a, err := transport.DeriveAccount(secret, name)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := derive(secret, "hilltop")
	if again := derive(secret, "hilltop"); again != first {
		t.Errorf("got %s, want %s", again, first)
	}
	if other := derive(secret, "harbor"); other.ID == first.ID || other.SigningSeed == first.SigningSeed {
		t.Error("two names have one account")
	}
	if other := derive([]byte("another secret of 32 bytes......"), "hilltop"); other.ID == first.ID || other.SigningSeed == first.SigningSeed {
		t.Error("two secrets have one account")
	}
}
