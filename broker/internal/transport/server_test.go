package transport_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/journal"
)

func start(t testing.TB, opts transport.Options) *transport.Server {
	t.Helper()
	s, err := transport.Start(t.Context(), opts)
	check(t, err)
	t.Cleanup(func() { check(t, s.Stop(context.Background())) })
	return s
}

func newKeys(t testing.TB) transport.Keys {
	t.Helper()
	keys, seed, err := transport.NewKeys("test")
	check(t, err)
	if !strings.HasPrefix(string(seed), "SO") {
		t.Fatal("operator's seed is none")
	}
	stored, err := json.Marshal(keys)
	check(t, err)
	if strings.Contains(string(stored), string(seed)) {
		t.Fatal("operator's seed is among the keys")
	}
	var again transport.Keys
	check(t, json.Unmarshal(stored, &again))
	if !reflect.DeepEqual(again, keys) {
		t.Fatalf("keys changed in JSON: %v", again)
	}
	return again
}

func TestSecretsDoNotPrint(t *testing.T) {
	keys := newKeys(t)
	var b logBuffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "keys", keys, "account", keys.Broker)
	for _, out := range []string{b.String(), fmt.Sprintf("%v %+v %s", keys, keys, keys.Broker)} {
		for _, seed := range []string{keys.OperatorSigning, keys.Broker.SigningSeed, keys.System.SigningSeed} {
			if strings.Contains(out, seed) {
				t.Fatalf("%q shows a seed", out)
			}
		}
	}
}

func TestStartRefusesADirectoryInUse(t *testing.T) {
	dir, keys := t.TempDir(), newKeys(t)
	s := start(t, transport.Options{Dir: dir, Keys: keys})
	_, err := transport.Start(t.Context(), transport.Options{Dir: dir, Keys: keys})
	if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "another broker is running") {
		t.Fatalf("got %v", err)
	}
	check(t, s.Healthy())
	check(t, s.Stop(t.Context()))
	start(t, transport.Options{Dir: dir, Keys: keys})
}

func TestStartRefusesWhatCannotWork(t *testing.T) {
	dir, keys := t.TempDir(), newKeys(t)
	mixed := keys
	mixed.OperatorSigning = newKeys(t).OperatorSigning
	other := keys
	other.System = newKeys(t).System
	for name, opts := range map[string]transport.Options{
		"no directory": {Keys: keys},
		"no keys":      {Dir: dir},
		"mixed keys":   {Dir: dir, Keys: mixed},
		"other system": {Dir: dir, Keys: other},
		"no TLS":       {Dir: dir, Keys: keys, Listen: "127.0.0.1:0"},
		"no port":      {Dir: dir, Keys: keys, Listen: "127.0.0.1", TLS: shared.web.TLS},
		"in use":       {Dir: dir, Keys: keys, Listen: shared.web.Listener.Addr().String(), TLS: shared.web.TLS},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the port in use is retried until then
		if s, err := transport.Start(ctx, opts); err == nil {
			t.Errorf("%s: started", name)
			check(t, s.Stop(t.Context()))
		}
		cancel()
	}
	start(t, transport.Options{Dir: dir, Keys: keys}) // each failure released the directory
}

func TestStartRefusesAChangedHub(t *testing.T) {
	dir, keys := t.TempDir(), newKeys(t)
	s := start(t, transport.Options{Dir: dir, Keys: keys})
	check(t, s.Hub().SetMaxAge(t.Context(), time.Hour))
	check(t, s.Stop(t.Context()))
	if _, err := transport.Start(t.Context(), transport.Options{Dir: dir, Keys: keys}); err == nil || !strings.Contains(err.Error(), "age") {
		t.Fatalf("got %v", err)
	}
}

func TestDirectoryIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	start(t, transport.Options{Dir: dir, Keys: newKeys(t)})
	info, err := os.Stat(dir)
	check(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestRestartKeepsHubAndAccounts(t *testing.T) {
	dir, keys := t.TempDir(), newKeys(t)
	s := start(t, transport.Options{Dir: dir, Keys: keys})
	u := admit(t, s, "agency-a")
	commit(t, s.Hub(), record("hub.0.epoch", "1"))
	commit(t, s.Hub(), record("hub.0.grant.a", "2"), record("hub.0.grant.b", "3"))
	before := scan(t, s.Hub(), 1)

	crashed := filepath.Join(t.TempDir(), "copy") // what a crash would leave: nothing was closed
	check(t, os.CopyFS(crashed, os.DirFS(dir)))
	check(t, s.Stop(t.Context()))

	for name, dir := range map[string]string{"stopped": dir, "crashed": crashed} {
		s := start(t, transport.Options{Dir: dir, Keys: keys, Listen: "127.0.0.1:0", TLS: shared.web.TLS})
		if got := scan(t, s.Hub(), 1); !reflect.DeepEqual(got, before) {
			t.Errorf("%s: got %v, want %v", name, got, before)
		}
		first := commit(t, s.Hub(), record("hub.0.epoch", "4"), record("hub.0.epoch", "5"))
		if first != 4 {
			t.Errorf("%s: next position is %d", name, first)
		}
		conn, err := nats.Connect("tls://"+s.Addr().String(), u.options(t, nats.ProxyPath(""),
			nats.UserJWT(func() (string, error) { return u.credentials(t, s, time.Hour), nil }, u.pair.Sign))...)
		check(t, err)
		if n := s.Connections(u.account.ID); n != 1 {
			t.Errorf("%s: %d connections", name, n)
		}
		check(t, s.Admit(t.Context(), u.account, "agency-a", false))
		check(t, conn.Flush()) // admitting again what stands leaves connections alone
		stats, err := s.Stats()
		check(t, err)
		if stats.Connections != 1 || stats.HubRecords != 5 {
			t.Errorf("%s: %+v", name, stats)
		}
		check(t, s.Healthy())
		conn.Close()
		check(t, s.Stop(t.Context()))
		if s.Healthy() == nil {
			t.Errorf("%s: healthy after the end", name)
		}
	}
}

func TestRawListenerTakesBothKindsOfTLS(t *testing.T) {
	s := start(t, transport.Options{Dir: t.TempDir(), Keys: newKeys(t), Listen: "127.0.0.1:0", TLS: shared.web.TLS})
	u := admit(t, s, "agency-a")
	for name, option := range map[string]nats.Option{"at once": nats.TLSHandshakeFirst(), "after the first line": nats.Name("")} {
		conn, err := nats.Connect("tls://"+s.Addr().String(), u.options(t, option, nats.ProxyPath(""),
			nats.UserJWT(func() (string, error) { return u.credentials(t, s, time.Hour), nil }, u.pair.Sign))...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		conn.Close()
	}
	if shared.server.Addr() != nil {
		t.Error("a server without listener has an address")
	}
}

func TestWebsocketRefusesPlainRequests(t *testing.T) {
	w := httptest.NewRecorder()
	shared.server.Websocket().ServeHTTP(w, httptest.NewRequest("GET", "/nats", nil))
	if w.Code < 400 {
		t.Errorf("answered %d", w.Code)
	}
}

var _ journal.Journal = (*transport.Hub)(nil)
