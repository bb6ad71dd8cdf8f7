package broker

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linkage-exchange/linkage/schemas"
)

// metrics are the broker's figures for Prometheus. Their labels are codes and
// agencies, never anything about a client or a pair of agencies' mail.
type metrics struct {
	registry   *prometheus.Registry
	decisions  *prometheus.CounterVec
	commits    prometheus.Histogram
	records    prometheus.Counter
	failures   prometheus.Counter
	handedOver prometheus.Counter
}

func newMetrics(b *Broker) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linkage_gate_decisions_total", Help: "Envelopes decided, by result and code.",
		}, []string{"result", "code"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "linkage_hub_commit_seconds", Help: "Time of one durable commit.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		records:    prometheus.NewCounter(prometheus.CounterOpts{Name: "linkage_hub_records_total", Help: "Records committed."}),
		failures:   prometheus.NewCounter(prometheus.CounterOpts{Name: "linkage_hub_commit_failures_total", Help: "Commits that did not go through at once."}),
		handedOver: prometheus.NewCounter(prometheus.CounterOpts{Name: "linkage_gate_handed_over_total", Help: "Envelopes given to recipients' connections."}),
	}
	behind := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "linkage_ledger_behind_seconds", Help: "For how long the newest ledger head has not covered the whole hub.",
	}, func() float64 {
		if !b.opened.Load() {
			return 0
		}
		return b.ledger.Behind().Seconds()
	})
	m.registry.MustRegister(m.decisions, m.commits, m.records, m.failures, m.handedOver, behind, mailboxes{b})
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Decision counts a decision.
func (m *metrics) Decision(result schemas.Result, code schemas.Code) {
	m.decisions.WithLabelValues(string(result), string(code)).Inc()
}

// Commit counts a commit.
func (m *metrics) Commit(records int, took time.Duration, err error) {
	if err != nil {
		m.failures.Inc()
		return
	}
	m.commits.Observe(took.Seconds())
	m.records.Add(float64(records))
}

// HandedOver counts envelopes.
func (m *metrics) HandedOver(envelopes int) { m.handedOver.Add(float64(envelopes)) }

// mailboxes reads depth and age when they are asked for.
type mailboxes struct{ broker *Broker }

var (
	mailboxDepth = prometheus.NewDesc("linkage_mailbox_envelopes", "Envelopes that wait for a member.", []string{"agency"}, nil)
	mailboxAge   = prometheus.NewDesc("linkage_mailbox_oldest_seconds", "Age of the oldest envelope that waits for a member.", []string{"agency"}, nil)
	connections  = prometheus.NewDesc("linkage_connections", "Connections of a member.", []string{"agency"}, nil)
)

// Describe lists the figures.
func (mailboxes) Describe(c chan<- *prometheus.Desc) {
	c <- mailboxDepth
	c <- mailboxAge
	c <- connections
}

// Collect reads the figures.
func (m mailboxes) Collect(c chan<- prometheus.Metric) {
	if !m.broker.opened.Load() {
		return
	}
	now := m.broker.opts.Now()
	for _, box := range m.broker.gate.Mailboxes() {
		age := 0.0
		if !box.Oldest.IsZero() {
			age = now.Sub(box.Oldest).Seconds()
		}
		member, _ := m.broker.registry.Member(box.Agency)
		c <- prometheus.MustNewConstMetric(mailboxDepth, prometheus.GaugeValue, float64(box.Waiting), string(box.Agency))
		c <- prometheus.MustNewConstMetric(mailboxAge, prometheus.GaugeValue, age, string(box.Agency))
		if !member.Joined {
			continue
		}
		c <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(m.broker.nats.Connections(member.Account)), string(box.Agency))
	}
}
