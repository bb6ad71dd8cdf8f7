package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/internal/config"
	"github.com/linkage-exchange/linkage/schemas"
)

var (
	//go:embed broker.yaml
	brokerExample string
	//go:embed agent.yaml
	agentExample string
)

// options are what a process can be configured with.
type options interface {
	SetDefaults()
	Validate() error
}

// process is one of the two that read a configuration file.
type process struct {
	name    string
	example string
	options func() options
}

var processes = []process{
	{"broker", brokerExample, func() options { return &broker.Options{} }},
	{"agent", agentExample, func() options { return &agent.Options{} }},
}

func configCommand(c *cli) *cobra.Command {
	return c.group("config", "Check a configuration file, and show every setting", configCheck(c), configExample(c))
}

func configExample(c *cli) *cobra.Command {
	return c.command("example broker|agent", "Print every setting with its default", c.arguments("broker or agent"), func(_ context.Context, args []string) error {
		for _, p := range processes {
			if p.name == args[0] {
				return c.print(map[string]any{"process": p.name, "example": p.example, "settings": config.Names(p.options())}, func() { fmt.Fprint(c.out, p.example) })
			}
		}
		return misuse{errors.New("the argument must be broker or agent"), ""}
	})
}

// checked is what `config check` answers to programs.
type checked struct {
	File    string        `json:"file"`
	Process string        `json:"process"`
	Valid   bool          `json:"valid"`
	Faults  config.Faults `json:"faults"`
}

func configCheck(c *cli) *cobra.Command {
	return c.command("check FILE", "Say what is wrong with a configuration file, by line", c.arguments("FILE"), func(_ context.Context, args []string) error {
		content, err := os.ReadFile(args[0])
		if err != nil {
			return misuse{fmt.Errorf("open configuration: %w", bare(err)), ""}
		}
		p, faults := likeliest(content)
		document := checked{args[0], p.name, len(faults) == 0, faults}
		if len(faults) > 0 {
			if c.json {
				_ = c.print(document, nil) // the faults are the error
			}
			return faults
		}
		return c.print(document, func() { c.say("%s is a valid configuration of %s", args[0], validFor(content)) })
	})
}

// validFor names every process that could start with a file: a file that sets
// nothing, or only what both have, is right for both.
func validFor(content []byte) string {
	var names []string
	for _, p := range processes {
		if len(check(content, p.options())) == 0 {
			names = append(names, map[string]string{"broker": "a broker", "agent": "an agent"}[p.name])
		}
	}
	return strings.Join(names, " and of ")
}

// likeliest is the process whose configuration a file rather is, and what is
// wrong with it then.
func likeliest(content []byte) (process, config.Faults) {
	var best process
	var fewest config.Faults
	for i, p := range processes {
		if faults := check(content, p.options()); i == 0 || len(faults) < len(fewest) {
			best, fewest = p, faults
		}
	}
	return best, fewest
}

// check reads a file as a process would at its start.
func check(content []byte, opts options) config.Faults {
	// The directory may be given on the command line; a file need not name it.
	if _, err := config.Parse([]byte("data_dir: "+os.DevNull), opts); err != nil {
		return config.Faults{{Where: "defaults", Rule: err.Error()}}
	}
	file, err := config.Parse(content, opts)
	if faults, ok := errors.AsType[config.Faults](err); ok {
		return faults
	}
	opts.SetDefaults()
	err = opts.Validate()
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return config.Faults{}
	}
	return config.Faults{{Where: file.Where(e.Field), Field: e.Field, Rule: e.Rule}}
}
