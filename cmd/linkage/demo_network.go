package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/examples"
	"github.com/linkage-exchange/linkage/internal/children"
	"github.com/linkage-exchange/linkage/schemas"
)

// demoNetwork is a broker and agents on this machine, each a process with its
// own data directory and keys.
type demoNetwork struct {
	*children.Children
	dir     string
	network examples.Network
	address map[string]string // of the broker, its status, and each agency's agent
}

const demoStatus = "status"

// maxSocketPath is how long the path of a socket may be on every system.
const maxSocketPath = 100

func newDemoNetwork(self, dir string, n examples.Network) (*demoNetwork, error) {
	d := &demoNetwork{dir: dir, network: n, address: map[string]string{}}
	for _, a := range n.Agencies {
		if beyond := len(filepath.Join(d.agentDir(a.ID), "agent.sock")) - maxSocketPath; beyond > 0 {
			return nil, misuse{fmt.Errorf("the directory %s must have a name that is %d characters shorter", dir, beyond), "the paths of sockets in it are limited"}
		}
	}
	for _, sub := range []string{"logs", "agents"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make directory: %w", err)
		}
	}
	d.Children = children.New(self, filepath.Join(dir, "logs"))
	names := []string{examples.Broker, demoStatus}
	for _, a := range n.Agencies {
		names = append(names, string(a.ID))
	}
	return d, d.choosePorts(names)
}

// choosePorts finds a free port on the loopback interface for each name.
func (d *demoNetwork) choosePorts(names []string) error {
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = l.Close() }() // all at once at the end, so that no port is found twice
		d.address[name] = l.Addr().String()
	}
	return nil
}

func (d *demoNetwork) brokerDir() string { return filepath.Join(d.dir, examples.Broker) }

func (d *demoNetwork) leadDir() string { return filepath.Join(d.dir, "lead") }

func (d *demoNetwork) agentDir(a schemas.AgencyID) string {
	return filepath.Join(d.dir, "agents", string(a))
}

// keyFile opens an agent's store. It stands where the agent looks for it.
func (d *demoNetwork) keyFile(a schemas.AgencyID) string { return d.agentDir(a) + ".key" }

// found makes the network: a broker that runs, and every agency a member.
func (d *demoNetwork) found(ctx context.Context, say func(format string, args ...any)) error {
	_, _, err := d.Run(ctx, nil, "broker", "init", "--data", d.brokerDir(), "--lead", d.leadDir(), "--network", string(d.network.ID),
		"--url", "https://"+d.address[examples.Broker], "--setup", d.network.Setup)
	if err != nil {
		return err
	}
	if err := d.startBroker(ctx); err != nil {
		return err
	}
	say("A broker serves network %s at https://%s. It can read nothing of what passes.", d.network.ID, d.address[examples.Broker])
	var joins []func() error
	for _, a := range d.network.Agencies {
		code, err := d.invite(ctx, a.ID)
		if err != nil {
			return err
		}
		joins = append(joins, func() error { return d.join(ctx, a, code) })
	}
	if err := children.Together(joins); err != nil {
		return err
	}
	for _, a := range d.network.Agencies {
		say("%s joined with an invitation code; it %s.", strings.TrimSuffix(a.Name, " (fictional)"), a.Does)
	}
	return nil
}

func (d *demoNetwork) startBroker(ctx context.Context) error {
	err := d.Start(examples.Broker, "broker", "run", "--data", d.brokerDir(), "--listen", d.address[examples.Broker], "--status-listen", d.address[demoStatus])
	if err != nil {
		return err
	}
	return children.Poll(ctx, "the broker to serve", func(ctx context.Context) (bool, error) {
		_, err := broker.OpenAdmin(d.brokerDir()).State(ctx)
		return err == nil, d.Alive(examples.Broker)
	})
}

func (d *demoNetwork) invite(ctx context.Context, a schemas.AgencyID) (string, error) {
	out, _, err := d.Run(ctx, nil, "broker", "invite", string(a), "--data", d.brokerDir(), "--lead", d.leadDir(), "--json")
	if err != nil {
		return "", err
	}
	var invited struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(out, &invited); err != nil {
		return "", fmt.Errorf("read invitation of %s: %w", a, err)
	}
	return invited.Code, nil
}

// join makes an agency's agent, admits it and runs it.
func (d *demoNetwork) join(ctx context.Context, a examples.Agency, code string) error {
	if _, _, err := d.Run(ctx, nil, "agent", "init", "--data", d.agentDir(a.ID), "--name", a.Name, "--key-file", d.keyFile(a.ID)); err != nil {
		return err
	}
	if _, _, err := d.Run(ctx, nil, "agent", "join", code, "--data", d.agentDir(a.ID)); err != nil {
		return err
	}
	return d.startAgent(ctx, a.ID)
}

// startAgent runs an agent and waits until it is connected.
func (d *demoNetwork) startAgent(ctx context.Context, a schemas.AgencyID) error {
	if err := d.Start(string(a), "agent", "run", "--data", d.agentDir(a), "--listen", d.address[string(a)]); err != nil {
		return err
	}
	return children.Poll(ctx, "the agent of "+string(a)+" to connect", func(ctx context.Context) (bool, error) {
		s, err := d.status(ctx, a)
		return err == nil && s.Connected, d.Alive(string(a))
	})
}

// status asks a running agent how it is in the demo's network.
func (d *demoNetwork) status(ctx context.Context, a schemas.AgencyID) (agent.NetworkStatus, error) {
	s, err := agent.OpenClient(d.agentDir(a)).Status(ctx)
	if err != nil {
		return agent.NetworkStatus{}, err
	}
	if len(s.Networks) != 1 {
		return agent.NetworkStatus{}, fmt.Errorf("%s is in %d networks", a, len(s.Networks))
	}
	return s.Networks[0], nil
}

// program is how a person calls this executable.
func (d *demoNetwork) program() string {
	if found, err := exec.LookPath("linkage"); err == nil && found == d.Program() {
		return "linkage"
	}
	return d.Program()
}

// dataDirs are the directories of broker and agents, and the logs.
func (d *demoNetwork) dataDirs() []string {
	dirs := []string{d.brokerDir(), d.Logs()}
	for _, a := range d.network.Agencies {
		dirs = append(dirs, d.agentDir(a.ID))
	}
	return dirs
}

// stopNetwork ends everything, agents before the broker.
func (d *demoNetwork) stopNetwork() error {
	var stops []func() error
	for _, a := range d.network.Agencies {
		stops = append(stops, func() error { return d.Stop(string(a.ID)) })
	}
	return errors.Join(children.Together(stops), d.Stop(examples.Broker))
}
