package main

import (
	"context"
	"crypto/fips140"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionDocument is what this program is made of.
type versionDocument struct {
	Version string `json:"version"`
	Module  string `json:"module"`
	Go      string `json:"go"`
	System  string `json:"system"`
	FIPS    struct {
		Module   string `json:"module"`
		Enabled  bool   `json:"enabled"`
		Enforced bool   `json:"enforced"`
	} `json:"fips140"`
}

func versionCommand(c *cli) *cobra.Command {
	return c.command("version", "Say what this program is made of", c.arguments(), func(context.Context, []string) error {
		v := versionDocument{Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
		if info, ok := debug.ReadBuildInfo(); ok {
			v.Module = info.Main.Path
			if v.Version == "unknown" && info.Main.Version != "" {
				v.Version = info.Main.Version
			}
		}
		v.FIPS.Module, v.FIPS.Enabled, v.FIPS.Enforced = fips140.Version(), fips140.Enabled(), fips140.Enforced()
		return c.print(v, func() {
			c.table([][]string{
				{"linkage", v.Version}, {"module", v.Module}, {"go", v.Go + " " + v.System}, {"fips 140-3 module", v.FIPS.Module}, {"fips 140-3 mode", v.mode()},
			})
		})
	})
}

func (v versionDocument) mode() string {
	switch {
	case v.FIPS.Enforced:
		return "only (anything else is refused)"
	case v.FIPS.Enabled:
		return "on"
	default:
		return "off"
	}
}
