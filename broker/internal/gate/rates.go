package gate

import (
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
func (r *refusals) note(a schemas.AgencyID, code schemas.Code, _ time.Time) bool {
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
