package broker

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/internal/recovery"
	"github.com/linkage-exchange/linkage/schemas"
)

// keysBackup is the file of a backup of a broker's keys. Everything but Sealed
// can be read by whoever has the file.
type keysBackup struct {
	Version int               `json:"version"`
	Network schemas.NetworkID `json:"network"`
	Broker  schemas.KeyID     `json:"broker"`
	Made    time.Time         `json:"made"`
	Salt    []byte            `json:"salt"`
	Sealed  []byte            `json:"sealed"` // AES-256-GCM over keysContent, nonce first
}

// keysContent are files by their names in the broker's directory.
type keysContent map[string][]byte

const (
	keysBackupVersion = 1
	maxKeysBackup     = 16 << 20
)

// KeysBackup is what a person keeps of a backup.
type KeysBackup struct {
	File    string            `json:"file"`
	Network schemas.NetworkID `json:"network"`
	Broker  schemas.KeyID     `json:"broker"` // the broker's key
	Made    time.Time         `json:"made"`
	// Code opens the file; it is nowhere else. "" after a restore.
	Code string `json:"code,omitempty"`
}

// BackupKeys writes a broker's keys and what it knows of its network, sealed
// under a new code, to a file that must not exist. It has read the file back and
// opened it with the code as printed when it returns. The broker may run. Keys
// never change, so one backup is enough for ever.
func BackupKeys(dataDir, file string, now time.Time) (KeysBackup, error) {
	network, _, err := readNetwork(dataDir)
	if err != nil {
		return KeysBackup{}, err
	}
	k, err := readKeys(dataDir)
	if err != nil {
		return KeysBackup{}, err
	}
	content, err := readKeyFiles(dataDir)
	if err != nil {
		return KeysBackup{}, err
	}
	code := recovery.New()
	b := keysBackup{Version: keysBackupVersion, Network: network.Network, Broker: schemas.KeyIDOf(k.public()), Made: now.UTC().Truncate(time.Second), Salt: make([]byte, 32)}
	_, _ = rand.Read(b.Salt) // never returns an error (Go 1.24)
	if b.Sealed, err = b.seal(code, content); err != nil {
		return KeysBackup{}, err
	}
	text, err := json.Marshal(b)
	if err != nil {
		return KeysBackup{}, fmt.Errorf("encode backup: %w", err)
	}
	if err := atomicfile.Create(file, append(text, '\n'), 0o600); err != nil {
		if errors.Is(err, fs.ErrExist) {
			err = schemas.Refuse(schemas.CodeChainConflict, file, "must not exist yet", "name another file: a backup never replaces one")
		}
		return KeysBackup{}, err
	}
	if err := verifyBackup(file, code.Text(), content); err != nil {
		return KeysBackup{}, errors.Join(fmt.Errorf("read the backup back: %w", err), os.Remove(file))
	}
	return KeysBackup{file, b.Network, b.Broker, b.Made, code.Text()}, nil
}

func verifyBackup(file, code string, want keysContent) error {
	_, got, err := openBackup(file, code)
	if err != nil {
		return err
	}
	for name, b := range want {
		if !bytes.Equal(got[name], b) {
			return fmt.Errorf("%s is not as it was written", name)
		}
	}
	return nil
}

