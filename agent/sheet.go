package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/backup"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
)

// Sheet is what stands on a recovery sheet: the page with which somebody who has
// never seen Linkage can bring an agency back.
type Sheet struct {
	Sheet       string              `json:"sheet"` // its name, which every backup says
	Code        string              `json:"code"`
	Name        string              `json:"name"`
	Printed     time.Time           `json:"printed"`
	Memberships []backup.Membership `json:"memberships"`
}

// SheetName is the name of the recovery sheet whose code opens this agent.
func SheetName(opts Options) (string, error) {
	opts.SetDefaults()
	if !Initialised(opts.DataDir) {
		return "", errNoAgent(opts.DataDir)
	}
	return vault.ReadSheet(filepath.Join(opts.DataDir, fileVault))
}

// CheckCode says whether a recovery code opens this agent, or, if file is not
// empty, that backup: it returns the name of the sheet. It changes nothing, and
// the agent may run.
func CheckCode(opts Options, file, code string) (sheet string, err error) {
	opts.SetDefaults()
	key, err := vault.ParseRecoveryKey(code)
	if err != nil {
		return "", errNoCode(err)
	}
	content, err := vaultToCheck(opts, file)
	if err != nil {
		return "", err
	}
	if sheet, err = vault.Sheet(content); err != nil {
		return "", err
	}
	_, err = vault.OpenRecovery(content, key)
	if errors.Is(err, vault.ErrWrongSecret) {
		err = errOtherSheet(sheet)
	}
	return sheet, err
}

func vaultToCheck(opts Options, file string) ([]byte, error) {
	if file != "" {
		f, err := backup.Open(file)
		if err != nil {
			return nil, err
		}
		return f.Vault, f.Close()
	}
	if !Initialised(opts.DataDir) {
		return nil, errNoAgent(opts.DataDir)
	}
	b, err := os.ReadFile(filepath.Join(opts.DataDir, fileVault))
	if err != nil {
		return nil, fmt.Errorf("read vault: %w", err)
	}
	return b, nil
}

// RenewCode makes a new recovery code, for when the sheet is lost or was seen.
// Backups made before keep opening with the old code. The agent may run.
func RenewCode(opts Options) (string, error) {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return "", err
	}
	if !Initialised(opts.DataDir) {
		return "", errNoAgent(opts.DataDir)
	}
	key, err := vault.RenewRecovery(filepath.Join(opts.DataDir, fileVault), opts.source())
	return key.Text(), err
}

// Unlock makes a new secret for the store with the recovery code, when the old
// one is lost. The recovery code stays as it is.
func Unlock(opts Options, code string) error {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return err
	}
	if _, err := CheckCode(opts, "", code); err != nil {
		return err
	}
	key, err := vault.ParseRecoveryKey(code)
	if err != nil {
		return errNoCode(err)
	}
	_, err = vault.Recover(filepath.Join(opts.DataDir, fileVault), key, opts.source())
	return err
}

// Lines says in what networks an agent is that does not run, and its name.
func Lines(opts Options) (name string, lines []backup.Membership, err error) {
	a, err := openStopped(opts)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, a.store.Close()) }()
	lines, err = a.lines()
	return a.profile.Display, lines, err
}

// Lines is [Lines] of an agent that runs.
func (s Status) Lines() []backup.Membership {
	all := []backup.Membership{}
	for _, n := range s.Networks {
		all = append(all, backup.Membership{Network: n.Network, Agency: n.Agency, Fingerprint: n.Fingerprint, Events: n.Events})
	}
	return all
}
