package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/schemas"
)

// measureRevocation revokes one grant after the other while everybody else
// loads the gate.
func measureRevocation(ctx context.Context, b *bench) ([]figure, error) {
	r, err := b.ring(ctx, b.size(200, 20), overTLS)
	if err != nil {
		return nil, err
	}
	one := r.members[0]
	if _, err := one.permit(ctx, r.next(0), b.size(100, 10), schemas.NewHandle()); err != nil {
		return nil, err
	}
	messages, err := r.prepare(b.size(200, 20))
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	var l load
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() {
		defer close(done)
		_, failed = r.submit(ctx, messages, gateOutstanding)
	})
	for _, grant := range one.grants[1:] { // the first is what its own load travels under
		select {
		case <-done:
			continue // without the load it would say nothing
		default:
		}
		began := time.Now()
		if _, err := one.revoke(ctx, grant); err != nil {
			return nil, err
		}
		l.took = append(l.took, time.Since(began))
	}
	wg.Wait()
	l = l.sorted()
	return []figure{
		{fmt.Sprintf("call to return, %d revocations, p50", len(l.took)), short(l.at(0.5)), "", nil},
		{"p99", short(l.at(0.99)), "", met(l.at(0.99) < 60*time.Millisecond)},
	}, errors.Join(failed, r.close())
}

func measureSuspension(ctx context.Context, b *bench) ([]figure, error) {
	r, err := b.ring(ctx, b.size(20, 5), overWebSocket)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for _, m := range r.members[1:] {
		closed := make(chan struct{})
		var first sync.Once
		m.conn.SetDisconnectErrHandler(func(*nats.Conn, error) { first.Do(func() { close(closed) }) })
		began := time.Now()
		if err := r.suspend(ctx, m.agency); err != nil {
			return nil, err
		}
		select {
		case <-closed:
			took = append(took, time.Since(began))
		case <-time.After(time.Minute):
			return nil, fmt.Errorf("%s is suspended and still connected", m.agency)
		}
		m.conn.Close()
	}
	worst := load{took: took}.sorted().at(1)
	return []figure{
		{"call to connections closed, median", short(middle(took)), spread(took, short), nil},
		{"the slowest", short(worst), "", met(worst < time.Second)},
	}, r.close()
}

// suspend signs and publishes a roll as the lead agency does.
func (s *site) suspend(ctx context.Context, a schemas.AgencyID) error {
	state, err := s.admin.State(ctx)
	if err != nil {
		return err
	}
	roll, err := schemas.PeekRecord[schemas.Roll](state.Roll, schemas.RecordRoll)
	if err != nil {
		return err
	}
	for i := range roll.Members {
		if roll.Members[i].Agency == a {
			roll.Members[i].Status = schemas.MemberSuspended
		}
	}
	roll.Number++
	roll.At = schemas.At(time.Now())
	rec, err := schemas.Sign(schemas.RecordRoll, roll, s.admission)
	if err == nil {
		_, err = s.admin.Publish(ctx, rec, nil)
	}
	return err
}

func measureIdle(ctx context.Context, b *bench) ([]figure, error) {
	n := b.size(1000, 30)
	r, err := b.ring(ctx, n, overWebSocket)
	if err != nil {
		return nil, err
	}
	pause(ctx, 5*time.Second)
	resident, err := r.broker.resident()
	if err != nil {
		return nil, err
	}
	messages, err := r.prepare(1)
	if err != nil {
		return nil, err
	}
	l, err := r.submit(ctx, messages[:min(n, 10)], 1)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := r.broker.stop(); err != nil {
		return nil, err
	}
	stopped := time.Since(began)
	for _, m := range r.members {
		m.conn.Close()
	}
	began = time.Now()
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	return []figure{
		{fmt.Sprintf("the broker with %d connected agencies", n), mebibytes(resident), "", met(resident < 400<<20)},
		{"stop", short(stopped), "", met(stopped < 2*time.Second)},
		{"start again", short(time.Since(began)), "", nil},
		{"accept latency of 10 agencies among them, p50", short(l.at(0.5)), "", nil},
	}, r.close()
}

// growthSteps are the parts of the full hub at which the accept latency is
// measured.
var growthSteps = []int{10_000, 50_000, 250_000}

// measureGrowth fills a hub, measures the accept latency on the way, and starts
// the broker on what came of it.
func measureGrowth(ctx context.Context, b *bench) ([]figure, error) {
	r, err := b.ring(ctx, 100, overTLS)
	if err != nil {
		return nil, err
	}
	var figures []figure
	var p50 []time.Duration
	have := 0
	for _, step := range growthSteps {
		n := b.size(step, step/250)
		if err := r.fill(ctx, n-have); err != nil {
			return nil, err
		}
		have = n
		l, err := r.latency(ctx, b.size(300, 20))
		if err != nil {
			return nil, err
		}
		p50 = append(p50, l.at(0.5))
		figures = append(figures, figure{fmt.Sprintf("accept latency, %d envelopes in the hub", n), short(l.at(0.5)) + " p50, " + short(l.at(0.99)) + " p99", "", nil})
	}
	one := r.members[0]
	for _, step := range []int{1_000, 10_000, 50_000} {
		n := b.size(step, step/250)
		if _, err := one.permit(ctx, r.next(0), n-len(one.grants), schemas.NewHandle()); err != nil {
			return nil, err
		}
		l, err := r.latency(ctx, b.size(300, 20))
		if err != nil {
			return nil, err
		}
		p50 = append(p50, l.at(0.5))
		figures = append(figures, figure{fmt.Sprintf("accept latency, %d live grants more", n), short(l.at(0.5)) + " p50, " + short(l.at(0.99)) + " p99", "", nil})
	}
	growth := float64(p50[len(p50)-1]) / float64(p50[0])
	figures = append(figures, figure{"growth of the p50 from first to last", times(growth), "", met(growth < 2)})
	resident, err := r.broker.resident()
	if err != nil {
		return nil, err
	}
	if err := r.broker.stop(); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	took := time.Since(began)
	start := figure{fmt.Sprintf("start with %d envelopes in the hub", have), short(took), "", nil}
	if have >= 1_000_000 { // what fewer take says nothing about the promise
		start.met = met(took < 5*time.Second)
	}
	return append(figures, start,
		figure{"the broker's memory before", mebibytes(resident), "", nil},
	), r.close()
}

// fill has everybody send until the hub has so many envelopes more. They are
// prepared in slices, for the memory that they take.
func (r *ring) fill(ctx context.Context, n int) error {
	const slice = 200
	for n > 0 {
		each := min(slice, (n+len(r.members)-1)/len(r.members))
		messages, err := r.prepare(each)
		if err != nil {
			return err
		}
		if _, err := r.submit(ctx, messages, gateOutstanding); err != nil {
			return err
		}
		n -= each * len(r.members)
	}
	return nil
}

// latency is the accept latency of ten agencies with one envelope outstanding.
func (r *ring) latency(ctx context.Context, each int) (load, error) {
	ten := &ring{r.site, r.members}
	messages := make([][]*nats.Msg, 10)
	for i := range messages {
		m := r.members[i]
		var err error
		if messages[i], err = m.prepare(ten.next(i), m.grants[0], each); err != nil {
			return load{}, err
		}
	}
	return r.submit(ctx, messages, 1)
}
