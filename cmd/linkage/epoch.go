package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/schemas"
)

func brokerNewEpoch(c *cli) *cobra.Command {
	var flags *brokerFlags
	var opts broker.NewEpochOptions
	cmd := c.command("new-epoch", "Begin anew after the exchange lost or changed its records; the agencies bring them back", c.arguments(), func(_ context.Context, _ []string) error {
		if err := required("reason", opts.Reason); err != nil {
			return err
		}
		lead, _, err := openLead(flags)
		if err != nil {
			return err
		}
		opts.DataDir = flags.opts.DataDir
		plan, err := broker.NewEpoch(lead, opts)
		if err != nil {
			return unfounded(opts.DataDir, err)
		}
		return c.print(plan, func() { c.sayNewEpoch(plan, opts) })
	})
	flags = forBroker(cmd).leading()
	cmd.Flags().StringVar(&opts.Reason, "reason", "", "wiped (nothing is left but its keys), restored (an old copy was put back) or corrupt (its records are damaged)")
	cmd.Flags().BoolVar(&opts.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return cmd
}

func (c *cli) sayNewEpoch(p broker.NewEpochPlan, opts broker.NewEpochOptions) {
	dry := opts.DryRun
	did, will := "has begun a new epoch", "is"
	if dry {
		did, will = "would begin a new epoch", "would be"
	}
	c.say("The exchange of %s %s (%s).\n", p.Network, did, p.Reason)
	rows := [][]string{{"  epoch before", string(p.Previous)}}
	if !dry {
		rows = append(rows, []string{"  epoch now", string(p.Epoch)})
	}
	rows = append(rows,
		[]string{"  begins with roll", fmt.Sprintf("number %d: %d active, %d suspended, %d left", p.Roll, p.Members[schemas.MemberActive], p.Members[schemas.MemberSuspended], p.Members[schemas.MemberLeft])},
		[]string{"  records before", unknownOr(p.Records)})
	for _, name := range p.Moves {
		rows = append(rows, []string{"  " + name + "/ " + will + " put aside", p.Aside})
	}
	c.table(rows)
	c.say("\nLost at the exchange: its record of what was accepted and handed over before, and invitations that nobody")
	c.say("has used yet (invite those agencies again). What it had proven, the agencies hold.")
	c.say("Brought back by the agencies, by themselves, when they connect: who they are, revocations, permissions, and")
	c.say("everything that no recipient has signed for. Who is suspended stays out; what is revoked stays revoked.")
	for _, w := range p.Warnings {
		c.say("\nWARNING: %s.", w)
	}
	if dry {
		c.say("\nNothing was done. To do it, the same command without --dry-run.")
		return
	}
	c.say("\nNext: linkage broker run --data %s, and watch with: linkage broker members --data %s", opts.DataDir, opts.DataDir)
}

// unknownOr says a number of records, if there is one.
func unknownOr(n uint64) string {
	if n == 0 {
		return "not known: nothing is left of them"
	}
	return fmt.Sprint(n)
}
