package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/schemas"
)

const networkID schemas.NetworkID = "bench-county"

// site is a network with a broker of its own.
type site struct {
	bench     *bench
	dir       string
	door      string // host:port of HTTPS and WebSocket
	nats      string // host:port of NATS over TLS
	admission ed25519.PrivateKey
	admin     *broker.Admin
	broker    *process
	sealing   []byte // the public sealing key of all prepared members
	joined    int    // prepared members so far
}

// found makes a network and runs its broker.
func (b *bench) found(ctx context.Context) (*site, error) {
	dir, err := os.MkdirTemp(b.dir, "site-")
	if err != nil {
		return nil, err
	}
	s := &site{bench: b, dir: dir, door: freeAddress(), nats: freeAddress()}
	if _, err := b.linkage(ctx, "broker", "init", "--data", s.data(), "--network", string(networkID), "--url", "https://"+s.door); err != nil {
		return nil, err
	}
	seed, err := os.ReadFile(filepath.Join(s.data()+"-lead", "admission.key"))
	if err != nil {
		return nil, err
	}
	s.admission = ed25519.NewKeyFromSeed(seed)
	s.admin = broker.OpenAdmin(s.data())
	key, err := schemas.NewSealingKey()
	if err != nil {
		return nil, err
	}
	s.sealing = key.PublicKey().Bytes()
	return s, s.run(ctx)
}

func (s *site) data() string { return filepath.Join(s.dir, "broker") }

// run starts the broker, the first time or again.
func (s *site) run(ctx context.Context) (err error) {
	s.broker, err = s.bench.start(ctx, "broker", &struct{}{}, s.bench.binary, "broker", "run", "--json", "--data", s.data(),
		"--listen", s.door, "--nats-listen", s.nats, "--status-listen", "off")
	return err
}

// close ends the broker and frees the disk.
func (s *site) close() error {
	if err := s.broker.stop(); err != nil {
		return err
	}
	return os.RemoveAll(s.dir)
}

// invitation is what a member needs to join.
type invitation struct {
	agency schemas.AgencyID
	key    ed25519.PrivateKey
	record schemas.SignedRecord
}

// invite puts agencies on the roll, all at once: the lead agency's command does
// it one by one, which for a thousand takes longer than what is measured.
func (s *site) invite(ctx context.Context, names []schemas.AgencyID) ([]invitation, error) {
	state, err := s.admin.State(ctx)
	if err != nil {
		return nil, err
	}
	roll, err := schemas.PeekRecord[schemas.Roll](state.Roll, schemas.RecordRoll)
	if err != nil {
		return nil, err
	}
	all := make([]invitation, len(names))
	for i, a := range names {
		account, err := s.admin.Account(ctx, a)
		if err != nil {
			return nil, err
		}
		key := schemas.InvitationKey(schemas.NewSecret(), a)
		public := key.Public().(ed25519.PublicKey)
		all[i] = invitation{agency: a, key: key}
		all[i].record, err = schemas.Sign(schemas.RecordInvitation, schemas.Invitation{
			V: 1, Network: networkID, Agency: a, Account: account, Key: public, Expires: schemas.At(time.Now().Add(time.Hour)),
		}, s.admission)
		if err != nil {
			return nil, err
		}
		roll.Members = append(roll.Members, schemas.RollMember{Agency: a, Account: account, Status: schemas.MemberActive, Invitation: schemas.KeyIDOf(public)})
	}
	roll.Number++
	roll.At = schemas.At(time.Now())
	rec, err := schemas.Sign(schemas.RecordRoll, roll, s.admission)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if _, err := s.admin.Publish(ctx, rec, &all[i].record); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// joinAtOnce is how many members join beside each other.
const joinAtOnce = 8

// join makes prepared members of agencies and connects them.
func (s *site) join(ctx context.Context, n int, via transport) ([]*member, error) {
	names := make([]schemas.AgencyID, n)
	for i := range names {
		names[i] = schemas.AgencyID(fmt.Sprintf("prepared-%d", s.joined+i))
	}
	first := s.joined
	s.joined += n
	invited, err := s.invite(ctx, names)
	if err != nil {
		return nil, err
	}
	members := make([]*member, n)
	return members, beside(n, joinAtOnce, func(i int) (err error) {
		if members[i], err = s.admit(ctx, invited[i], first+i); err != nil {
			return fmt.Errorf("join %s: %w", invited[i].agency, err)
		}
		return members[i].connect(via)
	})
}

// admit has one invited agency join.
func (s *site) admit(ctx context.Context, inv invitation, i int) (*member, error) {
	m, _, err := s.admitted(ctx, inv, i)
	return m, err
}

// admitted also returns the broker's answer.
func (s *site) admitted(ctx context.Context, inv invitation, i int) (_ *member, reply schemas.JoinReply, err error) {
	m := &member{agency: inv.agency, site: s, heads: map[schemas.AgencyID]head{}}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, reply, err
	}
	m.key = key
	if m.user, err = nkeys.CreateUser(); err != nil {
		return nil, reply, err
	}
	public, err := m.user.PublicKey()
	if err != nil {
		return nil, reply, err
	}
	now := schemas.At(time.Now())
	m.chain = schemas.NewULID(now.Time)
	req := schemas.JoinRequest{V: 1}
	req.Card, err = schemas.Sign(schemas.RecordCard, schemas.Card{
		V: 1, Network: networkID, Agency: inv.agency, Number: 1, Services: []string{},
		Signing: []schemas.SigningKey{{Key: key.Public().(ed25519.PublicKey), From: now}},
		Sealing: []schemas.SealingKey{{Suite: schemas.SealSuite, Key: s.sealing, From: now}},
	}, key)
	if err != nil {
		return nil, reply, err
	}
	req.Admission, err = schemas.Sign(schemas.RecordAdmission, schemas.Admission{
		V: 1, Network: networkID, Agency: inv.agency, Card: req.Card.Hash(), User: public, At: now,
	}, inv.key)
	if err != nil {
		return nil, reply, err
	}
	reply, err = s.enrol(ctx, req, i)
	m.jwt = reply.JWT
	return m, reply, err
}

// enrol posts a request to join. The door counts requests by address, and a
// thousand agencies have a thousand addresses.
func (s *site) enrol(ctx context.Context, join schemas.JoinRequest, i int) (reply schemas.JoinReply, err error) {
	body, err := json.Marshal(join)
	if err != nil {
		return reply, err
	}
	from := &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/250), byte(1+i%250))}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: unverified(), DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: from}).DialContext,
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+s.door+"/enrol/join", bytes.NewReader(body))
	if err != nil {
		return reply, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return reply, err
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply, err
	}
	if resp.StatusCode != http.StatusOK {
		return reply, fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return reply, json.Unmarshal(answer, &reply)
}

// unverified accepts any server: the prepared members' trust is not what is
// measured, the encryption is.
func unverified() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // #nosec G402 -- on loopback, against processes of ours
}

// beside calls fn for 0 to n-1, at most so many at once, and returns all errors.
func beside(n, atOnce int, fn func(i int) error) error {
	var wg sync.WaitGroup
	free := make(chan struct{}, atOnce)
	errs := make([]error, n)
	for i := range n {
		free <- struct{}{}
		wg.Go(func() {
			errs[i] = fn(i)
			<-free
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
