package vault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/linkage-exchange/linkage/agent/internal/vault"
)

// A vault file may be anything: Open returns the right key or an error.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, "vault.json")
	src := vault.Source{KeyFile: filepath.Join(dir, "linkage.key")}
	key, recovery, err := vault.Create(path, src)
	if err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"version":1,"unlock":{"kind":"key file","kdf":"hkdf-sha256","salt":null,"key":null}}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "vault.json")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, recoverErr := vault.Recover(path, recovery, vault.Source{KeyFile: filepath.Join(dir, "next.key")})
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := vault.Open(path, src)
		if err == nil && !bytes.Equal(got, key) {
			t.Error("another key")
		}
		for _, err := range []error{err, recoverErr} {
			if e, ok := errors.AsType[*vault.Error](err); err != nil && (!ok || e.Remedy == "") {
				t.Errorf("got %v, want an error with a remedy", err)
			}
		}
	})
}
