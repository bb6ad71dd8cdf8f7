package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/proof/checker"
)

func checkCommand(c *cli) *cobra.Command {
	cmd := c.command("check MANIFEST DIR...", "Prove from stopped agents and their broker that every promise was kept", c.someArguments("MANIFEST", "DIR"), c.check)
	cmd.Long = `Reads the data directories of a network's broker and agents, all of them stopped,
and a manifest that says what was permitted and what had to happen. Reports each
promise with its evidence. Any other directory is only searched for texts that
nobody may be able to read there. It changes nothing.`
	return cmd
}

// someArguments checks that the named arguments are given, the last one or
// more times.
func (c *cli) someArguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		c.path = cmd.CommandPath()
		if len(args) < len(names) {
			return misuse{fmt.Errorf("%s is missing", names[len(args)]), ""}
		}
		return nil
	}
}

func (c *cli) check(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	file, err := os.Open(args[0])
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	defer func() { _ = file.Close() }() // only read from
	manifest, err := checker.ReadManifest(file)
	if err != nil {
		return err
	}
	promises, err := checkDirs(ctx, newChildren(self, ""), manifest, args[1:])
	if err != nil {
		return err
	}
	err = c.print(map[string]any{"promises": promises}, func() { (&narrator{c.out}).table(promises) })
	if !checker.Held(promises) {
		return errors.Join(err, errBroken)
	}
	return err
}

var errBroken = errors.New("not every promise was kept")

// checkDirs lets the agents and the broker of the directories print what they
// hold, and the checker look at it.
func checkDirs(ctx context.Context, run *children, m checker.Manifest, dirs []string) ([]checker.Promise, error) {
	in := checker.Input{Manifest: m, Dirs: map[string]fs.FS{}}
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() {
			return nil, misuse{fmt.Errorf("%s must be a directory", dir), ""}
		}
		in.Dirs[filepath.Clean(dir)] = os.DirFS(dir)
		if err := inspectDir(ctx, run, dir, &in); err != nil {
			return nil, err
		}
	}
	return checker.Check(in)
}

// inspectDir adds what a directory holds, if it is an agent's or a broker's.
func inspectDir(ctx context.Context, run *children, dir string, in *checker.Input) error {
	noun := ""
	for name, file := range map[string]string{"broker": "network.json", "agent": "vault.json"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			noun = name
		}
	}
	if noun == "" {
		return nil
	}
	out, _, err := run.run(ctx, nil, noun, "inspect", "--json", "--data", dir)
	if err != nil {
		return err
	}
	if noun == "broker" {
		hub, err := checker.ReadHub(bytes.NewReader(out))
		in.Hubs = append(in.Hubs, hub)
		return err
	}
	store, err := checker.ReadStore(bytes.NewReader(out))
	in.Stores = append(in.Stores, store)
	return err
}
