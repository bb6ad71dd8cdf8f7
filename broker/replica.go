package broker

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/schemas"
)

// A replica is a second or third broker of a network: it has the first's keys
// and knows the same network. They travel in a file that a code opens, which is
// printed once and goes another way than the file.

// replicaFiles are what it gets.
var replicaFiles = []string{fileNetwork, fileNATSKeys, fileKey, fileLedger, fileAccounts}

const (
	replicaFormat = "linkage-replica-1"
	replicaSecret = 20 // random bytes: nobody tries them all
	maxReplica    = 1 << 20
)

var replicaLetters = base32.StdEncoding.WithPadding(base32.NoPadding)

type replicaFile struct {
	Format  string            `json:"format"`
	Network schemas.NetworkID `json:"network"`
	Sealed  []byte            `json:"sealed"`
}

// PackReplica writes the keys of a broker's directory to a file that only the
// returned code opens. The broker may run.
func PackReplica(dataDir, path string) (code string, err error) {
	network, _, err := readNetwork(dataDir)
	if err != nil {
		return "", err
	}
	files := map[string][]byte{}
	for _, name := range replicaFiles {
		if files[name], err = os.ReadFile(filepath.Join(dataDir, name)); err != nil { // #nosec G304 -- the broker's own directory
			return "", fmt.Errorf("read broker keys: %w", err)
		}
	}
	plain, err := json.Marshal(files)
	if err != nil {
		return "", fmt.Errorf("pack replica: %w", err)
	}
	secret := make([]byte, replicaSecret)
	_, _ = rand.Read(secret) // never returns an error (Go 1.24)
	seal, err := replicaCipher(secret, network.Network)
	if err != nil {
		return "", err
	}
	sealed := seal.Seal(nil, nil, plain, nil) //nolint:gosec // this AEAD makes its own random nonce
	packed := replicaFile{Format: replicaFormat, Network: network.Network, Sealed: sealed}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", schemas.Refuse(schemas.CodeHistoryForked, path, "must not exist yet", "name another file")
	}
	return grouped(replicaLetters.EncodeToString(secret)), writeJSON(path, packed)
}

// UnpackReplica makes the directory of another broker of the network. It refuses
// to touch one that exists. Everything is on disk when it returns.
func UnpackReplica(path, code, dataDir string) (schemas.NetworkID, error) {
	dataDir = filepath.Clean(dataDir)
	if _, err := os.Stat(filepath.Join(dataDir, fileNetwork)); !errors.Is(err, fs.ErrNotExist) {
		return "", schemas.Refuse(schemas.CodeHistoryForked, dataDir, "must not be a broker's directory yet", "name another directory with --data")
	}
	packed, files, err := openReplica(path, code)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(dataDir, "keys"), 0o700); err != nil {
		return "", fmt.Errorf("make directory: %w", err)
	}
	// network.json is written next to last, the mark last: a directory without
	// them is not a broker's.
	for i := len(replicaFiles) - 1; i >= 0; i-- {
		name := replicaFiles[i]
		if len(files[name]) == 0 {
			return "", schemas.Malformed(path, "must hold %s", name)
		}
		if err := atomicfile.Write(filepath.Join(dataDir, name), files[name], 0o600); err != nil {
			return "", err
		}
	}
	_, epoch, err := readNetwork(dataDir)
	if err != nil {
		return "", err
	}
	return packed.Network, writeMark(dataDir, mark{Epoch: epoch.Epoch})
}

func openReplica(path, code string) (packed replicaFile, files map[string][]byte, err error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxReplica {
		err = schemas.Refuse(schemas.CodeTooLarge, path, "must be a file that `linkage broker replica` made", "name the right file")
	}
	if err == nil {
		err = readJSON(path, &packed)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return packed, nil, schemas.Refuse(schemas.CodeNotFound, path, "must be there", "bring it from the first broker: linkage broker replica --out FILE")
	case err != nil:
		return packed, nil, err
	case packed.Format != replicaFormat:
		return packed, nil, schemas.Malformed(path, "must be a file that `linkage broker replica` made")
	}
	secret, err := replicaLetters.DecodeString(strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code)))
	if err != nil || len(secret) != replicaSecret {
		return packed, nil, schemas.Malformed("code", "must be the code that was printed with the file, 32 letters and digits")
	}
	open, err := replicaCipher(secret, packed.Network)
	if err != nil {
		return packed, nil, err
	}
	plain, err := open.Open(nil, nil, packed.Sealed, nil)
	if err != nil {
		return packed, nil, schemas.Refuse(schemas.CodeCannotOpen, "code", "must be the code that was printed with this file", "look at the code again; if it is lost, make another file on the first broker")
	}
	return packed, files, json.Unmarshal(plain, &files)
}

func replicaCipher(secret []byte, network schemas.NetworkID) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "linkage replica v1\n"+string(network), 32)
	if err != nil {
		return nil, fmt.Errorf("make replica key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make replica key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// grouped makes a code that people can read to each other.
func grouped(code string) string {
	var parts []string
	for ; len(code) > 4; code = code[4:] {
		parts = append(parts, code[:4])
	}
	return strings.Join(append(parts, code), "-")
}
