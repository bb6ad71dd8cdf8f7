//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/internal/children"
	"github.com/linkage-exchange/linkage/schemas"
)

// How long a run waits for what has to happen by itself after everything is
// well again. A network that needs a push, such as the restart of an agent that
// would look again in a minute, gets one after settleAlone.
const (
	answersFor   = 60 * time.Second // for the answers that people wait for
	settleAlone  = 3 * time.Second
	settleAtMost = 90 * time.Second
)

// play lets everything happen that the schedule says, and returns when the last
// fault is over and everybody has an answer.
func (r *run) play(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, window+answersFor)
	defer cancel()
	var watchers sync.WaitGroup
	watching, unwatch := context.WithCancel(ctx)
	for _, p := range r.processes {
		watchers.Go(func() { p.watch(watching) })
	}
	begin := time.Now()
	var all []func() error
	at := func(when time.Duration, do func() error) {
		all = append(all, func() error {
			rest(ctx, time.Until(begin.Add(when)))
			return do()
		})
	}
	for _, s := range r.sched.Steps {
		at(s.At, func() error { return r.do(ctx, s) })
	}
	for _, f := range r.sched.Faults {
		at(f.At, func() error { return r.fall(ctx, f) })
	}
	err := children.Together(all)
	unwatch()
	watchers.Wait()
	for _, p := range r.processes { // one may have ended since its watcher looked
		p.mu.Lock()
		p.revive()
		p.mu.Unlock()
	}
	return err
}

// settle waits until the network is quiet.
func (r *run) settle(ctx context.Context) error {
	alone, cancel := context.WithTimeout(ctx, settleAlone)
	defer cancel()
	if r.quiet(alone) == nil {
		return nil
	}
	r.rec.add(Line{What: Pushed, Text: "the agents that are not quiet are restarted"})
	for _, a := range r.sched.Agencies {
		if r.unquiet(ctx, a) != "" {
			if err := r.processes[string(a)].restart(); err != nil {
				return err
			}
		}
	}
	most, cancel := context.WithTimeout(ctx, settleAtMost)
	defer cancel()
	return r.quiet(most)
}

// quiet waits until every agency is.
func (r *run) quiet(ctx context.Context) error {
	var waits []func() error
	for _, a := range r.sched.Agencies {
		waits = append(waits, func() error {
			why := ""
			err := until(ctx, string(a), func(ctx context.Context) bool {
				why = r.unquiet(ctx, a)
				return why == ""
			})
			if err != nil {
				return errors.New(why)
			}
			return nil
		})
	}
	return children.Together(waits)
}

// again are the reasons for which something stands still that people send again
// once everything is well: a suspension that is over, a copy that is gone.
var again = []schemas.Code{schemas.CodeSuspended, schemas.CodeChainConflict}

// unquiet says what an agency still has to do, "" if it has done everything. It
// does what people have to do: what the gate took back because its sender was
// suspended may go now that it is a member again, say, and a copy that was turned
// away for another is the agency again once the other is gone.
func (r *run) unquiet(ctx context.Context, a schemas.AgencyID) string {
	s, err := r.clients[a].Status(ctx)
	if err != nil {
		return fmt.Sprintf("%s does not answer: %v", a, err)
	}
	var why []string
	n := s.Networks[0]
	if !n.Connected {
		why = append(why, "is not connected: "+n.Obstacle)
	}
	for _, state := range []string{"waiting", "frozen", "accepted"} {
		for known, count := range n.Outbox {
			if string(known) == state && count > 0 {
				why = append(why, fmt.Sprintf("has %d deliveries %s", count, state))
			}
		}
	}
	if !n.Doubled.IsZero() {
		_, err := r.clients[a].Reclaim(ctx, "")
		why = append(why, fmt.Sprintf("was turned away for its copy: %v", err))
	}
	if n.Recovery != nil && !n.Recovery.Done {
		why = append(why, "is still being restored: "+n.Recovery.Sentence())
	}
	for _, t := range n.Person {
		if slices.Contains(again, t.Code) {
			why = append(why, fmt.Sprintf("has delivery %d to send again: %v", t.Delivery, r.clients[a].Retry(ctx, "", t.Delivery)))
		}
	}
	for _, t := range n.Retry {
		why = append(why, fmt.Sprintf("delivery %d to %s: %s %s", t.Delivery, t.Recipient, t.Code, t.Rule))
		break
	}
	for sender, count := range n.Missing {
		why = append(why, fmt.Sprintf("lacks %d envelopes of %s", count, sender))
	}
	if len(why) == 0 {
		return ""
	}
	return string(a) + " " + strings.Join(why, ", ")
}
