package transport

import (
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// The server may have begun to admit a connection before it heard that it must
// not: it is looked for again after firstLook, and then after twice as long each
// time up to lastLook.
const (
	firstLook = 10 * time.Millisecond
	lastLook  = 3 * time.Second
)

// turnOut closes what is connected to an account and must not be. The server
// closes what it has admitted when an account changes; but it counts a new
// connection first and admits it then, and between the two it may miss the
// change. Such a one is found here, at once or within milliseconds.
func (s *Server) turnOut(account string, suspended bool, revoked []string) error {
	if err := s.closeConnections(account, suspended, revoked); err != nil {
		return err
	}
	s.late.Go(func() {
		for wait := firstLook; wait <= lastLook; wait *= 2 {
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-s.stopping:
				timer.Stop()
				return
			}
			if suspended && !s.closed(account) {
				return // readmitted meanwhile
			}
			if err := s.closeConnections(account, suspended, revoked); err != nil {
				s.opts.Logger.Warn("late connections not looked for", "error", err)
			}
		}
	})
	return nil
}

// closed reports whether an account may have no connections.
func (s *Server) closed(account string) bool {
	a, err := s.nats.LookupAccount(account)
	return err == nil && a.MaxActiveConnections() == 0
}

// closeConnections closes the connections of an account: all of them, or those
// of revoked users.
func (s *Server) closeConnections(account string, all bool, revoked []string) error {
	z, err := s.nats.Connz(&server.ConnzOptions{Account: account, Username: true, State: server.ConnOpen})
	if err != nil {
		return fmt.Errorf("list connections: %w", err)
	}
	for _, c := range z.Conns {
		if all || slices.Contains(revoked, c.AuthorizedUser) {
			_ = s.nats.DisconnectClientByID(c.Cid) // fails if it is gone
		}
	}
	return nil
}
