package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/enrol"
	"github.com/linkage-exchange/linkage/broker/internal/registry"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/problem"
	"github.com/linkage-exchange/linkage/schemas"
)

// listenDoor opens the one public port.
func (b *Broker) listenDoor(context.Context) error {
	listener, err := net.Listen("tcp", b.opts.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	b.door = listener
	mux := http.NewServeMux()
	mux.Handle("/nats", b.nats.Websocket())
	mux.Handle("/enrol/", enrol.Handler(b))
	mux.HandleFunc("GET /{$}", b.front)
	config := b.certs.config()
	config.NextProtos = []string{"http/1.1"} // a web socket's upgrade needs it
	b.serve("door", tls.NewListener(listener, config), mux)
	return nil
}

// serve runs an HTTP server on a listener until the broker stops.
func (b *Broker) serve(name string, l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: nil,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			b.log.Error("server ended", "name", name, "error", err)
		}
	}()
	b.teardown.Push(name, func(context.Context) error {
		err := server.Close() // web sockets never end by themselves
		<-done
		return err
	})
}

// front tells a person who opens the address in a browser what it is.
func (b *Broker) front(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintf(w, "This is the exchange of the network %s.\nIts key is %s.\nTo join, ask the network's lead agency for a code and run: linkage agent join CODE\n",
		b.network.Network, schemas.KeyIDOf(b.keys.public()).Fingerprint())
}

// Hello signs who the broker is.
func (b *Broker) Hello(nonce string) (schemas.SignedRecord, error) {
	leaf, err := b.certs.fingerprint()
	if err != nil {
		return schemas.SignedRecord{}, err
	}
	return schemas.Sign(schemas.RecordHello, schemas.Hello{
		V: 1, Network: b.network.Network, Nonce: nonce, Key: b.keys.public(), Time: schemas.At(b.opts.Now()), TLS: leaf,
	}, b.keys.identity)
}

// Join admits an invited agency and gives it what it needs to connect.
func (b *Broker) Join(ctx context.Context, req schemas.JoinRequest) (schemas.JoinReply, error) {
	return written(ctx, b, askJoin, req, b.joinHere)
}

func (b *Broker) joinHere(ctx context.Context, req schemas.JoinRequest) (schemas.JoinReply, error) {
	m, err := b.registry.Join(ctx, req)
	if err != nil {
		return schemas.JoinReply{}, err
	}
	if err := b.admit(ctx, m.Agency, m.Status); err != nil {
		return schemas.JoinReply{}, err
	}
	reply := schemas.JoinReply{V: 1, Account: m.Account, AdmissionKey: b.network.AdmissionKey, Directory: b.registry.Directory(m.Agency), Brokers: b.opts.brokers()}
	reply.Directory.Epoch = b.gate.EpochRecord()
	// Card and admission stand in everybody's directory, so anybody can send
	// this request again: the answer holds what every member may know.
	reply.Directory.Grants = nil
	if reply.JWT, reply.Expires, err = b.credentials(m.Agency, m.User); err != nil {
		return schemas.JoinReply{}, err
	}
	if a := b.nats.Addr(); a != nil {
		_, reply.NATS, _ = net.SplitHostPort(a.String())
	}
	b.log.InfoContext(ctx, "member joined", "agency", string(m.Agency), "fingerprint", m.Card.Fingerprint())
	return reply, nil
}

// Standing tells a member why it is kept out.
func (b *Broker) Standing(_ context.Context, req enrol.StandingRequest) (enrol.StandingReply, error) {
	refused := schemas.Refuse(schemas.CodeNotMember, "proof", "must be signed by a member of the network", "join the network first")
	m, ok := b.registry.Member(req.Agency)
	if !ok || !m.Joined {
		return enrol.StandingReply{}, refused
	}
	if err := registry.CheckProof(req.Proof, m.Card, b.network.Network, b.opts.Now()); err != nil {
		return enrol.StandingReply{}, err
	}
	_, roll, _ := b.registry.Roll()
	return enrol.StandingReply{Status: m.Status, Roll: roll}, nil
}

