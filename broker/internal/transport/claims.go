package transport

import (
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

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

func (s *Server) agencyClaims(a Account, name string, suspended bool, revoked []string) (*jwt.AccountClaims, error) {
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
	for _, user := range revoked {
		claims.RevokeAt(user, forEver)
	}
	claims.SigningKeys.AddScopedSigner(agencyScope(signer))
	return claims, nil
}

// forEver is until when credentials of a revoked user may be issued in vain.
var forEver = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)

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
