package agent

import (
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/clock"
	"github.com/linkage-exchange/linkage/schemas"
)

// Options say how to run an agent. The zero value of every field but DataDir
// has a meaning.
type Options struct {
	// DataDir holds everything of the agent but the key that opens it.
	DataDir string `yaml:"data_dir"`
	// KeyFile opens the store at start. It belongs on this machine and in no
	// backup of DataDir. Default: DataDir with ".key" behind it.
	KeyFile string `yaml:"key_file"`
	// Credential names a systemd credential that opens the store, in place of a
	// key file.
	Credential string `yaml:"credential"`
	// PassphraseEnv names an environment variable with a passphrase that opens
	// the store, in place of a key file.
	PassphraseEnv string `yaml:"passphrase_env"`
	// Listen serves the agency's own systems. Default 127.0.0.1:7420; "off" for
	// none. Requests need the token in DataDir/api.token.
	Listen string `yaml:"listen"`
	// Proxy is the HTTP proxy on the way to brokers, such as
	// http://user:password@proxy.example.org:3128. Default: what HTTPS_PROXY
	// says.
	Proxy string `yaml:"proxy"`
	// Regulations is the CloudEvents dataregulation of what this agency says
	// about clients, such as 42CFR2,HIPAA. Default none.
	Regulations string `yaml:"regulations"`

	// PingInterval is how often a line on which nothing moves is tested; after
	// two pings without an answer it is made anew. Default 20 seconds, so that a
	// dead line is noticed within two minutes.
	PingInterval time.Duration `yaml:"-"`
	// RequestTimeout bounds one request to the broker and its answer, and one
	// attempt to connect. Default 30 seconds.
	RequestTimeout time.Duration `yaml:"-"`

	Version string           `yaml:"-"`
	Now     func() time.Time `yaml:"-"`
	Logger  *slog.Logger     `yaml:"-"`
}

// SetDefaults fills in what is not set.
func (o *Options) SetDefaults() {
	if o.DataDir != "" {
		o.DataDir = filepath.Clean(o.DataDir)
	}
	if o.KeyFile == "" && o.Credential == "" && o.PassphraseEnv == "" && o.DataDir != "" {
		o.KeyFile = o.DataDir + ".key"
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:7420"
	}
	if o.Now == nil {
		o.Now = clock.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// Validate reports the first rule that the options break.
func (o *Options) Validate() error {
	sources := 0
	for _, s := range []string{o.KeyFile, o.Credential, o.PassphraseEnv} {
		if s != "" {
			sources++
		}
	}
	switch {
	case o.DataDir == "":
		return schemas.Malformed("data_dir", "must be the agent's directory")
	case sources != 1:
		return schemas.Malformed("key_file", "must be the only one of key_file, credential and passphrase_env")
	}
	if o.Listen != "off" {
		if _, _, err := net.SplitHostPort(o.Listen); err != nil {
			return schemas.Malformed("listen", "must be host:port, or off")
		}
	}
	if o.Proxy != "" {
		if u, err := url.Parse(o.Proxy); err != nil || u.Scheme != "http" || u.Hostname() == "" {
			return schemas.Malformed("proxy", "must be http:// and the proxy's name")
		}
	}
	return nil
}

// source is where the store's key comes from.
func (o *Options) source() vault.Source {
	s := vault.Source{KeyFile: o.KeyFile, Credential: o.Credential}
	if o.PassphraseEnv != "" {
		s.Passphrase = func() (string, error) {
			if p := os.Getenv(o.PassphraseEnv); p != "" {
				return p, nil
			}
			return "", errors.New("the environment variable " + o.PassphraseEnv + " is empty")
		}
	}
	return s
}

// The files of an agent's data directory.
const (
	fileVault  = "vault.json"
	fileStore  = "store.db"
	fileToken  = "api.token"
	fileSocket = "agent.sock"
)
