package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/linkage-exchange/linkage/schemas"
)

// member is an agency that speaks the wire by itself, with everything prepared
// beforehand, so that it costs the machine next to nothing while something
// else is measured.
type member struct {
	agency schemas.AgencyID
	site   *site
	key    ed25519.PrivateKey
	user   nkeys.KeyPair
	jwt    string
	conn   *nats.Conn
	chain  schemas.ULID
	grants []schemas.GrantID
	number uint64 // of its register
	heads  map[schemas.AgencyID]head
}

// head is where the chain to one recipient stands.
type head struct {
	sequence uint64
	hash     schemas.Hash
}

// transport is how a member reaches the broker.
type transport string

// The transports.
const (
	overTLS       transport = "TLS"
	overWebSocket transport = "WebSocket over TLS"
)

const connectAttempts = 20

func (m *member) connect(via transport) (err error) {
	public, err := m.user.PublicKey()
	if err != nil {
		return err
	}
	address, options := "tls://"+m.site.nats, []nats.Option{nats.TLSHandshakeFirst()}
	if via == overWebSocket {
		address, options = "wss://"+m.site.door, []nats.Option{nats.ProxyPath("/nats")}
	}
	options = append(options, nats.Secure(unverified()), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.Timeout(time.Minute),
		nats.UserJWT(func() (string, error) { return m.jwt, nil }, m.user.Sign), nats.CustomInboxPrefix("_INBOX."+public),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	// On a busy machine the server may take a slow client for one of the older
	// kind, which waits for a greeting before it speaks TLS; agents try again, too.
	for range connectAttempts {
		if m.conn, err = nats.Connect(address, options...); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	_, err = m.conn.Subscribe(schemas.HintSubject, func(*nats.Msg) {}) // as agents do
	return err
}

// ask calls a verb and decodes its answer.
func (m *member) ask(ctx context.Context, verb string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	reply, err := m.conn.RequestWithContext(ctx, "broker."+verb, body)
	if err != nil {
		return fmt.Errorf("%s asks for %s: %w", m.agency, verb, err)
	}
	return json.Unmarshal(reply.Data, answer)
}

// permit issues n grants to a recipient and publishes the register. It returns
// the terms of each, which go into the seals.
func (m *member) permit(ctx context.Context, to schemas.AgencyID, n int, client schemas.Handle) ([]schemas.SignedRecord, error) {
	today := schemas.DateOf(time.Now())
	var all []schemas.SignedRecord
	for done := 0; done < n; done += schemas.MaxGrantRecords {
		req := schemas.GrantRequest{V: 1}
		for range min(n-done, schemas.MaxGrantRecords) {
			t := schemas.Terms{
				V: 1, Network: networkID, ID: schemas.NewGrantID(), Discloser: m.agency, Recipient: to,
				NotBefore: schemas.OnDay(today.AddDays(-1)), NotAfter: schemas.OnDay(today.AddDays(365)), Client: client,
				Cells: []schemas.Cell{{Category: "attendance", Purpose: "justice-monitoring"}}, Basis: "justice-consent",
			}
			grant, terms, err := schemas.Issue(t, make([]byte, 32), m.key)
			if err != nil {
				return nil, err
			}
			m.grants = append(m.grants, t.ID)
			req.Issue, all = append(req.Issue, grant), append(all, terms)
		}
		if err := m.change(ctx, req); err != nil {
			return nil, err
		}
	}
	m.number++
	register, err := schemas.Sign(schemas.RecordRegister, schemas.Register{
		V: 1, Network: networkID, Discloser: m.agency, Number: m.number, Live: m.grants[:min(len(m.grants), 1000)], Ended: []schemas.GrantID{},
	}, m.key)
	if err != nil {
		return nil, err
	}
	return all, m.change(ctx, schemas.GrantRequest{V: 1, Register: &register})
}

func (m *member) change(ctx context.Context, req schemas.GrantRequest) error {
	var reply schemas.GrantReply
	if err := m.ask(ctx, schemas.VerbGrant, req, &reply); err != nil {
		return err
	}
	return reply.Err()
}

// revoke ends a grant and returns what the broker says of it.
func (m *member) revoke(ctx context.Context, id schemas.GrantID) (reply schemas.GrantReply, err error) {
	rec, err := schemas.Sign(schemas.RecordRevocation, schemas.Revocation{V: 1, Network: networkID, Grant: id, At: schemas.At(time.Now()), By: m.agency}, m.key)
	if err != nil {
		return reply, err
	}
	if err := m.ask(ctx, schemas.VerbGrant, schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{rec}}, &reply); err != nil {
		return reply, err
	}
	return reply, reply.Err()
}

// envelope signs the next place of the chain to a recipient. The gate opens
// nothing, so for what only the gate sees one seal serves many envelopes.
func (m *member) envelope(to schemas.AgencyID, grant schemas.GrantID, key schemas.KeyID, seal func(schemas.SealInfo) ([]byte, error)) (*nats.Msg, error) {
	h := m.heads[to]
	e := schemas.Envelope{
		ID: schemas.NewEventID(), Sender: m.agency, Time: schemas.At(time.Now()).Time, Recipient: to, Grant: grant, RecipientKey: key,
		Chain: m.chain, Sequence: h.sequence + 1, Previous: h.hash,
	}
	var err error
	if e.Data, err = seal(e.SealInfo(networkID)); err != nil {
		return nil, err
	}
	e = e.Signed(m.key)
	m.heads[to] = head{e.Sequence, e.Hash()}
	return &nats.Msg{Subject: "broker." + schemas.VerbSubmit, Header: e.Header(), Data: e.Data}, nil
}

// prepare signs n envelopes to a recipient for the gate alone.
func (m *member) prepare(to schemas.AgencyID, grant schemas.GrantID, n int) ([]*nats.Msg, error) {
	data := append([]byte{1}, make([]byte, smallestSeal)...)
	all := make([]*nats.Msg, n)
	for i := range all {
		var err error
		all[i], err = m.envelope(to, grant, schemas.KeyIDOf(m.site.sealing), func(schemas.SealInfo) ([]byte, error) { return data, nil })
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// smallestSeal is the smallest bucket with its encapsulated key and tag.
const smallestSeal = 2<<10 + 1185 + 16
