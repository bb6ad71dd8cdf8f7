package transport

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// SetMaxAge changes the stream behind the hub as nobody should, for the test
// that such a hub is not opened.
func (h *Hub) SetMaxAge(ctx context.Context, d time.Duration) error {
	js, err := jetstream.New(h.conn)
	if err != nil {
		return err
	}
	config := hubConfig(1)
	config.MaxAge = d
	_, err = js.UpdateStream(ctx, config)
	return err
}

// DeleteRecord makes a gap, as a purge does.
func (h *Hub) DeleteRecord(ctx context.Context, position uint64) error {
	return h.stream.DeleteMsg(ctx, position)
}

// CloseConnections closes everything that is connected to an account.
func (s *Server) CloseConnections(account string) error {
	return s.closeConnections(account, true, nil)
}
