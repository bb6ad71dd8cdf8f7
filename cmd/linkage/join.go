package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

const joinTimeout = 2 * time.Minute

func agentJoin(c *cli) *cobra.Command {
	var flags *agentFlags
	var name string
	cmd := c.command("join CODE", "Join a network with the code that its lead agency gave (- reads it from standard input)", c.arguments("CODE"), func(ctx context.Context, args []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		text, err := c.code(args[0])
		if err != nil {
			return err
		}
		return c.join(ctx, opts, text, name)
	})
	flags = forAgent(cmd).unlocking()
	flags.text(&flags.opts.Proxy, "proxy", "the HTTP proxy on the way to the exchange (default what HTTPS_PROXY says)")
	cmd.Flags().StringVar(&name, "name", "", "the agency's name as people know it, the first time (default its short name)")
	return cmd
}

// code is the argument, or for - what is pasted.
func (c *cli) code(argument string) (string, error) {
	if argument != "-" {
		return argument, nil
	}
	b, err := io.ReadAll(io.LimitReader(c.in, 16<<10))
	return string(b), err
}

// joinedDocument is what `agent join` answers to programs. Recovery is there
// only if the directory was made by this command.
type joinedDocument struct {
	agent.Joined
	Recovery string `json:"recovery,omitempty"`
}

func (c *cli) join(ctx context.Context, opts agent.Options, text, name string) error {
	code, err := schemas.ParseCode(text)
	if err != nil {
		return err
	}
	recovery := ""
	if !agent.Initialised(opts.DataDir) {
		if name == "" {
			name = string(code.Agency)
		}
		if recovery, err = agent.Init(ctx, opts, name); err != nil {
			return err
		}
		if !c.json { // at once: the join may yet fail
			c.sayRecovery(opts, recovery)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	joined, running, err := join(ctx, opts, text)
	if err != nil {
		if c.json && recovery != "" {
			err = errors.Join(err, c.print(joinedDocument{Recovery: recovery}, nil))
		} else if recovery != "" {
			c.say("\nThe directory %s and its recovery key stay: to try again, use the same --data.\n", opts.DataDir)
		}
		return err
	}
	return c.print(joinedDocument{joined, recovery}, func() { c.sayJoined(opts, joined, running) })
}

// join joins through the agent that runs, or else opens its store for as long
// as it takes.
func join(ctx context.Context, opts agent.Options, code string) (joined agent.Joined, running bool, err error) {
	client := agent.OpenClient(opts.DataDir)
	if client.Running(ctx) {
		joined, err = client.Join(ctx, code)
		return joined, true, err
	}
	opts.Logger = slog.New(slog.DiscardHandler) // the error says what went wrong
	a, err := agent.Open(ctx, opts)
	if err != nil {
		return joined, false, err
	}
	joined, err = a.Join(ctx, code)
	return joined, false, stop(ctx, a.Stop, err)
}

func (c *cli) sayJoined(opts agent.Options, j agent.Joined, running bool) {
	c.say("\n%s has joined %s. A message to itself through the exchange came back after %s.\n", j.Agency, j.Network, j.Canary.Round(time.Millisecond))
	c.table([][]string{
		{"  this agency's fingerprint", j.Fingerprint},
		{"  the broker's fingerprint", j.Broker},
		{"  the network's fingerprint", j.Admission},
	})
	c.say("\nCompare the first with the lead agency by telephone; it sees it in `linkage broker members`.")
	if len(j.Members) > 0 {
		rows := [][]string{}
		for _, a := range j.Members {
			rows = append(rows, []string{"  " + string(a)})
		}
		c.say("\nAlready there:")
		c.table(rows)
	}
	if !running {
		c.say("\nNext: linkage agent run --data %s", opts.DataDir)
	}
	c.say("Then: linkage agent status --data %s", opts.DataDir)
}
