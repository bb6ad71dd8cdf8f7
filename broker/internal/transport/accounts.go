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

func ownAccount(account Account, signing nkeys.KeyPair, fill func(*jwt.AccountClaims)) (string, error) {
	pair, public, err := account.signer()
	if err != nil {
		return "", err
	}
	pair.Wipe()
	claims := jwt.NewAccountClaims(account.ID)
	claims.SigningKeys.Add(public)
	fill(claims)
	return encode(claims, signing)
}

func systemClaims(claims *jwt.AccountClaims) { claims.Name = "system" }

// brokerClaims offer the services and the hints. The account's place in each
// subject is named, so the server itself lets an agency import its own only.
func brokerClaims(claims *jwt.AccountClaims) {
	claims.Name = "broker"
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit,
	}
	for _, verb := range Verbs {
		export := &jwt.Export{Name: verb, Subject: jwt.Subject("gate." + verb + ".*"), Type: jwt.Service, AccountTokenPosition: 3}
		if streamed[verb] {
			export.ResponseType = jwt.ResponseTypeStream
		}
		claims.Exports.Add(export)
	}
	claims.Exports.Add(&jwt.Export{Name: "inbox", Subject: "deliver.*.>", Type: jwt.Stream, AccountTokenPosition: 2})
}

// Admit makes the account known to the server with today's permissions and
// limits, or changes it, and returns once the server acts on it. A suspended
// account's connections are closed at once and new ones refused, until Admit is
// called without suspended. Accounts are kept across restarts; admitting one
// again as it stands costs a file read.
func (s *Server) Admit(ctx context.Context, a Account, name string, suspended bool) error {
	claims, err := s.agencyClaims(a, name, suspended)
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
	return nil
}

func (s *Server) agencyClaims(a Account, name string, suspended bool) (*jwt.AccountClaims, error) {
	pair, signer, err := a.signer()
	if err != nil {
		return nil, err
	}
	pair.Wipe()
	claims := jwt.NewAccountClaims(a.ID)
	claims.Name = name
	for _, verb := range Verbs {
		claims.Imports.Add(&jwt.Import{
			Name: verb, Account: s.opts.Keys.Broker.ID, Type: jwt.Service,
			Subject: jwt.Subject("gate." + verb + "." + a.ID), LocalSubject: jwt.RenamingSubject("broker." + verb),
		})
	}
	claims.Imports.Add(&jwt.Import{
		Name: "inbox", Account: s.opts.Keys.Broker.ID, Type: jwt.Stream,
		Subject: jwt.Subject("deliver." + a.ID + ".>"), LocalSubject: "inbox.>",
	})
	limits := s.opts.Limits
	claims.Limits.NatsLimits = jwt.NatsLimits{Subs: limits.Subscriptions, Data: jwt.NoLimit, Payload: limits.Payload}
	claims.Limits.AccountLimits = jwt.AccountLimits{
		Imports: int64(len(claims.Imports)), DisallowBearer: true, Conn: limits.Connections,
	}
	if suspended {
		claims.Limits.Conn = 0
	}
	claims.SigningKeys.AddScopedSigner(agencyScope(signer))
	return claims, nil
}

// agencyScope is what every user of an agency may do. It lives in the account,
// so a change reaches everyone without new credentials. Each user has replies
// of its own: two agents of one agency cannot read each other's.
func agencyScope(signer string) *jwt.UserScope {
	scope := jwt.NewUserScope()
	scope.Key, scope.Role = signer, "agent"
	scope.Template.Pub.Allow.Add("broker.>")
	scope.Template.Sub.Allow.Add("inbox.>", "_INBOX.{{subject()}}.>")
	scope.Template.AllowedConnectionTypes.Add(jwt.ConnectionTypeStandard, jwt.ConnectionTypeWebsocket)
	return scope
}

// encode validates before it signs: the server accepts a push whose imports it
// will never honour.
func encode(claims *jwt.AccountClaims, signing nkeys.KeyPair) (string, error) {
	var results jwt.ValidationResults
	claims.Validate(&results)
	if errs := results.Errors(); len(errs) > 0 {
		return "", fmt.Errorf("account %s: %w", claims.Subject, errs[0])
	}
	return claims.Encode(signing)
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
	m, err := s.system.RequestWithContext(ctx, "$SYS.REQ.CLAIMS.UPDATE", []byte(token))
	if err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	var answer struct {
		Data  struct{ Code int }
		Error *struct{ Description string }
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	if answer.Error != nil {
		return fmt.Errorf("update account: %s", answer.Error.Description)
	}
	if answer.Data.Code != 200 {
		return fmt.Errorf("update account: answered %d", answer.Data.Code)
	}
	return nil
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
