package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/schemas"
)

// nouns lists every group of commands; each is a file of its own.
var nouns = []func(*cli) *cobra.Command{
	brokerCommand,
	agentCommand,
	grantCommand,
	sendCommand,
	eventsCommand,
	ledgerCommand,
	configCommand,
	checkCommand,
	demoCommand,
	versionCommand,
}

// cli is one run of the program.
type cli struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	// begun says that the arguments were understood: an error is no longer the
	// caller's misuse.
	begun bool
	// path is the command that runs, such as linkage grant issue.
	path string
	// where is how it was told of its directory, such as " --data probation": the
	// next command that a person is advised to run needs it, too.
	where string
}

// run executes the arguments and returns the exit status.
func run(ctx context.Context, args []string, in io.Reader, out, err io.Writer) int {
	c := &cli{in: in, out: out, err: err, path: "linkage"}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(err)
	failure := root.ExecuteContext(ctx)
	if failure == nil {
		return exitDone
	}
	return c.fail(failure)
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "linkage",
		Short:         "Referrals and news between agencies, as far as the client's consent goes",
		SilenceErrors: true, SilenceUsage: true,
		Args: c.arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(c.flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON, for programs")
	for _, noun := range nouns {
		root.AddCommand(noun(c))
	}
	return root
}

// flagError explains a flag that a command does not have. What stands behind a
// group's name and is no flag was meant as a command of it.
func (c *cli) flagError(cmd *cobra.Command, err error) error {
	c.path = cmd.CommandPath()
	if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 {
		return c.arguments()(cmd, cmd.Flags().Args())
	}
	return err
}

// group makes a command that only holds others.
func (c *cli) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: c.arguments(), RunE: func(cmd *cobra.Command, _ []string) error {
		return misuse{fmt.Errorf("%s needs one of its commands", cmd.CommandPath()), "see `" + cmd.CommandPath() + " --help`"}
	}}
	g.AddCommand(commands...)
	return g
}

// command makes a command that does something.
func (c *cli) command(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		c.begun, c.path, c.where = true, cmd.CommandPath(), where(cmd)
		return do(cmd.Context(), args)
	}}
}

// arguments checks that exactly the named arguments are given.
func (c *cli) arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		c.path = cmd.CommandPath()
		hint := "see `" + c.path + " --help`"
		switch {
		case len(args) < len(names):
			return misuse{fmt.Errorf("%s is missing", names[len(args)]), hint}
		case len(args) > len(names) && len(names) == 0 && cmd.HasSubCommands():
			return misuse{fmt.Errorf("there is no command %q under %s", args[0], c.path), hint}
		case len(args) > len(names):
			return misuse{fmt.Errorf("%q is one argument too many", args[len(names)]), hint}
		}
		return nil
	}
}

// logger writes what happens in a process that runs on.
func (c *cli) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// environment is the process's, as the configuration wants it.
func environment(name string) (string, bool) { return os.LookupEnv(name) }

// misuse is an error in how a command was called.
type misuse struct {
	error
	hint string
}

// required refuses a flag that was left out.
func required(flag, value string) error {
	if value == "" {
		return misuse{errors.New("--" + flag + " is missing"), ""}
	}
	return nil
}

// agencies reads names as a person gave them.
func agencies(names []string) ([]schemas.AgencyID, error) {
	var all []schemas.AgencyID
	for _, name := range names {
		a := schemas.AgencyID(name)
		if !a.Valid() {
			return nil, schemas.Malformed("agency", "must be 2 to 63 characters a-z, 0-9 and -, beginning with a letter")
		}
		all = append(all, a)
	}
	return all, nil
}
