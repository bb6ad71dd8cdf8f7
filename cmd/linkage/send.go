package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

func sendCommand(c *cli) *cobra.Command {
	var flags *agentFlags
	var to []string
	var client, network string
	cmd := c.command("send FILE", "Send an event from a file (- reads it from standard input), and print its id", c.arguments("FILE"), func(ctx context.Context, args []string) error {
		recipients, err := agencies(to)
		if err != nil {
			return err
		}
		reach, err := flags.client()
		if err != nil {
			return err
		}
		event, err := c.event(args[0])
		if err != nil {
			return err
		}
		draft := agent.Draft{To: recipients, Client: client, Network: schemas.NetworkID(network), Source: "/cli", Time: time.Now()}
		if event, err = draft.Complete(event); err != nil {
			return err
		}
		accepted, err := reach.Accept(ctx, event)
		if err != nil {
			return err
		}
		return c.print(accepted, func() {
			c.say("%s", accepted.ID)
			if accepted.Known {
				fmt.Fprintln(c.err, "linkage: this event was accepted before; nothing more happened")
			}
		})
	})
	flags = forAgent(cmd)
	cmd.Flags().StringSliceVar(&to, "to", nil, "the partners who are to hear it; may stand several times")
	cmd.Flags().StringVar(&client, "client", "", "the client, by this agency's own id")
	withNetwork(cmd, &network)
	return cmd
}

// event reads a file, or standard input, no further than an event may be long.
func (c *cli) event(name string) ([]byte, error) {
	from := c.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, misuse{fmt.Errorf("open event: %w", err), ""}
		}
		defer func() { _ = f.Close() }() // only read from
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, schemas.MaxEvent+1))
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	if len(b) > schemas.MaxEvent {
		return nil, schemas.Refuse(schemas.CodeTooLarge, "event", fmt.Sprintf("must be at most %d bytes", schemas.MaxEvent), "send large content as attachments")
	}
	return b, nil
}
