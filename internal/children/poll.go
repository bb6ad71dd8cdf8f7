package children

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// The times of [Poll].
const (
	pollEvery = 100 * time.Millisecond
	pollFor   = 90 * time.Second
)

// Poll asks until ok reports true. An error ends it, and so does a deadline;
// its message says what was waited for.
func Poll(ctx context.Context, what string, ok func(context.Context) (bool, error)) error {
	within, cancel := context.WithTimeout(ctx, pollFor)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		done, err := ok(within)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case within.Err() != nil:
			return fmt.Errorf("waited %s for %s", pollFor, what)
		case err != nil || done:
			return err
		}
		select {
		case <-ticker.C:
		case <-within.Done():
		}
	}
}

// Together does all at the same time and returns once they are done.
func Together(all []func() error) error {
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, do := range all {
		wg.Go(func() { errs[i] = do() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
