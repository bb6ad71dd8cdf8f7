package transport_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
)

// shared is the one server that most tests use, with its log.
var shared struct {
	server *transport.Server
	web    *httptest.Server
	log    logBuffer
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "transport")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	keys, _, err := transport.NewKeys("test")
	if err == nil {
		shared.server, err = transport.Start(context.Background(), transport.Options{
			Dir: dir, Keys: keys, Logger: slog.New(slog.NewTextHandler(&shared.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	shared.web = serveWebsocket(shared.server)
	code := m.Run()
	if err := shared.server.Stop(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	shared.web.Close()
	return code
}

// serveWebsocket mounts the web socket as the broker does: under a path of an
// HTTPS server.
func serveWebsocket(s *transport.Server) *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("/nats", s.Websocket())
	return httptest.NewTLSServer(mux)
}

type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// user is one agent's key and its way to the shared server.
type user struct {
	account transport.Account
	pair    nkeys.KeyPair
	public  string
}

// admit makes a new agency on s, with one user.
func admit(t testing.TB, s *transport.Server, name string) user {
	t.Helper()
	account, err := transport.NewAccount()
	check(t, err)
	check(t, s.Admit(t.Context(), account, name, false))
	pair, err := nkeys.CreateUser()
	check(t, err)
	public, err := pair.PublicKey()
	check(t, err)
	return user{account, pair, public}
}

// again is another user of the same agency.
func (u user) again(t testing.TB) user {
	t.Helper()
	pair, err := nkeys.CreateUser()
	check(t, err)
	public, err := pair.PublicKey()
	check(t, err)
	return user{u.account, pair, public}
}

func (u user) credentials(t testing.TB, s *transport.Server, validFor time.Duration) string {
	t.Helper()
	token, err := s.Credentials(u.account, u.public, validFor, time.Now())
	check(t, err)
	return token
}

// options connect u through the shared web socket.
func (u user) options(t testing.TB, more ...nats.Option) []nats.Option {
	token := u.credentials(t, shared.server, time.Hour)
	return append([]nats.Option{
		nats.UserJWT(func() (string, error) { return token, nil }, u.pair.Sign),
		nats.CustomInboxPrefix("_INBOX." + u.public),
		nats.Secure(shared.web.Client().Transport.(*http.Transport).TLSClientConfig),
		nats.ProxyPath("/nats"),
		nats.NoReconnect(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, more...)
}

func (u user) connect(t testing.TB, more ...nats.Option) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(address(), u.options(t, more...)...)
	check(t, err)
	t.Cleanup(conn.Close)
	return conn
}

func address() string { return "wss://" + shared.web.Listener.Addr().String() }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
