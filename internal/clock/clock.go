// Package clock is the time of day as a process takes it from its machine.
//
// In a build with the tag chaos the environment variable LINKAGE_CLOCK_OFFSET,
// such as -7h, puts it off, as a machine's clock is that nobody sets: the
// campaign of proof/chaos does that to single processes. Any other build knows
// no such variable.
package clock

import "time"

// Now is the time of day.
func Now() time.Time { return time.Now().Add(offset) }
