package link_test

import (
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/link"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/schemas"
)

// silent accepts connections and never says anything on them.
func silent(t *testing.T) (address string, accepted chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted = make(chan struct{}, 100)
	var held []net.Conn // not collected, so not closed
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			held = append(held, c)
			accepted <- struct{}{}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends the loop
		<-done
		for _, c := range held {
			_ = c.Close() // as the test ends
		}
	})
	return l.Addr().String(), accepted
}

// A broker that takes connections and says nothing holds up neither who opens
// or closes the line or looks at it, nor the next attempt.
func TestSilentBroker(t *testing.T) {
	address, accepted := silent(t)
	l, err := link.Open(link.Options{
		Target:  link.Target{Network: "river-county", URL: "https://" + address, Broker: "AAAAAAAAAAAAAAAAAAAAAA"},
		JWT:     func() (string, error) { return "", nil },
		Sign:    func([]byte) ([]byte, error) { return nil, nil },
		User:    "UUSER",
		OnHint:  func() {},
		Timeout: 500 * time.Millisecond,
		Logger:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	<-accepted
	<-accepted // the first attempt was given up
	eventually.True(t, "the obstacle is known", func() bool { return l.LastError() != nil })
	if _, ok := errors.AsType[net.Error](l.LastError()); !ok || l.Connected() {
		t.Errorf("obstacle: %v, connected: %v", l.LastError(), l.Connected())
	}
	if _, err := l.Renew(t.Context()); schemas.CodeOf(err) != schemas.CodeUnavailable {
		t.Errorf("a request without a line: got %v", err)
	}
}
