package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/broker"
)

func brokerBackup(c *cli) *cobra.Command {
	var flags *brokerFlags
	cmd := c.command("backup FILE", "Back up the exchange's keys into a sealed file; once is enough, they never change", c.arguments("FILE"), func(_ context.Context, args []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		made, err := broker.BackupKeys(opts.DataDir, args[0], time.Now())
		if err != nil {
			return unfounded(opts.DataDir, err)
		}
		return c.print(made, func() {
			c.say("%s holds the keys of the exchange of %s, and was read back.\n", made.File, made.Network)
			c.say("  %s\n", made.Code)
			c.say("This code opens it, and nothing else does. It is shown now and never again: print it, and keep it and")
			c.say("the file in two different places, neither of them the exchange's machine. What the agencies send does")
			c.say("not stand in it: after a fire they bring it back themselves.")
		})
	})
	flags = forBroker(cmd)
	return cmd
}

func brokerRestoreKeys(c *cli) *cobra.Command {
	var flags *brokerFlags
	var codeFile string
	cmd := c.command("restore-keys FILE", "Make the exchange's directory from a backup of its keys", c.arguments("FILE"), func(_ context.Context, args []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		code, err := c.recoveryCode(codeFile)
		if err != nil {
			return err
		}
		made, err := broker.RestoreKeys(opts.DataDir, args[0], code)
		if err != nil {
			return err
		}
		return c.print(made, func() {
			c.say("%s is the exchange of %s again, with the fingerprint %s.", opts.DataDir, made.Network, made.Broker.Fingerprint())
			c.say("\nNext: linkage broker new-epoch --reason wiped --dry-run%s", c.where)
		})
	})
	flags = forBroker(cmd)
	cmd.Flags().StringVar(&codeFile, "code-file", "", "a `file` with the code (default it is asked for, or read from standard input)")
	return cmd
}
