package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// every calls fn for a command and all under it.
func every(cmd *cobra.Command, fn func(*cobra.Command)) {
	fn(cmd)
	for _, sub := range cmd.Commands() {
		every(sub, fn)
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	every((&cli{}).root(), func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			var out, failed bytes.Buffer
			args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
			if code := run(t.Context(), args, strings.NewReader(""), &out, &failed); code != exitDone || failed.Len() > 0 {
				t.Fatalf("got exit status %d, %s", code, &failed)
			}
			if cmd.Short == "" || !strings.HasPrefix(out.String(), strings.TrimSpace(cmd.Short)) && cmd.Long == "" {
				t.Errorf("the help does not begin with what it is for:\n%s", &out)
			}
			if strings.HasSuffix(cmd.Short, ".") || cmd.Short != "" && strings.ToUpper(cmd.Short[:1]) != cmd.Short[:1] {
				t.Errorf("%q: a summary begins with a capital and has no full stop", cmd.Short)
			}
			if !strings.Contains(out.String(), "--json") {
				t.Error("--json is not offered")
			}
		})
	})
}

// An unknown flag is misuse everywhere, and nothing has begun.
func TestUnknownFlagIsMisuse(t *testing.T) {
	t.Parallel()
	every((&cli{}).root(), func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			var out, failed bytes.Buffer
			args := append(strings.Fields(cmd.CommandPath())[1:], "--nonsense")
			if code := run(t.Context(), args, strings.NewReader(""), &out, &failed); code != exitMisused || out.Len() > 0 {
				t.Fatalf("got exit status %d, %s", code, &out)
			}
			if !strings.HasPrefix(failed.String(), "linkage: unknown flag: --nonsense\nhint: see `linkage") {
				t.Errorf("got %s", &failed)
			}
		})
	})
}
