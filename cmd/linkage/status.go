package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

func agentStatus(c *cli) *cobra.Command {
	var flags *agentFlags
	cmd := c.command("status", "Say whether everything works, and what a person has to do", c.arguments(), func(ctx context.Context, _ []string) error {
		client, err := flags.client()
		if err != nil {
			return err
		}
		status, err := client.Status(ctx)
		if err != nil {
			return err
		}
		return c.print(status, func() { c.sayStatus(status) })
	})
	flags = forAgent(cmd)
	return cmd
}

func (c *cli) sayStatus(s agent.Status) {
	c.say("%s", plain(s.Name))
	if len(s.Networks) == 0 {
		c.say("\nNo network joined yet. Ask a network's lead agency for a code, then: linkage agent join CODE%s", c.where)
	}
	for _, n := range s.Networks {
		c.say("\n%s in %s", n.Agency, n.Network)
		c.table(c.glance(n))
		c.sayPartners(n)
		c.sayIncomplete(n)
		c.sayTroubles(n)
		c.sayAlarms(n)
	}
}

// glance is the state of a membership in a few lines.
func (c *cli) glance(n agent.NetworkStatus) [][]string {
	rows := [][]string{{"  exchange", c.here(connection(n))}}
	if n.Standing != "" && n.Standing != schemas.MemberActive {
		rows = append(rows, []string{"  standing", string(n.Standing) + ": speak with the lead agency"})
	}
	if n.Stalled != nil {
		rows = append(rows, []string{"  STALLED", fmt.Sprintf("since %s, likely hop %s: %s", clock(n.Stalled.Since), n.Stalled.Hop, n.Stalled.Text)})
	}
	if n.Clock != "" {
		rows = append(rows, []string{"  CLOCK", n.Clock})
	}
	if !n.Canary.IsZero() {
		rows = append(rows, []string{"  last test message", "came back " + age(n.Canary) + " ago"})
	}
	going := 0
	for state, k := range n.Outbox {
		if state.Open() {
			going += k
		}
	}
	waiting := "nothing"
	if going+n.Outbox["accepted"] > 0 {
		waiting = fmt.Sprintf("%d to go to the exchange, %d at the exchange for their recipients, the oldest for %s", going, n.Outbox["accepted"], age(n.Oldest))
	}
	if !n.Doubled.IsZero() {
		rows = append(rows, []string{"  copies", c.here("another copy of this agency's Linkage is running, or ran after this one; since " + clock(n.Doubled) +
			" this one sends and takes in nothing. If the other is the right one, stop this one; if this is the right one, stop the other, then: `linkage agent reclaim`")})
	}
	if r := n.Recovery; r != nil {
		rows = append(rows, []string{"  restored", clock(r.At) + " from a backup of " + clock(r.Since) + ": " + r.Sentence()})
	}
	if n.Forked {
		rows = append(rows, []string{"  ledger", "the exchange's history does not hold together: nothing is sent, see the alarm below"})
	}
	return append(rows,
		[]string{"  waiting", waiting},
		[]string{"  needs a person", orNothing(needed(n), "thing", "things")},
		[]string{"  alarms", orNothing(len(n.Alarms), "alarm", "alarms")},
		[]string{"  recorded", count(int(n.Events), "event", "events")},
		[]string{"  fingerprint", n.Fingerprint})
}

func connection(n agent.NetworkStatus) string {
	switch {
	case n.Connected && n.Heard.IsZero():
		return "connected to " + n.Broker
	case n.Connected:
		return "connected to " + n.Broker + ", heard " + age(n.Heard) + " ago"
	case n.Standing != "" && n.Standing != schemas.MemberActive:
		return "not connected: this agency is " + string(n.Standing)
	case n.Obstacle != "":
		return "not connected: " + n.Obstacle + " (see `linkage agent doctor`)"
	default:
		return "not connected yet"
	}
}

func orNothing(n int, one, many string) string {
	if n == 0 {
		return "nothing"
	}
	return count(n, one, many) + ", see below"
}

// needed counts what a person has to do.
func needed(n agent.NetworkStatus) int {
	k := len(n.Person) + unconfirmed(n)
	if n.Recovery != nil {
		k += len(n.Recovery.Calls)
	}
	return k
}

func unconfirmed(n agent.NetworkStatus) int {
	k := 0
	for _, p := range n.Members {
		if p.Unconfirmed != "" {
			k++
		}
	}
	return k
}

func (c *cli) sayPartners(n agent.NetworkStatus) {
	if len(n.Members) == 0 {
		return
	}
	rows := [][]string{{"  PARTNER", "NAME", "STANDING", "WAITING", "OLDEST", "MISSING"}}
	for _, p := range n.Members {
		standing := string(p.Standing)
		if !p.Joined {
			standing = "invited"
		}
		w := n.Waiting[p.Agency]
		oldest := "-"
		if w.Count > 0 {
			oldest = age(w.Oldest)
		}
		rows = append(rows, []string{"  " + string(p.Agency), p.Name, standing, fmt.Sprint(w.Count), oldest, fmt.Sprint(n.Missing[p.Agency])})
	}
	c.say("")
	c.table(rows)
}

// sayTroubles lists what a person has to decide, and how.
func (c *cli) sayTroubles(n agent.NetworkStatus) {
	if needed(n) > 0 {
		c.say("\n  Needs a person:")
	}
	for _, p := range n.Members {
		if p.Unconfirmed != "" {
			c.say("    %s has new keys: %s", p.Agency, plain(p.Unconfirmed))
			c.say("      compare by telephone, then: linkage agent confirm %s %s%s", p.Agency, strings.ReplaceAll(plain(p.Unconfirmed), " ", ""), c.where)
		}
	}
	for _, t := range n.Person {
		c.say("    delivery %d of event %d to %s is %s for %s: %s", t.Delivery, t.Event, t.Recipient, t.State, age(t.Since), because(t.Refusal))
		c.say("      %s: linkage agent retry %d%s, or: linkage agent end %d --reason WHY%s", orElse(plain(t.Remedy), "decide"), t.Delivery, c.where, t.Delivery, c.where)
	}
	if n.Recovery != nil {
		for _, call := range n.Recovery.Calls {
			c.say("    call %s: %s that came before the restore cannot be sent again (%s)", call.Partner, count(call.Count, "event", "events"), call.Code)
		}
	}
	if len(n.Retry) > 0 {
		c.say("\n  Tried again by itself:")
	}
	for _, t := range n.Retry {
		c.say("    delivery %d of event %d to %s, for %s: %s", t.Delivery, t.Event, t.Recipient, age(t.Since), because(t.Refusal))
	}
}

// sayIncomplete lists the attachments that are under way or stand still.
func (c *cli) sayIncomplete(n agent.NetworkStatus) {
	if len(n.Attachments) == 0 {
		return
	}
	c.say("\n  Attachments:")
	for _, p := range n.Attachments {
		c.say("    of event %d %s, %s, for %s: %s", p.Event, partner(p), size(p.Bytes), age(p.Since), progress(p))
	}
}

func because(r schemas.Refusal) string {
	return plain(strings.TrimSpace(r.Field+" "+r.Rule) + " (" + string(r.Code) + ")")
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (c *cli) sayAlarms(n agent.NetworkStatus) {
	if len(n.Alarms) == 0 {
		return
	}
	c.say("\n  Alarms (linkage agent dismiss N%s, once looked at):", c.where)
	rows := [][]string{}
	for _, a := range n.Alarms {
		rows = append(rows, []string{fmt.Sprintf("    %d", a.Number), clock(a.At), count(a.Times, "time", "times"), a.Text})
	}
	c.table(rows)
}
