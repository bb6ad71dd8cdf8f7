//go:build !chaos

package clock

import "time"

// offset is none: the machine's clock counts.
const offset time.Duration = 0
