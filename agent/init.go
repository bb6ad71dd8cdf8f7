package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// profile is what the agency says of itself in every network.
type profile struct {
	Display string `json:"display"`
}

const (
	mapProfile = "profile"
	keyProfile = "profile"
)

// Initialised reports whether Init has made the directory.
func Initialised(dataDir string) bool {
	_, err := os.Stat(filepath.Join(dataDir, fileVault))
	return err == nil
}

// Init makes an agent's directory: the vault, the sealed store, the token for
// the agency's own systems. It returns the recovery key as text, which is shown
// once and kept nowhere: with it the store opens even when its key is lost.
// Init refuses to touch a directory that it has made before.
func Init(ctx context.Context, opts Options, display string) (recovery string, err error) {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return "", err
	}
	if display == "" || len(display) > 200 {
		return "", schemas.Malformed("name", "must be the agency's name as people know it, at most 200 bytes")
	}
	if Initialised(opts.DataDir) {
		return "", schemas.Refuse(schemas.CodeHistoryForked, opts.DataDir, "must not hold an agent yet", "choose another directory, or go on with `linkage agent join CODE`")
	}
	if err := os.MkdirAll(opts.DataDir, 0o700); err != nil {
		return "", fmt.Errorf("make directory: %w", err)
	}
	if _, err := os.Stat(filepath.Join(opts.DataDir, fileStore)); !errors.Is(err, fs.ErrNotExist) {
		return "", schemas.Refuse(schemas.CodeHistoryForked, fileStore, "must not exist without its vault", "restore vault.json beside it, or choose another directory")
	}
	storeKey, key, err := vault.Create(filepath.Join(opts.DataDir, fileVault), opts.source())
	if err != nil {
		return "", err
	}
	token := make([]byte, 32)
	_, _ = rand.Read(token) // crypto/rand.Read never returns an error
	if err := atomicfile.Write(filepath.Join(opts.DataDir, fileToken), []byte(hex.EncodeToString(token)+"\n"), 0o600); err != nil {
		return "", err
	}
	s, err := store.Open(filepath.Join(opts.DataDir, fileStore), storeKey, store.Options{})
	if err != nil {
		return "", err
	}
	err = s.Update(ctx, func(tx durable.Tx) error {
		return durable.PutJSON(tx.Map(mapProfile), keyProfile, profile{display})
	})
	return key.Text(), errors.Join(err, s.Close())
}
