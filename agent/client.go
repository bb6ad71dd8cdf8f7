package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/schemas"
)

// Client reaches a running agent through the socket in its data directory, as
// the agent's own commands do. Its errors are those of the agent.
type Client struct {
	path string
	http *http.Client
}

// maxAnswer bounds what is read of an answer: a page of the largest events.
const maxAnswer = 1 << 30

// continueTimeout is how long an upload waits to be refused or let in.
const continueTimeout = 10 * time.Second

// OpenClient prepares to reach the agent of a directory; it connects with the
// first call.
func OpenClient(dataDir string) *Client {
	c := &Client{path: filepath.Join(filepath.Clean(dataDir), fileSocket)}
	c.http = &http.Client{Transport: &http.Transport{DialContext: c.dial, ExpectContinueTimeout: continueTimeout}}
	return c
}

func (c *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", c.path)
}

// Running reports whether an agent serves the directory now.
func (c *Client) Running(ctx context.Context) bool {
	conn, err := c.dial(ctx, "", "")
	if err != nil {
		return false
	}
	_ = conn.Close() // only whether it opens was asked
	return true
}

// Accept hands an event to the agent; see [Agent.Accept].
func (c *Client) Accept(ctx context.Context, event []byte) (Acceptance, error) {
	var out Acceptance
	err := c.call(ctx, http.MethodPost, "/events", nil, json.RawMessage(event), &out)
	return out, err
}

// Events reads a page of events, waiting for the first at most so long.
func (c *Client) Events(ctx context.Context, q EventQuery, wait time.Duration) (Page, error) {
	values := url.Values{"after": {strconv.FormatUint(q.After, 10)}, "limit": {strconv.Itoa(q.Limit)}, "wait": {wait.String()}}
	if q.Subject != "" {
		values.Set("subject", q.Subject)
	}
	if q.Network != "" {
		values.Set("network", string(q.Network))
	}
	var page Page
	err := c.call(ctx, http.MethodGet, "/events", values, nil, &page)
	return page, err
}

// Attach hands a document of so many bytes to the agent; see [Agent.Attach].
func (c *Client) Attach(ctx context.Context, n schemas.NetworkID, content io.Reader, bytes int64) (Uploaded, error) {
	var up Uploaded
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://localhost/attachments?"+inNetwork(n).Encode(), content)
	if err != nil {
		return up, fmt.Errorf("ask agent: %w", err)
	}
	req.ContentLength = bytes
	req.Header.Set("Expect", "100-continue") // a refusal comes before the document goes
	err = c.do(req, func(body io.Reader) error { return decode(body, &up) })
	return up, err
}

// Attachments lists every document; see [Agent.Attachments].
func (c *Client) Attachments(ctx context.Context, n schemas.NetworkID) ([]Progress, error) {
	var all []Progress
	err := c.call(ctx, http.MethodGet, "/attachments", inNetwork(n), nil, &all)
	return all, err
}

// Attachment writes a document that is whole.
func (c *Client) Attachment(ctx context.Context, n schemas.NetworkID, id schemas.Hash, to io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/attachments/"+id.String()+"?"+inNetwork(n).Encode(), nil)
	if err != nil {
		return fmt.Errorf("ask agent: %w", err)
	}
	return c.do(req, func(body io.Reader) error {
		if _, err := io.Copy(to, body); err != nil {
			return fmt.Errorf("copy attachment: %w", err)
		}
		return nil
	})
}

// Status asks the agent how it is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.call(ctx, http.MethodGet, "/status", nil, nil, &s)
	return s, err
}

// Diagnose lets the agent look at every hop to its brokers; see
// [Agent.Diagnose].
func (c *Client) Diagnose(ctx context.Context) ([]Check, error) {
	var all []Check
	err := c.call(ctx, http.MethodGet, "/doctor", nil, nil, &all)
	return all, err
}

// Permissions lists the grants; see [Agent.Permissions].
func (c *Client) Permissions(ctx context.Context, n schemas.NetworkID) ([]Permission, error) {
	var all []Permission
	err := c.call(ctx, http.MethodGet, "/grants", inNetwork(n), nil, &all)
	return all, err
}

// Issue issues a grant; see [Agent.Issue].
func (c *Client) Issue(ctx context.Context, g NewGrant) (schemas.GrantID, error) {
	var out Issued
	err := c.call(ctx, http.MethodPost, "/grants", nil, g, &out)
	return out.ID, err
}

// Revoke ends a grant, waiting for the broker at most so long; see
// [Agent.Revoke].
func (c *Client) Revoke(ctx context.Context, n schemas.NetworkID, id schemas.GrantID, wait time.Duration) (Stopped, error) {
	values := inNetwork(n)
	values.Set("wait", wait.String())
	var s Stopped
	err := c.call(ctx, http.MethodPost, "/grants/"+url.PathEscape(string(id))+"/revoke", values, nil, &s)
	return s, err
}

