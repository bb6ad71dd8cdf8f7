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

// certificates presents the broker's certificate: one signed by its own key and
// renewed in time, or files that are read again when they change.
type certificates struct {
	opts  Options
	keys  keys
	hosts []string

	mu      sync.Mutex // guards what follows
	current *tls.Certificate
	changed time.Time // of the certificate's file, or when our own was made
}

func newCertificates(opts Options, k keys, hosts []string) (*certificates, error) {
	c := &certificates{opts: opts, keys: k, hosts: hosts}
	_, err := c.get()
	return c, err
}

// own returns the broker's own certificate, made anew long before it ends.
func (c *certificates) own() (*tls.Certificate, error) {
	if now := c.opts.Now(); c.current == nil || now.Sub(c.changed) > 90*24*time.Hour {
		made, err := c.keys.certificate(c.hosts, now)
		if err != nil {
			return nil, err
		}
		c.current, c.changed = &made, now
	}
	return c.current, nil
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
		return c.own()
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
