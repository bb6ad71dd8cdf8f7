package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/schemas"
)

// brokerReplica makes the directory of a network's second or third broker: once
// on the machine of the first, once on its own.
func brokerReplica(c *cli) *cobra.Command {
	var flags *brokerFlags
	var out, from, code string
	cmd := c.command("replica", "Make the directory of a network's second or third broker", c.arguments(), func(context.Context, []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		switch {
		case (out == "") == (from == ""):
			return schemas.Malformed("--out", "must be given on the first broker's machine, or --from and --code on the other's")
		case out != "":
			made, err := broker.PackReplica(opts.DataDir, out)
			if err != nil {
				return unfounded(opts.DataDir, err)
			}
			return c.print(map[string]any{"file": out, "code": made}, func() {
				c.say("%s holds this broker's keys. It opens with this code only, which is shown once:\n\n  %s\n", out, made)
				c.say("Bring the file to the other machine one way and the code another. There, run:")
				c.say("linkage broker replica --from %s --code CODE --data DIRECTORY", out)
				c.say("Then delete the file. Whoever has both can act as this network's exchange.")
			})
		}
		if err := required("code", code); err != nil {
			return err
		}
		network, err := broker.UnpackReplica(from, code, opts.DataDir)
		if err != nil {
			return err
		}
		return c.print(map[string]any{"network": network, "data": opts.DataDir}, func() {
			c.say("%s is the directory of another broker of %s. Delete %s on this machine now.", opts.DataDir, network, from)
			c.say("\nNext: set cluster_brokers and cluster_place in its configuration, and run:")
			c.say("linkage broker run --config FILE")
		})
	})
	flags = forBroker(cmd)
	cmd.Flags().StringVar(&out, "out", "", "on the first broker: the `file` to write its keys to")
	cmd.Flags().StringVar(&from, "from", "", "on the other broker: the `file` that was brought")
	cmd.Flags().StringVar(&code, "code", "", "the code that was shown with the file")
	return cmd
}
