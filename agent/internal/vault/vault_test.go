package vault_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/agent/internal/vault"
)

const passphrase = "five random words and more"

func typed(p string) vault.Source {
	return vault.Source{Passphrase: func() (string, error) { return p, nil }}
}

// sources makes one Source of each kind, and another of that kind that is wrong.
func sources(t *testing.T) map[string]struct{ right, wrong vault.Source } {
	t.Helper()
	dir := t.TempDir()
	credentials := filepath.Join(dir, "credentials")
	t.Setenv("CREDENTIALS_DIRECTORY", credentials)
	wrongFile := filepath.Join(dir, "wrong.key")
	for path, content := range map[string]string{
		filepath.Join(credentials, "linkage"): "a credential of the unit\n",
		filepath.Join(credentials, "other"):   "another credential of it\n",
		wrongFile:                             strings.Repeat("x", 32),
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]struct{ right, wrong vault.Source }{
		"passphrase": {typed(passphrase), typed(passphrase + "?")},
		"key file":   {vault.Source{KeyFile: filepath.Join(dir, "keys", "linkage.key")}, vault.Source{KeyFile: wrongFile}},
		"credential": {vault.Source{Credential: "linkage"}, vault.Source{Credential: "other"}},
	}
}

func create(t *testing.T, src vault.Source) (path string, key []byte, recovery vault.RecoveryKey) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "data", "vault.json")
	key, recovery, err := vault.Create(path, src)
	if err != nil {
		t.Fatal(err)
	}
	return path, key, recovery
}

func expectKey(t *testing.T, want []byte) func(got []byte, err error) {
	return func(got []byte, err error) {
		t.Helper()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got a key of %d bytes, %v, want the store key", len(got), err)
		}
	}
}

func TestSources(t *testing.T) {
	all := sources(t)
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			path, key, recovery := create(t, s.right)
			if len(key) != 32 {
				t.Errorf("got %d bytes, want 32", len(key))
			}
			if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
				t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
			}
			expectKey(t, key)(vault.Open(path, s.right))
			_, err := vault.Open(path, s.wrong)
			expect(t, err, vault.ErrWrongSecret)
			for other, o := range all {
				if other != name {
					_, err := vault.Open(path, o.right)
					expect(t, err, vault.ErrOtherSource)
				}
			}
			if _, _, err := vault.Create(path, s.right); !errors.Is(err, vault.ErrExists) {
				t.Errorf("second: got %v, want %v", err, vault.ErrExists)
			}
			expectKey(t, key)(vault.Open(path, s.right))
			parsed, err := vault.ParseRecoveryKey(recovery.Text())
			if err != nil {
				t.Fatal(err)
			}
			expectKey(t, key)(vault.Recover(path, parsed, s.wrong))
			expectKey(t, key)(vault.Open(path, s.wrong))
			_, err = vault.Open(path, s.right)
			expect(t, err, vault.ErrWrongSecret)
		})
	}
}

// expect checks the kind of an error, and that it says where and what to do.
func expect(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
		return
	}
	if e, ok := errors.AsType[*vault.Error](err); !ok || e.Remedy == "" || strings.Contains(err.Error(), passphrase) {
		t.Errorf("got %v, want an error with a remedy and without the secret", err)
	}
}

func TestVaultsDiffer(t *testing.T) {
	src := vault.Source{KeyFile: filepath.Join(t.TempDir(), "linkage.key")}
	onePath, one, oneRecovery := create(t, src)
	_, two, twoRecovery := create(t, src)
	if bytes.Equal(one, two) || oneRecovery.Text() == twoRecovery.Text() {
		t.Error("two vaults have the same keys")
	}
	_, err := vault.Recover(onePath, twoRecovery, src)
	expect(t, err, vault.ErrWrongSecret)
	_, err = vault.Recover(onePath, vault.RecoveryKey{}, src)
	expect(t, err, vault.ErrWrongSecret)
	content, err := os.ReadFile(onePath)
	if err != nil || bytes.Contains(content, one) || strings.Contains(string(content), oneRecovery.Text()) {
		t.Errorf("the file shows a key (%v)", err)
	}
}

