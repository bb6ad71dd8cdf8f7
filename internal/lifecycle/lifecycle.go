// Package lifecycle stops what was started, in reverse.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Teardown is a stack of named steps that undo a start. The zero value is
// ready to use.
type Teardown struct {
	mu    sync.Mutex // guards steps
	steps []step
}

type step struct {
	name string
	stop func(context.Context) error
}

// Push adds a step; the last one pushed runs first.
func (t *Teardown) Push(name string, stop func(context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, step{name, stop})
}

// Run runs every step once, last first, and joins their errors. A second Run
// does nothing.
func (t *Teardown) Run(ctx context.Context) error {
	t.mu.Lock()
	steps := t.steps
	t.steps = nil
	t.mu.Unlock()
	var errs error
	for i := len(steps) - 1; i >= 0; i-- {
		if err := steps[i].stop(ctx); err != nil {
			errs = errors.Join(errs, fmt.Errorf("stop %s: %w", steps[i].name, err))
		}
	}
	return errs
}
