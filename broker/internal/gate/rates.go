package gate

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/linkage-exchange/linkage/schemas"
)

// rates keeps one token bucket per account.
type rates struct {
	limits Limits
	mu     sync.Mutex // guards by
	by     map[string]*rate.Limiter
}

func newRates(l Limits) *rates { return &rates{limits: l, by: map[string]*rate.Limiter{}} }

func (r *rates) allow(account string, now time.Time) bool {
	r.mu.Lock()
	l := r.by[account]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(r.limits.Rate), r.limits.Burst)
		r.by[account] = l
	}
	r.mu.Unlock()
	return l.AllowN(now, 1)
}

// load bounds the memory that undecided envelopes take: all together, and each
// account's, so that one member cannot take it from the others.
type load struct {
	mu  sync.Mutex // guards all and of
	all int
	of  map[string]int
}

const (
	maxLoad     = 256 << 20
	maxLoadEach = 64 << 20
	loadOfOne   = 4 << 10 // what an envelope takes besides its data
)

func newLoad() *load { return &load{of: map[string]int{}} }

// take notes an envelope; it returns why there is no room for it.
func (l *load) take(account string, data int) error {
	n := data + loadOfOne
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.of[account]+n > maxLoadEach:
		return errOverRate
	case l.all+n > maxLoad:
		return errFull
	}
	l.all += n
	l.of[account] += n
	return nil
}

func (l *load) release(account string, data int) {
	n := data + loadOfOne
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all -= n
	if l.of[account] -= n; l.of[account] == 0 {
		delete(l.of, account)
	}
}

// places bounds the pulls under way: all together, because each holds a page in
// memory, and each account's.
type places struct {
	free chan struct{}
	mu   sync.Mutex // guards of
	of   map[string]int
}

const (
	maxPulls     = 32
	maxPullsEach = 4
)

func newPlaces() *places {
	return &places{free: make(chan struct{}, maxPulls), of: map[string]int{}}
}

// take waits for a place until done or stopping says otherwise.
func (p *places) take(ctx context.Context, account string, stopping <-chan struct{}) error {
	p.mu.Lock()
	if p.of[account] >= maxPullsEach {
		p.mu.Unlock()
		return errOverRate
	}
	p.of[account]++
	p.mu.Unlock()
	select {
	case <-stopping: // even if there is a place
	default:
		select {
		case p.free <- struct{}{}:
			return nil
		case <-ctx.Done():
			p.leave(account)
			return ctx.Err()
		case <-stopping:
		}
	}
	p.leave(account)
	return errStopping
}

func (p *places) release(account string) {
	<-p.free
	p.leave(account)
}

func (p *places) leave(account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[account]--; p.of[account] == 0 {
		delete(p.of, account)
	}
}

// close takes every place and keeps it.
func (p *places) close(ctx context.Context) error {
	for range maxPulls {
		select {
		case p.free <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// refusals decides which refusals are written one by one and counts the rest.
type refusals struct {
	most int
	mu   sync.Mutex // guards seen
	seen map[refusalKey]*refusalCount
}

type refusalKey struct {
	agency schemas.AgencyID
	code   schemas.Code
}

type refusalCount struct{ noted, counted int }

func newRefusals(most int) *refusals {
	return &refusals{most: most, seen: map[refusalKey]*refusalCount{}}
}

// note reports whether a refusal is to be written by itself; otherwise it has
// been counted.
func (r *refusals) note(a schemas.AgencyID, code schemas.Code) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := refusalKey{a, code}
	c := r.seen[k]
	if c == nil {
		c = &refusalCount{}
		r.seen[k] = c
	}
	if c.noted < r.most {
		c.noted++
		return true
	}
	c.counted++
	return false
}

// flush begins a new minute and returns what was only counted in the last.
func (r *refusals) flush() map[refusalKey]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counted := map[refusalKey]int{}
	for k, c := range r.seen {
		if c.counted > 0 {
			counted[k] = c.counted
		}
	}
	r.seen = map[refusalKey]*refusalCount{}
	return counted
}

// restore counts again what could not be written.
func (r *refusals) restore(k refusalKey, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[k] == nil {
		r.seen[k] = &refusalCount{}
	}
	r.seen[k].counted += n
}
