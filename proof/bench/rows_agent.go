package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

const acceptClients = 64

// measureAccept has the agency's own systems post events one at a time. The
// events leave for a partner meanwhile, as they do in life.
func measureAccept(ctx context.Context, b *bench) ([]figure, error) {
	s, err := b.found(ctx)
	if err != nil {
		return nil, err
	}
	partners, err := s.join(ctx, 1, overWebSocket)
	if err != nil {
		return nil, err
	}
	a, err := s.joinAgency(ctx, "accepting")
	if err != nil {
		return nil, err
	}
	if err := a.grant(ctx, partners[0].agency, "c-1"); err != nil {
		return nil, err
	}
	each := b.size(20_000, 640) / acceptClients
	var rates []float64
	for i := range b.repeat {
		wait := b.profile(a.process, fmt.Sprintf("accept-%d", i), 4*time.Second)
		l, err := a.post(ctx, partners[0].agency, "c-1", acceptClients, each)
		if err != nil {
			return nil, err
		}
		rates = append(rates, l.rate())
		wait()
	}
	partners[0].conn.Close()
	return []figure{
		{"one at a time, 64 clients, events leaving meanwhile", perSecond(middle(rates)), spread(rates, perSecond), met(middle(rates) >= 5000)},
		{"in batches of 100", "not run: the API takes one event at a time", "", met(false)},
	}, errors.Join(a.process.stop(), s.close())
}

// post has clients post events at once, each one after the other.
func (a *agency) post(ctx context.Context, to schemas.AgencyID, client string, clients, each int) (load, error) {
	bodies := make([][]byte, clients*each)
	for i := range bodies {
		var err error
		if bodies[i], _, err = localEvent(to, client); err != nil {
			return load{}, err
		}
	}
	l := load{took: make([]time.Duration, len(bodies))}
	start := time.Now()
	err := beside(clients, clients, func(c int) error {
		for i := c * each; i < (c+1)*each; i++ {
			began := time.Now()
			if err := a.call(ctx, http.MethodPost, "/events", "application/cloudevents+json", bodies[i], nil); err != nil {
				return err
			}
			l.took[i] = time.Since(began)
		}
		return nil
	})
	l.elapsed = time.Since(start)
	return l.sorted(), err
}

// pair is two real agencies, the first of whom may tell the second.
func (b *bench) pair(ctx context.Context) (s *site, from, to *agency, err error) {
	if s, err = b.found(ctx); err != nil {
		return nil, nil, nil, err
	}
	if from, err = s.joinAgency(ctx, "telling"); err != nil {
		return nil, nil, nil, err
	}
	if to, err = s.joinAgency(ctx, "hearing"); err != nil {
		return nil, nil, nil, err
	}
	// The first hears of the second by its roll and entry.
	return s, from, to, retry(ctx, func() error { return from.grant(ctx, to.name, "c-1") })
}

// retry tries until it works or a minute is over.
func retry(ctx context.Context, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := fn()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

const (
	endToEndRate = 100 // a second
)

func measureEndToEnd(ctx context.Context, b *bench) ([]figure, error) {
	s, from, to, err := b.pair(ctx)
	if err != nil {
		return nil, err
	}
	var p50, p99 []time.Duration
	for range b.repeat {
		l, err := endToEnd(ctx, from, to, b.size(1000, 50))
		if err != nil {
			return nil, err
		}
		p50, p99 = append(p50, l.at(0.5)), append(p99, l.at(0.99))
	}
	return []figure{
		{"p50", short(middle(p50)), spread(p50, short), met(middle(p50) < 12*time.Millisecond)},
		{"p99", short(middle(p99)), spread(p99, short), met(middle(p99) < 60*time.Millisecond)},
	}, errors.Join(from.process.stop(), to.process.stop(), s.close())
}

// endToEnd posts n events at a steady rate and follows the recipient's
// casebook. The clock of an event runs from the sender's answer, which says
// that it is on disk there, to its arrival from the recipient's API, which shows
// what is on disk.
func endToEnd(ctx context.Context, from, to *agency, n int) (load, error) {
	var page struct {
		Events []struct{ Event struct{ ID string } }
		Next   int
	}
	for before := -1; before != page.Next; { // to the end of what is there
		before = page.Next
		if err := to.call(ctx, http.MethodGet, fmt.Sprintf("/events?limit=1000&after=%d", before), "", nil, &page); err != nil {
			return load{}, err
		}
	}
	var mu sync.Mutex // guards accepted and stored
	accepted, stored := map[string]time.Time{}, map[string]time.Time{}
	var following sync.WaitGroup
	var followed error
	following.Go(func() {
		for after := page.Next; len(stored) < n; {
			page.Events = nil
			if followed = to.call(ctx, http.MethodGet, fmt.Sprintf("/events?limit=1000&wait=20s&after=%d", after), "", nil, &page); followed != nil {
				return
			}
			if len(page.Events) == 0 {
				followed = fmt.Errorf("%d of %d events came", len(stored), n)
				return
			}
			now := time.Now()
			mu.Lock()
			for _, e := range page.Events {
				stored[e.Event.ID] = now
			}
			mu.Unlock()
			after = page.Next
		}
	})
	ticker := time.NewTicker(time.Second / endToEndRate)
	defer ticker.Stop()
	var posting sync.WaitGroup
	var posted error
	for range n {
		body, id, err := localEvent(to.name, "c-1")
		if err != nil {
			return load{}, err
		}
		<-ticker.C
		posting.Go(func() {
			err := from.call(ctx, http.MethodPost, "/events", "application/cloudevents+json", body, nil)
			mu.Lock()
			defer mu.Unlock()
			accepted[id], posted = time.Now(), errors.Join(posted, err)
		})
	}
	posting.Wait()
	following.Wait()
	l := load{}
	for id, at := range accepted {
		l.took = append(l.took, max(0, stored[id].Sub(at)))
	}
	return l.sorted(), errors.Join(posted, followed)
}

func measureIdleAgent(ctx context.Context, b *bench) ([]figure, error) {
	s, err := b.found(ctx)
	if err != nil {
		return nil, err
	}
	a, err := s.joinAgency(ctx, "idle")
	if err != nil {
		return nil, err
	}
	pause(ctx, 5*time.Second)
	resident, err := a.process.resident()
	if err != nil {
		return nil, err
	}
	binary, err := os.Stat(b.binary)
	if err != nil {
		return nil, err
	}
	return []figure{
		{"one idle agent", mebibytes(resident), "", met(resident < 64<<20)},
		{"the program", fmt.Sprintf("%.1f MB", float64(binary.Size())/1e6), "", met(binary.Size() < 45e6)},
	}, errors.Join(a.process.stop(), s.close())
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// localEvent is an attendance event as an agency's own system posts it, and its
// id.
func localEvent(to schemas.AgencyID, client string) (body []byte, id string, err error) {
	id = string(schemas.NewEventID())
	body, err = json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": "/attendance-system", "type": attendance, "subject": "a-" + string(schemas.NewGrantID()),
		"time": time.Now().UTC().Add(-time.Hour).Format(time.RFC3339), "datacontenttype": "application/json", "client": client, "recipient": to,
		"data": map[string]string{"date": "2026-03-15", "status": "attended"},
	})
	return body, id, err
}
