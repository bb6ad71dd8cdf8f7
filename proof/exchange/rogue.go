package exchange

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/linkage-exchange/linkage/schemas"
)

// Rogue is a member with a program of its own: it joined properly and then
// sends what it likes. It keeps its chains right unless a test breaks them.
type Rogue struct {
	Agency  schemas.AgencyID
	Key     ed25519.PrivateKey
	Conn    *nats.Conn
	Entries map[schemas.AgencyID]schemas.Card // everybody's card
	Chain   schemas.ULID
	Card    schemas.Card // its own, as the broker has it
	n       *Network
	heads   map[schemas.AgencyID]schemas.Envelope // the last accepted of each chain
}

// JoinRogue makes an agency a member by hand, with nothing but HTTP, NATS and
// the package schemas.
func (n *Network) JoinRogue(a schemas.AgencyID) *Rogue {
	n.T.Helper()
	code := n.Invite(a)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	n.must(err)
	sealing, err := schemas.NewSealingKey()
	n.must(err)
	user, err := nkeys.CreateUser()
	n.must(err)
	public, err := user.PublicKey()
	n.must(err)
	now := schemas.At(time.Now())
	req := schemas.JoinRequest{V: 1}
	card := schemas.Card{
		V: 1, Network: code.Network, Agency: a, Number: 1, Services: []string{},
		Signing: []schemas.SigningKey{{Key: key.Public().(ed25519.PublicKey), From: now}},
		Sealing: []schemas.SealingKey{{Suite: schemas.SealSuite, Key: sealing.PublicKey().Bytes(), From: now}},
	}
	req.Card, err = schemas.Sign(schemas.RecordCard, card, key)
	n.must(err)
	req.Admission, err = schemas.Sign(schemas.RecordAdmission, schemas.Admission{
		V: 1, Network: code.Network, Agency: a, Card: req.Card.Hash(), User: public, At: now,
	}, schemas.InvitationKey(code.Secret, a))
	n.must(err)
	r := &Rogue{Agency: a, Key: key, Card: card, n: n, Chain: schemas.NewULID(time.Now()), heads: map[schemas.AgencyID]schemas.Envelope{}, Entries: map[schemas.AgencyID]schemas.Card{}}
	reply := r.join(code, req)
	for _, e := range reply.Directory.Entries {
		card, _, err := e.Card(reply.AdmissionKey)
		n.must(err)
		r.Entries[card.Agency] = card
	}
	r.Conn, err = nats.Connect("wss://"+strings.TrimPrefix(code.URL, "https://"), nats.ProxyPath("/nats"), nats.Secure(unverified()),
		nats.UserJWT(func() (string, error) { return reply.JWT, nil }, user.Sign), nats.CustomInboxPrefix("_INBOX."+public), nats.MaxReconnects(0))
	n.must(err)
	n.T.Cleanup(r.Conn.Close)
	return r
}

// unverified accepts any broker: a rogue does not care.
func unverified() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // #nosec G402 -- a test's client on loopback
}

func (n *Network) must(err error) {
	n.T.Helper()
	if err != nil {
		n.T.Fatal(err)
	}
}

func (r *Rogue) join(code schemas.InvitationCode, req schemas.JoinRequest) schemas.JoinReply {
	r.n.T.Helper()
	body, err := json.Marshal(req)
	r.n.must(err)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: unverified(), DisableKeepAlives: true}}
	resp, err := client.Post(code.URL+"/enrol/join", "application/json", bytes.NewReader(body))
	r.n.must(err)
	defer func() { _ = resp.Body.Close() }() // only read from
	answer, err := io.ReadAll(resp.Body)
	r.n.must(err)
	if resp.StatusCode != http.StatusOK {
		r.n.T.Fatalf("join: %d %s", resp.StatusCode, answer)
	}
	var reply schemas.JoinReply
	r.n.must(json.Unmarshal(answer, &reply))
	return reply
}

