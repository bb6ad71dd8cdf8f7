package link

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// Target is a broker as the invitation described it. It is no secret.
type Target struct {
	Network schemas.NetworkID `json:"network"`
	URL     string            `json:"url"`    // https://host:port
	Broker  schemas.KeyID     `json:"broker"` // of the broker's key
	// Others are the URLs of the network's other brokers, if it has several.
	Others []string `json:"others,omitempty"`
	// Roots says that the broker's certificate comes from an authority that the
	// system trusts; otherwise it is signed by the broker's own key.
	Roots bool `json:"roots,omitempty"`
	// NATS, host:port, is used in place of the WebSocket if it is set.
	NATS string `json:"nats,omitempty"`
	// Proxy is an HTTP proxy, with user and password if it wants them. "" means
	// the one that the environment names (HTTPS_PROXY, NO_PROXY).
	Proxy string `json:"-"`
	// Now is the clock that certificates are held against; nil is the machine's.
	Now func() time.Time `json:"-"`
}

func (t Target) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

// Host is the broker's name or address, and port.
func (t Target) Host() (host, port string, err error) {
	u, err := url.Parse(t.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return "", "", schemas.Malformed("url", "must be the broker's https address")
	}
	if port = u.Port(); port == "" {
		port = "443"
	}
	return u.Hostname(), port, nil
}

// verify holds the certificates that were presented against the broker's key.
// It has to be made out for one of the brokers' hosts.
func (t Target) verify(state tls.ConnectionState) error {
	roots := x509.NewCertPool()
	found := false
	for _, c := range state.PeerCertificates {
		if key, ok := c.PublicKey.(ed25519.PublicKey); ok && schemas.KeyIDOf(key) == t.Broker {
			roots.AddCert(c)
			found = true
		}
	}
	if !found {
		return &ForeignCertificateError{Expected: t.Broker, Issuer: state.PeerCertificates[0].Issuer.String()}
	}
	var err error
	for _, host := range t.hosts() {
		if _, err = state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: t.now()}); err == nil {
			return nil
		}
	}
	return err
}

// ForeignCertificateError says that whoever answered is not the broker: a
// wrong address, or somebody who reads the line in between.
type ForeignCertificateError struct {
	Expected schemas.KeyID
	Issuer   string // who issued the certificate that was found
}

func (e *ForeignCertificateError) Error() string {
	return fmt.Sprintf("the certificate is not the broker's: expected one signed by %s, found one issued by %s", e.Expected, e.Issuer)
}

// proxy returns the proxy to use for the broker, nil for none.
func (t Target) proxy() (*url.URL, error) {
	if t.Proxy != "" {
		return url.Parse(t.Proxy)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, t.URL, nil)
	if err != nil {
		return nil, err
	}
	return http.ProxyFromEnvironment(req)
}

// dialer reaches the broker, through the proxy where there is one.
type dialer struct{ target Target }

func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	proxy, err := d.target.proxy()
	if err != nil {
		return nil, schemas.Malformed("proxy", "must be an http:// address")
	}
	var nd net.Dialer
	if proxy == nil {
		return nd.DialContext(ctx, network, address)
	}
	if proxy.Scheme != "http" {
		return nil, &ProxyError{Reason: reasonScheme}
	}
	conn, err := nd.DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), proxyPort(proxy)))
	if err != nil {
		return nil, &ProxyError{Reason: err.Error(), err: err}
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a failure shows with the next read
	}
	tunnel, err := connect(conn, proxy, address)
	if err != nil {
		_ = conn.Close() // err already says why
		return nil, err
	}
	return tunnel, conn.SetDeadline(time.Time{})
}

func proxyPort(proxy *url.URL) string {
	if port := proxy.Port(); port != "" {
		return port
	}
	return "3128"
}

const reasonScheme = "only proxies with an http:// address are supported"

// ProxyError says that the proxy did not let us through.
type ProxyError struct {
	Status int // of its answer, 0 if it did not answer
	Reason string
	err    error // nil if it answered
}

func (e *ProxyError) Error() string { return "proxy: " + e.Reason }

// Unwrap returns why there was no answer.
func (e *ProxyError) Unwrap() error { return e.err }

// connect asks the proxy for a tunnel (RFC 9110, 9.3.6).
func connect(conn net.Conn, proxy *url.URL, address string) (net.Conn, error) {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return nil, &ProxyError{Reason: err.Error(), err: err}
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, &ProxyError{Reason: err.Error(), err: err}
	}
	_ = resp.Body.Close() // of a CONNECT it is empty
	if resp.StatusCode != http.StatusOK {
		return nil, &ProxyError{Status: resp.StatusCode, Reason: resp.Status}
	}
	if r.Buffered() > 0 {
		return nil, &ProxyError{Reason: "it spoke before we did"}
	}
	return conn, nil
}

// tlsConfig accepts the brokers that the invitation named, and nobody else. The
// client fills in the name of the one that it connects to.
func tlsConfig(target func() Target) *tls.Config {
	t := target()
	config := &tls.Config{MinVersion: tls.VersionTLS12, Time: t.now}
	if !t.Roots {
		config.InsecureSkipVerify = true // #nosec G402 -- VerifyConnection below holds the chain against the pinned key
		config.VerifyConnection = func(state tls.ConnectionState) error { return target().verify(state) }
	}
	return config
}
