package broker

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/linkage-exchange/linkage/broker/internal/ledger"
	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// LedgerReport is what a verification of one epoch's ledger found.
type LedgerReport struct {
	Dir     string            `json:"dir"`
	Network schemas.NetworkID `json:"network"`
	Epoch   schemas.ULID      `json:"epoch"`
	Size    uint64            `json:"size"`
	Root    schemas.Hash      `json:"root"`
	Broker  schemas.KeyID     `json:"broker"` // names the key that signed the head
	Head    string            `json:"head"`   // as it was signed
	// Records were held against their entries; Beyond are under no head yet.
	// Both are 0 without a hub.
	Records uint64 `json:"records"`
	Beyond  uint64 `json:"beyond"`
	// Differ lists positions whose record is not the one that the ledger has an
	// entry of, at most twenty, and Differing counts them all.
	Differ    []uint64 `json:"differ"`
	Differing uint64   `json:"differing"`
}

func report(dir string, key ed25519.PublicKey, head schemas.LedgerHead, text string) LedgerReport {
	return LedgerReport{
		Dir: dir, Network: head.Network, Epoch: head.Epoch, Size: head.Size, Root: head.Root, Broker: schemas.KeyIDOf(key), Head: text, Differ: []uint64{},
	}
}

// ledgerDirs lists the epochs of a broker's ledger, oldest first, or the
// directory itself if it is one epoch's.
func ledgerDirs(dir string) ([]string, error) {
	if exists(filepath.Join(dir, ledger.FileHead)) {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	var dirs []string
	for _, e := range entries { // a ULID sorts by its time
		if e.IsDir() && schemas.ULID(e.Name()).Valid() {
			dirs = append(dirs, filepath.Join(dir, e.Name()))
		}
	}
	if len(dirs) == 0 {
		return nil, schemas.Refuse(schemas.CodeNotFound, "ledger", "must be a directory with a ledger: one with a file checkpoint, or with a directory for each epoch", "name the directory ledger/ of a broker's data, or one in it")
	}
	return dirs, nil
}

// VerifyLedger checks each epoch's ledger below a directory: every tile against
// the one above it and all of them against the signed head. It needs nothing
// but these files and the broker's public key, and reads no other.
func VerifyLedger(dir string, key ed25519.PublicKey) ([]LedgerReport, error) {
	dirs, err := ledgerDirs(dir)
	if err != nil {
		return nil, err
	}
	var all []LedgerReport
	for _, d := range dirs {
		head, err := ledger.Verify(d, key)
		if errors.Is(err, fs.ErrNotExist) && len(dirs) > 1 && !exists(filepath.Join(d, ledger.FileHead)) {
			continue // an epoch that has just begun
		}
		if err != nil {
			return all, err
		}
		_, text, err := ledger.ReadHead(d, key)
		if err != nil {
			return all, err
		}
		all = append(all, report(d, key, head, text))
	}
	return all, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// LedgerHead reads the newest signed head of a broker's directory, whether it
// runs or not.
func LedgerHead(dataDir string) (LedgerReport, error) {
	k, err := readKeys(dataDir)
	if err != nil {
		return LedgerReport{}, err
	}
	dirs, err := ledgerDirs(filepath.Join(dataDir, dirLedger))
	if err != nil {
		return LedgerReport{}, err
	}
	for _, d := range slices.Backward(dirs) {
		head, text, err := ledger.ReadHead(d, k.public())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return report(d, k.public(), head, text), err
	}
	return LedgerReport{}, schemas.Refuse(schemas.CodeNotFound, "ledger", "has no head yet", "run the broker")
}

// VerifyHub checks the ledger of a broker that does not run, and holds every
// record of its hub against it. The report counts also when the error says that
// something does not fit.
func VerifyHub(ctx context.Context, dataDir string) (_ LedgerReport, err error) {
	var network networkFile
	if err := readJSON(filepath.Join(dataDir, fileNetwork), &network); err != nil {
		return LedgerReport{}, fmt.Errorf("open broker directory: %w", err)
	}
	k, err := readKeys(dataDir)
	if err != nil {
		return LedgerReport{}, err
	}
	server, err := transport.Start(ctx, transport.Options{Dir: filepath.Join(dataDir, dirNATS), Keys: k.nats})
	if err != nil {
		return LedgerReport{}, err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	epoch, err := hubEpoch(ctx, server.Hub())
	if err != nil {
		return LedgerReport{}, err
	}
	dir := filepath.Join(dataDir, dirLedger, string(epoch))
	found, err := ledger.VerifyHub(ctx, ledger.Options{Dir: dir, Network: network.Network, Epoch: epoch, Hub: server.Hub(), Key: k.identity, SaltKey: k.ledger})
	out := report(dir, k.public(), found.Head, "")
	out.Records, out.Beyond, out.Differing = found.Records, found.Beyond, found.Differing
	out.Differ = append(out.Differ, found.Differ...)
	if err == nil {
		_, out.Head, err = ledger.ReadHead(dir, k.public())
	}
	return out, err
}

// hubEpoch is the epoch that the hub's first record opened.
func hubEpoch(ctx context.Context, hub journal.Journal) (schemas.ULID, error) {
	first, err := hub.Read(ctx, 1)
	if err != nil {
		return "", err
	}
	return readEpoch(first.Data)
}
