package broker

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/internal/clock"
	"github.com/linkage-exchange/linkage/schemas"
)

// InitOptions say what network to found.
type InitOptions struct {
	DataDir string
	// LeadDir receives the two keys that the broker must not have: the
	// network's admission key and the message server's operator key. Default:
	// DataDir with "-lead" behind it. Move it to another machine.
	LeadDir string
	Network schemas.NetworkID
	// Setup is one of [schemas.Setups]; default formal-consortium.
	Setup string
	// URL is where agents will find the broker, such as
	// https://exchange.example.org:7443.
	URL string
	Now func() time.Time
}

func (o *InitOptions) setDefaults() {
	o.DataDir = filepath.Clean(o.DataDir)
	if o.LeadDir == "" {
		o.LeadDir = o.DataDir + "-lead"
	}
	if o.Setup == "" {
		o.Setup = "formal-consortium"
	}
	if o.Now == nil {
		o.Now = clock.Now
	}
}

func (o *InitOptions) validate() error {
	u, err := url.Parse(o.URL)
	switch {
	case !o.Network.Valid():
		return schemas.Malformed("network", "must be 2 to 63 characters a-z, 0-9 and -, beginning with a letter")
	case !slices.Contains(schemas.Setups, o.Setup):
		return schemas.Malformed("setup", "must be one of %s", strings.Join(schemas.Setups, ", "))
	case err != nil || u.Scheme != "https" || u.Hostname() == "":
		return schemas.Malformed("url", "must be https:// and the name under which agents find this machine")
	}
	return nil
}

// Founded is what Init made.
type Founded struct {
	Network      schemas.NetworkID
	BrokerKey    schemas.KeyID
	AdmissionKey schemas.KeyID
	LeadDir      string
}

// Init founds a network and makes its broker's directory. It refuses to touch
// one that exists. Everything is on disk when it returns.
func Init(opts InitOptions) (Founded, error) {
	opts.setDefaults()
	if err := opts.validate(); err != nil {
		return Founded{}, err
	}
	for _, file := range []string{filepath.Join(opts.DataDir, fileNetwork), filepath.Join(opts.LeadDir, fileAdmission)} {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return Founded{}, schemas.Refuse(schemas.CodeHistoryForked, file, "must not exist yet", "choose another directory: a network's keys are never replaced by init")
		}
	}
	for _, dir := range []string{opts.DataDir, filepath.Join(opts.DataDir, "keys"), opts.LeadDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return Founded{}, fmt.Errorf("make directory: %w", err)
		}
	}
	return found(opts)
}

func found(opts InitOptions) (Founded, error) {
	admissionPublic, admission, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Founded{}, fmt.Errorf("make admission key: %w", err)
	}
	brokerPublic, identity, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Founded{}, fmt.Errorf("make broker key: %w", err)
	}
	natsKeys, operatorSeed, err := transport.NewKeys(string(opts.Network))
	if err != nil {
		return Founded{}, err
	}
	now := opts.Now()
	network := networkFile{Network: opts.Network, Setup: opts.Setup, URL: strings.TrimRight(opts.URL, "/"), AdmissionKey: admissionPublic}
	epoch := schemas.Epoch{V: 1, Network: opts.Network, Epoch: schemas.NewULID(now), Reason: "founded", Time: schemas.At(now)}
	statement, err := schemas.Sign(schemas.RecordEpoch, epoch, admission)
	if err != nil {
		return Founded{}, err
	}
	network.Epochs = []schemas.SignedRecord{statement}
	network.Roll, err = schemas.Sign(schemas.RecordRoll, schemas.Roll{
		V: 1, Network: opts.Network, Setup: opts.Setup, Number: 1, At: schemas.At(now), Members: []schemas.RollMember{},
	}, admission)
	if err != nil {
		return Founded{}, err
	}
	// network.json is written last: a directory without it is not a broker's.
	writes := []func() error{
		func() error {
			return atomicfile.Write(filepath.Join(opts.LeadDir, fileAdmission), admission.Seed(), 0o600)
		},
		func() error {
			return writeJSON(filepath.Join(opts.LeadDir, fileLeadRecords), leadRecords{network.Epochs, &network.Roll})
		},
		func() error {
			return atomicfile.Write(filepath.Join(opts.LeadDir, "operator.key"), operatorSeed, 0o600)
		},
		func() error { return atomicfile.Write(filepath.Join(opts.DataDir, fileKey), identity.Seed(), 0o600) },
		func() error { return newSecretFile(filepath.Join(opts.DataDir, fileLedger)) },
		func() error { return newSecretFile(filepath.Join(opts.DataDir, fileAccounts)) },
		func() error { return writeJSON(filepath.Join(opts.DataDir, fileNATSKeys), natsKeys) },
		func() error { return writeMark(opts.DataDir, mark{Epoch: epoch.Epoch}) },
		func() error { return writeJSON(filepath.Join(opts.DataDir, fileNetwork), network) },
	}
	for _, write := range writes {
		if err := write(); err != nil {
			return Founded{}, err
		}
	}
	return Founded{
		Network: opts.Network, BrokerKey: schemas.KeyIDOf(brokerPublic), AdmissionKey: schemas.KeyIDOf(admissionPublic), LeadDir: opts.LeadDir,
	}, nil
}

func newSecretFile(path string) error {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never returns an error (Go 1.24)
	return atomicfile.Write(path, secret, 0o600)
}
