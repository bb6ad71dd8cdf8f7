package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/linkage-exchange/linkage/internal/profile"
)

// Plain JetStream does the same durable work beside us, in the same run: the
// same bytes into a stream with the hub's settings, every write synced, the
// server in a process of its own, clients over TLS.

// plainCommand is the argument with which the bench runs itself as that server.
const plainCommand = "plain-server"

// plainStream is the hub's configuration; see broker/internal/transport.
func plainStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "HUB", Subjects: []string{"hub.>"}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
		Discard: jetstream.DiscardNew, Replicas: 1, AllowAtomicPublish: true, AllowDirect: true,
	}
}

// servePlain is the server's process. It serves until ctx ends.
func servePlain(ctx context.Context, dir string) error {
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "plain", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, MaxPayload: 1 << 20, MaxPending: 64 << 20,
		JetStream: true, StoreDir: dir, SyncAlways: true, JetStreamMaxStore: 1 << 60, JetStreamMaxMemory: 64 << 20,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, TLSTimeout: 30, TLSHandshakeFirst: true,
	})
	if err != nil {
		return err
	}
	go s.Start() // ends with Shutdown
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(time.Minute) {
		return errors.New("plain message server is not ready after a minute")
	}
	if err := profile.Serve(); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"address": s.Addr().String()}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func selfSigned() (c tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "plain"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// plain is the running server and connections to it.
type plain struct {
	process *process
	conns   []*nats.Conn
	dir     string
}

// startPlain runs the server with an empty stream and n connections.
func (b *bench) startPlain(ctx context.Context, n int) (*plain, error) {
	dir, err := os.MkdirTemp(b.dir, "plain-")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var running struct{ Address string }
	p := &plain{dir: dir}
	if p.process, err = b.start(ctx, "plain message server", &running, self, plainCommand, dir); err != nil {
		return nil, err
	}
	for range n {
		conn, err := nats.Connect("tls://"+running.Address, nats.Secure(unverified()), nats.TLSHandshakeFirst(), nats.Timeout(time.Minute))
		if err != nil {
			return nil, err
		}
		p.conns = append(p.conns, conn)
	}
	js, err := jetstream.New(p.conns[0])
	if err != nil {
		return nil, err
	}
	_, err = js.CreateStream(ctx, plainStream())
	return p, err
}

func (p *plain) close() error {
	for _, c := range p.conns {
		c.Close()
	}
	return errors.Join(p.process.stop(), os.RemoveAll(p.dir))
}

// asRecord is an envelope's message as the hub files it: the same header and
// bytes, under the hub's subject.
func asRecord(m *nats.Msg) *nats.Msg {
	h := maps.Clone(m.Header)
	h["Linkage-Kind"] = []string{"accepted"}
	h["Linkage-Hash"] = []string{strings.Repeat("0", 64)}
	return &nats.Msg{Subject: "hub.0.inbox." + h["ce-recipient"][0] + "." + h["ce-grant"][0], Header: h, Data: m.Data}
}

// singles publishes each message by itself, so many unanswered at once.
func (p *plain) singles(ctx context.Context, messages [][]*nats.Msg, outstanding int) (load, error) {
	senders := make([]sender, len(messages))
	for i := range senders {
		senders[i].conn = p.conns[i]
		for _, m := range messages[i] {
			senders[i].messages = append(senders[i].messages, asRecord(m))
		}
	}
	return send(ctx, senders, outstanding, byStream)
}

// plainBatch is how many messages one of the server's own atomic batches holds.
const plainBatch = 400

// batches publishes all messages over one connection in atomic batches, one
// after the other: how fast this disk and this server can be.
func (p *plain) batches(ctx context.Context, messages [][]*nats.Msg) (load, error) {
	var all []*nats.Msg
	for _, of := range messages {
		for _, m := range of {
			all = append(all, asRecord(m))
		}
	}
	var l load
	start := time.Now()
	for len(all) > 0 {
		batch := all[:min(plainBatch, len(all))]
		all = all[len(batch):]
		began := time.Now()
		if err := p.batch(ctx, batch); err != nil {
			return l, err
		}
		for range batch {
			l.took = append(l.took, time.Since(began))
		}
	}
	l.elapsed = time.Since(start)
	return l, nil
}

func (p *plain) batch(ctx context.Context, batch []*nats.Msg) error {
	id := nuid.Next()
	for i, m := range batch {
		m.Header["Nats-Batch-Id"] = []string{id}
		m.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
		if i < len(batch)-1 {
			if err := p.conns[0].PublishMsg(m); err != nil {
				return err
			}
		}
	}
	last := batch[len(batch)-1]
	last.Header["Nats-Batch-Commit"] = []string{"1"}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answer, err := p.conns[0].RequestMsgWithContext(ctx, last)
	if err != nil {
		return fmt.Errorf("publish a batch of %d: %w", len(batch), err)
	}
	return byStream(answer)
}
