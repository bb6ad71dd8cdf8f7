package link

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// A network may have several brokers that stand in for each other. All of them
// show the key that the invitation named, and any of them will do.

// addresses are the brokers' URLs, the invitation's first.
func (t Target) addresses() []string { return append([]string{t.URL}, t.Others...) }

// hosts are the names for one of which the broker's certificate must be made
// out.
func (t Target) hosts() []string {
	var all []string
	for _, address := range t.addresses() {
		if u, err := url.Parse(address); err == nil {
			all = append(all, u.Hostname())
		}
	}
	return all
}

// servers are the addresses as the message client wants them.
func (t Target) servers() ([]string, error) {
	var all []string
	for _, address := range t.addresses() {
		one := t
		one.URL = address
		host, port, err := one.Host()
		if err != nil {
			return nil, err
		}
		if t.NATS == "" {
			all = append(all, "wss://"+net.JoinHostPort(host, port))
			continue
		}
		if address == t.URL {
			all = append(all, "tls://"+t.NATS)
		} else if _, port, err := net.SplitHostPort(t.NATS); err == nil {
			all = append(all, "tls://"+net.JoinHostPort(host, port)) // the brokers of a network share its number
		}
	}
	return all, nil
}

const (
	// A line to one of several brokers is tested more often: there is another
	// to go to.
	severalPing = 5 * time.Second
	// A broker through which nobody answers is left after this time. Choosing a
	// new one among them takes the brokers up to ten seconds.
	patience = 12 * time.Second
)

// several is what the line remembers to decide whether to try another broker.
type several struct {
	mu     sync.Mutex // guards what follows
	target Target
	since  time.Time // of the first request in a row that nobody answered; zero for none
}

// known returns the target with the brokers that are known by now.
func (l *Link) known() Target {
	l.several.mu.Lock()
	defer l.several.mu.Unlock()
	return l.several.target
}

// Brokers tells the line of all brokers of the network.
func (l *Link) Brokers(others []string) error {
	l.several.mu.Lock()
	l.several.target.Others = others
	target := l.several.target
	l.several.mu.Unlock()
	servers, err := target.servers()
	if err != nil {
		return err
	}
	return l.conn.SetServerPool(servers)
}

// noted follows what became of requests: after a while in which nobody answers,
// another broker is tried.
func (l *Link) noted(ctx context.Context, err error) error {
	l.several.mu.Lock()
	defer l.several.mu.Unlock()
	if err == nil {
		l.several.since = time.Time{}
		return nil
	}
	silent := errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if !silent && !errors.Is(err, nats.ErrNoResponders) || len(l.several.target.Others) == 0 {
		return err
	}
	now := time.Now()
	if l.several.since.IsZero() {
		l.several.since = now
	}
	if silent || now.Sub(l.several.since) > patience {
		l.several.since = time.Time{}
		l.opts.Logger.WarnContext(ctx, "nobody answers through this broker; trying another")
		go func() { _ = l.conn.ForceReconnect() }() // fails only on a closed connection
	}
	return err
}

// again gives up the requests under way: whoever was to answer may be gone, and
// whoever took over wants them again.
func (l *Link) again() { l.alive.Swap(newLifetime()).end() }
