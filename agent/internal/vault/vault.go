// Package vault guards the agency's keys: the key under which the agent's
// store is sealed, and the keys of each membership ([Identity]), which lie in
// the store.
//
// The vault file holds one random data key, wrapped twice: under the secret
// that unlocks the agent at every start, and under a recovery key that a person
// keeps on paper. Either opens it; changing one does not touch the other, nor
// the store. Somebody who has the file and the store, as every backup does, has
// nothing without one of the two.
package vault

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
)

// Create makes a vault at path, which must not exist, and returns the store key
// and the recovery key. The recovery key is nowhere else: show it once. On
// return the file is on disk, with mode 0600, in a directory that Create makes
// with 0700 if there is none. A missing key file of src is made as well.
func Create(path string, src Source) (storeKey []byte, recovery RecoveryKey, err error) {
	defer wrap(&err, "create vault", path)
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		if err == nil {
			err = exists()
		}
		return nil, RecoveryKey{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, RecoveryKey{}, err
	}
	secret, err := src.obtain(true)
	if err != nil {
		return nil, RecoveryKey{}, err
	}
	data := random(dataKeyBytes)
	recovery = freshRecovery()
	f := file{Version: fileVersion}
	if f.Unlock, err = seal(secret, data); err != nil {
		return nil, RecoveryKey{}, err
	}
	if f.Recovery, err = seal(paper(recovery), data); err != nil {
		return nil, RecoveryKey{}, err
	}
	if err := atomicfile.Create(path, f.encode(), 0o600); err != nil {
		if errors.Is(err, os.ErrExist) {
			err = exists()
		}
		return nil, RecoveryKey{}, err
	}
	return storeKeyOf(data), recovery, nil
}

// Open returns the store key. The errors to tell apart: [ErrWrongSecret] when
// the file is sound and src is not its secret, [ErrOtherSource] when the file
// is unlocked in another way, [ErrDamaged], [ErrNewer], [os.ErrNotExist].
func Open(path string, src Source) (storeKey []byte, err error) {
	defer wrap(&err, "open vault", path)
	_, data, err := unlock(path, src)
	if err != nil {
		return nil, err
	}
	return storeKeyOf(data), nil
}

// Recover opens the vault with the recovery key, replaces the unlocking secret
// by newSource, and returns the store key. The recovery key stays as it is. On
// an error the file is what it was.
func Recover(path string, recovery RecoveryKey, newSource Source) (storeKey []byte, err error) {
	defer wrap(&err, "recover vault", path)
	f, err := read(path)
	if err != nil {
		return nil, err
	}
	data, err := f.Recovery.open(paper(recovery))
	if err != nil {
		return nil, err
	}
	if err := f.rewrap(path, data, newSource); err != nil {
		return nil, err
	}
	return storeKeyOf(data), nil
}

// Rewrap replaces the unlocking secret. The store key and the recovery key stay
// as they are; a copy of the old file still opens with the old secret.
func Rewrap(path string, old, replacement Source) (err error) {
	defer wrap(&err, "change vault", path)
	f, data, err := unlock(path, old)
	if err != nil {
		return err
	}
	return f.rewrap(path, data, replacement)
}

// RenewRecovery replaces the recovery key, for when the paper is lost or was
// seen, and returns the new one. A copy of the old file still opens with the
// old key.
func RenewRecovery(path string, src Source) (recovery RecoveryKey, err error) {
	defer wrap(&err, "renew recovery key of vault", path)
	f, data, err := unlock(path, src)
	if err != nil {
		return RecoveryKey{}, err
	}
	recovery = freshRecovery()
	if f.Recovery, err = seal(paper(recovery), data); err != nil {
		return RecoveryKey{}, err
	}
	if err := atomicfile.Write(path, f.encode(), 0o600); err != nil {
		return RecoveryKey{}, err
	}
	return recovery, nil
}

func unlock(path string, src Source) (file, []byte, error) {
	if err := src.validate(); err != nil {
		return file{}, nil, err
	}
	f, err := read(path)
	if err != nil {
		return file{}, nil, err
	}
	if f.Unlock.Kind != src.kind() { // before anybody is asked for a passphrase
		return file{}, nil, &Error{
			Err: ErrOtherSource, Detail: "it is unlocked by a " + string(f.Unlock.Kind),
			Remedy: "start with the " + string(f.Unlock.Kind) + " that the vault was made with",
		}
	}
	secret, err := src.obtain(false)
	if err != nil {
		return file{}, nil, err
	}
	data, err := f.Unlock.open(secret)
	return f, data, err
}

func (f file) rewrap(path string, data []byte, src Source) error {
	secret, err := src.obtain(true)
	if err != nil {
		return err
	}
	if f.Unlock, err = seal(secret, data); err != nil {
		return err
	}
	return atomicfile.Write(path, f.encode(), 0o600)
}

// storeKeyOf derives, so that the data key can give other keys one day.
func storeKeyOf(data []byte) []byte {
	key, err := hkdf.Key(sha256.New, data, nil, "linkage vault v1 store key", 32)
	if err != nil {
		panic("derive store key: " + err.Error()) // fails only for lengths that are not these
	}
	return key
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never returns an error (Go 1.24)
	return b
}

// wrap says what was done to which file.
func wrap(err *error, operation, path string) {
	if *err != nil {
		*err = fmt.Errorf("%s %s: %w", operation, path, *err)
	}
}
