package main

import (
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/internal/config"
)

// defaultDir is where a process keeps its data if nobody says otherwise.
func defaultDir(process string) string {
	if runtime.GOOS != "windows" && os.Geteuid() == 0 {
		return filepath.Join("/var/lib/linkage", process)
	}
	base, err := os.UserConfigDir()
	if err != nil {
		base = "." // no home: the data lies where the command runs
	}
	return filepath.Join(base, "linkage", process)
}

// flagged copies what was given on the command line over what file and
// environment said.
type flagged struct {
	cmd  *cobra.Command
	copy map[string]func() // by flag
}

func newFlagged(cmd *cobra.Command) flagged {
	return flagged{cmd, map[string]func(){}}
}

// text binds a flag to a field of the options.
func (f flagged) text(field *string, name, usage string) {
	given := f.cmd.Flags().String(name, "", usage)
	f.copy[name] = func() { *field = *given }
}

func (f flagged) apply() {
	for name, copy := range f.copy {
		if f.cmd.Flags().Changed(name) {
			copy()
		}
	}
}

// agentFlags are the flags by which a command finds its agent.
type agentFlags struct {
	flagged
	opts agent.Options
	file string
}

// forAgent adds the flags that every command of an agent has.
func forAgent(cmd *cobra.Command) *agentFlags {
	f := &agentFlags{flagged: newFlagged(cmd)}
	f.text(&f.opts.DataDir, "data", "the agent's directory (default "+defaultDir("agent")+")")
	cmd.Flags().StringVar(&f.file, "config", "", "a configuration `file`: see linkage config example agent")
	return f
}

// unlocking adds the flags that say how the store is opened.
func (f *agentFlags) unlocking() *agentFlags {
	f.text(&f.opts.KeyFile, "key-file", "the file that opens the store (default the directory's name with .key)")
	f.text(&f.opts.Credential, "credential", "a systemd credential that opens the store, in place of a key file")
	f.text(&f.opts.PassphraseEnv, "passphrase-env", "an environment variable with a passphrase that opens the store")
	f.cmd.MarkFlagsMutuallyExclusive("key-file", "credential", "passphrase-env")
	return f
}

// running adds the flags of an agent that serves.
func (f *agentFlags) running() *agentFlags {
	f.text(&f.opts.Listen, "listen", "where this agency's systems reach the agent, or off (default 127.0.0.1:7420)")
	f.text(&f.opts.Proxy, "proxy", "the HTTP proxy on the way to the exchange (default what HTTPS_PROXY says)")
	return f
}

// options are what flags, environment, file and defaults come to.
func (f *agentFlags) options() (agent.Options, error) {
	if _, err := config.Load(f.file, environment, &f.opts); err != nil {
		return agent.Options{}, err
	}
	for _, source := range []string{"key-file", "credential", "passphrase-env"} {
		if f.cmd.Flags().Changed(source) {
			f.opts.KeyFile, f.opts.Credential, f.opts.PassphraseEnv = "", "", ""
		}
	}
	f.apply()
	if f.opts.DataDir == "" {
		f.opts.DataDir = defaultDir("agent")
	}
	f.opts.SetDefaults()
	f.opts.Version = version
	return f.opts, f.opts.Validate()
}

// client reaches the agent that runs.
func (f *agentFlags) client() (*agent.Client, error) {
	opts, err := f.options()
	return agent.OpenClient(opts.DataDir), err
}

// brokerFlags are the flags by which a command finds its broker.
type brokerFlags struct {
	flagged
	opts broker.Options
	file string
	lead string
}

// forBroker adds the flags that every command of a broker has.
func forBroker(cmd *cobra.Command) *brokerFlags {
	f := &brokerFlags{flagged: newFlagged(cmd)}
	f.text(&f.opts.DataDir, "data", "the broker's directory (default "+defaultDir("broker")+")")
	cmd.Flags().StringVar(&f.file, "config", "", "a configuration `file`: see linkage config example broker")
	return f
}

// leading adds the flag that says where the admission key lies.
func (f *brokerFlags) leading() *brokerFlags {
	f.cmd.Flags().StringVar(&f.lead, "lead", "", "the directory with the network's admission key (default the broker's with -lead)")
	return f
}

// running adds the flags of a broker that serves.
func (f *brokerFlags) running() *brokerFlags {
	f.text(&f.opts.Listen, "listen", "the public address (default :7443)")
	f.text(&f.opts.NATSListen, "nats-listen", "a second address for NATS over TLS, usually :4222 (default none)")
	f.text(&f.opts.StatusListen, "status-listen", "health and metrics, without sign-in, or off (default 127.0.0.1:7430)")
	f.text(&f.opts.Certificate, "certificate", "a PEM file with a certificate that agencies trust (default the broker's own)")
	f.text(&f.opts.Key, "key", "the PEM file with the certificate's key")
	f.cmd.MarkFlagsRequiredTogether("certificate", "key")
	return f
}

// options are what flags, environment, file and defaults come to.
func (f *brokerFlags) options() (broker.Options, error) {
	if _, err := config.Load(f.file, environment, &f.opts); err != nil {
		return broker.Options{}, err
	}
	f.apply()
	if f.opts.DataDir == "" {
		f.opts.DataDir = defaultDir("broker")
	}
	f.opts.DataDir = filepath.Clean(f.opts.DataDir)
	f.opts.SetDefaults()
	if f.lead == "" {
		f.lead = f.opts.DataDir + "-lead"
	}
	return f.opts, f.opts.Validate()
}
