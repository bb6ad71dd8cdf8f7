package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/backup"
	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Backed says what a backup holds and what opens it.
type Backed struct {
	File    string    `json:"file"`
	Bytes   int64     `json:"bytes"`
	Created time.Time `json:"created"`
	// Sheet names the recovery sheet whose code opens the file.
	Sheet       string              `json:"sheet"`
	Name        string              `json:"name"`
	Memberships []backup.Membership `json:"memberships"`
}

// backupTemp is what the copy of the store is called until it is sealed.
const backupTemp = ".backup.*.tmp"

// Backup writes everything that the agent holds into a new file, sealed, while
// it goes on working, and reads the file back before it has its name. If file
// is a directory, the backup gets a name in it. A file that exists is never
// replaced.
func (a *Agent) Backup(_ context.Context, file string) (b Backed, err error) {
	a.backups.Lock()
	defer a.backups.Unlock()
	if !filepath.IsAbs(file) {
		return b, schemas.Malformed("file", "must be an absolute path")
	}
	b.Created = a.opts.Now().UTC().Truncate(time.Second)
	if b.File = file; isDir(file) {
		b.File = filepath.Join(file, "linkage-agent-"+b.Created.Format("20060102T150405Z")+".backup")
	}
	if _, err := os.Lstat(b.File); err == nil {
		return b, errBackupExists(b.File)
	}
	v, err := a.backupVault()
	if err != nil {
		return b, err
	}
	b.Sheet = v.Sheet
	copied, sum, err := a.copyStore(v.StoreKey)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, copied.Close(), os.Remove(copied.Name())) }()
	size, err := copied.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = copied.Seek(0, io.SeekStart)
	}
	if err != nil {
		return b, fmt.Errorf("read copy of store: %w", err)
	}
	m, err := a.manifest()
	if err != nil {
		return b, err
	}
	m.Created, m.StoreBytes, m.StoreHash = b.Created, size, sum
	b.Name, b.Memberships = m.Name, m.Memberships
	b.Bytes, err = backup.Create(b.File, v, m, copied)
	if errors.Is(err, fs.ErrExist) {
		err = errBackupExists(b.File)
	}
	return b, err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func errBackupExists(file string) error {
	return schemas.Refuse(schemas.CodeHistoryForked, file, "must not exist yet: a backup never replaces another", "choose another name, or name a directory and let the backup be named by its time")
}

// Backup is [Agent.Backup] for an agent that does not run.
func Backup(ctx context.Context, opts Options, file string) (b Backed, err error) {
	a, err := openStopped(opts)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, a.store.Close()) }()
	return a.Backup(ctx, file)
}

// openStopped opens, for reading, the store of an agent that does not run. The
// caller closes it.
func openStopped(opts Options) (*Agent, error) {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if !Initialised(opts.DataDir) {
		return nil, errNoAgent(opts.DataDir)
	}
	key, err := vault.Open(filepath.Join(opts.DataDir, fileVault), opts.source())
	if err != nil {
		return nil, err
	}
	s, err := store.OpenReadOnly(filepath.Join(opts.DataDir, fileStore), key, store.Options{})
	if err != nil {
		return nil, damagedStore(opts.DataDir, err)
	}
	a := &Agent{opts: opts, log: opts.Logger, store: s, memberships: map[schemas.NetworkID]*membership{}}
	if err := a.readProfile(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return a, nil
}

func (a *Agent) backupVault() (v backup.Vault, err error) {
	path := filepath.Join(a.opts.DataDir, fileVault)
	if v.StoreKey, err = vault.Open(path, a.opts.source()); err != nil {
		return v, err
	}
	if v.File, err = os.ReadFile(path); err != nil {
		return v, fmt.Errorf("read vault: %w", err)
	}
	v.Sheet, err = vault.Sheet(v.File)
	return v, err
}

// copyStore makes a copy of the store in the data directory, where it is as
// safe as the store itself, and opens every value in it: what cannot be read
// here will not be in a backup. The caller removes the file.
func (a *Agent) copyStore(key []byte) (_ *os.File, sum []byte, err error) {
	left, _ := filepath.Glob(filepath.Join(a.opts.DataDir, backupTemp)) // the pattern is a good one
	for _, path := range left {
		_ = os.Remove(path) // of a backup that was cut off; what cannot be removed is in nobody's way
	}
	f, err := os.CreateTemp(a.opts.DataDir, backupTemp)
	if err != nil {
		return nil, nil, fmt.Errorf("copy store: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	hash := sha256.New()
	if err := a.store.Backup(io.MultiWriter(f, hash)); err != nil {
		return nil, nil, err
	}
	if err := verifyStore(f.Name(), key); err != nil {
		return nil, nil, err
	}
	return f, hash.Sum(nil), nil
}

// verifyStore opens a copy of a store and every value in it.
func verifyStore(path string, key []byte) error {
	s, err := store.OpenReadOnly(path, key, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(s.Verify(), s.Close())
}

// manifest is what the backup says of itself to whoever opens it.
func (a *Agent) manifest() (backup.Manifest, error) {
	m := backup.Manifest{Name: a.profile.Display, Memberships: []backup.Membership{}}
	token, err := os.ReadFile(filepath.Join(a.opts.DataDir, fileToken))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("read token: %w", err)
	}
	m.Token = bytes.TrimSpace(token)
	m.Memberships, err = a.lines()
	return m, err
}

// lines says in what networks the agency is, and under which fingerprints.
func (a *Agent) lines() ([]backup.Membership, error) {
	all := []backup.Membership{}
	records, err := a.readMemberships()
	if err != nil {
		return all, err
	}
	err = a.store.View(func(tx durable.Tx) error {
		for _, r := range records {
			identity, err := vault.ParseIdentity(r.Identity)
			if err != nil || !r.Joined {
				continue // an attempt to join has nothing to lose; keys that cannot be read are doctor's to say
			}
			events, err := casebook.Last(durable.Sub(tx, string(r.Target.Network)))
			if err != nil {
				return err
			}
			all = append(all, backup.Membership{
				Network: r.Target.Network, Agency: r.Agency, Fingerprint: identity.Public().SigningID().Fingerprint(), Events: events,
			})
		}
		return nil
	})
	return all, err
}
