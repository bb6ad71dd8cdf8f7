package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/internal/profile"
	"github.com/linkage-exchange/linkage/schemas"
)

// stopTimeout bounds an orderly end.
const stopTimeout = 20 * time.Second

func brokerCommand(c *cli) *cobra.Command {
	return c.group("broker", "Run the exchange of a network, and say who is a member",
		brokerInit(c), brokerRun(c), brokerInvite(c), brokerVouch(c), brokerMembers(c),
		brokerStanding(c, "suspend", "Cut a member off at once; what waits for it is kept", schemas.MemberSuspended),
		brokerStanding(c, "readmit", "Let a suspended member in again", schemas.MemberActive),
		brokerReplica(c), brokerNewEpoch(c), brokerBackup(c), brokerRestoreKeys(c), brokerInspect(c))
}

func brokerInit(c *cli) *cobra.Command {
	var opts broker.InitOptions
	var network string
	var flags *brokerFlags
	cmd := c.command("init", "Found a network and make its broker's directory", c.arguments(), func(context.Context, []string) error {
		if err := required("network", network); err != nil {
			return err
		}
		if err := required("url", opts.URL); err != nil {
			return err
		}
		running, err := flags.options()
		if err != nil {
			return err
		}
		opts.DataDir, opts.LeadDir, opts.Network = running.DataDir, flags.lead, schemas.NetworkID(network)
		made, err := broker.Init(opts)
		if err != nil {
			return err
		}
		return c.print(founded(opts, made), func() { c.sayFounded(opts, made) })
	})
	flags = forBroker(cmd).leading()
	cmd.Flags().StringVar(&network, "network", "", "the network's short name, such as river-county")
	cmd.Flags().StringVar(&opts.URL, "url", "", "where agencies find this machine, such as https://exchange.example.org:7443")
	cmd.Flags().StringVar(&opts.Setup, "setup", "", "single-agency, informal-partnership or formal-consortium (the default)")
	return cmd
}

// foundedDocument is what `broker init` answers to programs.
type foundedDocument struct {
	Network   schemas.NetworkID `json:"network"`
	Data      string            `json:"data"`
	Lead      string            `json:"lead"`
	Broker    string            `json:"broker"`
	Admission string            `json:"admission"`
}

func founded(opts broker.InitOptions, made broker.Founded) foundedDocument {
	return foundedDocument{made.Network, opts.DataDir, made.LeadDir, made.BrokerKey.Fingerprint(), made.AdmissionKey.Fingerprint()}
}

func (c *cli) sayFounded(opts broker.InitOptions, made broker.Founded) {
	c.say("The network %s is founded.\n", made.Network)
	c.table([][]string{
		{"  the broker's directory", opts.DataDir},
		{"  the broker's fingerprint", made.BrokerKey.Fingerprint()},
		{"  the network's fingerprint", made.AdmissionKey.Fingerprint()},
		{"  the admission key", made.LeadDir},
	})
	c.say("\nWho has the admission key says who is a member. Move %s to another machine or a", made.LeadDir)
	c.say("locked drawer; the broker runs without it. Invitations and suspensions need it (--lead).")
	c.say("\nNext: linkage broker run --data %s", opts.DataDir)
}

func brokerRun(c *cli) *cobra.Command {
	var flags *brokerFlags
	cmd := c.command("run", "Run the broker until it is interrupted", c.arguments(), func(ctx context.Context, _ []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		opts.Logger = c.logger()
		if err := profile.Serve(); err != nil {
			return err
		}
		b, err := broker.Start(ctx, opts)
		if err != nil {
			return unfounded(opts.DataDir, err)
		}
		state := b.State()
		running := map[string]any{"network": state.Network, "address": b.Addr().String(), "url": state.URL}
		if status := b.StatusAddr(); status != nil {
			running["status"] = status.String()
		}
		err = c.print(running, func() {
			c.say("The exchange of %s listens on %s; agencies find it at %s.", state.Network, b.Addr(), state.URL)
		})
		if err == nil {
			select {
			case <-ctx.Done():
			case <-b.Failed(): // the service manager starts it again
				err = b.Failure()
			}
		}
		return stop(ctx, b.Stop, err)
	})
	flags = forBroker(cmd).running()
	return cmd
}

// unfounded says what to do about a directory that no broker was founded in; any
// other error stays as it is.
func unfounded(dir string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok && filepath.Base(e.Path) == "network.json" && errors.Is(err, fs.ErrNotExist) {
		return schemas.Refuse(schemas.CodeNotFound, dir, "must be a directory that `linkage broker init` made", "name the right directory with --data, or found a network first")
	}
	return err
}

// stop ends a process in order, once it was told to.
func stop(ctx context.Context, end func(context.Context) error, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if failed := end(ctx); failed != nil && err == nil {
		err = fmt.Errorf("stop: %w", failed)
	}
	return err
}

func brokerInspect(c *cli) *cobra.Command {
	var flags *brokerFlags
	cmd := c.command("inspect", "Read the records of a broker that does not run, without payloads", c.arguments(), func(ctx context.Context, _ []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		in, err := broker.Inspect(ctx, opts.DataDir)
		if err != nil {
			return unfounded(opts.DataDir, err)
		}
		return c.print(in, func() {
			kinds := map[string]int{}
			for _, r := range in.Records {
				kinds[string(r.Kind)]++
			}
			c.say("%s holds %s.", in.Network, count(len(in.Records), "record", "records"))
			c.sayCounts(kinds)
		})
	})
	flags = forBroker(cmd)
	return cmd
}
