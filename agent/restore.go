package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/backup"
	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Restored says what a backup was that is now an agent's directory again.
type Restored struct {
	Data        string              `json:"data"`
	Created     time.Time           `json:"created"` // of the backup
	Sheet       string              `json:"sheet"`
	Name        string              `json:"name"`
	Memberships []backup.Membership `json:"memberships"`
}

// stagingSuffix is behind the directory's name while it is being restored.
const stagingSuffix = ".restoring"

// Restore makes an agent's directory from a backup, with the recovery code. The
// whole backup is opened and checked before anything is written; the directory
// is made under another name and gets its own when it is complete and on disk,
// so a restore that was cut off leaves no half agent and is simply run again.
// The agent in it begins a new chain in each network: it pulls before it sends,
// and then asks its partners for what came since.
func Restore(ctx context.Context, opts Options, file, code string) (Restored, error) {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return Restored{}, err
	}
	if err := restorable(opts.DataDir); err != nil {
		return Restored{}, err
	}
	key, err := vault.ParseRecoveryKey(code)
	if err != nil {
		return Restored{}, errNoCode(err)
	}
	f, err := backup.Open(file)
	if err != nil {
		return Restored{}, err
	}
	defer func() { _ = f.Close() }() // only read from
	storeKey, err := vault.OpenRecovery(f.Vault, key)
	if errors.Is(err, vault.ErrWrongSecret) {
		return Restored{}, errOtherSheet(f.Sheet)
	}
	if err != nil {
		return Restored{}, err
	}
	r := restoration{opts: opts, key: key, storeKey: storeKey, file: f, dir: opts.DataDir + stagingSuffix}
	return r.run(ctx)
}

func errNoCode(err error) error {
	return schemas.Refuse(schemas.CodeMalformed, "recovery code", "must be the nine groups of five characters on the recovery sheet ("+err.Error()+")", "type it again from the sheet")
}

func errOtherSheet(sheet string) error {
	return schemas.Refuse(schemas.CodeUnknownKey, "recovery code", "must be the one on recovery sheet "+sheet+"; this is another", "find the sheet with that number: an older one opens older backups")
}

// restorable reports whether nothing of an agent is in the directory.
func restorable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into directory: %w", err)
	}
	return schemas.Refuse(schemas.CodeHistoryForked, dir, "must be empty or not exist", "move it away first (keep it: it may hold what the backup lacks), or name another directory with --data")
}

// restoration is a restore under way.
type restoration struct {
	opts     Options
	key      vault.RecoveryKey
	storeKey []byte
	file     *backup.File
	dir      string // where everything is put together
}

func (r restoration) run(ctx context.Context) (out Restored, err error) {
	m, err := r.file.Read(r.storeKey, io.Discard) // all of it, before anything is written
	if err != nil {
		return out, err
	}
	if err := r.stage(ctx, m); err != nil {
		return out, err
	}
	crash.Point(crash.AgentRestoring)
	// An empty directory that was there gives its name; one that is not empty
	// does not.
	if err := os.Remove(r.opts.DataDir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return out, fmt.Errorf("put directory in place: %w", err)
	}
	if err := os.Rename(r.dir, r.opts.DataDir); err != nil {
		return out, fmt.Errorf("put directory in place: %w", err)
	}
	if err := atomicfile.SyncDir(filepath.Dir(r.opts.DataDir)); err != nil {
		return out, err
	}
	crash.Point(crash.AgentRestored)
	return Restored{Data: r.opts.DataDir, Created: m.Created, Sheet: r.file.Sheet, Name: m.Name, Memberships: m.Memberships}, nil
}

// stage puts the directory together, complete and on disk.
func (r restoration) stage(ctx context.Context, m backup.Manifest) error {
	if err := os.RemoveAll(r.dir); err != nil { // of a restore that was cut off
		return fmt.Errorf("make directory: %w", err)
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	pathOfStore := filepath.Join(r.dir, fileStore)
	err := atomicfile.CreateWith(pathOfStore, 0o600, func(f *os.File) error {
		_, err := r.file.Read(r.storeKey, f)
		return err
	})
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(r.dir, fileToken), append(bytes.TrimSpace(m.Token), '\n'), 0o600); err != nil {
		return err
	}
	if err := r.beginChains(ctx, pathOfStore, m.Created); err != nil {
		return err
	}
	pathOfVault := filepath.Join(r.dir, fileVault)
	if err := atomicfile.Write(pathOfVault, r.file.Vault, 0o600); err != nil {
		return err
	}
	_, err = vault.Recover(pathOfVault, r.key, r.opts.source())
	return err
}

// beginChains makes the store that of a new incarnation, in every network.
func (r restoration) beginChains(ctx context.Context, path string, since time.Time) error {
	s, err := store.Open(path, r.storeKey, store.Options{})
	if err != nil {
		return err
	}
	a := &Agent{opts: r.opts, store: s}
	records, err := a.readMemberships()
	if err == nil {
		err = s.Update(ctx, func(tx durable.Tx) error {
			for _, m := range records {
				if !m.Joined {
					continue
				}
				if err := beginRestored(durable.Sub(tx, string(m.Target.Network)), since, r.opts.Now()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return errors.Join(err, s.Verify(), s.Close())
}
