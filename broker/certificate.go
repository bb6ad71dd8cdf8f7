package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// certificates presents the broker's certificate: its own, or files that are
// read again when they change.
type certificates struct {
	opts Options

	mu      sync.Mutex // guards what follows
	current *tls.Certificate
	changed time.Time // of the certificate's file
}

func newCertificates(opts Options, k keys, hosts []string) (*certificates, error) {
	c := &certificates{opts: opts}
	if opts.Certificate != "" {
		_, err := c.get()
		return c, err
	}
	own, err := k.certificate(hosts, opts.Now())
	c.current = &own
	return c, err
}

func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get() },
	}
}

// get returns the certificate; a file that cannot be read leaves the one
// before in use.
func (c *certificates) get() (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opts.Certificate == "" {
		return c.current, nil
	}
	info, err := os.Stat(c.opts.Certificate)
	if err == nil && (c.current == nil || !info.ModTime().Equal(c.changed)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.opts.Certificate, c.opts.Key); err == nil {
			c.current, c.changed = &pair, info.ModTime()
		}
	}
	if c.current == nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	if err != nil {
		c.opts.Logger.Error("certificate not read again", "error", err)
	}
	return c.current, nil
}

// fingerprint is the SHA-256 of the certificate that is presented.
func (c *certificates) fingerprint() (schemas.Hash, error) {
	cert, err := c.get()
	if err != nil || len(cert.Certificate) == 0 {
		return schemas.Hash{}, errors.Join(errors.New("no certificate"), err)
	}
	return schemas.HashOf(cert.Certificate[0]), nil
}
