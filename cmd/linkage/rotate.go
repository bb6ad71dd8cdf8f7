package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

// rotateWait is how long the command waits for the exchange.
const rotateWait = 30 * time.Second

func agentRotate(c *cli) *cobra.Command {
	var flags *agentFlags
	var network, since string
	var wrap bool
	var replacement agent.Options
	cmd := c.command("rotate", "Replace this agency's signing and sealing keys by new ones", c.arguments(), func(ctx context.Context, _ []string) error {
		if wrap {
			return c.rewrap(flags, replacement)
		}
		how := agent.Rotation{Network: schemas.NetworkID(network)}
		if since != "" {
			var err error
			if how.Compromised, err = readTime(since); err != nil {
				return err
			}
		}
		client, err := flags.client()
		if err != nil {
			return err
		}
		rotated, err := client.Rotate(ctx, how, rotateWait)
		if err != nil {
			return err
		}
		return c.print(rotated, func() { c.sayRotated(rotated, how) })
	})
	flags = forAgent(cmd).unlocking()
	withNetwork(cmd, &network)
	cmd.Flags().BoolVar(&wrap, "wrap", false, "change what opens this agent's store, and no other key: give one of the --new- flags")
	cmd.Flags().StringVar(&replacement.KeyFile, "new-key-file", "", "with --wrap: a `file` that opens it from now on; it is made if it is not there")
	cmd.Flags().StringVar(&replacement.PassphraseEnv, "new-passphrase-env", "", "with --wrap: an environment `variable` with the passphrase that opens it from now on")
	cmd.Flags().StringVar(&replacement.Credential, "new-credential", "", "with --wrap: a systemd `credential` that opens it from now on")
	cmd.MarkFlagsMutuallyExclusive("new-key-file", "new-passphrase-env", "new-credential")
	cmd.Flags().StringVar(&since, "compromised-since", "", "somebody else may have had the keys since this `time`, such as 2026-11-21T09:30:00Z")
	cmd.MarkFlagsMutuallyExclusive("wrap", "compromised-since")
	return cmd
}

// rewrap changes what opens the store.
func (c *cli) rewrap(flags *agentFlags, replacement agent.Options) error {
	opts, err := flags.options()
	if err != nil {
		return err
	}
	if replacement.KeyFile+replacement.PassphraseEnv+replacement.Credential == "" {
		return misuse{errors.New("--wrap needs one of --new-key-file, --new-passphrase-env and --new-credential"), ""}
	}
	if err := agent.Rewrap(opts, replacement); err != nil {
		return err
	}
	return c.print(map[string]any{"data": opts.DataDir, "changed": true}, func() {
		c.say("The store of %s opens in the new way from now on; put it into the agent's configuration.", opts.DataDir)
		c.say("The recovery key stays as it is. Copies of vault.json made before still open in the old way.")
	})
}

// readTime reads a day or an instant as a person gives it.
func readTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misuse{errors.New("--compromised-since must be a time such as 2026-11-21T09:30:00Z, or a day such as 2026-11-21"), ""}
}

func (c *cli) sayRotated(r agent.Rotated, how agent.Rotation) {
	c.table([][]string{
		{"  new fingerprint", r.Fingerprint},
		{"  until now", r.Before},
	})
	if !r.InForce {
		c.say("\nThe new keys are made. They come into use once the exchange has their card, by itself as soon as")
		c.say("there is a line; until then the old ones are used. See: linkage agent status%s", c.where)
		return
	}
	c.say("\n%s uses its new keys in %s (card %d). Partners get them by themselves: the old key has", r.Agency, r.Network, r.Number)
	c.say("signed the new card. What is on its way stays valid.")
	if !how.Compromised.IsZero() {
		c.say("\nWhat was signed with the old key since %s counts for nothing any more. Partners", clock(how.Compromised))
		c.say("are told how much of it they took in. Telephone the lead agency: whoever has the key may have")
		c.say("this machine's other secrets, too.")
	}
}
