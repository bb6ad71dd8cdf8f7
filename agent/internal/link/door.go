package link

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/schemas"
)

// Door speaks to the broker over HTTPS, without credentials: to join, to ask
// why it is kept out, to revoke while suspended, to come back to a broker that
// began anew.
type Door struct {
	target Target
	client *http.Client
}

// NewDoor prepares to speak; it connects with the first call.
func NewDoor(t Target) *Door {
	return &Door{target: t, client: &http.Client{Timeout: defaultTimeout, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialer{t}.dial(ctx, network, addr)
		},
		TLSClientConfig:     tlsConfig(func() Target { return t }),
		TLSHandshakeTimeout: 20 * time.Second,
		DisableKeepAlives:   true,
	}}}
}

// Hello asks the broker who it is and holds the answer against what the
// invitation said.
func (d *Door) Hello(ctx context.Context) (schemas.Hello, error) {
	nonce := string(schemas.NewGrantID()) // 128 random bits
	var rec schemas.SignedRecord
	if err := d.call(ctx, http.MethodGet, "/enrol/hello?nonce="+url.QueryEscape(nonce), nil, &rec); err != nil {
		return schemas.Hello{}, err
	}
	hello, err := schemas.PeekRecord[schemas.Hello](rec, schemas.RecordHello)
	if err != nil {
		return schemas.Hello{}, err
	}
	if schemas.KeyIDOf(hello.Key) != d.target.Broker || rec.Verify(schemas.RecordHello, hello.Key) != nil || hello.Nonce != nonce {
		return schemas.Hello{}, schemas.Refuse(schemas.CodeUnknownSigningKey, "broker", "must be the broker that the invitation named", "ask the network's lead agency for the broker's fingerprint")
	}
	if hello.Network != d.target.Network {
		return schemas.Hello{}, schemas.Malformed("network", "must be %s", d.target.Network)
	}
	return hello, nil
}

// Join presents a card and its admission.
func (d *Door) Join(ctx context.Context, req schemas.JoinRequest) (schemas.JoinReply, error) {
	var reply schemas.JoinReply
	err := d.call(ctx, http.MethodPost, "/enrol/join", req, &reply)
	return reply, err
}

// Standing asks how the agency stands; proof is a signed [schemas.Hello].
func (d *Door) Standing(ctx context.Context, agency schemas.AgencyID, proof schemas.SignedRecord) (schemas.MemberStatus, error) {
	req := struct {
		Agency schemas.AgencyID     `json:"agency"`
		Proof  schemas.SignedRecord `json:"proof"`
	}{agency, proof}
	var reply struct {
		Status schemas.MemberStatus `json:"status"`
	}
	err := d.call(ctx, http.MethodPost, "/enrol/standing", req, &reply)
	return reply.Status, err
}

// Revoke brings signed revocations.
func (d *Door) Revoke(ctx context.Context, records []schemas.SignedRecord) (schemas.GrantReply, error) {
	var reply schemas.GrantReply
	err := d.call(ctx, http.MethodPost, "/enrol/revoke", schemas.GrantRequest{V: 1, Revoke: records}, &reply)
	return reply, err
}

// Epochs asks which lives the broker's hub has had.
func (d *Door) Epochs(ctx context.Context) (schemas.EpochsReply, error) {
	var reply schemas.EpochsReply
	err := d.call(ctx, http.MethodGet, "/enrol/epochs", nil, &reply)
	return reply, err
}

// Return makes this agency known to a broker that has forgotten it.
func (d *Door) Return(ctx context.Context, req schemas.ReturnRequest) (schemas.ReturnReply, error) {
	var reply schemas.ReturnReply
	err := d.call(ctx, http.MethodPost, "/enrol/return", req, &reply)
	return reply, err
}

// call asks the broker; where there are several, the next if one is not there or
// cannot do it now. What is asked may be asked twice.
func (d *Door) call(ctx context.Context, method, path string, in, out any) (err error) {
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("ask broker: %w", err)
		}
	}
	for _, address := range d.target.addresses() {
		err = d.ask(ctx, method, address+path, body, out)
		if code := schemas.CodeOf(err); err == nil || code != "" && code != schemas.CodeUnavailable || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (d *Door) ask(ctx context.Context, method, address string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask broker: %w", err)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask broker: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("ask broker: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return problem.Parse(b)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("read the broker's answer: %w", err)
	}
	return nil
}
