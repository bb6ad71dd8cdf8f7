package transport

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Keys identify the broker's message server to itself and to the credentials
// that it has issued. They are secret, marshal to JSON, and must outlive the
// data directory: with other keys, every agency's credentials are void.
//
// The accounts' own identity keys are not among them: accounts accept users
// from signing keys only, so an identity key has no use after it gave its name.
type Keys struct {
	Network         string  `json:"network"`
	Operator        string  `json:"operator"`         // the operator's signed statement of its signing key
	OperatorSigning string  `json:"operator_signing"` // seed; signs accounts
	System          Account `json:"system"`           // the server's own events and account updates
	Broker          Account `json:"broker"`           // hub and services
}

// Account is an agency's place on the message server. ID is public and is what
// subjects and requests carry; SigningSeed is secret and signs the agency's
// credentials. It marshals to JSON.
type Account struct {
	ID          string `json:"id"`
	SigningSeed string `json:"signing_seed"`
}

// String names the account without its secret, in errors and logs.
func (a Account) String() string { return a.ID }

// String names the network without its secrets, in errors and logs.
func (k Keys) String() string { return "keys of " + k.Network }

// NewKeys makes the keys of a new network. The operator's seed is returned
// apart: nothing at run time needs it, so it belongs offline; with it a lost or
// stolen signing key can be replaced.
func NewKeys(network string) (keys Keys, operatorSeed []byte, err error) {
	if network == "" {
		return Keys{}, nil, errors.New("make server keys: network has no name")
	}
	operator, err := nkeys.CreateOperator()
	if err != nil {
		return Keys{}, nil, fmt.Errorf("make operator key: %w", err)
	}
	signing, signingSeed, err := newKey(nkeys.CreateOperator)
	if err != nil {
		return Keys{}, nil, fmt.Errorf("make operator signing key: %w", err)
	}
	keys = Keys{Network: network, OperatorSigning: signingSeed}
	if keys.System, err = NewAccount(); err != nil {
		return Keys{}, nil, err
	}
	if keys.Broker, err = NewAccount(); err != nil {
		return Keys{}, nil, err
	}
	operatorID, err := operator.PublicKey()
	if err != nil {
		return Keys{}, nil, fmt.Errorf("make operator key: %w", err)
	}
	claims := jwt.NewOperatorClaims(operatorID)
	claims.Name = network
	claims.SigningKeys.Add(signing)
	claims.SystemAccount = keys.System.ID
	claims.StrictSigningKeyUsage = true
	if keys.Operator, err = claims.Encode(operator); err != nil {
		return Keys{}, nil, fmt.Errorf("sign operator: %w", err)
	}
	if operatorSeed, err = operator.Seed(); err != nil {
		return Keys{}, nil, fmt.Errorf("make operator key: %w", err)
	}
	return keys, operatorSeed, nil
}

// NewAccount makes an account's name and signing key. It exists on no server
// until [Server.Admit] is called with it.
func NewAccount() (Account, error) {
	id, _, err := newKey(nkeys.CreateAccount)
	if err != nil {
		return Account{}, fmt.Errorf("make account key: %w", err)
	}
	_, seed, err := newKey(nkeys.CreateAccount)
	if err != nil {
		return Account{}, fmt.Errorf("make account signing key: %w", err)
	}
	return Account{ID: id, SigningSeed: seed}, nil
}

// DeriveAccount makes the account that belongs to a name: the same secret and
// name always give the same one, so whoever keeps the secret keeps the accounts.
func DeriveAccount(secret []byte, name string) (Account, error) {
	id, _, err := newKey(func() (nkeys.KeyPair, error) { return derive(secret, "linkage account v1\n"+name) })
	if err != nil {
		return Account{}, fmt.Errorf("make account key: %w", err)
	}
	_, seed, err := newKey(func() (nkeys.KeyPair, error) { return derive(secret, "linkage account signing v1\n"+name) })
	if err != nil {
		return Account{}, fmt.Errorf("make account signing key: %w", err)
	}
	return Account{ID: id, SigningSeed: seed}, nil
}

func derive(secret []byte, info string) (nkeys.KeyPair, error) {
	raw, err := hkdf.Key(sha256.New, secret, nil, info, 32)
	if err != nil {
		return nil, err
	}
	return nkeys.FromRawSeed(nkeys.PrefixByteAccount, raw)
}

func newKey(create func() (nkeys.KeyPair, error)) (public, seed string, err error) {
	pair, err := create()
	if err != nil {
		return "", "", err
	}
	defer pair.Wipe()
	if public, err = pair.PublicKey(); err != nil {
		return "", "", err
	}
	b, err := pair.Seed()
	return public, string(b), err
}

// signer returns the account's signing key and its public form.
func (a Account) signer() (nkeys.KeyPair, string, error) {
	if !nkeys.IsValidPublicAccountKey(a.ID) {
		return nil, "", fmt.Errorf("account %q: not an account key", a.ID)
	}
	pair, err := nkeys.FromSeed([]byte(a.SigningSeed))
	if err != nil {
		return nil, "", fmt.Errorf("account %s: read signing seed: %w", a.ID, err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, "", fmt.Errorf("account %s: read signing seed: %w", a.ID, err)
	}
	if !nkeys.IsValidPublicAccountKey(public) {
		return nil, "", fmt.Errorf("account %s: signing seed is not an account's", a.ID)
	}
	return pair, public, nil
}

// operator checks the keys against each other, so that a mixed-up file is
// named at the start and not by refused connections.
func (k Keys) operator() (*jwt.OperatorClaims, nkeys.KeyPair, error) {
	claims, err := jwt.DecodeOperatorClaims(k.Operator)
	if err != nil {
		return nil, nil, fmt.Errorf("read operator: %w", err)
	}
	signing, err := nkeys.FromSeed([]byte(k.OperatorSigning))
	if err != nil {
		return nil, nil, fmt.Errorf("read operator signing seed: %w", err)
	}
	public, err := signing.PublicKey()
	if err != nil {
		return nil, nil, fmt.Errorf("read operator signing seed: %w", err)
	}
	if !claims.SigningKeys.Contains(public) {
		return nil, nil, errors.New("operator does not name this signing key")
	}
	if claims.SystemAccount != k.System.ID {
		return nil, nil, errors.New("operator names another system account")
	}
	return claims, signing, nil
}
