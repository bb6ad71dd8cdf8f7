package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/examples"
	"github.com/linkage-exchange/linkage/internal/children"
	"github.com/linkage-exchange/linkage/proof/checker"
	"github.com/linkage-exchange/linkage/schemas"
)

// demoFlags say how the demo is to run.
type demoFlags struct {
	setup, keep string
	headless    bool
}

func demoCommand(c *cli) *cobra.Command {
	var f demoFlags
	cmd := c.command("demo", "Play a week of a network on this machine, and prove what was promised", c.arguments(), func(ctx context.Context, _ []string) error {
		return c.demo(ctx, f)
	})
	cmd.Long = `Starts a broker and the agents of five fictional agencies on this machine, each
a process of its own with its own data directory and keys, lets them join, and
plays a week: referrals and their outcomes, drug tests, a shelter whose line is
cut, a consent that is taken back, a suspended member, a broker that loses power.
Then it stops everything and proves from what the stores hold that every promise
was kept.`
	cmd.Flags().StringVar(&f.setup, "setup", "formal-consortium", "which network: "+strings.Join(schemas.Setups, ", "))
	cmd.Flags().BoolVar(&f.headless, "headless", false, "end after the week, as with --json; otherwise the network then runs on until Ctrl-C")
	cmd.Flags().StringVar(&f.keep, "keep", "", "keep everything in this directory, which must not exist yet")
	return cmd
}

// demoResult is what --json prints.
type demoResult struct {
	Setup    string            `json:"setup"`
	Seconds  float64           `json:"seconds"`
	Events   int               `json:"events"` // that reached a recipient
	Promises []checker.Promise `json:"promises"`
}

func (c *cli) demo(ctx context.Context, f demoFlags) error {
	example, err := examples.Load(f.setup)
	if err != nil {
		return misuse{fmt.Errorf("there is no demo of the setup %q yet", f.setup), "choose one of: " + strings.Join(examples.Setups(), ", ")}
	}
	dir, done, err := demoDir(f.keep)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	net, err := newDemoNetwork(self, dir, example.Network)
	if err != nil {
		return errors.Join(err, done(true))
	}
	tell := &narrator{c.out}
	if c.json {
		tell.out = io.Discard
	}
	p := &player{
		net: net, example: example, course: example.Begin(), grants: map[string]schemas.GrantID{},
		manifest: newDemoManifest(example), tell: tell,
	}
	result, err := p.run(ctx)
	if err == nil && c.json {
		err = c.print(result, nil)
	}
	if err == nil && !checker.Held(result.Promises) {
		err = errBroken
	}
	if err == nil && !f.headless && !c.json {
		err = p.stay(ctx)
	}
	err = errors.Join(err, net.stopNetwork())
	if f.keep != "" {
		tell.kept(net)
	}
	return errors.Join(err, done(err == nil || ctx.Err() != nil))
}

// demoDir makes the directory of everything. done removes it, unless it is to
// be kept or something failed that somebody may want to look into.
func demoDir(keep string) (dir string, done func(well bool) error, err error) {
	if keep != "" {
		if dir, err = filepath.Abs(keep); err == nil {
			err = os.Mkdir(dir, 0o700)
		}
		return dir, func(bool) error { return nil }, err
	}
	dir, err = os.MkdirTemp("", "linkage-demo-")
	return dir, func(well bool) error {
		if !well {
			return fmt.Errorf("everything was left in %s", dir)
		}
		return os.RemoveAll(dir)
	}, err
}

// run founds the network, plays the week, stops everything and lets the checker
// look.
func (p *player) run(ctx context.Context) (demoResult, error) {
	began := time.Now()
	p.tell.line("%s: five agencies, four clients, one week; nobody in it is real.", strings.TrimSuffix(p.example.Network.Name, " (fictional)"))
	if err := p.net.found(ctx, p.tell.line); err != nil {
		return demoResult{}, err
	}
	if err := p.play(ctx); err != nil {
		return demoResult{}, err
	}
	if err := p.net.stopNetwork(); err != nil {
		return demoResult{}, err
	}
	r := demoResult{Setup: p.example.Network.Setup, Events: p.manifest.arrived(p.example, p.course)}
	err := p.manifest.write(filepath.Join(p.net.dir, "manifest.json"))
	if err != nil {
		return r, err
	}
	r.Promises, err = checkDirs(ctx, p.net.Children, p.manifest.Manifest, p.net.dataDirs())
	r.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	if err != nil {
		return r, err
	}
	p.tell.table(r.Promises)
	p.tell.line("%d events reached their recipients, in %.1f seconds.", r.Events, r.Seconds)
	return r, nil
}

// stay starts the network again and leaves it to a person until Ctrl-C.
func (p *player) stay(ctx context.Context) error {
	if err := p.net.startBroker(ctx); err != nil {
		return err
	}
	var starts []func() error
	for _, a := range p.example.Network.Agencies {
		starts = append(starts, func() error { return p.net.startAgent(ctx, a.ID) })
	}
	if err := children.Together(starts); err != nil {
		return err
	}
	p.tell.running(p.net)
	<-ctx.Done()
	p.tell.line("Stopping.")
	return nil
}
