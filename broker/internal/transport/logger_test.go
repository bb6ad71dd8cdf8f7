package transport_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/internal/eventually"
)

// Whoever reads the log of one of three finds that another is not reached, and no
// advice against production that does not hold.
func TestLogOfOneOfThree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	check(t, err)
	t.Cleanup(func() { check(t, f.Close()) })
	opts := trio(t)[0]
	opts.Logger = slog.New(slog.NewTextHandler(f, nil))
	start(t, opts)
	var text string
	eventually.True(t, "the log says that another is not reached", func() bool {
		all, err := os.ReadFile(path)
		check(t, err)
		text = string(all)
		return strings.Contains(text, "Error trying to connect to route")
	})
	for _, unfounded := range []string{"PRODUCTION", "Handshake First"} {
		if strings.Contains(text, unfounded) {
			t.Errorf("the log frightens with %s:\n%s", unfounded, text)
		}
	}
}
