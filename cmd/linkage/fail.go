package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/linkage-exchange/linkage/internal/config"
	"github.com/linkage-exchange/linkage/schemas"
)

// The exit statuses.
const (
	exitDone    = 0
	exitFailed  = 1
	exitMisused = 2
	exitRefused = 3 // by policy
)

// exits is the exit status of each kind of error.
var exits = map[schemas.Kind]int{
	schemas.KindInternal:  exitFailed,
	schemas.KindInvalid:   exitFailed,
	schemas.KindForbidden: exitRefused,
	schemas.KindNotFound:  exitFailed,
	schemas.KindConflict:  exitFailed,
	schemas.KindExpired:   exitFailed,
	schemas.KindLater:     exitFailed,
}

// exitOf is the exit status of an error: that of its kind, but what is malformed
// was typed so by whoever ran the command.
func exitOf(e *schemas.Error) int {
	if e.Code == schemas.CodeMalformed {
		return exitMisused
	}
	return exits[e.Kind()]
}

// fail tells a person what went wrong and what to do, and returns the exit
// status.
func (c *cli) fail(err error) int {
	what, hint, code := c.explain(err)
	if j, ok := errors.AsType[judged](err); ok {
		code = j.code
	}
	for line := range strings.Lines(what) {
		fmt.Fprintf(c.err, "linkage: %s\n", plain(strings.TrimSpace(line)))
	}
	if hint != "" {
		fmt.Fprintf(c.err, "hint: %s\n", plain(c.here(hint)))
	}
	return code
}

// judged is an error whose exit status its command knows better than its kind.
type judged struct {
	error
	code int
}

func (j judged) Unwrap() error { return j.error }

func (c *cli) explain(err error) (what, hint string, code int) {
	help := "see `" + c.path + " --help`"
	if m, ok := errors.AsType[misuse](err); ok {
		if m.hint == "" {
			m.hint = help
		}
		return m.Error(), m.hint, exitMisused
	}
	if f, ok := errors.AsType[config.Faults](err); ok {
		return f.Error(), "see `linkage config example agent`, or `linkage config example broker`, for every setting", exitMisused
	}
	if e, ok := errors.AsType[*schemas.Error](err); ok {
		what, hint = e.Rule, e.Remedy
		if e.Field != "" {
			what = e.Field + " " + e.Rule
		}
		if e.Code == schemas.CodeMalformed && strings.HasPrefix(e.Remedy, "correct the field") {
			hint = help
		}
		return what, hint, exitOf(e)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "stopped before it was done", "run the same command again", exitFailed
	case errors.Is(err, context.DeadlineExceeded):
		return err.Error(), "run the same command again", exitFailed
	case !c.begun: // the arguments were not understood
		return err.Error(), help, exitMisused
	}
	return err.Error(), remedy(err), exitFailed
}

// remedy is what an error of another form says to do.
func remedy(err error) string {
	if e, ok := errors.AsType[interface {
		error
		Advice() string
	}](err); ok {
		return e.Advice()
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "stop the program that uses this address, or choose another address in the configuration or by flag"
	case errors.Is(err, syscall.EAGAIN):
		return "stop the other one first, or name another directory with --data"
	}
	return ""
}
