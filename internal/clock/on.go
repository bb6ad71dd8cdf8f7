//go:build chaos

package clock

import (
	"os"
	"time"
)

// offset is by how much the clock is put off.
var offset = parse(os.Getenv("LINKAGE_CLOCK_OFFSET"))

func parse(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return d
}
