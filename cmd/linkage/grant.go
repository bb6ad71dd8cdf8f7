package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

func grantCommand(c *cli) *cobra.Command {
	return c.group("grant", "Permit a partner to hear about a client, and end that", grantIssue(c), grantList(c), grantRevoke(c))
}

// newGrant is a permission as flags give it.
type newGrant struct {
	to, client, basis, consent, from, until, network string
	cells                                            []string
}

func grantIssue(c *cli) *cobra.Command {
	var flags *agentFlags
	var g newGrant
	cmd := c.command("issue", "Permit a partner to hear some categories about a client, for some purposes", c.arguments(), func(ctx context.Context, _ []string) error {
		grant, err := g.read()
		if err != nil {
			return err
		}
		client, err := flags.client()
		if err != nil {
			return err
		}
		id, err := client.Issue(ctx, grant)
		if err != nil {
			return err
		}
		return c.print(agent.Issued{ID: id}, func() { c.say("%s", id) })
	})
	flags = forAgent(cmd)
	cmd.Flags().StringVar(&g.to, "to", "", "the partner, such as county-probation")
	cmd.Flags().StringVar(&g.client, "client", "", "this agency's own id of the client")
	cmd.Flags().StringArrayVar(&g.cells, "cell", nil, "category:purpose, such as attendance:justice-monitoring; may stand several times")
	cmd.Flags().StringVar(&g.basis, "basis", "", "why it is lawful: "+list(schemas.Bases))
	cmd.Flags().StringVar(&g.consent, "consent", "", "where the signed document lies, such as a file number")
	cmd.Flags().StringVar(&g.from, "from", "", "the first day (default today)")
	cmd.Flags().StringVar(&g.until, "until", "", "the last day, such as 2027-03-31")
	withNetwork(cmd, &g.network)
	return cmd
}

func (g newGrant) read() (agent.NewGrant, error) {
	for _, flag := range []struct{ name, value string }{
		{"to", g.to}, {"client", g.client}, {"cell", strings.Join(g.cells, "")}, {"basis", g.basis}, {"until", g.until},
	} {
		if err := required(flag.name, flag.value); err != nil {
			return agent.NewGrant{}, err
		}
	}
	to, err := agencies([]string{g.to})
	if err != nil {
		return agent.NewGrant{}, err
	}
	out := agent.NewGrant{Network: schemas.NetworkID(g.network), Recipient: to[0], Client: g.client, Basis: schemas.Basis(g.basis), Consent: g.consent}
	if !out.Basis.Valid() {
		return out, schemas.Malformed("--basis", "must be one of %s", list(schemas.Bases))
	}
	if out.Cells, err = cells(g.cells); err != nil {
		return out, err
	}
	if g.from != "" {
		if out.From, err = schemas.ParseDate(g.from); err != nil {
			return out, schemas.Malformed("--from", "must be a day such as 2026-11-21")
		}
	}
	if out.Until, err = schemas.ParseDate(g.until); err != nil {
		return out, schemas.Malformed("--until", "must be a day such as 2026-11-21")
	}
	from := out.From
	if from.IsZero() {
		from = schemas.DateOf(time.Now())
	}
	if out.Until.End().Before(from.End()) {
		return out, schemas.Malformed("--until", "must not be before the first day, %s", from)
	}
	return out, nil
}

func cells(texts []string) ([]schemas.Cell, error) {
	var all []schemas.Cell
	for _, text := range texts {
		category, purpose, ok := strings.Cut(text, ":")
		cell := schemas.Cell{Category: schemas.Category(category), Purpose: schemas.Purpose(purpose)}
		switch {
		case !ok:
			return nil, schemas.Malformed("--cell", "must be category:purpose, such as attendance:justice-monitoring")
		case !cell.Category.Valid():
			return nil, schemas.Malformed("--cell", "must begin with one of %s", list(schemas.Categories))
		case !cell.Purpose.Valid():
			return nil, schemas.Malformed("--cell", "must end with one of %s", list(schemas.Purposes))
		}
		all = append(all, cell)
	}
	return all, nil
}

func list[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}

func grantList(c *cli) *cobra.Command {
	var flags *agentFlags
	var network string
	cmd := c.command("list", "List the permissions given and received", c.arguments(), func(ctx context.Context, _ []string) error {
		client, err := flags.client()
		if err != nil {
			return err
		}
		all, err := client.Permissions(ctx, schemas.NetworkID(network))
		if err != nil {
			return err
		}
		return c.print(all, func() { c.sayGrants(all) })
	})
	flags = forAgent(cmd)
	withNetwork(cmd, &network)
	return cmd
}

func (c *cli) sayGrants(all []agent.Permission) {
	if len(all) == 0 {
		c.say("No permissions yet. To give one: linkage grant issue --help")
		return
	}
	rows := [][]string{{"PERMISSION", "STANDING", "FROM", "TO", "CLIENT", "DAYS", "WHAT"}}
	for _, p := range all {
		client := p.Client
		if client == "" {
			client = string(p.Handle)
		}
		var what []string
		for _, cell := range p.Cells {
			what = append(what, string(cell.Category)+":"+string(cell.Purpose))
		}
		rows = append(rows, []string{
			string(p.ID), string(p.Standing), string(p.Discloser), string(p.Recipient), orElse(client, "-"),
			fmt.Sprintf("%s to %s", p.From, p.Until), orElse(strings.Join(what, " "), "its text comes with the first event"),
		})
	}
	c.table(rows)
}

func grantRevoke(c *cli) *cobra.Command {
	var flags *agentFlags
	var network string
	var wait time.Duration
	cmd := c.command("revoke ID", "End a permission at once", c.arguments("ID"), func(ctx context.Context, args []string) error {
		id := schemas.GrantID(strings.ToUpper(args[0]))
		if !id.Valid() {
			return misuse{errors.New("the argument ID must be one that `linkage grant list` shows"), ""}
		}
		client, err := flags.client()
		if err != nil {
			return err
		}
		stopped, err := client.Revoke(ctx, schemas.NetworkID(network), id, wait)
		if err != nil {
			return err
		}
		return c.print(stopped, func() { c.say("%s", sayStopped(stopped)) })
	})
	flags = forAgent(cmd)
	withNetwork(cmd, &network)
	cmd.Flags().DurationVar(&wait, "wait", 30*time.Second, "for how long to wait for the exchange, at most 1m")
	return cmd
}

// sayStopped is one of two sentences: a person must be able to tell them apart.
func sayStopped(s agent.Stopped) string {
	if s.Everywhere.IsZero() {
		return fmt.Sprintf("stopped here since %s; the exchange has not answered yet", clock(s.Here))
	}
	return fmt.Sprintf("stopped everywhere since %s. What the recipient had confirmed by then stays disclosed. Of the rest: %d handed over (counts as disclosed), %d withdrawn, %d unknown until the recipient's next contact",
		clock(s.Everywhere), s.HandedOver, s.Withdrawn, s.Unknown)
}
