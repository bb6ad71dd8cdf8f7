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
	fileLedger   = "keys/ledger.key"   // makes the salts of the ledger's entries
	fileAccounts = "keys/accounts.key" // makes each member's account keys
	dirLedger    = "ledger"            // for each epoch a directory with the ledger's tiles and newest head
	dirNATS      = "nats"              // the message server: accounts and the hub
	fileMark     = "mark.json"         // how far the hub had come
	dirOld       = "old"               // what new epochs have put aside, by day
	fileSocket   = "broker.sock"
)

// networkFile is what a broker knows of its network before it reads the hub.
// Epochs are all statements of its hub's lives, oldest first. Roll is the one
// with which the present life begins: the first is empty.
type networkFile struct {
	Network      schemas.NetworkID      `json:"network"`
	Setup        string                 `json:"setup"`
	URL          string                 `json:"url"`
	AdmissionKey []byte                 `json:"admissionkey"`
	Epochs       []schemas.SignedRecord `json:"epochs"`
	Roll         schemas.SignedRecord   `json:"roll"`
}

// statement is the one of the present epoch.
func (n networkFile) statement() schemas.SignedRecord { return n.Epochs[len(n.Epochs)-1] }

func readNetwork(dir string) (networkFile, schemas.Epoch, error) {
	var n networkFile
	if err := readJSON(filepath.Join(dir, fileNetwork), &n); err != nil {
		return n, schemas.Epoch{}, fmt.Errorf("open broker directory: %w", err)
	}
	if len(n.Epochs) == 0 {
		return n, schemas.Epoch{}, fmt.Errorf("read %s: it has no epoch", fileNetwork)
	}
	epoch, err := schemas.ReadRecord[schemas.Epoch](n.statement(), schemas.RecordEpoch, n.AdmissionKey)
	return n, epoch, err
}

// keys are a broker's secrets. They are made by [Init] and never change.
type keys struct {
	identity ed25519.PrivateKey
	ledger   []byte
	accounts []byte
	nats     transport.Keys
}

func (k keys) public() ed25519.PublicKey { return k.identity.Public().(ed25519.PublicKey) }

func readKeys(dir string) (keys, error) {
	seed, err := readKey(dir, fileKey)
	if err != nil {
		return keys{}, err
	}
	k := keys{identity: ed25519.NewKeyFromSeed(seed)}
	if k.ledger, err = readKey(dir, fileLedger); err != nil {
		return keys{}, err
	}
	if k.accounts, err = readKey(dir, fileAccounts); err != nil {
		return keys{}, err
	}
	if err := readJSON(filepath.Join(dir, fileNATSKeys), &k.nats); err != nil {
		return keys{}, err
	}
	return k, nil
}

// readKey reads one of the files of 32 bytes.
func readKey(dir, file string) ([]byte, error) {
	key, err := os.ReadFile(filepath.Join(dir, file)) // #nosec G304 -- the broker's own directory
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, schemas.Refuse(schemas.CodeNotFound, file, "must be there: without its keys a broker cannot be this network's", "put back keys/ with `linkage broker restore-keys`")
	case err != nil:
		return nil, fmt.Errorf("read broker keys: %w", err)
	case len(key) != 32:
		return nil, fmt.Errorf("read broker keys: %s must hold 32 bytes", file)
	}
	return key, nil
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

// writeJSON replaces a file that its owner alone may read.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return atomicfile.Write(path, append(b, '\n'), 0o600)
}

// account returns a member's account keys. They are derived, so keys/ holds
// those of every member, also of one who joins after it was backed up.
func (k keys) account(a schemas.AgencyID) (transport.Account, error) {
	return transport.DeriveAccount(k.accounts, string(a))
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
