package agent_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/schemas"
)

// alone is an agent that has joined no network and serves on TCP.
type alone struct {
	dir, url, token string
}

func startAlone(t *testing.T) alone {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // short enough for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	a := alone{dir: filepath.Join(dir, "a")}
	opts := agent.Options{DataDir: a.dir, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}
	if _, err := agent.Init(t.Context(), opts, "An agency"); err != nil {
		t.Fatal(err)
	}
	running, err := agent.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	token, err := os.ReadFile(filepath.Join(a.dir, "api.token"))
	if err != nil {
		t.Fatal(err)
	}
	a.url, a.token = "http://"+running.Addr().String(), strings.TrimSpace(string(token))
	return a
}

// ask sends a request with the token, changed by change.
func (a alone) ask(t *testing.T, method, path, body string, change func(*http.Request)) (*http.Response, problem.Document) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var d problem.Document
	if resp.Header.Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
	}
	return resp, d
}

func TestRequestsThatAreNotLetIn(t *testing.T) {
	a := startAlone(t)
	for name, tc := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		status             int
		field              string
	}{
		"no token":              {"GET", "/status", "", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "Authorization"},
		"wrong token":           {"GET", "/status", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer secret") }, 401, "Authorization"},
		"the token alone":       {"GET", "/status", "", func(r *http.Request) { r.Header.Set("Authorization", a.token) }, 401, "Authorization"},
		"figures need it too":   {"GET", "/metrics", "", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "Authorization"},
		"another name for us":   {"GET", "/healthz", "", func(r *http.Request) { r.Host = "rebound.example" }, 421, "Host"},
		"an address, not ours":  {"GET", "/healthz", "", func(r *http.Request) { r.Host = "192.0.2.1:80" }, 421, "Host"},
		"no such address":       {"GET", "/clients/secret", "", nil, 404, "path"},
		"no such method":        {"DELETE", "/events", "", nil, 405, "method"},
		"no type":               {"POST", "/events", "{}", func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "Content-Type"},
		"a batch":               {"POST", "/events", "[]", func(r *http.Request) { r.Header.Set("Content-Type", "application/cloudevents-batch+json") }, 415, "Content-Type"},
		"no JSON":               {"POST", "/events", "secret", nil, 400, "json"},
		"no event":              {"POST", "/events", "{}", nil, 400, "specversion"},
		"a cursor that is none": {"GET", "/events?after=secret", "", nil, 400, "after"},
		"too many at once":      {"GET", "/events?limit=100000", "", nil, 400, "limit"},
		"too long a wait":       {"GET", "/events?wait=1h", "", nil, 400, "wait"},
		"no grant's id":         {"POST", "/grants/secret/revoke", "", nil, 400, "grant"},
		"no number":             {"POST", "/outbox/secret/retry", "", nil, 400, "number"},
		"no network":            {"GET", "/events", "", nil, 403, "network"},
		"no code":               {"POST", "/join", `{"code":"secret"}`, nil, 400, "code"},
		"no agency":             {"POST", "/members/Secret!/confirm", `{"fingerprint":"secret"}`, nil, 400, "agency"},
	} {
		t.Run(name, func(t *testing.T) {
			resp, d := a.ask(t, tc.method, tc.path, tc.body, tc.change)
			if resp.StatusCode != tc.status || d.Field != tc.field || d.Detail == "" || d.Remedy == "" {
				t.Errorf("got %d %+v, want %d about %s", resp.StatusCode, d, tc.status, tc.field)
			}
			if b, _ := json.Marshal(d); strings.Contains(strings.ToLower(string(b)), "secret") {
				t.Errorf("the answer repeats what was sent: %s", b)
			}
		})
	}
}

// endless is a body that must not be read.
type endless struct{ t *testing.T }

func (e endless) Read(b []byte) (int, error) {
	e.t.Error("the body was read")
	return len(b), nil
}

func TestOversizeBodyIsRefusedWithoutBeingRead(t *testing.T) {
	a := startAlone(t)
	resp, d := a.ask(t, "POST", "/events", "", func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(endless{t}), schemas.MaxEvent+1
		r.Header.Set("Expect", "100-continue") // the body follows only if it is asked for
	})
	if resp.StatusCode != http.StatusRequestEntityTooLarge || d.Code != schemas.CodeTooLarge || !resp.Close {
		t.Errorf("got %d %+v, closing %v", resp.StatusCode, d, resp.Close)
	}
	resp, d = a.ask(t, "POST", "/events", strings.Repeat(" ", schemas.MaxEvent+1), func(r *http.Request) { r.ContentLength = -1 })
	if resp.StatusCode != http.StatusRequestEntityTooLarge || d.Code != schemas.CodeTooLarge {
		t.Errorf("without a length: got %d %+v", resp.StatusCode, d)
	}
}

func TestHealthNeedsNoToken(t *testing.T) {
	a := startAlone(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		resp, _ := a.ask(t, "GET", path, "", func(r *http.Request) { r.Header.Del("Authorization"); r.Host = "localhost" })
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d", path, resp.StatusCode)
		}
	}
}

func TestSocketIsTheOwnersAlone(t *testing.T) {
	a := startAlone(t)
	info, err := os.Stat(filepath.Join(a.dir, "agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
		t.Errorf("got mode %o, want %o", got, want)
	}
	client := agent.OpenClient(a.dir)
	status, err := client.Status(t.Context())
	if err != nil || status.Name != "An agency" || !client.Running(t.Context()) {
		t.Errorf("got %+v, %v", status, err)
	}
	if _, err := client.Accept(t.Context(), []byte(`{}`)); schemas.CodeOf(err) != schemas.CodeUnsupportedVersion {
		t.Errorf("got %v, want the agent's own refusal", err)
	}
}

func TestAddressInUseUndoesTheStart(t *testing.T) {
	a := startAlone(t)
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	opts := agent.Options{DataDir: filepath.Join(dir, "b"), Listen: strings.TrimPrefix(a.url, "http://"), Logger: slog.New(slog.DiscardHandler)}
	if _, err := agent.Init(t.Context(), opts, "Another"); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Start(t.Context(), opts); err == nil {
		t.Fatal("it started on an address in use")
	}
	opts.Listen = "off"
	again, err := agent.Start(t.Context(), opts)
	if err != nil {
		t.Fatalf("the store was not released: %v", err)
	}
	if again.Addr() != nil {
		t.Errorf("got %v, want no address", again.Addr())
	}
	if err := again.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestNoAgentRuns(t *testing.T) {
	client := agent.OpenClient(t.TempDir())
	if _, err := client.Status(t.Context()); schemas.CodeOf(err) != schemas.CodeUnavailable || client.Running(t.Context()) {
		t.Errorf("got %v, want unavailable", err)
	}
}
