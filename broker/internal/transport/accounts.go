package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

const (
	maxAccounts  = 100_000
	syncAccounts = 2 * time.Minute // between servers of a cluster
	pushTimeout  = 10 * time.Second
)

// Limits bound what one agency's connections may use together, so that one
// agency cannot take the server from the others. Zero fields take the defaults.
type Limits struct {
	Connections   int64 // default 4
	Subscriptions int64 // default 50
	Payload       int64 // bytes of one message, default 1 MiB
}

func (l *Limits) setDefaults() {
	if l.Connections == 0 {
		l.Connections = 4
	}
	if l.Subscriptions == 0 {
		l.Subscriptions = 50
	}
	if l.Payload == 0 {
		l.Payload = maxPayload
	}
}

// openAccounts opens the directory of accounts and puts the server's own two
// in it, made afresh, so that an upgrade may change what they export.
func openAccounts(dir string, keys Keys, signing nkeys.KeyPair) (*server.DirAccResolver, error) {
	accounts, err := server.NewDirAccResolver(dir, maxAccounts, syncAccounts, server.RenameDeleted)
	if err != nil {
		return nil, fmt.Errorf("open accounts: %w", err)
	}
	for account, fill := range map[Account]func(*jwt.AccountClaims){keys.System: systemClaims, keys.Broker: brokerClaims} {
		token, err := ownAccount(account, signing, fill)
		if err == nil {
			err = accounts.Store(account.ID, token)
		}
		if err != nil {
			accounts.Close()
			return nil, fmt.Errorf("open accounts: %w", err)
		}
	}
	return accounts, nil
}

// Admit makes the account known to the server with today's permissions and
// limits, or changes it, and returns once the server acts on it. A suspended
// account's connections are closed at once and new ones refused, until Admit is
// called without suspended; so are those of revoked users, for ever. Accounts are
// kept across restarts; admitting one again as it stands costs a file read.
func (s *Server) Admit(ctx context.Context, a Account, name string, suspended bool, revoked ...string) error {
	claims, err := s.agencyClaims(a, name, suspended, revoked)
	if err != nil {
		return fmt.Errorf("admit %s: %w", name, err)
	}
	token, err := encode(claims, s.signing)
	if err != nil {
		return fmt.Errorf("admit %s: %w", name, err)
	}
	if s.standing(claims) {
		return nil
	}
	if err := s.push(ctx, token); err != nil {
		return fmt.Errorf("admit %s: %w", name, err)
	}
	if err := s.took(a.ID, token); err != nil {
		return fmt.Errorf("admit %s: %w", name, err)
	}
	if suspended || len(revoked) > 0 {
		return s.turnOut(a.ID, suspended, revoked)
	}
	return nil
}

// standing reports whether the server already has exactly these claims.
func (s *Server) standing(claims *jwt.AccountClaims) bool {
	token, err := s.accounts.LoadAcc(claims.Subject)
	if err != nil {
		return false
	}
	old, err := jwt.DecodeAccountClaims(token)
	if err != nil || old.Issuer != claims.Issuer || old.Name != claims.Name {
		return false
	}
	was, err1 := json.Marshal(old.Account)
	is, err2 := json.Marshal(claims.Account)
	return err1 == nil && err2 == nil && bytes.Equal(was, is)
}

func (s *Server) push(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, pushTimeout)
	defer cancel()
	inbox := s.system.NewInbox()
	sub, err := s.system.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	if err := s.system.PublishRequest("$SYS.REQ.CLAIMS.UPDATE", inbox, []byte(token)); err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	for { // each server of a cluster answers; what counts here is what this one does
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return fmt.Errorf("update account: %w", err)
		}
		own, err := s.updated(m.Data)
		if own || err != nil {
			return err
		}
	}
}

// updated reads a server's answer to an update.
func (s *Server) updated(data []byte) (own bool, err error) {
	var answer struct {
		Server struct{ ID string }
		Data   struct{ Code int }
		Error  *struct{ Description string }
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return false, fmt.Errorf("update account: %w", err)
	}
	own = answer.Server.ID == s.nats.ID()
	switch {
	case !own:
		return false, nil
	case answer.Error != nil:
		return true, fmt.Errorf("update account: %s", answer.Error.Description)
	case answer.Data.Code != 200:
		return true, fmt.Errorf("update account: answered %d", answer.Data.Code)
	}
	return true, nil
}

// took looks at what the server made of the claims.
func (s *Server) took(id, token string) error {
	if _, err := s.nats.LookupAccount(id); err != nil {
		return fmt.Errorf("look up account: %w", err)
	}
	z, err := s.nats.Accountz(&server.AccountzOptions{Account: id})
	if err != nil {
		return fmt.Errorf("look up account: %w", err)
	}
	if z.Account == nil || z.Account.Jwt != token {
		return fmt.Errorf("account %s did not change", id)
	}
	for _, i := range z.Account.Imports {
		if i.Invalid {
			return fmt.Errorf("account %s: import %s is not authorised", id, i.Subject)
		}
	}
	return nil
}

// Credentials let the holder of a user key connect to the account until now +
// validFor, when the server closes the connection. They are public: without
// the user's own key they are of no use. The agent must take its replies under
// _INBOX.<its public key>.
func (s *Server) Credentials(a Account, userPublic string, validFor time.Duration, now time.Time) (string, error) {
	if !nkeys.IsValidPublicUserKey(userPublic) {
		return "", fmt.Errorf("issue credentials: %q is not a user key", userPublic)
	}
	pair, _, err := a.signer()
	if err != nil {
		return "", fmt.Errorf("issue credentials: %w", err)
	}
	defer pair.Wipe()
	claims := jwt.NewUserClaims(userPublic)
	claims.SetScoped(true) // permissions come from the account
	claims.IssuerAccount = a.ID
	claims.Expires = now.Add(validFor).Unix()
	token, err := claims.Encode(pair)
	if err != nil {
		return "", fmt.Errorf("issue credentials: %w", err)
	}
	return token, nil
}
