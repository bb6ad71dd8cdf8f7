package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/schemas"
)

// ring is prepared members each of whom may send to the next.
type ring struct {
	*site
	members []*member
}

func (b *bench) ring(ctx context.Context, n int, via transport) (*ring, error) {
	s, err := b.found(ctx)
	if err != nil {
		return nil, err
	}
	r := &ring{site: s}
	if r.members, err = s.join(ctx, n, via); err != nil {
		return nil, err
	}
	return r, beside(n, joinAtOnce, func(i int) error {
		_, err := r.members[i].permit(ctx, r.next(i), 1, schemas.NewHandle())
		return err
	})
}

func (r *ring) next(i int) schemas.AgencyID { return r.members[(i+1)%len(r.members)].agency }

// prepare signs so many envelopes of each member.
func (r *ring) prepare(each int) ([][]*nats.Msg, error) {
	all := make([][]*nats.Msg, len(r.members))
	return all, beside(len(r.members), 4, func(i int) (err error) {
		m := r.members[i]
		all[i], err = m.prepare(r.next(i), m.grants[0], each)
		return err
	})
}

// submit offers prepared envelopes to the gate.
func (r *ring) submit(ctx context.Context, messages [][]*nats.Msg, outstanding int) (load, error) {
	senders := make([]sender, len(messages))
	for i := range senders {
		senders[i] = sender{r.members[i].conn, messages[i]}
	}
	return send(ctx, senders, outstanding, byGate)
}

func (r *ring) close() error {
	for _, m := range r.members {
		m.conn.Close()
	}
	return r.site.close()
}

// gateRun is one repetition of the first row: everything beside each other.
type gateRun struct {
	gate, socket, singles, batches float64       // messages a second
	cost, plainCost                time.Duration // processor time of the server for each
}

func measureGate(ctx context.Context, b *bench) ([]figure, error) {
	agencies, each := b.size(200, 20), b.size(200, 20)
	var runs []gateRun
	for i := range b.repeat {
		r, err := b.gateRun(ctx, agencies, each, fmt.Sprint(i))
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	pick := func(of func(gateRun) float64) (all []float64) {
		for _, r := range runs {
			all = append(all, of(r))
		}
		return all
	}
	gate, socket := pick(func(r gateRun) float64 { return r.gate }), pick(func(r gateRun) float64 { return r.socket })
	singles, batches := pick(func(r gateRun) float64 { return r.singles }), pick(func(r gateRun) float64 { return r.batches })
	ratio := pick(func(r gateRun) float64 { return r.gate / r.singles })
	cost, plainCost := pick(func(r gateRun) float64 { return float64(r.cost) }), pick(func(r gateRun) float64 { return float64(r.plainCost) })
	show := func(v float64) string { return short(time.Duration(v)) }
	return []figure{
		{"the gate, NATS over TLS", perSecond(middle(gate)), spread(gate, perSecond), met(middle(gate) >= 5000)},
		{"ratio to plain single publishes", times(middle(ratio)), spread(ratio, times), met(middle(ratio) >= 4)},
		{"the gate, WebSocket over TLS", perSecond(middle(socket)), spread(socket, perSecond), nil},
		{"plain JetStream, single async publishes, 200 connections x 8", perSecond(middle(singles)), spread(singles, perSecond), nil},
		{fmt.Sprintf("plain JetStream, atomic batches of %d, one connection", plainBatch), perSecond(middle(batches)), spread(batches, perSecond), nil},
		{"processor time of the broker for each envelope", show(middle(cost)), spread(cost, show), nil},
		{"processor time of plain JetStream for each single publish", show(middle(plainCost)), spread(plainCost, show), nil},
	}, nil
}

const gateOutstanding = 8

func (b *bench) gateRun(ctx context.Context, agencies, each int, name string) (run gateRun, err error) {
	var messages [][]*nats.Msg
	for _, via := range []transport{overTLS, overWebSocket} {
		r, err := b.ring(ctx, agencies, via)
		if err != nil {
			return run, err
		}
		if messages, err = r.prepare(each); err != nil {
			return run, err
		}
		wait := b.profile(r.broker, "gate-"+name+"-"+string(via), 3*time.Second)
		before := r.broker.used()
		l, err := r.submit(ctx, messages, gateOutstanding)
		if err != nil {
			return run, err
		}
		if via == overTLS {
			run.gate, run.cost = l.rate(), (r.broker.used()-before)/time.Duration(len(l.took))
		} else {
			run.socket = l.rate()
		}
		wait()
		if err := r.close(); err != nil {
			return run, err
		}
	}
	p, err := b.startPlain(ctx, agencies)
	if err != nil {
		return run, err
	}
	wait := b.profile(p.process, "plain-"+name, 3*time.Second)
	before := p.process.used()
	l, err := p.singles(ctx, messages, gateOutstanding)
	if err != nil {
		return run, err
	}
	run.singles, run.plainCost = l.rate(), (p.process.used()-before)/time.Duration(len(l.took))
	wait()
	if l, err = p.batches(ctx, messages); err != nil {
		return run, err
	}
	run.batches = l.rate()
	return run, p.close()
}

func measureLatency(ctx context.Context, b *bench) ([]figure, error) {
	r, err := b.ring(ctx, 10, overTLS)
	if err != nil {
		return nil, err
	}
	var p50, p99 []time.Duration
	for range b.repeat {
		messages, err := r.prepare(b.size(300, 20))
		if err != nil {
			return nil, err
		}
		l, err := r.submit(ctx, messages, 1)
		if err != nil {
			return nil, err
		}
		p50, p99 = append(p50, l.at(0.5)), append(p99, l.at(0.99))
	}
	return []figure{
		{"p50", short(middle(p50)), spread(p50, short), met(middle(p50) < 10*time.Millisecond)},
		{"p99", short(middle(p99)), spread(p99, short), met(middle(p99) < 25*time.Millisecond)},
	}, r.close()
}
