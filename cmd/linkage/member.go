package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is what the lead agency says about members.

// openLead opens the lead's directory, and the way to the running broker.
func openLead(flags *brokerFlags) (*broker.Lead, *broker.Admin, error) {
	opts, err := flags.options()
	if err != nil {
		return nil, nil, err
	}
	lead, err := broker.OpenLead(flags.lead, time.Now)
	if errors.Is(err, fs.ErrNotExist) {
		err = schemas.Refuse(schemas.CodeNotFound, flags.lead, "must hold the network's admission key", "name the directory to which it was moved with --lead")
	}
	return lead, broker.OpenAdmin(opts.DataDir), err
}

func brokerInvite(c *cli) *cobra.Command {
	var flags *brokerFlags
	var valid time.Duration
	var wait, again bool
	cmd := c.command("invite AGENCY", "Make the code with which an agency joins", c.arguments("AGENCY"), func(ctx context.Context, args []string) error {
		lead, admin, err := openLead(flags)
		if err != nil {
			return err
		}
		if valid < time.Minute || valid > 31*24*time.Hour {
			return schemas.Malformed("--valid", "must be from 1m to 744h")
		}
		inv, err := invite(ctx, lead, admin, schemas.AgencyID(args[0]), valid, again)
		if err != nil {
			return err
		}
		document := map[string]any{"agency": inv.Code.Agency, "code": inv.Code.String(), "expires": time.Unix(inv.Code.Expires, 0).UTC(), "replaces": again}
		if err := c.print(document, func() { c.sayInvited(inv.Code, again) }); err != nil || !wait {
			return err
		}
		return c.awaitJoined(ctx, admin, inv.Code.Agency)
	})
	flags = forBroker(cmd).leading()
	cmd.Flags().DurationVar(&valid, "valid", 72*time.Hour, "for how long the code can be used")
	cmd.Flags().BoolVar(&again, "again", false, "for a member who lost its machine or its keys: whoever uses the code takes its place")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the agency has joined, and show its fingerprint")
	return cmd
}

// invite refuses to invite a member without again: whoever uses the code takes
// its place.
func invite(ctx context.Context, lead *broker.Lead, admin *broker.Admin, a schemas.AgencyID, valid time.Duration, again bool) (broker.Invited, error) {
	account, err := admin.Account(ctx, a)
	if err != nil {
		return broker.Invited{}, err
	}
	state, err := admin.State(ctx)
	if err != nil {
		return broker.Invited{}, err
	}
	member := slices.ContainsFunc(state.Members, func(m broker.MemberState) bool { return m.Agency == a && m.Joined })
	switch {
	case member && !again:
		return broker.Invited{}, schemas.Refuse(schemas.CodeCharterForbids, "agency", "must not be a member already: whoever uses the code takes its place", "if it has lost its machine or its keys, say so with --again")
	case again && !member:
		return broker.Invited{}, schemas.Refuse(schemas.CodeNotMember, "agency", "must have joined before to be invited again", "leave out --again")
	}
	inv, err := lead.Invite(state, a, account, valid)
	if err == nil {
		_, err = admin.Publish(ctx, inv.Roll, &inv.Invitation)
	}
	return inv, err
}

func (c *cli) sayInvited(code schemas.InvitationCode, again bool) {
	c.say("%s\n", code)
	c.say("Give this code to %s by a safe way, and to nobody else: whoever has it can join in its", code.Agency)
	c.say("name. There, run: linkage agent join CODE. It can be used once, until %s.", clock(time.Unix(code.Expires, 0)))
	if again {
		c.say("\n%s is a member. Whoever uses this code takes its place: its old machine is cut off then. Its", code.Agency)
		c.say("partners send nothing to the new keys until each has compared their fingerprint and confirmed it,")
		c.say("or until you have, and said so: linkage broker vouch %s FINGERPRINT%s", code.Agency, c.where)
	}
}

