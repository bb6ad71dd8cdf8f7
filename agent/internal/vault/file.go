package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	fileVersion  = 1
	maxFileBytes = 64 << 10
	dataKeyBytes = 32
	saltBytes    = 32

	kdfPassphrase = "pbkdf2-hmac-sha256"
	kdfRandom     = "hkdf-sha256"
	// iterations is what OWASP asks of PBKDF2-HMAC-SHA256. A file may ask for
	// more, not for less, and not for so many that a start takes minutes.
	iterations    = 600_000
	maxIterations = 20_000_000
)

// file is the content of vault.json.
type file struct {
	Version  int     `json:"version"`
	Unlock   wrapped `json:"unlock"`
	Recovery wrapped `json:"recovery"`
	// Sum is the SHA-256 of the file without it. It is no protection, it tells
	// a damaged file from a wrong passphrase.
	Sum []byte `json:"sum,omitempty"`
}

// wrapped is the data key under a key derived from a secret.
type wrapped struct {
	Kind       kind   `json:"kind"`
	KDF        string `json:"kdf"`
	Iterations int    `json:"iterations,omitempty"`
	Salt       []byte `json:"salt"`
	Key        []byte `json:"key"` // AES-256-GCM, nonce first; everything above is associated data
}

func (f file) sum() []byte {
	f.Sum = nil
	sum := sha256.Sum256(mustJSON(f))
	return sum[:]
}

func (f file) encode() []byte {
	f.Sum = f.sum()
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		panic("encode vault: " + err.Error()) // a struct of numbers, strings and bytes
	}
	return append(b, '\n')
}

func read(path string) (file, error) {
	r, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return file{}, &Error{Err: err, Remedy: "make a vault with: linkage agent init"}
	}
	if err != nil {
		return file{}, err
	}
	defer func() { _ = r.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return file{}, err
	}
	if len(b) > maxFileBytes {
		return file{}, damaged("it is too long")
	}
	return parse(b)
}

func parse(b []byte) (file, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return file{}, damaged("it is not JSON of a vault")
	}
	if !bytes.Equal(f.Sum, f.sum()) {
		return file{}, damaged("its checksum is wrong")
	}
	if f.Version != fileVersion { // after the sum, which every version keeps
		return file{}, &Error{
			Err: ErrNewer, Detail: fmt.Sprintf("version %d, this one reads %d", f.Version, fileVersion),
			Remedy: "upgrade linkage",
		}
	}
	return f, nil
}

// seal wraps the data key under a secret.
func seal(s secret, data []byte) (wrapped, error) {
	w := wrapped{Kind: s.kind, KDF: kdfRandom, Salt: random(saltBytes)}
	if s.kind.guessable() {
		w.KDF, w.Iterations = kdfPassphrase, iterations
	}
	aead, err := w.aead(s)
	if err != nil {
		return wrapped{}, err
	}
	w.Key = aead.Seal(nil, nil, data, w.context()) //nolint:gosec // this AEAD makes its own random nonce
	return w, nil
}

func (w wrapped) open(s secret) ([]byte, error) {
	aead, err := w.aead(s)
	if err != nil {
		return nil, err
	}
	data, err := aead.Open(nil, nil, w.Key, w.context())
	if err != nil {
		return nil, &Error{Err: ErrWrongSecret, Detail: "wrong " + string(s.kind), Remedy: s.kind.remedy()}
	}
	if len(data) != dataKeyBytes {
		return nil, damaged("its key has another length")
	}
	return data, nil
}

func (w wrapped) context() []byte {
	w.Key = nil
	return append([]byte("linkage vault v1\n"), mustJSON(w)...)
}

// aead derives the wrapping key. The parameters are checked here, because a
// file may come from anywhere.
func (w wrapped) aead(s secret) (cipher.AEAD, error) {
	if w.Kind != s.kind || len(w.Salt) != saltBytes {
		return nil, damaged("its parameters are not those of any vault")
	}
	var key []byte
	var err error
	switch {
	case s.kind.guessable() && w.KDF == kdfPassphrase && w.Iterations >= iterations && w.Iterations <= maxIterations:
		key, err = pbkdf2.Key(sha256.New, string(s.value), w.Salt, w.Iterations, 32)
	case !s.kind.guessable() && w.KDF == kdfRandom:
		key, err = hkdf.Key(sha256.New, s.value, w.Salt, "linkage vault v1 "+string(s.kind), 32)
	default:
		return nil, damaged("its parameters are not those of any vault")
	}
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("encode vault: " + err.Error()) // a struct of numbers, strings and bytes
	}
	return b
}
