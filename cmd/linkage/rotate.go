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
	cmd := c.command("rotate", "Replace this agency's signing and sealing keys by new ones", c.arguments(), func(ctx context.Context, _ []string) error {
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
	flags = forAgent(cmd)
	withNetwork(cmd, &network)
	cmd.Flags().StringVar(&since, "compromised-since", "", "somebody else may have had the keys since this `time`, such as 2026-11-21T09:30:00Z")
	return cmd
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
