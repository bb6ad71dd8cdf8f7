package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/schemas"
)

// away is an agency whose agent is stopped while its mail gathers.
type away struct {
	*ring    // others, who go on
	senders  []*member
	returner *agency
	sealing  []byte // the returner's
	before   int    // entries of its casebook
	mail     [][]*nats.Msg
}

const (
	awaySenders = 20
	awayClients = 25 // of each sender
	awayOthers  = 10
)

// away has an agency join, stop, and get so many envelopes, sealed to its key
// and signed like any other.
func (b *bench) away(ctx context.Context, envelopes int) (*away, error) {
	r, err := b.ring(ctx, awayOthers, overWebSocket)
	if err != nil {
		return nil, err
	}
	w := &away{ring: r}
	if w.senders, err = w.join(ctx, awaySenders, overWebSocket); err != nil {
		return nil, err
	}
	if w.returner, err = w.joinAgency(ctx, "returning"); err != nil {
		return nil, err
	}
	if w.sealing, err = w.cardOf(ctx, w.returner.name); err != nil {
		return nil, err
	}
	if w.before, err = w.numbered(ctx); err != nil {
		return nil, err
	}
	if err := w.returner.process.stop(); err != nil {
		return nil, err
	}
	w.mail = make([][]*nats.Msg, len(w.senders))
	return w, beside(len(w.senders), 2, func(i int) (err error) {
		w.mail[i], err = w.write(ctx, w.senders[i], envelopes/len(w.senders))
		return err
	})
}

// write seals and signs so many envelopes of a sender about its clients.
func (w *away) write(ctx context.Context, m *member, n int) ([]*nats.Msg, error) {
	var terms []schemas.SignedRecord
	var clients []schemas.Handle
	first := len(m.grants)
	for range awayClients {
		client := schemas.NewHandle()
		t, err := m.permit(ctx, w.returner.name, 1, client)
		if err != nil {
			return nil, err
		}
		terms, clients = append(terms, t...), append(clients, client)
	}
	key := schemas.KeyIDOf(w.sealing)
	all := make([]*nats.Msg, n)
	for i := range all {
		c := i % len(clients)
		event, err := m.innerEvent(clients[c], fmt.Sprintf("a-%s-%d", m.agency, i/4))
		if err != nil {
			return nil, err
		}
		all[i], err = m.envelope(w.returner.name, m.grants[first+c], key, func(info schemas.SealInfo) ([]byte, error) {
			return schemas.Seal(w.sealing, info, schemas.Sealed{Terms: &terms[c], Event: event})
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// cardOf is a member's present sealing key, as the broker's directory has it.
func (s *site) cardOf(ctx context.Context, a schemas.AgencyID) ([]byte, error) {
	invited, err := s.invite(ctx, []schemas.AgencyID{"asks-once"})
	if err != nil {
		return nil, err
	}
	m, reply, err := s.admitted(ctx, invited[0], 999)
	if err != nil {
		return nil, err
	}
	for _, e := range reply.Directory.Entries {
		card, _, err := e.Card(reply.AdmissionKey)
		if err != nil {
			return nil, err
		}
		if card.Agency == a {
			key, ok := card.CurrentSealingKey(time.Now())
			if !ok {
				return nil, fmt.Errorf("%s has no sealing key", a)
			}
			return key, nil
		}
	}
	return nil, fmt.Errorf("%s does not see %s in the directory", m.agency, a)
}

// post offers the mail to the gate.
func (w *away) post(ctx context.Context) error {
	senders := make([]sender, len(w.senders))
	for i := range senders {
		senders[i] = sender{w.senders[i].conn, w.mail[i]}
	}
	_, err := send(ctx, senders, gateOutstanding, byGate)
	w.mail = nil
	return err
}

// numbered is how many entries the returner's casebook has.
func (w *away) numbered(ctx context.Context) (int, error) {
	var page struct{ Next int }
	err := w.returner.call(ctx, http.MethodGet, "/events?limit=1000", "", nil, &page)
	return page.Next, err
}

// settle waits until the casebook has an entry of a number, which it has once
// it is on disk.
func (w *away) settle(ctx context.Context, number int) error {
	path := fmt.Sprintf("/events?limit=1&wait=60s&after=%d", number-1)
	for {
		var page struct{ Events []struct{} }
		if err := w.returner.call(ctx, http.MethodGet, path, "", nil, &page); err != nil {
			return fmt.Errorf("%w: %s", err, w.returner.process.log)
		}
		if len(page.Events) > 0 {
			return nil
		}
	}
}

// others has those who stay send at a steady pace until stop, and returns how
// long each acceptance took.
func (w *away) others(ctx context.Context, stop <-chan struct{}) (load, error) {
	var all load
	for {
		messages, err := w.prepare(1)
		if err != nil {
			return all, err
		}
		l, err := w.submit(ctx, messages, 1)
		if err != nil {
			return all, err
		}
		all.took = append(all.took, l.took...)
		select {
		case <-stop:
			return all.sorted(), nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// during measures the others while fn runs.
func (w *away) during(ctx context.Context, fn func() error) (load, error) {
	stop := make(chan struct{})
	var l load
	var failed error
	var wg sync.WaitGroup
	wg.Go(func() { l, failed = w.others(ctx, stop) })
	err := fn()
	close(stop)
	wg.Wait()
	if err == nil {
		err = failed
	}
	return l, err
}

func measureReturn(ctx context.Context, b *bench) ([]figure, error) {
	n := b.size(100_000, 2_000)
	w, err := b.away(ctx, n)
	if err != nil {
		return nil, err
	}
	if err := w.post(ctx); err != nil {
		return nil, err
	}
	calm, err := w.during(ctx, func() error {
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	var took time.Duration
	brokerUsed := w.broker.used()
	busy, err := w.during(ctx, func() error {
		start := time.Now()
		if err := w.returner.run(ctx); err != nil {
			return err
		}
		waitAgent := b.profile(w.returner.process, "return-agent", 10*time.Second)
		waitBroker := b.profile(w.broker, "return-broker", 10*time.Second)
		err := w.settle(ctx, w.before+n)
		took = time.Since(start)
		waitAgent()
		waitBroker()
		return err
	})
	if err != nil {
		return nil, err
	}
	brokerUsed = w.broker.used() - brokerUsed
	agentUsed := w.returner.process.used()
	in, err := w.returner.inspect(ctx)
	if err != nil {
		return nil, err
	}
	heard, doubled := in.heard()
	growth := float64(busy.at(0.99)) / float64(max(calm.at(0.99), time.Microsecond))
	each := func(d time.Duration) string { return short(d / time.Duration(n)) }
	return []figure{
		{fmt.Sprintf("%d envelopes of %d senders stored after", n, awaySenders), short(took), "", met(took < 25*time.Second*time.Duration(n)/100_000)},
		{"stored by then, and doubled", fmt.Sprintf("%d, %d", heard, doubled), "", met(heard == n && doubled == 0)},
		{"others' p99 before and meanwhile", short(calm.at(0.99)) + ", " + short(busy.at(0.99)), "", met(growth <= 2)},
		{"processor time for each, of agent and broker", each(agentUsed) + ", " + each(brokerUsed), "", nil},
	}, w.close()
}
