package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// sender is one connection with messages that wait to go. It is the same for
// the gate and for the plain message server, so that the ratio of the two says
// something about them and not about who asks.
type sender struct {
	conn     *nats.Conn
	messages []*nats.Msg
}

// load is what came of messages that were sent.
type load struct {
	took    []time.Duration // of each, sorted
	elapsed time.Duration
}

func (l load) rate() float64 { return float64(len(l.took)) / l.elapsed.Seconds() }

// at is the time within which this part of the messages was answered.
func (l load) at(part float64) time.Duration {
	if len(l.took) == 0 {
		return 0
	}
	return l.took[min(len(l.took)-1, int(part*float64(len(l.took))))]
}

func (l load) sorted() load {
	slices.Sort(l.took)
	return l
}

// answerTimeout bounds the wait for any one answer.
const answerTimeout = time.Minute

// send has each sender send its messages with so many unanswered at once.
// accepted looks at each answer.
func send(ctx context.Context, senders []sender, outstanding int, accepted func(*nats.Msg) error) (load, error) {
	var mu sync.Mutex // guards all and errs
	var all []time.Duration
	var errs error
	start := time.Now()
	var wg sync.WaitGroup
	for _, s := range senders {
		wg.Go(func() {
			took, err := s.send(ctx, outstanding, accepted)
			mu.Lock()
			defer mu.Unlock()
			all, errs = append(all, took...), errors.Join(errs, err)
		})
	}
	wg.Wait()
	return load{took: all, elapsed: time.Since(start)}.sorted(), errs
}

func (s sender) send(ctx context.Context, outstanding int, accepted func(*nats.Msg) error) ([]time.Duration, error) {
	inbox := s.conn.NewInbox()
	answers, err := s.conn.SubscribeSync(inbox + ".*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = answers.Unsubscribe() }() // fails only on a closed connection
	sent := make([]time.Time, len(s.messages))
	took := make([]time.Duration, 0, len(s.messages))
	for next := 0; len(took) < len(s.messages); {
		for next < len(s.messages) && next-len(took) < outstanding {
			m := s.messages[next]
			m.Reply = inbox + "." + strconv.Itoa(next)
			sent[next] = time.Now()
			if err := s.conn.PublishMsg(m); err != nil {
				return took, err
			}
			next++
		}
		answer, err := answers.NextMsg(answerTimeout)
		if err != nil {
			return took, fmt.Errorf("after %d of %d answers: %w", len(took), len(s.messages), err)
		}
		i, err := strconv.Atoi(answer.Subject[len(inbox)+1:])
		if err != nil {
			return took, err
		}
		took = append(took, time.Since(sent[i]))
		if err := errors.Join(accepted(answer), ctx.Err()); err != nil {
			return took, err
		}
	}
	return took, nil
}

// byGate is the gate's answer to an envelope that it accepted.
func byGate(m *nats.Msg) error {
	if !bytes.Contains(m.Data, []byte(`"result":"accepted"`)) {
		return fmt.Errorf("the gate answers %s", m.Data)
	}
	return nil
}

// byStream is the message server's answer to a message that it stored.
func byStream(m *nats.Msg) error {
	if bytes.Contains(m.Data, []byte(`"error"`)) || !bytes.Contains(m.Data, []byte(`"seq":`)) {
		return fmt.Errorf("the message server answers %q", m.Data)
	}
	return nil
}
