package main

import (
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/internal/config"
)

// The examples name every setting, and stay valid when their comments are
// removed.
func TestExamplesNameEverySetting(t *testing.T) {
	for _, p := range processes {
		t.Run(p.name, func(t *testing.T) {
			var given []string
			for line := range strings.Lines(p.example) {
				text, ok := strings.CutPrefix(line, "# ")
				name, _, setting := strings.Cut(text, ": ")
				if ok && setting && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") == "" {
					given = append(given, text)
				}
			}
			for _, name := range config.Names(p.options()) {
				if !strings.Contains("\n"+p.example, "\n# "+name+": ") {
					t.Errorf("%s is not in the example", name)
				}
			}
			if got, want := len(given), len(config.Names(p.options())); got != want {
				t.Errorf("got %d settings in the example, want %d", got, want)
			}
			if faults := check([]byte(strings.Join(given, "")), p.options()); len(faults) > 0 {
				t.Errorf("without its comment signs: %v", faults)
			}
		})
	}
}
