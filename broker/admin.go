package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/schemas"
)

// State is what a running broker tells whoever may read its directory.
type State struct {
	Network      schemas.NetworkID    `json:"network"`
	Setup        string               `json:"setup"`
	URL          string               `json:"url"`
	BrokerKey    schemas.KeyID        `json:"brokerkey"`
	AdmissionKey schemas.KeyID        `json:"admissionkey"`
	Roots        bool                 `json:"roots"`
	Epoch        schemas.ULID         `json:"epoch"`
	Roll         schemas.SignedRecord `json:"roll"`
	Members      []MemberState        `json:"members"`
	LiveGrants   int                  `json:"livegrants"`
	HubRecords   uint64               `json:"hubrecords"`
	Cluster      *ClusterState        `json:"cluster,omitempty"` // nil for a broker that is alone
}

// MemberState is one member as the broker's operator sees it: no client, no
// content, only who is there and how much waits.
type MemberState struct {
	Agency schemas.AgencyID     `json:"agency"`
	Name   string               `json:"name"`
	Status schemas.MemberStatus `json:"status"`
	Joined bool                 `json:"joined"`
	// Offer is awaited for one that was a member before the present epoch, or
	// was invited then, and is not back; offering for one that is back and has
	// not brought yet what it holds. Mail about clients waits for that.
	Offer       string    `json:"offer,omitempty"`
	Fingerprint string    `json:"fingerprint"`
	Connections int       `json:"connections"`
	Waiting     int       `json:"waiting"`
	Oldest      time.Time `json:"oldest,omitzero"`
}

// accountRequest asks for an agency's account key.
type accountRequest struct {
	Agency  schemas.AgencyID `json:"agency"`
	Account string           `json:"account,omitempty"`
}

// publishRequest brings what the lead signed.
type publishRequest struct {
	Roll       schemas.SignedRecord  `json:"roll"`
	Invitation *schemas.SignedRecord `json:"invitation,omitempty"`
}

// listenAdmin opens the socket for the broker's own commands. Whoever may open
// it (mode 0600) is the operator.
func (b *Broker) listenAdmin(context.Context) error {
	path := filepath.Join(b.opts.DataDir, fileSocket)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open admin socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("open admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("open admin socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { problem.Respond(w, http.StatusOK, b.State()) })
	mux.HandleFunc("POST /account", b.adminAccount)
	mux.HandleFunc("POST /publish", b.adminPublish)
	b.serve("admin socket", listener, mux)
	return nil
}

// State describes the running broker.
func (b *Broker) State() State {
	b.refresh(b.ctx)
	_, roll, _ := b.registry.Roll()
	s := State{
		Network: b.network.Network, Setup: b.network.Setup, URL: b.network.URL, BrokerKey: schemas.KeyIDOf(b.keys.public()),
		AdmissionKey: schemas.KeyIDOf(b.network.AdmissionKey), Roots: b.opts.Certificate != "", Epoch: b.gate.Epoch(), Roll: roll,
		LiveGrants: b.registry.Live(b.opts.Now()),
	}
	if stats, err := b.nats.Stats(); err == nil {
		s.HubRecords = stats.HubRecords
	}
	for _, box := range b.gate.Mailboxes() {
		m, _ := b.registry.Member(box.Agency)
		state := MemberState{
			Agency: m.Agency, Name: m.Card.Names.Display, Status: m.Status, Joined: m.Joined,
			Waiting: box.Waiting, Oldest: box.Oldest,
		}
		switch {
		case m.Offering:
			state.Offer = "offering"
		case !m.Joined && m.Status != schemas.MemberLeft && b.registry.Anew():
			state.Offer = "awaited"
		}
		if m.Joined { // before that the message server has no account to ask about
			state.Fingerprint, state.Connections = m.Card.Fingerprint(), b.nats.Connections(m.Account)
		}
		s.Members = append(s.Members, state)
	}
	b.clusterState(&s)
	return s
}

func (b *Broker) adminAccount(w http.ResponseWriter, r *http.Request) {
	var req accountRequest
	err := problem.Read(r, 1<<10, &req)
	if err == nil && !req.Agency.Valid() {
		err = schemas.Malformed("agency", "must be 2 to 63 characters a-z, 0-9 and -, beginning with a letter")
	}
	if err != nil {
		problem.Write(w, err)
		return
	}
	account, err := b.keys.account(req.Agency)
	if err != nil {
		b.log.ErrorContext(r.Context(), "account not made", "error", err)
		problem.Write(w, err)
		return
	}
	problem.Respond(w, http.StatusOK, accountRequest{req.Agency, account.ID})
}

func (b *Broker) adminPublish(w http.ResponseWriter, r *http.Request) {
	var req publishRequest
	err := problem.Read(r, schemas.MaxRecord, &req)
	if err == nil {
		_, err = written(r.Context(), b, askPublish, req, b.publishHere)
	}
	if err != nil {
		if schemas.CodeOf(err) == "" {
			b.log.ErrorContext(r.Context(), "roll not published", "error", err)
		}
		problem.Write(w, err)
		return
	}
	problem.Respond(w, http.StatusOK, b.State())
}

// published is the answer to what was published.
type published struct{}

func (b *Broker) publishHere(ctx context.Context, req publishRequest) (published, error) {
	err := b.publishRoll(ctx, req.Roll)
	if err == nil && req.Invitation != nil {
		err = b.registry.Invite(ctx, *req.Invitation)
	}
	return published{}, err
}

// Admin reaches a running broker through the socket in its directory.
type Admin struct{ client *http.Client }

// OpenAdmin prepares to reach the broker of a directory; it connects with the
// first call.
func OpenAdmin(dataDir string) *Admin {
	path := filepath.Join(dataDir, fileSocket)
	return &Admin{client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}}
}

// State asks the broker how it is.
func (a *Admin) State(ctx context.Context) (State, error) {
	var s State
	err := a.call(ctx, http.MethodGet, "/state", nil, &s)
	return s, err
}

// Account asks for the account key of an agency that is to be invited.
func (a *Admin) Account(ctx context.Context, agency schemas.AgencyID) (string, error) {
	var rep accountRequest
	err := a.call(ctx, http.MethodPost, "/account", accountRequest{Agency: agency}, &rep)
	return rep.Account, err
}

// Publish puts a roll in force, and an invitation if there is one. When it
// returns, suspended members are cut off.
func (a *Admin) Publish(ctx context.Context, roll schemas.SignedRecord, invitation *schemas.SignedRecord) (State, error) {
	var s State
	err := a.call(ctx, http.MethodPost, "/publish", publishRequest{roll, invitation}, &s)
	return s, err
}

func (a *Admin) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("ask broker: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://broker"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask broker: %w", err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return schemas.Refuse(schemas.CodeUnavailable, "broker", "must be running with this data directory", "start it with `linkage broker run`")
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("ask broker: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return problem.Parse(b)
	}
	return json.Unmarshal(b, out)
}
