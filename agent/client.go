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

// OpenClient prepares to reach the agent of a directory; it connects with the
// first call.
func OpenClient(dataDir string) *Client {
	c := &Client{path: filepath.Join(filepath.Clean(dataDir), fileSocket)}
	c.http = &http.Client{Transport: &http.Transport{DialContext: c.dial}}
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

// Join joins a network; see [Agent.Join].
func (c *Client) Join(ctx context.Context, code string) (Joined, error) {
	var j Joined
	err := c.call(ctx, http.MethodPost, "/join", nil, map[string]string{"code": code}, &j)
	return j, err
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
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("ask agent: %w", ctx.Err())
		}
		return schemas.Refuse(schemas.CodeUnavailable, "agent", "must be running with this data directory", "start it with `linkage agent run`, or name another directory with --data")
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the agent's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return problem.Parse(b)
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return json.Unmarshal(b, out)
}
