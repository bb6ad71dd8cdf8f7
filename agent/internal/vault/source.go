package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"unicode/utf8"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
)

// Source is where the unlocking secret comes from; exactly one field is set.
type Source struct {
	// Passphrase asks a person, once a call. A new passphrase has at least 12
	// characters.
	Passphrase func() (string, error)
	// KeyFile is a file of 32 random bytes that only its owner may read. Create,
	// Recover and Rewrap make it where it is to be used and missing. It belongs
	// on this machine and in no backup: beside the vault it would unlock it.
	KeyFile string
	// Credential names a systemd credential: LoadCredential= or
	// LoadCredentialEncrypted= of the unit.
	Credential string
}

// kind says in the file how the vault is unlocked.
type kind string

const (
	kindPassphrase kind = "passphrase"
	kindKeyFile    kind = "key file"
	kindCredential kind = "systemd credential"
	kindRecovery   kind = "recovery key"
)

// guessable secrets were perhaps chosen by a person and are stretched.
func (k kind) guessable() bool { return k == kindPassphrase || k == kindCredential }

func (k kind) remedy() string {
	switch k {
	case kindPassphrase:
		return "type the passphrase again; if it is lost, use the recovery key: linkage agent unlock"
	case kindRecovery:
		return "use the recovery key that was printed when this vault was made, or last renewed"
	default:
		return "put the " + string(k) + " back that the vault was made with; if it is lost, use the recovery key: linkage agent unlock"
	}
}

const (
	keyFileBytes       = 32
	minPassphraseRunes = 12
	maxSecretBytes     = 4096
)

// secret is what a Source gave, or a recovery key.
type secret struct {
	kind  kind
	value []byte
}

func (s Source) validate() error {
	n := 0
	for _, set := range []bool{s.Passphrase != nil, s.KeyFile != "", s.Credential != ""} {
		if set {
			n++
		}
	}
	if n != 1 {
		return unusable(fmt.Sprintf("%d of passphrase, key file and credential are given", n), "give exactly one of them")
	}
	return nil
}

func (s Source) kind() kind {
	switch {
	case s.Passphrase != nil:
		return kindPassphrase
	case s.KeyFile != "":
		return kindKeyFile
	default:
		return kindCredential
	}
}

// obtain gets the secret; fresh when it is about to become the vault's.
func (s Source) obtain(fresh bool) (secret, error) {
	if err := s.validate(); err != nil {
		return secret{}, err
	}
	var value []byte
	var err error
	switch s.kind() {
	case kindPassphrase:
		value, err = s.passphrase(fresh)
	case kindKeyFile:
		value, err = s.keyFile(fresh)
	default:
		value, err = s.credential(fresh)
	}
	return secret{kind: s.kind(), value: value}, err
}

func (s Source) passphrase(fresh bool) ([]byte, error) {
	p, err := s.Passphrase()
	if err != nil {
		return nil, fmt.Errorf("ask for passphrase: %w", err)
	}
	return []byte(p), strong([]byte(p), fresh)
}

func strong(value []byte, fresh bool) error {
	if len(value) > maxSecretBytes {
		return unusable(fmt.Sprintf("it is longer than %d bytes", maxSecretBytes), "choose a shorter one")
	}
	if fresh && utf8.RuneCount(value) < minPassphraseRunes {
		return unusable(fmt.Sprintf("it has fewer than %d characters", minPassphraseRunes), "choose a longer one, such as five random words")
	}
	return nil
}

func (s Source) keyFile(fresh bool) ([]byte, error) {
	if fresh {
		if err := os.MkdirAll(filepath.Dir(s.KeyFile), 0o700); err != nil {
			return nil, fmt.Errorf("make key file: %w", err)
		}
		err := atomicfile.Create(s.KeyFile, random(keyFileBytes), 0o600)
		if err != nil && !errors.Is(err, os.ErrExist) { // one that is there is used
			return nil, fmt.Errorf("make key file: %w", err)
		}
	}
	b, info, err := readSecret(s.KeyFile)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, unusable("there is no key file "+s.KeyFile, kindKeyFile.remedy())
	case err != nil:
		return nil, fmt.Errorf("read key file: %w", err)
	case len(b) != keyFileBytes:
		return nil, unusable(fmt.Sprintf("key file %s has not %d bytes", s.KeyFile, keyFileBytes), kindKeyFile.remedy())
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, unusable("others than its owner may read the key file "+s.KeyFile, "chmod 600 "+s.KeyFile)
	}
	return b, nil
}

func (s Source) credential(fresh bool) ([]byte, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, unusable("systemd gave this process no credentials", "add LoadCredential="+s.Credential+":/path to the unit")
	}
	if !filepath.IsLocal(s.Credential) || filepath.Base(s.Credential) != s.Credential {
		return nil, unusable("a credential has a plain name", "give the name that the unit's LoadCredential= has")
	}
	b, _, err := readSecret(filepath.Join(dir, s.Credential))
	if errors.Is(err, os.ErrNotExist) {
		return nil, unusable("there is no credential "+s.Credential, "add LoadCredential="+s.Credential+":/path to the unit")
	}
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	b = bytes.TrimRight(b, "\r\n") // an editor's or echo's last line end
	return b, strong(b, fresh)
}

// readSecret reads a little more than a secret may have, whatever the path is.
func readSecret(path string) ([]byte, os.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	return b, info, err
}
