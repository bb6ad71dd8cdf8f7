//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/proof/checker"
)

// Result is what came of one seed. It is kept for each commit, so that a
// campaign that was interrupted goes on where it stood.
type Result struct {
	Seed     uint64            `json:"seed"`
	Brokers  int               `json:"brokers"`
	Held     bool              `json:"held"`
	Causes   []string          `json:"causes,omitempty"`
	Seconds  float64           `json:"seconds"`
	Phases   map[string]string `json:"phases"` // how long each took
	Faults   int               `json:"faults"`
	Accepted int               `json:"accepted"` // events
	Pushed   bool              `json:"pushed"`   // agents were restarted so that the network came to rest sooner
	Promises []checker.Promise `json:"promises,omitempty"`
	// Dir is where everything of a seed that failed lies.
	Dir string `json:"dir,omitempty"`
}

// results is the directory of one commit's results.
type results struct{ dir string }

func (r results) name(seed uint64, brokers int) string { return fmt.Sprintf("b%d-s%d", brokers, seed) }

// find returns an earlier result.
func (r results) find(seed uint64, brokers int) (Result, bool, error) {
	var res Result
	b, err := os.ReadFile(filepath.Join(r.dir, r.name(seed, brokers)+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return res, false, nil
	}
	if err != nil {
		return res, false, err
	}
	return res, true, json.Unmarshal(b, &res)
}

// keep writes a result.
func (r results) keep(res Result) error {
	b, err := json.MarshalIndent(res, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(r.dir, r.name(res.Seed, res.Brokers)+".json"), append(b, '\n'), 0o600)
}
