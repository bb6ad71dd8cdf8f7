package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/linkage-exchange/linkage/agent/internal/api"
	"github.com/linkage-exchange/linkage/schemas"
)

// Start is [Open], and serves the agency's own systems and commands: on a Unix
// socket in the data directory, and on Options.Listen. When it returns, both
// listen. If a step fails, the earlier ones are undone.
func Start(ctx context.Context, opts Options) (_ *Agent, err error) {
	a, err := Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = a.Stop(context.WithoutCancel(ctx)) // err already says why
		}
	}()
	socket, err := a.listenSocket()
	if err != nil {
		return nil, err
	}
	serve := api.Options{Agent: face{a}, Socket: socket, Metrics: newMetrics(a).handler(), Logger: a.log}
	if a.opts.Listen != "off" {
		if err := a.listenTCP(&serve); err != nil {
			return nil, errors.Join(err, socket.Close())
		}
	}
	server := api.Serve(serve)
	a.teardown.Push("local server", server.Close)
	if a.listener != nil {
		a.log.InfoContext(ctx, "agent serves", "address", a.Addr().String())
	}
	return a, nil
}

// maxSocketPath is what the systems that we know allow for a socket's name.
const maxSocketPath = 100

// listenSocket opens the socket for this agent's own commands. Whoever may open
// it (mode 0600) is the agency's operator.
func (a *Agent) listenSocket() (net.Listener, error) {
	path := filepath.Join(a.opts.DataDir, fileSocket)
	if len(path) > maxSocketPath {
		return nil, schemas.Malformed("data_dir", "must be shorter: the path of the socket in it may have %d characters", maxSocketPath)
	}
	// The store is ours, so a socket that is there is a leftover.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open socket: %w", err), listener.Close())
	}
	return listener, nil
}

// listenTCP opens the address for the agency's own systems.
func (a *Agent) listenTCP(serve *api.Options) error {
	token, err := os.ReadFile(filepath.Join(a.opts.DataDir, fileToken))
	if err != nil {
		return fmt.Errorf("read the token for this agency's systems: %w", err)
	}
	if serve.Token = strings.TrimSpace(string(token)); len(serve.Token) < 32 {
		return schemas.Malformed(fileToken, "must hold a token of at least 32 characters")
	}
	if serve.Host, _, err = net.SplitHostPort(a.opts.Listen); err != nil {
		return schemas.Malformed("listen", "must be host:port, or off")
	}
	if serve.TCP, err = net.Listen("tcp", a.opts.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	a.listener = serve.TCP
	return nil
}

// Addr is where the agency's own systems reach the agent, also when
// Options.Listen asked for any port; nil if that is off.
func (a *Agent) Addr() net.Addr {
	if a.listener == nil {
		return nil
	}
	return a.listener.Addr()
}

// face is the agent as the local server sees it.
type face struct{ a *Agent }

var _ api.Agent = face{}

func (f face) Accept(ctx context.Context, event []byte) (any, error) { return f.a.Accept(ctx, event) }

func (f face) Events(ctx context.Context, q api.EventQuery) (any, error) {
	return f.a.AwaitEvents(ctx, EventQuery(q))
}

func (f face) Subject(n schemas.NetworkID, subject string) (any, error) {
	return f.a.Subject(n, subject)
}

func (f face) Attach(ctx context.Context, n schemas.NetworkID, content io.Reader) (any, error) {
	return f.a.Attach(ctx, n, content)
}

func (f face) Attachments(n schemas.NetworkID) (any, error) { return f.a.Attachments(n) }

func (f face) Attachment(n schemas.NetworkID, id schemas.Hash) (int, io.WriterTo, error) {
	found, err := f.a.Attachment(n, id)
	if err != nil {
		return 0, nil, err
	}
	return found.Bytes, found, nil
}

func (f face) Status() (any, error) { return f.a.Status() }

func (f face) Ready() error { return f.a.Ready() }

func (f face) Diagnose(ctx context.Context) any { return f.a.Diagnose(ctx) }

func (f face) Grants(n schemas.NetworkID) (any, error) { return f.a.Permissions(n) }

func (f face) Issue(ctx context.Context, grant []byte) (any, error) {
	var g NewGrant
	if err := schemas.DecodeJSON(grant, &g); err != nil {
		return nil, err
	}
	id, err := f.a.Issue(ctx, g)
	return Issued{id}, err
}

func (f face) Revoke(ctx context.Context, n schemas.NetworkID, id schemas.GrantID) (any, error) {
	return f.a.Revoke(ctx, n, id)
}

func (f face) LedgerHead(n schemas.NetworkID) (any, error) { return f.a.LedgerHead(n) }

func (f face) Proofs(n schemas.NetworkID, id schemas.EventID, content bool) (any, error) {
	return f.a.Prove(n, id, content)
}

func (f face) Join(ctx context.Context, code string) (any, error) { return f.a.Join(ctx, code) }

func (f face) Reclaim(ctx context.Context, n schemas.NetworkID) (any, error) {
	return f.a.Reclaim(ctx, n)
}

func (f face) Backup(ctx context.Context, file string) (any, error) { return f.a.Backup(ctx, file) }

func (f face) Retry(ctx context.Context, n schemas.NetworkID, delivery uint64) error {
	return f.a.Retry(ctx, n, delivery)
}

func (f face) End(ctx context.Context, n schemas.NetworkID, delivery uint64, reason string) error {
	return f.a.End(ctx, n, delivery, reason)
}

func (f face) Dismiss(ctx context.Context, n schemas.NetworkID, alarm uint64) error {
	return f.a.Dismiss(ctx, n, alarm)
}

func (f face) Confirm(ctx context.Context, n schemas.NetworkID, a schemas.AgencyID, fingerprint string) error {
	return f.a.Confirm(ctx, n, a, fingerprint)
}

func (f face) Rotate(ctx context.Context, how []byte) (any, error) {
	var r Rotation
	if err := schemas.DecodeJSON(how, &r); err != nil {
		return nil, err
	}
	return f.a.Rotate(ctx, r)
}
