package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

func agentBackup(c *cli) *cobra.Command {
	var flags *agentFlags
	cmd := c.command("backup FILE", "Back up everything that the agent holds, running or not, into a new sealed file or into a directory", c.arguments("FILE"), func(ctx context.Context, args []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		file, err := filepath.Abs(args[0])
		if err != nil {
			return fmt.Errorf("name of the backup: %w", err)
		}
		made, err := makeBackup(ctx, opts, file)
		if err != nil {
			return err
		}
		return c.print(made, func() { c.sayBackup(made) })
	})
	flags = forAgent(cmd).unlocking()
	return cmd
}

// makeBackup asks the agent that runs, or reads the store of one that does not.
func makeBackup(ctx context.Context, opts agent.Options, file string) (agent.Backed, error) {
	client := agent.OpenClient(opts.DataDir)
	if client.Running(ctx) {
		return client.Backup(ctx, file)
	}
	return agent.Backup(ctx, opts, file)
}

func (c *cli) sayBackup(b agent.Backed) {
	c.say("The backup is %s, %s, and was read back whole.", b.File, size(int(b.Bytes)))
	c.table([][]string{
		{"  holds", b.Name},
		{"  as of", b.Created.Local().Format("2006-01-02 15:04:05")},
		{"  opened by", "the code on recovery sheet " + b.Sheet},
	})
	for _, m := range b.Memberships {
		c.say("  %s in %s: %s, fingerprint %s", m.Agency, m.Network, count(int(m.Events), "event", "events"), m.Fingerprint)
	}
	c.say("Keep it on another machine. Without the sheet nobody can open it.")
}

func agentRestore(c *cli) *cobra.Command {
	var flags *agentFlags
	var codeFile string
	var wait time.Duration
	var offline bool
	cmd := c.command("restore FILE", "Make the agent's directory from a backup, and fetch what came since", c.arguments("FILE"), func(ctx context.Context, args []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		code, err := c.recoveryCode(codeFile)
		if err != nil {
			return err
		}
		made, err := agent.Restore(ctx, opts, args[0], code)
		if err != nil {
			return err
		}
		return c.afterRestore(ctx, opts, made, offline, wait)
	})
	flags = forAgent(cmd).unlocking()
	flags.text(&flags.opts.Proxy, "proxy", "the HTTP proxy on the way to the exchange (default what HTTPS_PROXY says)")
	withCodeFile(cmd, &codeFile)
	cmd.Flags().DurationVar(&wait, "wait", 2*time.Minute, "how long to wait for the exchange and the partners; the agent goes on by itself when it runs")
	cmd.Flags().BoolVar(&offline, "offline", false, "restore the directory only; what came since is fetched when the agent runs")
	return cmd
}

// maxCode bounds what is read of a recovery code.
const maxCode = 4 << 10

func withCodeFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "code-file", "", "a `file` with the recovery code (default it is asked for, or read from standard input)")
}

// recoveryCode reads the code from a file, or from standard input, at which a
// person may sit.
func (c *cli) recoveryCode(file string) (string, error) {
	in := c.in
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read recovery code: %w", err)
		}
		defer func() { _ = f.Close() }() // only read from
		in = f
	} else if f, ok := c.in.(*os.File); ok && isTerminal(f) {
		fmt.Fprintf(c.err, "The code on the recovery sheet, nine groups of five: ")
		line, err := bufio.NewReader(io.LimitReader(f, maxCode)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read recovery code: %w", err)
		}
		return strings.TrimSpace(line), nil
	}
	b, err := io.ReadAll(io.LimitReader(in, maxCode))
	if err != nil {
		return "", fmt.Errorf("read recovery code: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// restoredDocument is what `agent restore` answers to programs.
type restoredDocument struct {
	agent.Restored
	Recoveries []agent.Recovery `json:"recoveries"`
}

// afterRestore runs the agent until its partners have sent again what came
// since the backup, or until nobody wants to wait any longer.
func (c *cli) afterRestore(ctx context.Context, opts agent.Options, made agent.Restored, offline bool, wait time.Duration) error {
	if !c.json {
		c.say("%s is restored in %s, as of %s.", plain(made.Name), made.Data, made.Created.Local().Format("2006-01-02 15:04:05"))
	}
	out := restoredDocument{made, []agent.Recovery{}}
	if !offline && len(made.Memberships) > 0 {
		opts.Listen, opts.Logger = "off", c.logger()
		a, err := agent.Open(ctx, opts)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, wait)
		out.Recoveries, err = a.Recovered(ctx)
		cancel()
		if err := stop(ctx, a.Stop, err); err != nil {
			return err
		}
	}
	return c.print(out, func() {
		for _, r := range out.Recoveries {
			c.say("%s: %s.", r.Network, r.Sentence())
		}
		c.say("\nNever start the old machine's copy again. Next: linkage agent run --data %s", made.Data)
	})
}

func agentReclaim(c *cli) *cobra.Command {
	var flags *agentFlags
	var network string
	cmd := c.command("reclaim", "Make this copy the agency again, after the exchange turned it away for another copy", c.arguments(), func(ctx context.Context, _ []string) error {
		client, err := flags.client()
		if err != nil {
			return err
		}
		done, err := client.Reclaim(ctx, schemas.NetworkID(network))
		if err != nil {
			return err
		}
		return c.print(done, func() {
			c.say("This copy is the agency in %s again. Stop the other one and never start it again.", done.Network)
			c.say("What the other one had is fetched from the exchange and the partners: linkage agent status%s", c.where)
		})
	})
	flags = forAgent(cmd)
	withNetwork(cmd, &network)
	return cmd
}