func TestRewrapAndRenew(t *testing.T) {
	all := sources(t)
	path, key, recovery := create(t, all["key file"].right)
	file := vault.Source{KeyFile: filepath.Join(t.TempDir(), "new.key")}
	expect(t, vault.Rewrap(path, all["key file"].wrong, file), vault.ErrWrongSecret)
	if err := vault.Rewrap(path, all["key file"].right, file); err != nil {
		t.Fatal(err)
	}
	expectKey(t, key)(vault.Open(path, file))
	expectKey(t, key)(vault.Recover(path, recovery, file)) // a new secret leaves the recovery key
	renewed, err := vault.RenewRecovery(path, file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = vault.Recover(path, recovery, file)
	expect(t, err, vault.ErrWrongSecret)
	expectKey(t, key)(vault.Recover(path, renewed, all["credential"].right))
	expectKey(t, key)(vault.Open(path, all["credential"].right))
}

func TestUnusableSources(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vault.json")
	write := func(name string, n int, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(p, make([]byte, n), mode), os.Chmod(p, mode)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	asked := errors.New("terminal closed")
	for name, c := range map[string]struct {
		src  vault.Source
		want error
	}{
		"none":               {vault.Source{}, vault.ErrSource},
		"two":                {vault.Source{KeyFile: "k", Credential: "c"}, vault.ErrSource},
		"short passphrase":   {typed("eleven char"), vault.ErrSource},
		"long passphrase":    {typed(strings.Repeat("x", 5000)), vault.ErrSource},
		"not asked":          {vault.Source{Passphrase: func() (string, error) { return "", asked }}, asked},
		"short key file":     {vault.Source{KeyFile: write("short", 31, 0o600)}, vault.ErrSource},
		"long key file":      {vault.Source{KeyFile: write("long", 33, 0o600)}, vault.ErrSource},
		"readable key file":  {vault.Source{KeyFile: write("readable", 32, 0o640)}, vault.ErrSource},
		"no credentials":     {vault.Source{Credential: "linkage"}, vault.ErrSource},
		"credential outside": {vault.Source{Credential: "../linkage"}, vault.ErrSource},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CREDENTIALS_DIRECTORY", "")
			if strings.HasPrefix(name, "credential ") {
				t.Setenv("CREDENTIALS_DIRECTORY", dir)
			}
			if _, _, err := vault.Create(path, c.src); !errors.Is(err, c.want) {
				t.Errorf("create: got %v, want %v", err, c.want)
			}
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a vault was made (%v)", err)
			}
		})
	}
	_, err := vault.Open(path, vault.Source{KeyFile: filepath.Join(dir, "absent")})
	expect(t, err, os.ErrNotExist)
	other, _, _ := create(t, vault.Source{KeyFile: filepath.Join(dir, "made.key")})
	_, err = vault.Open(other, vault.Source{KeyFile: filepath.Join(dir, "absent")})
	expect(t, err, vault.ErrSource)
	if _, err := os.Stat(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open made a key file (%v)", err)
	}
}

// A damaged file is never taken for a wrong passphrase, and the other way.
func TestDamage(t *testing.T) {
	src := vault.Source{KeyFile: filepath.Join(t.TempDir(), "linkage.key")}
	path, key, _ := create(t, src)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 4
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := vault.Open(path, src); err == nil {
			if !bytes.Equal(got, key) {
				t.Errorf("byte %d: another key", i)
			}
		} else if !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("byte %d: got %v, want %v", i, err, vault.ErrDamaged)
		}
	}
	for _, n := range []int{0, 1, len(good) / 2, len(good) - 2} {
		if err := os.WriteFile(path, good[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := vault.Open(path, src)
		expect(t, err, vault.ErrDamaged)
	}
	if err := os.WriteFile(path, bytes.Repeat(good, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = vault.Open(path, src)
	expect(t, err, vault.ErrDamaged)
}

func TestVaultFileParameters(t *testing.T) {
	path, _, _ := create(t, typed(passphrase))
	var f struct {
		Version int `json:"version"`
		Unlock  struct {
			KDF        string `json:"kdf"`
			Iterations int    `json:"iterations"`
			Salt       []byte `json:"salt"`
		} `json:"unlock"`
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &f); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%d %s %d %d", f.Version, f.Unlock.KDF, f.Unlock.Iterations, len(f.Unlock.Salt))
	if want := "1 pbkdf2-hmac-sha256 600000 32"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
