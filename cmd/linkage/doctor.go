package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

func agentDoctor(c *cli) *cobra.Command {
	var flags *agentFlags
	cmd := c.command("doctor", "Find out what keeps the agent from its exchange, and what to do", c.arguments(), func(ctx context.Context, _ []string) error {
		checks, err := flags.diagnose(ctx)
		if err != nil {
			return err
		}
		broken := agent.Broken(checks)
		if err := c.print(checks, func() { c.sayChecks(checks) }); err != nil {
			return err
		}
		return verdict(broken)
	})
	flags = forAgent(cmd).unlocking()
	flags.text(&flags.opts.Proxy, "proxy", "the HTTP proxy to try, if the agent does not run (default what HTTPS_PROXY says)")
	return cmd
}

// diagnose asks the running agent, which alone can send a test message; if none
// runs, it looks itself.
func (f *agentFlags) diagnose(ctx context.Context) ([]agent.Check, error) {
	opts, err := f.options()
	if err != nil {
		return nil, err
	}
	if client := agent.OpenClient(opts.DataDir); client.Running(ctx) {
		return client.Diagnose(ctx)
	}
	return agent.Diagnose(ctx, opts)
}

// sayChecks prints a row for each hop.
func (c *cli) sayChecks(checks []agent.Check) {
	at := schemas.NetworkID("")
	var rows [][]string
	for _, check := range checks {
		if check.Network != at {
			c.table(rows)
			c.say("\n%s", check.Network)
			rows, at = nil, check.Network
		}
		rows = append(rows, []string{"  " + mark(check), check.Name, check.Found})
		if check.Cause {
			rows = append(rows, []string{"", "  expected", check.Expected})
		}
	}
	c.table(rows)
	c.say("")
	if len(agent.Broken(checks)) == 0 {
		c.say("%s", c.here(well(checks)))
	}
}

func mark(check agent.Check) string {
	switch {
	case check.OK:
		return "ok"
	case check.Skipped:
		return "-"
	case check.Cause:
		return "BROKEN"
	default:
		return "broken"
	}
}

// well is the sentence for a diagnosis that found nothing broken.
func well(checks []agent.Check) string {
	for _, check := range checks {
		if check.Hop == agent.HopCanary && check.OK {
			return "Everything works."
		}
	}
	return "Nothing is broken, but the agent does not run: start it with `linkage agent run`."
}

// verdict is the sentence that says what is broken and what to do, as the
// command's error.
func verdict(broken []agent.Check) error {
	if len(broken) == 0 {
		return nil
	}
	var what, remedies []string
	for _, check := range broken {
		where := ""
		if check.Network != "" {
			where = " (" + string(check.Network) + ")"
		}
		what = append(what, fmt.Sprintf("%s%s: %s", check.Name, where, check.Found))
		remedies = append(remedies, check.Remedy)
	}
	return diagnosed{what: strings.Join(what, "; "), advice: strings.Join(remedies, "; ")}
}

// diagnosed is the error of a diagnosis that found something broken.
type diagnosed struct{ what, advice string }

func (d diagnosed) Error() string { return "broken: " + d.what }

// Advice is what to do.
func (d diagnosed) Advice() string { return d.advice }
