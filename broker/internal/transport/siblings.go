package transport

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
)

// siblings is where the brokers of a cluster ask each other. No agency can
// reach it: the subjects are exported to nobody, and who routes to this server
// has shown a certificate that brokers only have.
const siblings = "cluster."

// Answer has handle answer what another broker asks under a name, until close
// is called or the server stops. Each question has a goroutine of its own.
func (s *Server) Answer(name string, handle func(data []byte) []byte) (func(), error) {
	sub, err := s.gate.Subscribe(siblings+name, func(m *nats.Msg) {
		go func() { _ = m.Respond(handle(m.Data)) }() // one that does not arrive is asked for again
	})
	if err == nil {
		err = s.gate.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("answer %s: %w", name, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil // fails only on a closed connection
}

// Ask asks whichever broker answers the name.
func (s *Server) Ask(ctx context.Context, name string, data []byte) ([]byte, error) {
	m, err := s.gate.RequestWithContext(ctx, siblings+name, data)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", name, err)
	}
	return m.Data, nil
}

// AskAll returns the answers of the brokers that answer the name before ctx
// ends, this one among them; all of them at the latest.
func (s *Server) AskAll(ctx context.Context, name string) [][]byte {
	inbox := s.gate.NewInbox()
	sub, err := s.gate.SubscribeSync(inbox)
	if err != nil {
		return nil
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	if err := s.gate.PublishRequest(siblings+name, inbox, nil); err != nil {
		return nil
	}
	var all [][]byte
	for len(all) < Brokers {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			break
		}
		if len(m.Data) > 0 {
			all = append(all, m.Data)
		}
	}
	return all
}
