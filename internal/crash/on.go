//go:build crashpoints

package crash

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var (
	target, after = plan(os.Getenv("LINKAGE_CRASH"))
	passed        atomic.Int64
)

func plan(s string) (name string, n int64) {
	name, count, _ := strings.Cut(s, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		n = 1
	}
	return name, n
}

// Point kills the process when it is the planned passage of the planned point.
func Point(name string) {
	if name != target || passed.Add(1) != after {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // cannot fail for our own process
	select {}
}
