package broker

import (
	"log/slog"
	"net"
	"time"

	"github.com/linkage-exchange/linkage/internal/clock"
	"github.com/linkage-exchange/linkage/schemas"
)

// Options say how to run a broker. The zero value of every field but DataDir
// has a meaning.
type Options struct {
	// DataDir was made by [Init].
	DataDir string `yaml:"data_dir"`
	// Listen is the one public port: HTTPS for enrolment, and NATS over
	// WebSocket at /nats. Default :7443.
	Listen string `yaml:"listen"`
	// NATSListen is a second port for NATS over TLS, usually :4222. Default
	// none.
	NATSListen string `yaml:"nats_listen"`
	// StatusListen serves /healthz, /readyz and /metrics without sign-in, so it
	// belongs on loopback. Default 127.0.0.1:7430; "off" for none.
	StatusListen string `yaml:"status_listen"`
	// Certificate and Key name PEM files of a certificate that agencies'
	// machines trust already. They are read again when they change. Default: a
	// certificate signed by the broker's own key, which agents know from their
	// invitation.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// Rate and Burst bound the requests of one member, a second and at once.
	// Defaults 2,000 and 4,000.
	Rate  float64 `yaml:"rate"`
	Burst int     `yaml:"burst"`
	// MailboxEnvelopes is how many envelopes of one sender may wait for one
	// recipient. Default 50,000.
	MailboxEnvelopes int `yaml:"mailbox_envelopes"`
	// MailboxAge is how long an envelope waits for its recipient before it goes
	// back to its sender's attention. Default 90 days (2160h).
	MailboxAge time.Duration `yaml:"mailbox_age"`
	// Connections bounds the connections of all agencies together. Default
	// 10,000.
	Connections int `yaml:"connections"`

	// ClusterBrokers makes this broker one of three that stand in for each
	// other: the addresses under which agencies find the three, separated by
	// spaces or commas, the same on all three. Default none: it is alone.
	ClusterBrokers string `yaml:"cluster_brokers"`
	// ClusterPlace says which of ClusterBrokers this one is: 1, 2 or 3.
	ClusterPlace int `yaml:"cluster_place"`
	// ClusterRoutes are the addresses, host:port, at which the three find each
	// other, in the same order. Default the hosts of ClusterBrokers, port 7444.
	ClusterRoutes string `yaml:"cluster_routes"`
	// ClusterListen is where this one lets the other two connect. Default the
	// port of its own route, on all addresses.
	ClusterListen string `yaml:"cluster_listen"`

	Now    func() time.Time `yaml:"-"`
	Logger *slog.Logger     `yaml:"-"`
}

// SetDefaults fills in what is not set.
func (o *Options) SetDefaults() {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&o.Listen, ":7443")
	set(&o.StatusListen, "127.0.0.1:7430")
	if o.Now == nil {
		o.Now = clock.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// Validate reports the first rule that the options break.
func (o *Options) Validate() error {
	if o.DataDir == "" {
		return schemas.Malformed("data_dir", "must be the directory that `linkage broker init` made")
	}
	if (o.Certificate == "") != (o.Key == "") {
		return schemas.Malformed("certificate", "must be given together with key")
	}
	for field, address := range map[string]string{"listen": o.Listen, "nats_listen": o.NATSListen, "status_listen": o.StatusListen} {
		if address == "" || field == "status_listen" && address == "off" {
			continue
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			return schemas.Malformed(field, "must be host:port or :port")
		}
	}
	if o.Rate < 0 || o.Burst < 0 || o.MailboxEnvelopes < 0 || o.MailboxAge < 0 || o.Connections < 0 {
		return schemas.Malformed("rate", "must, like burst, mailbox_envelopes, mailbox_age and connections, not be negative")
	}
	return o.validateCluster()
}
