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

	"github.com/linkage-exchange/linkage/internal/children"
	"github.com/linkage-exchange/linkage/proof/checker"
)

func checkCommand(c *cli) *cobra.Command {
	cmd := c.command("check MANIFEST DIR...", "Prove from stopped agents and their broker that every promise was kept", c.someArguments("MANIFEST", "DIR"), c.check)
	cmd.Long = `Reads the data directories of a network's broker and agents, all of them stopped,
and a manifest that says what was permitted and what had to happen, and reports
each promise with its evidence. In place of a directory stands, if you like, a
file with what its inspect --json printed. Any other directory is only searched
for texts that nobody may be able to read there. It changes nothing.`
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
	promises, err := checkDirs(ctx, children.New(self, ""), manifest, args[1:])
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
func checkDirs(ctx context.Context, run *children.Children, m checker.Manifest, names []string) ([]checker.Promise, error) {
	in := checker.Input{Manifest: m, Dirs: map[string]fs.FS{}}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, misuse{fmt.Errorf("%s must be a directory, or what an inspect command printed", name), ""}
		}
		b, err := inspected(ctx, run, name, info.IsDir())
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			in.Dirs[filepath.Clean(name)] = os.DirFS(name)
		}
		if b == nil {
			continue
		}
		if err := in.Read(bytes.NewReader(b)); err != nil {
			return nil, misuse{fmt.Errorf("%s: %w", name, err), ""}
		}
	}
	return checker.Check(in)
}

// inspected returns what the agent or the broker of a directory prints, or what
// a file holds that was printed before; nil for any other directory.
func inspected(ctx context.Context, run *children.Children, name string, dir bool) ([]byte, error) {
	if !dir {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read inspection: %w", err)
		}
		return b, nil
	}
	noun := ""
	for candidate, file := range map[string]string{"broker": "network.json", "agent": "vault.json"} {
		if _, err := os.Stat(filepath.Join(name, file)); err == nil {
			noun = candidate
		}
	}
	if noun == "" {
		return nil, nil
	}
	out, _, err := run.Run(ctx, nil, noun, "inspect", "--json", "--data", name)
	return out, err
}
