package children

import "syscall"

// alone puts a child into a process group of its own, so that Ctrl-C reaches
// this process first, which then stops the children in order. Should this
// process be killed, the kernel ends them.
func alone() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
