// Package backup is the file in which an agency's records leave its machine:
// the vault, the store and what else an agent needs, sealed, and opened by the
// recovery key alone.
//
// In clear are only the time, the name of the recovery sheet, and the vault,
// which says nothing without one of its two secrets. Everything else is one
// stream of frames, each sealed with AES-256-GCM and bound to its place, the
// last one marked: a file that was cut, changed, or put together of two is
// never read as whole.
package backup

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// ErrDamaged says that a file is no whole backup. Nothing of it may be used.
var ErrDamaged = errors.New("the backup file is damaged")

// Error is [ErrDamaged] with what was found and what to do.
type Error struct{ Detail string }

// Error says what was found.
func (e *Error) Error() string { return ErrDamaged.Error() + ": " + e.Detail }

// Unwrap returns [ErrDamaged].
func (e *Error) Unwrap() error { return ErrDamaged }

// Advice says what to do.
func (e *Error) Advice() string {
	return "copy the file again from where it was kept, or use the backup before it"
}

func damaged(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Header is what a backup says to everybody.
type Header struct {
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	// Sheet names the recovery sheet whose code opens the file.
	Sheet string `json:"sheet"`
	Salt  []byte `json:"salt"`
	Vault []byte `json:"vault"` // the vault file
}

// Manifest is what a backup says to whoever can open it.
type Manifest struct {
	Created time.Time `json:"created"`
	// Name is the agency's, as people know it.
	Name        string       `json:"name"`
	Memberships []Membership `json:"memberships"`
	// Token is the content of the file with the token for the agency's systems.
	Token []byte `json:"token"`
	// StoreBytes is the length of the store, StoreHash its SHA-256.
	StoreBytes int64  `json:"storebytes"`
	StoreHash  []byte `json:"storehash"`
}

// Membership is one network of the agency.
type Membership struct {
	Network     schemas.NetworkID `json:"network"`
	Agency      schemas.AgencyID  `json:"agency"`
	Fingerprint string            `json:"fingerprint"`
	// Events is how many events the record holds.
	Events uint64 `json:"events"`
}

const (
	magic        = "linkage agent backup\n"
	version      = 1
	saltBytes    = 32
	frameBytes   = 1 << 20 // of clear text
	maxHeader    = 256 << 10
	maxManifest  = 1 << 20
	lastFrame    = 1 << 31 // in a frame's length
	sealOverhead = 12 + 16
)

// aead is the seal of one file: its key comes from the store key and the file's
// own salt, so that no two files share one.
func aead(storeKey, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, storeKey, salt, "linkage backup v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func newSalt() []byte {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never returns an error (Go 1.24)
	return salt
}
