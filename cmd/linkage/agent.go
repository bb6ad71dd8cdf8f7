package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/profile"
	"github.com/linkage-exchange/linkage/schemas"
)

func agentCommand(c *cli) *cobra.Command {
	return c.group("agent", "Run an agency's own part, and see how it is",
		agentInit(c), agentJoin(c), agentRun(c), agentStatus(c), agentDoctor(c),
		agentBackup(c), agentRestore(c), agentReclaim(c), agentRecoverySheet(c), agentUnlock(c),
		agentRetry(c), agentEnd(c), agentDismiss(c), agentConfirm(c), agentRotate(c), agentInspect(c))
}

func agentInit(c *cli) *cobra.Command {
	var flags *agentFlags
	var name string
	cmd := c.command("init", "Make an agent's directory and its keys", c.arguments(), func(ctx context.Context, _ []string) error {
		if err := required("name", name); err != nil {
			return err
		}
		opts, err := flags.options()
		if err != nil {
			return err
		}
		recovery, err := agent.Init(ctx, opts, name)
		if err != nil {
			return err
		}
		return c.print(map[string]string{"data": opts.DataDir, "recovery": recovery}, func() {
			c.sayRecovery(opts, recovery)
			c.say("\nNext: linkage agent join CODE --data %s", opts.DataDir)
		})
	})
	flags = forAgent(cmd).unlocking()
	cmd.Flags().StringVar(&name, "name", "", "the agency's name as people know it")
	return cmd
}

// sayRecovery shows the recovery key, the one time that anybody can.
func (c *cli) sayRecovery(opts agent.Options, recovery string) {
	c.say("The agent's directory is %s.", opts.DataDir)
	if opts.KeyFile != "" {
		c.say("The key that opens it is %s; it belongs in no backup of the directory.", opts.KeyFile)
	}
	c.say("\nThe recovery key, shown this once and kept nowhere:\n\n  %s\n", recovery)
	c.say("Write it on paper and keep it elsewhere, in a safe for example: without it, a lost key or a")
	c.say("lost machine means that nobody can open the records or a backup of them again.")
	if sheet, err := agent.SheetName(opts); err == nil {
		c.say("It is the code of recovery sheet %s. As a page to print, with the steps in words:", sheet)
		c.say("  linkage agent recovery-sheet --html --data %s > sheet.html", opts.DataDir)
	}
}

func agentRun(c *cli) *cobra.Command {
	var flags *agentFlags
	cmd := c.command("run", "Run the agent until it is interrupted", c.arguments(), func(ctx context.Context, _ []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		opts.Logger = c.logger()
		if err := profile.Serve(); err != nil {
			return err
		}
		a, err := agent.Start(ctx, opts)
		if err != nil {
			return err
		}
		address := "off"
		if a.Addr() != nil {
			address = "http://" + a.Addr().String()
		}
		err = c.print(map[string]string{"data": opts.DataDir, "address": address}, func() {
			if a.Addr() == nil {
				c.say("The agent runs. It has no address for this agency's systems (listen is off); commands reach it with --data %s.", opts.DataDir)
				return
			}
			c.say("The agent runs. This agency's systems reach it at %s with the token in %s/api.token.", address, opts.DataDir)
		})
		if err == nil {
			<-ctx.Done()
		}
		return stop(ctx, a.Stop, err)
	})
	flags = forAgent(cmd).unlocking().running()
	return cmd
}

// decision makes a command by which a person decides something about number N.
func (c *cli) decision(use, short, done string, do func(context.Context, *agent.Client, schemas.NetworkID, uint64) error) *cobra.Command {
	var flags *agentFlags
	var network string
	cmd := c.command(use+" N", short, c.arguments("N"), func(ctx context.Context, args []string) error {
		n, err := strconv.ParseUint(args[0], 10, 64)
		if err != nil || n == 0 {
			return misuse{errors.New("the argument N must be a number that `linkage agent status` shows"), ""}
		}
		client, err := flags.client()
		if err != nil {
			return err
		}
		if err := do(ctx, client, schemas.NetworkID(network), n); err != nil {
			return err
		}
		return c.print(map[string]any{"number": n, "done": true}, func() { c.say(done, n) })
	})
	flags = forAgent(cmd)
	withNetwork(cmd, &network)
	return cmd
}

func withNetwork(cmd *cobra.Command, network *string) {
	cmd.Flags().StringVar(network, "network", "", "the network, if this agency is in several")
}

func agentRetry(c *cli) *cobra.Command {
	return c.decision("retry", "Send a delivery again, after what was in its way is gone", "Delivery %d goes again.",
		func(ctx context.Context, a *agent.Client, n schemas.NetworkID, number uint64) error {
			return a.Retry(ctx, n, number)
		})
}

func agentDismiss(c *cli) *cobra.Command {
	return c.decision("dismiss", "Take away an alarm that was looked at", "Alarm %d is gone.",
		func(ctx context.Context, a *agent.Client, n schemas.NetworkID, number uint64) error {
			return a.Dismiss(ctx, n, number)
		})
}

func agentEnd(c *cli) *cobra.Command {
	var reason string
	cmd := c.decision("end", "Decide that a delivery will not go, and why", "Delivery %d will not go; the reason is kept with it.",
		func(ctx context.Context, a *agent.Client, n schemas.NetworkID, number uint64) error {
			if err := required("reason", reason); err != nil {
				return err
			}
			return a.End(ctx, n, number, reason)
		})
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words, without naming a client")
	return cmd
}

func agentConfirm(c *cli) *cobra.Command {
	var flags *agentFlags
	var network string
	args := func(cmd *cobra.Command, args []string) error {
		return c.arguments("AGENCY", "FINGERPRINT")(cmd, args[:min(len(args), 2)])
	}
	cmd := c.command("confirm AGENCY FINGERPRINT", "Take over a partner's new keys, after comparing their fingerprint by telephone", args, func(ctx context.Context, args []string) error {
		names, err := agencies(args[:1])
		if err != nil {
			return err
		}
		client, err := flags.client()
		if err != nil {
			return err
		}
		if err := client.Confirm(ctx, schemas.NetworkID(network), names[0], strings.Join(args[1:], "")); err != nil {
			return err
		}
		return c.print(map[string]any{"agency": names[0], "confirmed": true}, func() {
			c.say("The new keys of %s are in use; what waited for them goes.", names[0])
		})
	})
	flags = forAgent(cmd)
	withNetwork(cmd, &network)
	return cmd
}

func agentInspect(c *cli) *cobra.Command {
	var flags *agentFlags
	cmd := c.command("inspect", "Read the store of an agent that does not run; --json shows clinical content", c.arguments(), func(ctx context.Context, _ []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		in, err := agent.Inspect(ctx, opts)
		if err != nil {
			return err
		}
		return c.print(in, func() {
			c.say("%s", plain(in.Name))
			for _, n := range in.Networks {
				c.say("\n%s in %s", n.Agency, n.Network)
				c.sayCounts(map[string]int{"events": len(n.Events), "deliveries": len(n.Deliveries), "permissions": len(n.Grants), "alarms": len(n.Alarms)})
			}
		})
	})
	flags = forAgent(cmd).unlocking()
	return cmd
}
