package transport

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// connect opens one of our own connections, in process, under a key that lives
// as long as the connection. A wrong credential would block for ten seconds,
// so it is made here and nowhere else.
func (s *Server) connect(name string, account Account) (*nats.Conn, error) {
	user, credentials, err := ownUser(name, account)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", name, err)
	}
	conn, err := nats.Connect("",
		nats.InProcessServer(s.nats),
		nats.Name(name),
		nats.UserJWT(func() (string, error) { return credentials, nil }, user.Sign),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectBufSize(-1), // a publish without a connection must fail, not wait
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			s.opts.Logger.Error("message server connection", "connection", name, "subject", subject, "error", err)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", name, err)
	}
	s.teardown.Push(name+" connection", func(context.Context) error { conn.Close(); return nil })
	return conn, nil
}

func ownUser(name string, account Account) (nkeys.KeyPair, string, error) {
	signing, _, err := account.signer()
	if err != nil {
		return nil, "", err
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		return nil, "", err
	}
	public, err := user.PublicKey()
	if err != nil {
		return nil, "", err
	}
	claims := jwt.NewUserClaims(public)
	claims.Name = name
	claims.IssuerAccount = account.ID
	claims.AllowedConnectionTypes.Add(jwt.ConnectionTypeInProcess)
	credentials, err := claims.Encode(signing)
	return user, credentials, err
}
