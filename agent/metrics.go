package agent

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// metrics are the agent's figures for Prometheus, read when they are asked for.
// Their labels are networks, agencies, states and codes, never anything about a
// client, a grant or a subject.
type metrics struct {
	agent    *Agent
	registry *prometheus.Registry

	mu   sync.Mutex // guards seen
	seen map[schemas.NetworkID]*tally
}

// tally counts the events of a network since the first time it was asked for.
type tally struct {
	last  uint64 // counted up to here
	count map[casebook.Direction]float64
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("linkage_agent_"+name, help, labels, nil)
}

var (
	metricDeliveries = describe("outbox_deliveries", "Deliveries that are not done, by state.", "network", "state")
	metricOldest     = describe("outbox_oldest_seconds", "Age of the oldest delivery that waits for the line or its recipient.", "network")
	metricEvents     = describe("events_total", "Events recorded, by direction, since the first scrape.", "network", "direction")
	metricConnected  = describe("connected", "1 while there is a connection to the broker.", "network")
	metricStalled    = describe("stalled_seconds", "Seconds since the exchange with the broker does not get on, 0 while it does.", "network")
	metricHeard      = describe("broker_heard_seconds", "Seconds since the broker last answered.", "network")
	metricCanary     = describe("canary_seconds", "Seconds since a message to this agency itself last came back.", "network")
	metricAlarms     = describe("alarms", "Alarms that nobody has dismissed, by code.", "network", "code")
	metricMissing    = describe("missing_envelopes", "Envelopes of a sender's chain that did not come.", "network", "sender")
	metricStore      = describe("store_bytes", "Size of the store.")
	metricCommits    = describe("store_commits_total", "Synced transactions since the start.")
)

func newMetrics(a *Agent) *metrics {
	m := &metrics{agent: a, registry: prometheus.NewRegistry(), seen: map[schemas.NetworkID]*tally{}}
	m.registry.MustRegister(m)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Describe lists the figures.
func (m *metrics) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		metricDeliveries, metricOldest, metricEvents, metricConnected, metricStalled, metricHeard, metricCanary, metricAlarms, metricMissing, metricStore, metricCommits,
	} {
		c <- d
	}
}

// Collect reads the figures.
func (m *metrics) Collect(c chan<- prometheus.Metric) {
	if stats, err := m.agent.store.Stats(); err == nil {
		c <- prometheus.MustNewConstMetric(metricStore, prometheus.GaugeValue, float64(stats.Bytes))
		c <- prometheus.MustNewConstMetric(metricCommits, prometheus.CounterValue, float64(stats.Commits))
	}
	status, err := m.agent.Status()
	if err != nil {
		m.agent.log.Error("figures not read", "error", err)
		return
	}
	for _, n := range status.Networks {
		m.network(c, n)
		m.events(c, n.Network)
	}
}

func (m *metrics) network(c chan<- prometheus.Metric, n NetworkStatus) {
	network, now := string(n.Network), m.agent.opts.Now()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{network}, labels...)...)
	}
	age := func(d *prometheus.Desc, at time.Time) {
		if !at.IsZero() {
			gauge(d, now.Sub(at).Seconds())
		}
	}
	for _, state := range []outbox.State{outbox.Waiting, outbox.Frozen, outbox.Accepted, outbox.Held, outbox.Withdrawn} {
		gauge(metricDeliveries, float64(n.Outbox[state]), string(state))
	}
	oldest := 0.0
	if !n.Oldest.IsZero() {
		oldest = now.Sub(n.Oldest).Seconds()
	}
	gauge(metricOldest, oldest)
	connected := 0.0
	if n.Connected {
		connected = 1
	}
	gauge(metricConnected, connected)
	age(metricHeard, n.Heard)
	stalled := 0.0
	if n.Stalled != nil {
		stalled = now.Sub(n.Stalled.Since).Seconds()
	}
	gauge(metricStalled, stalled)
	age(metricCanary, n.Canary)
	alarms := map[schemas.Code]int{}
	for _, a := range n.Alarms {
		alarms[a.Code]++
	}
	for code, count := range alarms {
		gauge(metricAlarms, float64(count), string(code))
	}
	for sender, count := range n.Missing {
		gauge(metricMissing, float64(count), string(sender))
	}
}

// events counts what was recorded since the last time.
func (m *metrics) events(c chan<- prometheus.Metric, network schemas.NetworkID) {
	member, err := m.agent.member(network)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.seen[network]
	err = member.store.View(func(tx durable.Tx) (err error) {
		if t == nil {
			t = &tally{count: map[casebook.Direction]float64{casebook.Said: 0, casebook.Heard: 0}}
			m.seen[network] = t
			t.last, err = casebook.Last(tx)
			return err
		}
		return casebook.Events(tx, t.last, func(e casebook.Entry) error {
			t.last = e.Number
			t.count[e.Direction]++
			return nil
		})
	})
	if err != nil {
		m.agent.log.Error("figures not read", "error", err)
		return
	}
	for direction, count := range t.count {
		c <- prometheus.MustNewConstMetric(metricEvents, prometheus.CounterValue, count, string(network), string(direction))
	}
}
