package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Brokers is how many servers a cluster has. Two copies of a hub stop when one
// is lost; four tolerate no more losses than three.
const Brokers = 3

// Cluster makes a server one of three that keep one hub together. All three
// have the same [Keys].
type Cluster struct {
	Place  int             // which of the three this is, from 1
	Listen string          // host:port, where the other two connect
	Routes [Brokers]string // host:port of each, in the order of their places
	// Secret is known to the three and nobody else: their certificates are
	// signed with a key that is made of it. 32 bytes.
	Secret []byte
}

func (c *Cluster) validate() error {
	if c.Place < 1 || c.Place > Brokers {
		return fmt.Errorf("message server: place %d is none of %d", c.Place, Brokers)
	}
	if len(c.Secret) != 32 {
		return errors.New("message server: cluster secret must hold 32 bytes")
	}
	return nil
}

const (
	// Of the attempts to reach a server that was there, about one a second, this
	// many go by for a line in the log: it may be away for days.
	routeReports = 300
	// A server that is there and says nothing (its machine froze, its line is
	// cut) is let go after two pings without an answer.
	routePing      = 2 * time.Second
	routePings     = 2
	routeDeadline  = 5 * time.Second
	routeTLS       = 5 // seconds
	localPatience  = 50 * time.Millisecond
	openPatience   = 250 * time.Millisecond
	requestOfOther = 2 * time.Second
)

func (c *Cluster) serverName(place int) string { return "broker-" + strconv.Itoa(place) }

// placeOf is the place of a server, 0 for none of ours.
func (c *Cluster) placeOf(name string) int {
	for place := 1; place <= Brokers; place++ {
		if name == c.serverName(place) {
			return place
		}
	}
	return 0
}

// join adds to the server's configuration what makes it one of three.
func (c *Cluster) join(config *server.Options, network string) error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("cluster's listen address: %w", err)
	}
	config.ServerName = c.serverName(c.Place)
	config.Cluster = server.ClusterOpts{
		Name: network, Host: host, NoAdvertise: true,
		PingInterval: routePing, MaxPingsOut: routePings, WriteDeadline: routeDeadline, TLSTimeout: routeTLS, AuthTimeout: routeTLS,
	}
	if config.Cluster.Port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("cluster's listen address %s: %w", c.Listen, err)
	}
	if config.Cluster.TLSConfig, err = routeTLSConfig(c.Secret, time.Now()); err != nil {
		return err
	}
	// The server begins to route once it listens for clients. Nobody shall use
	// this listener: it wants a certificate that brokers only have.
	config.DontListen, config.Host, config.Port = false, "127.0.0.1", server.RANDOM_PORT
	config.TLSConfig, config.TLSHandshakeFirst = config.Cluster.TLSConfig, true
	config.ReconnectErrorReports = routeReports
	for _, route := range c.Routes { // with its own: the server counts them to know how many there will be
		config.Routes = append(config.Routes, &url.URL{Scheme: "tls", Host: route})
	}
	return nil
}

// checkHub refuses a hub that was not kept by a cluster, or by one only: the
// server library would drop the one and not open the other.
func (s *Server) checkHub() error {
	dir := filepath.Join(s.opts.Dir, "hub", "jetstream")
	_, missing := os.Stat(filepath.Join(dir, s.opts.Keys.System.ID, "_js_", "_meta_"))
	shared := missing == nil
	_, missing = os.Stat(filepath.Join(dir, s.opts.Keys.Broker.ID, "streams", hubStream))
	switch {
	case s.opts.Cluster != nil && !shared && missing == nil:
		return fmt.Errorf("open %s: this hub was kept by one broker alone; a cluster begins with an empty one", dir)
	case s.opts.Cluster == nil && shared:
		return fmt.Errorf("open %s: this hub is one copy of a cluster's; run the broker with the cluster's settings", dir)
	}
	return nil
}

// Copies is what a server knows of the three copies of the hub.
type Copies struct {
	// Leads says that this server's copy is the one that orders commits.
	Leads bool
	// Leader is the place of the one that does, as far as this server knows; 0
	// for none.
	Leader int
	// Heard is how long ago a second copy was heard of, if this server leads.
	Heard time.Duration
	// Last is the position of the newest record in this server's copy.
	Last uint64
	// Others are the other two copies, as far as they are known.
	Others []Copy
}

// Copy is another server's copy of the hub.
type Copy struct {
	Place   int
	Current bool          // has all that was committed; known to the leader only
	Heard   time.Duration // how long ago it was last heard of
	Lag     uint64        // how many operations it is behind; known to the leader only
}

// Copies reads what this server knows, without asking another.
func (s *Server) Copies() (Copies, error) {
	js, err := s.nats.Jsz(&server.JSzOptions{Account: s.opts.Keys.Broker.ID, Streams: true})
	if err != nil {
		return Copies{}, fmt.Errorf("read hub's copies: %w", err)
	}
	for _, account := range js.AccountDetails {
		for _, stream := range account.Streams {
			if stream.Name == hubStream && stream.Cluster != nil {
				return s.copies(stream), nil
			}
		}
	}
	return Copies{}, errors.New("read hub's copies: there is none here yet")
}

func (s *Server) copies(stream server.StreamDetail) Copies {
	c := Copies{
		Leads:  s.nats.JetStreamIsStreamLeader(s.opts.Keys.Broker.ID, hubStream),
		Leader: s.opts.Cluster.placeOf(stream.Cluster.Leader),
		Last:   stream.State.LastSeq,
	}
	for _, r := range stream.Cluster.Replicas {
		place := s.opts.Cluster.placeOf(r.Name)
		if place == 0 || place == s.opts.Cluster.Place {
			continue
		}
		c.Others = append(c.Others, Copy{Place: place, Current: r.Current && !r.Offline, Heard: r.Active, Lag: r.Lag})
	}
	slices.SortFunc(c.Others, func(a, b Copy) int { return a.Place - b.Place })
	c.Heard = time.Duration(1<<63 - 1)
	for _, other := range c.Others {
		if other.Heard > 0 { // never heard of otherwise
			c.Heard = min(c.Heard, other.Heard)
		}
	}
	return c
}

// Connected lists the places of the servers that this one has a route to.
func (s *Server) Connected() []int {
	z, err := s.nats.Routez(nil)
	if err != nil {
		return nil
	}
	var places []int
	for _, r := range z.Routes {
		if place := s.opts.Cluster.placeOf(r.RemoteName); place != 0 && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return places
}

// StepDown asks that another server order the commits, and waits until one
// does.
func (s *Server) StepDown(ctx context.Context) error {
	if err := s.nats.JetStreamStepdownStream(s.opts.Keys.Broker.ID, hubStream); err != nil {
		return fmt.Errorf("step down: %w", err)
	}
	for {
		if c, err := s.Copies(); err == nil && !c.Leads && c.Leader != 0 && c.Leader != s.opts.Cluster.Place {
			return nil
		}
		if err := pause(ctx, localPatience); err != nil {
			return fmt.Errorf("step down: nobody took over: %w", err)
		}
	}
}

// pause waits a while, less if ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
