//go:build !unix

package children

import "syscall"

// alone is what can be said about a child on every system: nothing.
func alone() *syscall.SysProcAttr { return nil }