// Request sends anything to a verb and returns the raw answer.
func (r *Rogue) Request(verb string, header map[string][]string, data []byte) *nats.Msg {
	r.n.T.Helper()
	m, err := r.Conn.RequestMsg(&nats.Msg{Subject: "broker." + verb, Header: header, Data: data}, 20*time.Second)
	r.n.must(err)
	return m
}

// Grant issues a grant with the rogue's terms and registers it.
func (r *Rogue) Grant(t schemas.Terms) (schemas.GrantID, schemas.SignedRecord) {
	r.n.T.Helper()
	t.V, t.Network, t.Discloser, t.ID = 1, "river-county", r.Agency, schemas.NewGrantID()
	t.NotBefore, t.NotAfter = schemas.OnDay(schemas.DateOf(time.Now())), schemas.OnDay(schemas.DateOf(time.Now()).AddDays(10))
	grant, terms, err := schemas.Issue(t, make([]byte, 32), r.Key)
	r.n.must(err)
	register, err := schemas.Sign(schemas.RecordRegister, schemas.Register{
		V: 1, Network: "river-county", Discloser: r.Agency, Number: uint64(time.Now().UnixNano()), Live: []schemas.GrantID{t.ID}, Ended: []schemas.GrantID{},
	}, r.Key)
	r.n.must(err)
	body, err := json.Marshal(schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{grant}, Register: &register})
	r.n.must(err)
	var reply schemas.GrantReply
	r.n.must(json.Unmarshal(r.Request(schemas.VerbGrant, nil, body).Data, &reply))
	r.n.must(reply.Err())
	return t.ID, terms
}

// Rotate replaces the rogue's signing key; stolen, if not nil, is since when the
// old one may be somebody else's.
func (r *Rogue) Rotate(stolen *time.Time) schemas.Code {
	r.n.T.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	r.n.must(err)
	card, now := r.Card, schemas.At(time.Now())
	card.Number++
	old := card.Signing[0]
	old.To = &now
	if stolen != nil {
		since := schemas.At(*stolen)
		old.Compromised = &since
	}
	card.Signing = []schemas.SigningKey{{Key: key.Public().(ed25519.PublicKey), From: now}, old}
	rec, err := schemas.Sign(schemas.RecordCard, card, r.Key)
	r.n.must(err)
	body, err := json.Marshal(schemas.CardRequest{V: 1, Card: rec})
	r.n.must(err)
	var reply schemas.CardReply
	r.n.must(json.Unmarshal(r.Request(schemas.VerbCard, nil, body).Data, &reply))
	if reply.Code == "" {
		r.Card, r.Key = card, key
	}
	return reply.Code
}

// Envelope seals and signs, at the next place of the chain.
func (r *Rogue) Envelope(to schemas.AgencyID, grant schemas.GrantID, s schemas.Sealed) schemas.Envelope {
	r.n.T.Helper()
	key, ok := r.Entries[to].CurrentSealingKey(time.Now())
	if !ok {
		r.n.T.Fatalf("no key of %s", to)
	}
	e := schemas.Envelope{
		ID: schemas.NewEventID(), Sender: r.Agency, Time: schemas.At(time.Now()).Time, Recipient: to, Grant: grant,
		RecipientKey: schemas.KeyIDOf(key), Chain: r.Chain, Sequence: 1,
	}
	if last, ok := r.heads[to]; ok {
		e.Sequence, e.Previous = last.Sequence+1, last.Hash()
	}
	var err error
	e.Data, err = schemas.Seal(key, e.SealInfo("river-county"), s)
	r.n.must(err)
	return e.Signed(r.Key)
}

// Submit offers an envelope and returns the gate's decision.
func (r *Rogue) Submit(e schemas.Envelope) schemas.SubmitReply {
	r.n.T.Helper()
	var reply schemas.SubmitReply
	r.n.must(json.Unmarshal(r.Request(schemas.VerbSubmit, e.Header(), e.Data).Data, &reply))
	if reply.Result == schemas.ResultAccepted {
		r.heads[e.Recipient] = e
	}
	return reply
}