// LedgerHead asks for the newest head of a broker's ledger; see
// [Agent.LedgerHead].
func (c *Client) LedgerHead(ctx context.Context, n schemas.NetworkID) (LedgerHead, error) {
	var h LedgerHead
	err := c.call(ctx, http.MethodGet, "/ledger", inNetwork(n), nil, &h)
	return h, err
}

// Prove asks for proof files; see [Agent.Prove].
func (c *Client) Prove(ctx context.Context, n schemas.NetworkID, id schemas.EventID, content bool) ([]Proof, error) {
	var all []Proof
	query := inNetwork(n)
	query.Set("content", strconv.FormatBool(content))
	err := c.call(ctx, http.MethodGet, "/ledger/proofs/"+url.PathEscape(string(id)), query, nil, &all)
	return all, err
}

// Join joins a network; see [Agent.Join].
func (c *Client) Join(ctx context.Context, code string) (Joined, error) {
	var j Joined
	err := c.call(ctx, http.MethodPost, "/join", nil, map[string]string{"code": code}, &j)
	return j, err
}

// Reclaim makes this copy the agency; see [Agent.Reclaim].
func (c *Client) Reclaim(ctx context.Context, n schemas.NetworkID) (Reclaimed, error) {
	var r Reclaimed
	err := c.call(ctx, http.MethodPost, "/reclaim", inNetwork(n), nil, &r)
	return r, err
}

// Backup has the agent write a backup; see [Agent.Backup].
func (c *Client) Backup(ctx context.Context, file string) (Backed, error) {
	var b Backed
	err := c.call(ctx, http.MethodPost, "/backup", nil, map[string]string{"file": file}, &b)
	return b, err
}

// Retry sends a delivery again; see [Agent.Retry].
func (c *Client) Retry(ctx context.Context, n schemas.NetworkID, delivery uint64) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/outbox/%d/retry", delivery), inNetwork(n), nil, nil)
}

// End gives a delivery up; see [Agent.End].
func (c *Client) End(ctx context.Context, n schemas.NetworkID, delivery uint64, reason string) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/outbox/%d/end", delivery), inNetwork(n), map[string]string{"reason": reason}, nil)
}

// Dismiss removes an alarm; see [Agent.Dismiss].
func (c *Client) Dismiss(ctx context.Context, n schemas.NetworkID, alarm uint64) error {
	return c.call(ctx, http.MethodPost, fmt.Sprintf("/alarms/%d/dismiss", alarm), inNetwork(n), nil, nil)
}

// Confirm takes over a partner's new keys; see [Agent.Confirm].
func (c *Client) Confirm(ctx context.Context, n schemas.NetworkID, partner schemas.AgencyID, fingerprint string) error {
	path := "/members/" + url.PathEscape(string(partner)) + "/confirm"
	return c.call(ctx, http.MethodPost, path, inNetwork(n), map[string]string{"fingerprint": fingerprint}, nil)
}

// Rotate replaces this agency's keys, waiting for the broker at most so long; see
// [Agent.Rotate].
func (c *Client) Rotate(ctx context.Context, how Rotation, wait time.Duration) (Rotated, error) {
	var r Rotated
	err := c.call(ctx, http.MethodPost, "/keys/rotate", url.Values{"wait": {wait.String()}}, how, &r)
	return r, err
}

func inNetwork(n schemas.NetworkID) url.Values {
	if n == "" {
		return url.Values{}
	}
	return url.Values{"network": {string(n)}}
}

// call asks and decodes the answer into out, if there is to be one.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return schemas.Malformed("body", "must be JSON")
		}
		body = bytes.NewReader(b)
	}
	address := "http://localhost" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return fmt.Errorf("ask agent: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	return c.do(req, func(body io.Reader) error {
		if out == nil {
			return nil
		}
		return decode(body, out)
	})
}

func decode(body io.Reader, out any) error {
	b, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the agent's answer: %w", err)
	}
	return json.Unmarshal(b, out)
}

// do sends a request and lets read have the answer, if there is one and it is
// no refusal.
func (c *Client) do(req *http.Request, read func(body io.Reader) error) error {
	resp, err := c.http.Do(req)
	if err != nil {
		if err := req.Context().Err(); err != nil {
			return fmt.Errorf("ask agent: %w", err)
		}
		return schemas.Refuse(schemas.CodeUnavailable, "agent", "must be running with this data directory", "start it with `linkage agent run`, or name another directory with --data")
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	if resp.StatusCode >= http.StatusMultipleChoices {
		b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("read the agent's answer: %w", err)
		}
		return problem.Parse(b)
	}
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return read(resp.Body)
}
