package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// KeyBytes is the length of the key that Open takes.
const KeyBytes = 32

// tokenBytes is the length of what stands in the file for a name or a key:
// 128 bits of an HMAC, so that two names never meet by chance.
const tokenBytes = 16

// keyring holds what is derived from the store key and the file's salt. The
// salt gives every file its own keys, so that the bound on random nonces (2^32
// values under one key) counts for each file alone.
type keyring struct {
	values cipher.AEAD
	names  []byte
	check  []byte
}

func newKeyring(key, salt []byte) (*keyring, error) {
	if len(key) != KeyBytes {
		return nil, fmt.Errorf("store key has %d bytes, not %d", len(key), KeyBytes)
	}
	derive := func(purpose string) []byte {
		k, err := hkdf.Key(sha256.New, key, salt, "linkage store v1 "+purpose, 32)
		if err != nil {
			panic("derive store key: " + err.Error()) // fails only for lengths that no constant here has
		}
		return k
	}
	block, err := aes.NewCipher(derive("values"))
	if err != nil {
		return nil, err
	}
	// Random nonces made within the FIPS module: the construction that FIPS
	// 140-3 approves for GCM with many writers and no durable counter.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &keyring{values: aead, names: derive("names"), check: derive("check")}, nil
}

// seal binds the value to its bucket and key.
func (k *keyring) seal(token, key, plain []byte) []byte {
	return k.values.Seal(nil, nil, plain, place(token, key)) //nolint:gosec // this AEAD makes its own random nonce
}

// open undoes seal. The result is never nil without an error, and a copy.
func (k *keyring) open(token, key, sealed []byte) ([]byte, error) {
	plain, err := k.values.Open([]byte{}, nil, sealed, place(token, key))
	if err != nil {
		// The place in the file helps whoever repairs it and says nothing else.
		return nil, fmt.Errorf("%w (bucket %x, key %x)", ErrTampered, token, key)
	}
	return plain, nil
}

func place(token, key []byte) []byte {
	return append(append(make([]byte, 0, len(token)+len(key)), token...), key...)
}

// namer makes tokens. It is not safe for concurrent use: each transaction has
// its own.
type namer struct{ mac hash.Hash }

func (k *keyring) namer() namer { return namer{hmac.New(sha256.New, k.names)} }

// bucket is the token of a map ('m') or log ('l').
func (n namer) bucket(kind byte, name string) []byte { return n.token(kind, name, "") }

// key is the token of a key of a map.
func (n namer) key(name, key string) []byte { return n.token('k', name, key) }

func (n namer) token(kind byte, name, key string) []byte {
	n.mac.Reset()
	var head [9]byte // the length keeps ("ab","c") apart from ("a","bc")
	head[0] = kind
	binary.BigEndian.PutUint64(head[1:], uint64(len(name)))
	n.mac.Write(head[:])
	n.mac.Write([]byte(name))
	n.mac.Write([]byte(key))
	return n.mac.Sum(make([]byte, 0, sha256.Size))[:tokenBytes]
}
