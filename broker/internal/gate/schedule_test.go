package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// schedule lets members, a revoker or an admission authority, and a broker that
// restarts run against each other, and keeps what each of them saw.
type schedule struct {
	n    *network
	tick atomic.Uint64 // a clock that every observation moves

	mu     sync.Mutex // guards what follows
	random *rand.Rand
	given  map[schemas.EventID][]uint64 // when send received an envelope
	kills  int
}

func newSchedule(n *network, seed uint64) *schedule {
	return &schedule{n: n, random: rand.New(rand.NewPCG(seed, 7)), given: map[schemas.EventID][]uint64{}}
}

func (s *schedule) chance(percent int) bool { return s.upTo(100) < percent }

func (s *schedule) upTo(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.IntN(n)
}

// milestones are points of a sender's progress that others wait for.
type milestones []chan struct{}

func newMilestones(n int) milestones {
	m := make(milestones, n)
	for i := range m {
		m[i] = make(chan struct{})
	}
	return m
}

// reach opens the milestones up to the n-th.
func (m milestones) reach(n int) {
	for i := range min(n, len(m)) {
		select {
		case <-m[i]:
		default:
			close(m[i])
		}
	}
}

// stream sends envelopes under a grant, several outstanding, until all were
// taken or one was refused for good; it returns that code. What is not answered
// for good goes again with the same bytes.
func (s *schedule) stream(c *thread, grant schemas.GrantID, envelopes int, m milestones) schemas.Code {
	defer m.reach(len(m))
	var frozen []schemas.Envelope
	for done := 0; done < envelopes; {
		for want := min(1+s.upTo(4), envelopes-done); len(frozen) < want; {
			next := thread{from: c.from, to: c.to, chain: c.chain, sequence: c.sequence, previous: c.previous}
			if n := len(frozen); n > 0 {
				next.took(frozen[n-1])
			}
			frozen = append(frozen, next.next(grant))
		}
		replies := make(chan schemas.SubmitReply, len(frozen))
		answers := map[schemas.EventID]schemas.SubmitReply{}
		g, _, _ := s.n.running()
		for _, e := range frozen {
			g.Submit(c.from.account, e.Header(), e.Data, func(r schemas.SubmitReply) { replies <- r })
		}
		for range frozen {
			r := <-replies
			answers[r.Envelope] = r
		}
		for len(frozen) > 0 {
			r := answers[frozen[0].ID]
			if r.Result == schemas.ResultAccepted || r.Result == schemas.ResultDuplicate {
				c.took(frozen[0])
				frozen = frozen[1:]
				done++
				continue
			}
			if r.Code != schemas.CodeUnavailable && r.Code != schemas.CodeSequenceGap && r.Code != schemas.CodeNotAttempted {
				return r.Code
			}
			break
		}
		m.reach(done)
	}
	return ""
}

var errGone = errors.New("connection lost")

// mailbox is a member's end of pulls: what it has stored.
type mailbox struct {
	of     *agency
	cursor uint64
	stored []got
}

// pull asks for a page, and stores it, a part of it, or nothing of it.
func (s *schedule) pull(m *mailbox) (more bool, code schemas.Code) {
	g, _, line := s.n.running()
	var page []got
	var end *schemas.PullEnd
	breaks := -1
	if s.chance(20) {
		breaks = s.upTo(3)
	}
	req := schemas.PullRequest{V: 1, After: m.cursor, Max: 1 + s.upTo(6)}
	_ = g.Pull(context.Background(), m.of.account, req, func(header map[string][]string, data []byte) error {
		i := itemFrom(header, data)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !line.alive() { // the process is dead, nothing leaves it
			return errGone
		}
		if i.kind == schemas.ItemEnd {
			end = &schemas.PullEnd{}
			return json.Unmarshal(data, end)
		}
		if i.kind == schemas.ItemEnvelope {
			s.given[i.id()] = append(s.given[i.id()], s.tick.Add(1))
		}
		if breaks == 0 { // perhaps it went out before the line broke
			return errGone
		}
		breaks--
		page = append(page, i)
		return nil
	})
	switch {
	case end != nil && end.Code == "" && s.chance(60):
		m.stored, m.cursor = append(m.stored, page...), end.Next
		return end.More || len(page) > 0, ""
	case len(page) > 0 && s.chance(50): // an agent may store what came of a page
		m.stored, m.cursor = append(m.stored, page...), page[len(page)-1].position
	case end != nil && end.Code != "":
		return true, end.Code
	}
	return true, ""
}

