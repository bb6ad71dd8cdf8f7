package transport

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// Stats are the server's figures. They name no agency.
type Stats struct {
	Connections int // agents connected now
	HubRecords  uint64
}

// Stats reads the server's figures. They are for watching, not for deciding.
func (s *Server) Stats() (Stats, error) {
	v, err := s.nats.Varz(nil)
	if err != nil {
		return Stats{}, fmt.Errorf("read server figures: %w", err)
	}
	js, err := s.nats.Jsz(nil)
	if err != nil {
		return Stats{}, fmt.Errorf("read hub figures: %w", err)
	}
	return Stats{Connections: max(0, v.Connections-s.ownConnections()), HubRecords: js.Messages}, nil
}

// Connections counts the open connections of one account, 0 for an unknown one.
func (s *Server) Connections(account string) int {
	a, err := s.nats.LookupAccount(account)
	if err != nil {
		return 0
	}
	return a.NumConnections()
}

// Healthy reports why the server cannot do its work, nil if it can. It does not
// read the hub's records; see the journal for that.
func (s *Server) Healthy() error {
	if h := s.nats.Healthz(&server.HealthzOptions{}); h.StatusCode != 200 {
		return fmt.Errorf("message server: %s %s", h.Status, h.Error)
	}
	if s.ownConnections() < 3 {
		return errors.New("message server: an internal connection is down")
	}
	return nil
}

func (s *Server) ownConnections() int {
	n := 0
	for _, conn := range []interface{ IsConnected() bool }{s.system, s.gate, s.hub.conn} {
		if conn.IsConnected() {
			n++
		}
	}
	return n
}