// awaitJoined looks every second: the broker has no way to call back.
func (c *cli) awaitJoined(ctx context.Context, admin *broker.Admin, a schemas.AgencyID) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		state, err := admin.State(ctx)
		if err != nil {
			return err
		}
		for _, m := range state.Members {
			if m.Agency == a && m.Joined {
				return c.print(m, func() {
					c.say("\n%s has joined. Compare its fingerprint with the agency by telephone:\n  %s", a, m.Fingerprint)
				})
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// publishRoll has the lead agency sign a roll that follows the broker's, and
// publishes it.
func publishRoll(ctx context.Context, flags *brokerFlags, sign func(*broker.Lead, broker.State) (schemas.SignedRecord, error)) error {
	lead, admin, err := openLead(flags)
	if err != nil {
		return err
	}
	state, err := admin.State(ctx)
	if err != nil {
		return err
	}
	roll, err := sign(lead, state)
	if err != nil {
		return err
	}
	_, err = admin.Publish(ctx, roll, nil)
	return err
}

func brokerStanding(c *cli, verb, short string, status schemas.MemberStatus) *cobra.Command {
	var flags *brokerFlags
	cmd := c.command(verb+" AGENCY", short, c.arguments("AGENCY"), func(ctx context.Context, args []string) error {
		names, err := agencies(args)
		if err != nil {
			return err
		}
		err = publishRoll(ctx, flags, func(lead *broker.Lead, state broker.State) (schemas.SignedRecord, error) {
			return lead.SetStanding(state, names[0], status)
		})
		if err != nil {
			return err
		}
		return c.print(map[string]any{"agency": names[0], "status": status}, func() {
			if status == schemas.MemberSuspended {
				c.say("%s is suspended: its connections are closed, what waits for it is kept and withheld.", names[0])
				c.say("What it had sent and nobody had received yet is taken back for good.")
				c.say("To let it in again: linkage broker readmit %s%s", names[0], c.where)
				return
			}
			c.say("%s is a member again; what waited for it goes on.", names[0])
		})
	})
	flags = forBroker(cmd).leading()
	return cmd
}

func brokerVouch(c *cli) *cobra.Command {
	var flags *brokerFlags
	args := func(cmd *cobra.Command, args []string) error {
		return c.arguments("AGENCY", "FINGERPRINT")(cmd, args[:min(len(args), 2)])
	}
	cmd := c.command("vouch AGENCY FINGERPRINT", "Vouch for a member's new keys, after comparing their fingerprint by telephone", args, func(ctx context.Context, args []string) error {
		names, err := agencies(args[:1])
		if err != nil {
			return err
		}
		fingerprint := schemas.KeyID(strings.ReplaceAll(strings.Join(args[1:], ""), " ", ""))
		if !fingerprint.Valid() {
			return schemas.Malformed("fingerprint", "must be 22 characters, as the member reads them out")
		}
		err = publishRoll(ctx, flags, func(lead *broker.Lead, state broker.State) (schemas.SignedRecord, error) {
			return lead.Vouch(state, names[0], fingerprint)
		})
		if err != nil {
			return err
		}
		return c.print(map[string]any{"agency": names[0], "vouched": fingerprint}, func() {
			c.say("The network's key vouches for %s. Its partners use these keys from now on, and no others.", names[0])
		})
	})
	flags = forBroker(cmd).leading()
	return cmd
}

func brokerMembers(c *cli) *cobra.Command {
	var flags *brokerFlags
	cmd := c.command("members", "List the members and what waits for them", c.arguments(), func(ctx context.Context, _ []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		state, err := broker.OpenAdmin(opts.DataDir).State(ctx)
		if err != nil {
			return err
		}
		if state.Members == nil {
			state.Members = []broker.MemberState{}
		}
		return c.print(state.Members, func() {
			c.sayMembers(state)
			c.sayCluster(state.Cluster)
		})
	})
	flags = forBroker(cmd)
	return cmd
}

func (c *cli) sayMembers(state broker.State) {
	if len(state.Members) == 0 {
		c.say("%s has no members yet. To invite one: linkage broker invite AGENCY", state.Network)
		return
	}
	rows := [][]string{{"AGENCY", "STANDING", "CONNECTED", "WAITING", "OLDEST", "FINGERPRINT"}}
	for _, m := range state.Members {
		standing, connected, oldest := string(m.Status), "no", "-"
		switch {
		case m.Offer == "awaited": // a suspended one as well
			standing += ", not back yet"
		case m.Offer == "offering":
			standing += ", bringing back what it holds"
		case !m.Joined:
			standing = "invited"
		}
		if m.Connections > 0 {
			connected = "yes"
		}
		if !m.Oldest.IsZero() {
			oldest = age(m.Oldest)
		}
		rows = append(rows, []string{string(m.Agency), standing, connected, strconv.Itoa(m.Waiting), oldest, m.Fingerprint})
	}
	c.table(rows)
}

// sayCluster says how the three brokers are, nothing for one that is alone.
func (c *cli) sayCluster(cluster *broker.ClusterState) {
	if cluster == nil {
		return
	}
	rows := [][]string{{"BROKER", "ADDRESS", "IS", "RECORDS", "BEHIND"}}
	for _, b := range cluster.Brokers {
		is, behind := "standing by", strconv.FormatUint(b.Behind, 10)
		switch {
		case !b.Reached:
			is, behind = "not reached", "-"
		case b.Writer:
			is = "writing"
		}
		rows = append(rows, []string{strconv.Itoa(b.Place), b.URL, is, strconv.FormatUint(b.Records, 10), behind})
	}
	c.say("")
	c.table(rows)
	if cluster.Problem != "" {
		c.say("\nAttention: %s.", cluster.Problem)
	}
}

// sayCounts prints how many there are of each kind.
func (c *cli) sayCounts(counts map[string]int) {
	var rows [][]string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		rows = append(rows, []string{fmt.Sprintf("  %d", counts[kind]), kind})
	}
	c.table(rows)
}