// keepPulling pulls until the function that it returns is called; sometimes it
// has a member that is away.
func (s *schedule) keepPulling(m *mailbox) (stop func()) {
	done := make(chan struct{})
	var pulling sync.WaitGroup
	away := s.chance(20)
	pulling.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if away {
					<-done
					return
				}
				s.pull(m)
			}
		}
	})
	return func() { close(done); pulling.Wait() }
}

// drain pulls until nothing is left.
func (s *schedule) drain(m *mailbox) {
	for more := true; more; {
		more, _ = s.pull(m)
	}
}

// persist calls do until it is not told to try again, and reports whether once
// was enough.
func persist(do func() error) (first bool, err error) {
	for first = true; ; first = false {
		if err = do(); schemas.CodeOf(err) != schemas.CodeUnavailable {
			return first, err
		}
	}
}

// restarts ends the broker at some of the milestones, in order or not.
func (s *schedule) restarts(m milestones) {
	for _, reached := range m {
		<-reached
		if !s.chance(100 / (len(m) + 1)) {
			continue
		}
		orderly := s.chance(50)
		s.n.restart(orderly)
		if !orderly {
			s.mu.Lock()
			s.kills++
			s.mu.Unlock()
		}
	}
}

// history is what the hub says became of envelopes.
type history struct {
	accepted  map[schemas.EventID]journal.Record
	withdrawn map[schemas.EventID][]string // with these codes
}

func (n *network) history(grant schemas.GrantID) history {
	h := history{map[schemas.EventID]journal.Record{}, map[schemas.EventID][]string{}}
	ids := map[string]schemas.EventID{}
	for _, r := range n.records() {
		switch {
		case r.Kind() == journal.Accepted && r.Get("ce-grant") == string(grant):
			id := schemas.EventID(r.Get("ce-id"))
			if _, twice := h.accepted[id]; twice {
				n.t.Errorf("envelope %s was committed twice", id)
			}
			h.accepted[id] = r
			ids[r.Get("ce-id")] = id
		case r.Kind() == journal.Withdrawn && r.Get(journal.HeaderGrant) == string(grant):
			id := ids[r.Get(journal.HeaderEnvelope)]
			h.withdrawn[id] = append(h.withdrawn[id], r.Get(journal.HeaderCode))
		}
	}
	return h
}

// notices counts by envelope the withdrawals that a member has stored. What
// stands in an envelope's own place closes an earlier hand-over and is none.
func notices(items []got, h history) map[schemas.EventID]int {
	seen := map[schemas.EventID]int{}
	for _, i := range only(items, schemas.ItemWithdrawn) {
		if r, ok := h.accepted[i.id()]; ok && r.Position != i.position {
			seen[i.id()]++
		}
	}
	return seen
}

// settled checks that every envelope ended as handed over or as withdrawn, that
// both sides know of a withdrawal exactly once, and that nothing was handed over
// after a moment. It returns how many were withdrawn.
func (s *schedule) settled(t *testing.T, grant schemas.GrantID, sender, recipient *mailbox, from uint64, codes ...string) int {
	t.Helper()
	h := s.n.history(grant)
	atSender, atRecipient := notices(sender.stored, h), notices(recipient.stored, h)
	stored := map[schemas.EventID]bool{}
	for _, i := range only(recipient.stored, schemas.ItemEnvelope) {
		stored[i.id()] = true
	}
	for id := range h.accepted {
		given, withdrawn := s.given[id], h.withdrawn[id]
		switch {
		case len(given) == 0 && len(withdrawn) == 0:
			t.Errorf("envelope %s at %d was neither handed over nor withdrawn; the cursor is %d", id, h.accepted[id].Position, recipient.cursor)
		case len(withdrawn) > 1:
			t.Errorf("envelope %s was withdrawn %d times", id, len(withdrawn))
		case stored[id] && len(withdrawn) > 0:
			t.Errorf("envelope %s is stored and withdrawn", id)
		case len(given) > 0 && len(withdrawn) > 0 && s.kills == 0:
			t.Errorf("envelope %s was handed over and withdrawn", id)
		case len(withdrawn) == 1 && !slices.Contains(codes, withdrawn[0]):
			t.Errorf("envelope %s was withdrawn with %s, want %v", id, withdrawn[0], codes)
		}
		if atSender[id] != len(withdrawn) || atRecipient[id] != len(withdrawn) {
			t.Errorf("envelope %s was withdrawn %d times; its sender knows of %d, its recipient of %d", id, len(withdrawn), atSender[id], atRecipient[id])
		}
		if from > 0 && slices.ContainsFunc(given, func(tick uint64) bool { return tick > from }) {
			t.Errorf("envelope %s was handed over after its permission was gone", id)
		}
	}
	return len(h.withdrawn)
}
