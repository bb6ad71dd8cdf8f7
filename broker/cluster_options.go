package broker

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/schemas"
)

// defaultRoutePort is where the brokers of a cluster find each other.
const defaultRoutePort = "7444"

// clustered reports whether the options speak of a cluster.
func (o *Options) clustered() bool {
	return o.ClusterPlace != 0 || o.ClusterBrokers != "" || o.ClusterRoutes != "" || o.ClusterListen != ""
}

// list takes apart a setting that holds several addresses.
func list(setting string) []string {
	return strings.FieldsFunc(setting, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

// brokers are the addresses of the cluster's brokers for agencies, nil without a
// cluster.
func (o *Options) brokers() []string {
	if !o.clustered() {
		return nil
	}
	all := list(o.ClusterBrokers)
	for i := range all {
		all[i] = strings.TrimRight(all[i], "/")
	}
	return all
}

// routes are the addresses at which the brokers find each other.
func (o *Options) routes() []string {
	if all := list(o.ClusterRoutes); len(all) > 0 {
		return all
	}
	var all []string
	for _, address := range o.brokers() {
		u, err := url.Parse(address)
		if err != nil {
			return nil
		}
		all = append(all, net.JoinHostPort(u.Hostname(), defaultRoutePort))
	}
	return all
}

func (o *Options) validateCluster() error {
	if !o.clustered() {
		return nil
	}
	brokers, routes := o.brokers(), o.routes()
	if len(brokers) != transport.Brokers || hasTwice(brokers) {
		return schemas.Malformed("cluster_brokers", "must be the three addresses under which agencies find the brokers, such as https://one.example.org:7443; a cluster is three brokers, no more and no fewer")
	}
	for _, address := range brokers {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Hostname() == "" {
			return schemas.Malformed("cluster_brokers", "must be three addresses that begin with https://")
		}
	}
	if o.ClusterPlace < 1 || o.ClusterPlace > transport.Brokers {
		return schemas.Malformed("cluster_place", "must be 1, 2 or 3: which of cluster_brokers this one is")
	}
	if len(routes) != transport.Brokers || hasTwice(routes) {
		return schemas.Malformed("cluster_routes", "must be three times host:port, in the order of cluster_brokers")
	}
	for field, addresses := range map[string][]string{"cluster_routes": routes, "cluster_listen": {o.clusterListen()}} {
		for _, address := range addresses {
			if _, port, err := net.SplitHostPort(address); err != nil || port == "" || port == "0" {
				return schemas.Malformed(field, "must be host:port")
			}
		}
	}
	return nil
}

func hasTwice(all []string) bool {
	sorted := slices.Sorted(slices.Values(all))
	return len(slices.Compact(sorted)) != len(all)
}

// clusterListen is where the other two connect.
func (o *Options) clusterListen() string {
	if o.ClusterListen != "" {
		return o.ClusterListen
	}
	routes := o.routes()
	if o.ClusterPlace < 1 || o.ClusterPlace > len(routes) {
		return ""
	}
	_, port, err := net.SplitHostPort(routes[o.ClusterPlace-1])
	if err != nil {
		return ""
	}
	return ":" + port
}

// clusterTransport is what the message server has to know, nil without a
// cluster.
func (b *Broker) clusterTransport() (*transport.Cluster, error) {
	if b.cluster == nil {
		return nil, nil
	}
	secret, err := hkdf.Key(sha256.New, b.keys.identity.Seed(), nil, "linkage cluster v1", 32)
	if err != nil {
		return nil, fmt.Errorf("make cluster secret: %w", err)
	}
	c := &transport.Cluster{Place: b.opts.ClusterPlace, Listen: b.opts.clusterListen(), Secret: secret}
	copy(c.Routes[:], b.opts.routes())
	return c, nil
}
