package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

// followWait is how long one question waits for an answer; the next follows.
const followWait = 30 * time.Second

const pageLimit = 200

func eventsCommand(c *cli) *cobra.Command {
	var flags *agentFlags
	var follow bool
	var network string
	q := agent.EventQuery{Limit: pageLimit}
	cmd := c.command("events", "List what this agency said and heard, without clinical content unless --json", c.arguments(), func(ctx context.Context, _ []string) error {
		client, err := flags.client()
		if err != nil {
			return err
		}
		q.Network = schemas.NetworkID(network)
		return c.events(ctx, client, q, follow)
	})
	flags = forAgent(cmd)
	cmd.Flags().BoolVar(&follow, "follow", false, "go on with each event as it comes")
	cmd.Flags().Uint64Var(&q.After, "after", 0, "only events with a higher number")
	cmd.Flags().StringVar(&q.Subject, "subject", "", "only events about this referral, test or case")
	withNetwork(cmd, &network)
	cmd.AddCommand(eventsAttachments(c), eventsAttachment(c))
	return cmd
}

func (c *cli) events(ctx context.Context, client *agent.Client, q agent.EventQuery, follow bool) error {
	wait := time.Duration(0)
	if follow {
		wait = followWait
	}
	for {
		page, err := client.Events(ctx, q, wait)
		if ctx.Err() != nil && follow {
			return nil // interrupted, as it is meant to be
		}
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			if err := c.print(e, func() { c.sayEvent(e) }); err != nil {
				return err
			}
		}
		q.After = page.Next
		if !follow && len(page.Events) < q.Limit {
			return nil
		}
	}
}

// sayEvent prints one line, without what the event says of a client.
func (c *cli) sayEvent(e agent.Event) {
	var inner struct {
		ID      schemas.EventID   `json:"id"`
		Type    schemas.EventType `json:"type"`
		Subject string            `json:"subject"`
	}
	_ = json.Unmarshal(e.Event, &inner) // the agent has parsed it before
	fmt.Fprintf(c.out, "%6d  %s  %-24s  %-36s  %-18s  %s\n", e.Number, e.Recorded.Local().Format("2006-01-02 15:04:05"), e.From, plain(inner.Type.Short()), plain(inner.Subject), plain(string(inner.ID)))
}