// Revoke takes revocations from a member that may not connect. Each is signed,
// so it does not matter who brings it.
func (b *Broker) Revoke(ctx context.Context, req schemas.GrantRequest) (schemas.GrantReply, error) {
	if len(req.Issue) > 0 || req.Register != nil {
		return schemas.GrantReply{}, schemas.Malformed("issue", "must be empty: only revocations are taken here")
	}
	return written(ctx, b, askRevoke, req, b.revokeHere)
}

func (b *Broker) revokeHere(ctx context.Context, req schemas.GrantRequest) (schemas.GrantReply, error) {
	return b.grants(ctx, "", req)
}

// Epochs says which lives the hub has had.
func (b *Broker) Epochs() schemas.EpochsReply {
	_, roll, _ := b.registry.Roll()
	return schemas.EpochsReply{V: 1, Epochs: b.network.Epochs, Roll: roll}
}

// Return makes a member of an earlier epoch known again, and gives it new
// credentials if it is active. The roll that it brings comes first: whoever is
// suspended on it stays so.
func (b *Broker) Return(ctx context.Context, req schemas.ReturnRequest) (schemas.ReturnReply, error) {
	return written(ctx, b, askReturn, req, b.returnHere)
}

func (b *Broker) returnHere(ctx context.Context, req schemas.ReturnRequest) (schemas.ReturnReply, error) {
	if req.Roll != nil {
		roll, err := schemas.ReadRecord[schemas.Roll](*req.Roll, schemas.RecordRoll, b.network.AdmissionKey)
		if err != nil {
			return schemas.ReturnReply{}, err
		}
		if roll.Number > b.registry.RollNumber() {
			if err := b.publishRoll(ctx, *req.Roll); err != nil {
				return schemas.ReturnReply{}, err
			}
		}
	}
	m, err := b.registry.Return(ctx, req, b.keys.public())
	if err != nil {
		return schemas.ReturnReply{}, err
	}
	crash.Point(crash.EnrolReturned)
	account, err := b.keys.account(m.Agency)
	if err == nil && account.ID != m.Account {
		err = schemas.Refuse(schemas.CodeNotMember, "account", "must be one that the broker has the keys of", "have the lead agency restore the broker's keys/, or invite this agency again")
	}
	if err == nil {
		err = b.admit(ctx, m.Agency, m.Status)
	}
	if err != nil {
		return schemas.ReturnReply{}, err
	}
	reply := schemas.ReturnReply{V: 1, Status: m.Status}
	_, reply.Roll, _ = b.registry.Roll()
	if m.Status == schemas.MemberActive {
		reply.JWT, reply.Expires, err = b.credentials(m.Agency, m.User)
	}
	b.log.InfoContext(ctx, "member is back", "agency", string(m.Agency), "status", string(m.Status))
	return reply, err
}

// listenStatus serves health and metrics.
func (b *Broker) listenStatus(context.Context) error {
	if b.opts.StatusListen == "off" {
		return nil
	}
	listener, err := net.Listen("tcp", b.opts.StatusListen)
	if err != nil {
		return fmt.Errorf("listen for status: %w", err)
	}
	b.status = listener
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := b.ready(); err != nil {
			problem.Write(w, err)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	mux.Handle("GET /metrics", b.metrics.handler())
	b.serve("status", listener, mux)
	return nil
}

// ready says why the broker cannot do its work, nil if it can.
func (b *Broker) ready() error {
	if b.cluster != nil {
		if err := b.cluster.problem(); err != nil {
			return err
		}
	}
	if err := b.nats.Healthy(); err != nil {
		return schemas.Refuse(schemas.CodeUnavailable, "", "the message server does not serve", "look at the broker's log")
	}
	if !b.opened.Load() {
		return schemas.Refuse(schemas.CodeUnavailable, "", "the broker is starting", "wait; if it lasts, look at the broker's log")
	}
	return b.ledger.Healthy()
}
