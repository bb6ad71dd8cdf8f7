package broker

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/schemas"
)

// The files of a broker's data directory. Those under keys/ and the directory
// itself can be read by their owner only.
const (
	fileNetwork  = "network.json"   // who this network is; no secret
	fileNATSKeys = "keys/nats.json" // operator signing key, system and broker accounts
	fileKey      = "keys/broker.key"
	fileLedger   = "keys/ledger.key" // makes the salts of the ledger's entries
	dirAccounts  = "keys/accounts"   // one account key pair per member
	dirLedger    = "ledger"          // for each epoch a directory with the ledger's tiles and newest head
	dirNATS      = "nats"            // the message server: accounts and the hub
	fileSocket   = "broker.sock"
)

// networkFile is what a broker knows of its network before it reads the hub.
type networkFile struct {
	Network      schemas.NetworkID    `json:"network"`
	Setup        string               `json:"setup"`
	URL          string               `json:"url"`
	AdmissionKey []byte               `json:"admissionkey"`
	Epoch        schemas.SignedRecord `json:"epoch"`
	Roll         schemas.SignedRecord `json:"roll"` // the first, empty one
}

// keys are a broker's secrets.
type keys struct {
	dir      string
	identity ed25519.PrivateKey
	nats     transport.Keys
}

func (k keys) public() ed25519.PublicKey { return k.identity.Public().(ed25519.PublicKey) }

func readKeys(dir string) (keys, error) {
	seed, err := os.ReadFile(filepath.Join(dir, fileKey)) // #nosec G304 -- the broker's own directory
	if err != nil {
		return keys{}, fmt.Errorf("read broker key: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return keys{}, fmt.Errorf("read broker key: %s must hold %d bytes", fileKey, ed25519.SeedSize)
	}
	k := keys{dir: dir, identity: ed25519.NewKeyFromSeed(seed)}
	if err := readJSON(filepath.Join(dir, fileNATSKeys), &k.nats); err != nil {
		return keys{}, err
	}
	return k, nil
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path) // #nosec G304 -- the broker's own directory
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	return nil
}

func writeJSON(path string, v any, mode fs.FileMode) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return atomicfile.Write(path, append(b, '\n'), mode)
}

func (k keys) accountFile(a schemas.AgencyID) string {
	return filepath.Join(k.dir, dirAccounts, string(a)+".json")
}

// account returns a member's account keys, made at the first call. It is
// durable when it returns.
func (k keys) account(a schemas.AgencyID) (transport.Account, error) {
	var account transport.Account
	err := readJSON(k.accountFile(a), &account)
	if !errors.Is(err, fs.ErrNotExist) {
		return account, err
	}
	if account, err = transport.NewAccount(); err != nil {
		return account, err
	}
	return account, writeJSON(k.accountFile(a), account, 0o600)
}

// ledgerSalt returns the key of the ledger's salts, made at the first call. A
// ledger without it cannot be held against the hub any more.
func (k keys) ledgerSalt() ([]byte, error) {
	path := filepath.Join(k.dir, fileLedger)
	key, err := os.ReadFile(path) // #nosec G304 -- the broker's own directory
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(k.dir, dirLedger)); !errors.Is(err, fs.ErrNotExist) {
			return nil, schemas.Refuse(schemas.CodeNotFound, fileLedger, "must be there: the ledger was made with it", "put back keys/ from a backup")
		}
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never returns an error (Go 1.24)
		return key, atomicfile.Write(path, key, 0o600)
	}
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("%s must hold 32 bytes", fileLedger)
	}
	return key, err
}

// certificate makes a fresh server certificate, signed by the broker's own key,
// whose certificate follows in the chain. Agents know that key's fingerprint
// from their invitation.
func (k keys) certificate(hosts []string, now time.Time) (tls.Certificate, error) {
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Linkage broker " + string(schemas.KeyIDOf(k.public()))},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, k.public(), k.identity)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make broker certificate: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make broker certificate: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Linkage broker"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, h)
		}
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, k.identity)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make broker certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{leafDER, caDER}, PrivateKey: key}, nil
}