// readKeyFiles reads network.json and everything under keys/.
func readKeyFiles(dataDir string) (keysContent, error) {
	content := keysContent{}
	root := os.DirFS(dataDir)
	names := []string{fileNetwork}
	err := fs.WalkDir(root, "keys", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") { // leftovers of a crash
			names = append(names, name)
		}
		return err
	})
	for _, name := range names {
		if err == nil {
			content[name], err = fs.ReadFile(root, name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read broker keys: %w", err)
	}
	return content, nil
}

// sealing derives the key that seals a backup, and what it is bound to.
func (b keysBackup) sealing(code recovery.Key) (cipher.AEAD, []byte, error) {
	key, err := hkdf.Key(sha256.New, code.Bits(), b.Salt, "linkage broker backup v1\n"+string(b.Network)+"\n"+string(b.Broker), 32)
	if err != nil {
		return nil, nil, fmt.Errorf("seal backup: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, fmt.Errorf("seal backup: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return aead, []byte(b.Made.Format(time.RFC3339)), err
}

func (b keysBackup) seal(code recovery.Key, content keysContent) ([]byte, error) {
	aead, bound, err := b.sealing(code)
	if err != nil {
		return nil, err
	}
	clear, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode backup: %w", err)
	}
	return aead.Seal(nil, nil, clear, bound), nil //nolint:gosec // this AEAD makes its own random nonce
}

func openBackup(file, code string) (keysBackup, keysContent, error) {
	var b keysBackup
	info, err := os.Stat(file)
	if err != nil {
		return b, nil, err
	}
	if info.Size() > maxKeysBackup {
		return b, nil, schemas.Refuse(schemas.CodeTooLarge, file, "must be a backup of a broker's keys", "name the file that `linkage broker backup` wrote")
	}
	if err := readJSON(file, &b); err != nil || b.Version != keysBackupVersion {
		return b, nil, schemas.Refuse(schemas.CodeMalformed, file, "must be a backup of a broker's keys that this version knows", "name the file that `linkage broker backup` wrote, or upgrade linkage")
	}
	key, err := recovery.Parse(code)
	if err != nil {
		return b, nil, schemas.Refuse(schemas.CodeMalformed, "code", "must be the one that was printed with the backup, nine groups of five characters ("+err.Error()+")", "type it again from the paper")
	}
	aead, bound, err := b.sealing(key)
	if err != nil {
		return b, nil, err
	}
	clear, err := aead.Open(nil, nil, b.Sealed, bound)
	if err != nil {
		return b, nil, schemas.Refuse(schemas.CodeCannotOpen, file, "must be whole, and be opened by this code", "look for the code that was printed with this backup; each backup has its own")
	}
	content := keysContent{}
	if err := json.Unmarshal(clear, &content); err != nil {
		return b, nil, fmt.Errorf("read backup: %w", err)
	}
	return b, content, nil
}

// RestoreKeys makes a broker's directory from a backup of its keys. It never
// replaces a key that is there. The broker then begins with [NewEpoch].
func RestoreKeys(dataDir, file, code string) (KeysBackup, error) {
	b, content, err := openBackup(file, code)
	if err != nil {
		return KeysBackup{}, err
	}
	for _, name := range []string{fileKey, fileNetwork} {
		if _, err := os.Stat(filepath.Join(dataDir, name)); !errors.Is(err, fs.ErrNotExist) {
			return KeysBackup{}, schemas.Refuse(schemas.CodeChainConflict, filepath.Join(dataDir, name), "must not exist", "restore into another directory, or move what is there away first")
		}
	}
	for name := range content {
		if !filepath.IsLocal(name) || name != fileNetwork && filepath.Dir(name) != "keys" {
			return KeysBackup{}, schemas.Malformed(file, "must hold a broker's keys and nothing else")
		}
	}
	if err := os.MkdirAll(filepath.Join(dataDir, "keys"), 0o700); err != nil {
		return KeysBackup{}, fmt.Errorf("make directory: %w", err)
	}
	for name, b := range content {
		if name == fileNetwork {
			continue // last: a directory without it is not a broker's
		}
		if err := atomicfile.Write(filepath.Join(dataDir, name), b, 0o600); err != nil {
			return KeysBackup{}, err
		}
	}
	if err := atomicfile.Write(filepath.Join(dataDir, fileNetwork), content[fileNetwork], 0o600); err != nil {
		return KeysBackup{}, err
	}
	return KeysBackup{File: file, Network: b.Network, Broker: b.Broker, Made: b.Made}, nil
}
