package exchange

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/linkage-exchange/linkage/broker"
)

// What can become of a broker that does not run.

// DataDir is the broker's directory.
func (n *Network) DataDir() string { return n.opts.DataDir }

// Wipe leaves of the broker's directory what a backup of its keys holds: keys/
// and network.json.
func (n *Network) Wipe() {
	n.T.Helper()
	entries, err := os.ReadDir(n.DataDir())
	n.must(err)
	for _, e := range entries {
		if e.Name() != "keys" && e.Name() != "network.json" {
			n.must(os.RemoveAll(filepath.Join(n.DataDir(), e.Name())))
		}
	}
}

// Copy makes a copy of the broker's directory, for [Network.Restore].
func (n *Network) Copy() string {
	n.T.Helper()
	to := filepath.Join(n.T.TempDir(), "copy")
	n.must(os.CopyFS(to, os.DirFS(n.DataDir())))
	return to
}

// Restore puts parts of a copy in the place of what is there; all of it if none
// are named.
func (n *Network) Restore(from string, parts ...string) {
	n.T.Helper()
	if len(parts) == 0 {
		parts = []string{"."}
	}
	for _, part := range parts {
		to := filepath.Join(n.DataDir(), part)
		n.must(os.RemoveAll(to))
		if err := os.CopyFS(to, os.DirFS(filepath.Join(from, part))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			n.T.Fatal(err)
		}
	}
}

// NewEpoch declares a new epoch for the broker, which must not run.
func (n *Network) NewEpoch(reason string) broker.NewEpochPlan {
	n.T.Helper()
	plan, err := broker.NewEpoch(n.Lead, broker.NewEpochOptions{DataDir: n.DataDir(), Reason: reason, Now: n.Now})
	n.must(err)
	return plan
}
