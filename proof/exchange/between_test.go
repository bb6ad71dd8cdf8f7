package exchange_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/proof/exchange"
)

// This file is what may stand between an agent and its broker.

// listen opens a port on loopback that closes with the test.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // a second close does nothing that matters
	return l
}

// closedPort is an address at which nothing listens.
func closedPort(t testing.TB) string {
	t.Helper()
	l := listen(t)
	_ = l.Close() // only its number was wanted
	return l.Addr().String()
}

// relay forwards connections to wherever it points now. Silent, it takes and
// gives nothing any more and closes nothing, as a line does that was cut.
type relay struct {
	t    testing.TB
	addr string

	mu    sync.Mutex // guards what follows
	l     net.Listener
	to    string // "" cuts every connection at once
	conns map[net.Conn]bool
	still chan struct{} // open while nothing moves; nil otherwise
	old   time.Time     // connections made until then stand still
	all   bool          // and so do new ones
	up    bool          // what goes to the broker moves all the same
}

// wait waits while nothing moves on connections made at a time.
func (r *relay) wait(made time.Time, up bool) {
	r.mu.Lock()
	still := r.still
	if r.up && up {
		still = nil
	}
	if still != nil && !r.all && made.After(r.old) {
		still = nil
	}
	r.mu.Unlock()
	if still != nil {
		<-still
	}
}

func newRelay(t testing.TB, to string) *relay {
	t.Helper()
	l := listen(t)
	r := &relay{t: t, addr: l.Addr().String(), l: l, to: to, conns: map[net.Conn]bool{}}
	go r.serve(l)
	t.Cleanup(func() { r.resume(); r.close() })
	return r
}

func (r *relay) serve(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		to := r.to
		r.mu.Unlock()
		if to == "" {
			_ = in.Close() // that is what was asked for
			continue
		}
		go r.forward(in, to)
	}
}

func (r *relay) forward(in net.Conn, to string) {
	made := time.Now()
	r.keep(in)
	r.wait(made, true)
	out, err := net.Dial("tcp", to)
	if err != nil {
		_ = in.Close() // as the other end refuses
		return
	}
	r.keep(out)
	go r.copy(out, in, made, true)
	r.copy(in, out, made, false)
}

func (r *relay) keep(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = true
}

// copy moves bytes until either end closes, and waits while nothing may move.
func (r *relay) copy(to, from net.Conn, made time.Time, up bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		r.wait(made, up)
		if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			_ = from.Close()
			_ = to.Close()
			return
		}
	}
}

// point sends new connections elsewhere and cuts the old ones.
func (r *relay) point(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
	for c := range r.conns {
		_ = c.Close()
	}
	clear(r.conns)
}

// target is where new connections go.
func (r *relay) target() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.to
}

// silence stops what moves on present connections, and on new ones too if all.
func (r *relay) silence(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.still, r.old, r.all, r.up = make(chan struct{}), time.Now(), all, false
}

// deafen is silence in one direction: what the broker says does not arrive.
func (r *relay) deafen() {
	r.silence(true)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up = true
}

// resume lets everything move again, also what was held back.
func (r *relay) resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.still != nil {
		close(r.still)
	}
	r.still = nil
}

// close makes the port refuse connections.
func (r *relay) close() {
	r.point("")
	_ = r.l.Close()
}

// proxy is an HTTP proxy that opens tunnels, and the only one that knows where
// some names lead.
type proxy struct {
	t     testing.TB
	addr  string
	names map[string]string // host:port -> where it really is

	mu             sync.Mutex // guards what follows
	user, password string     // "" lets everyone in
	status         int        // answered to everyone, if it is not 0
	tunnels        int
}

func newProxy(t testing.TB, names map[string]string) *proxy {
	t.Helper()
	l := listen(t)
	p := &proxy{t: t, addr: l.Addr().String(), names: names, user: "riverside", password: "s3cret-of-the-proxy"}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

// url is what an agency sets, with a password.
func (p *proxy) url(password string) string {
	return "http://" + p.user + ":" + password + "@" + p.addr
}

func (p *proxy) set(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *proxy) opened() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tunnels
}

func (p *proxy) serve(in net.Conn) {
	defer func() { _ = in.Close() }() // the tunnel has ended
	req, err := http.ReadRequest(bufio.NewReader(in))
	if err != nil {
		return
	}
	out, answer := p.decide(req)
	if _, err := io.WriteString(in, "HTTP/1.1 "+answer+"\r\n\r\n"); err != nil || out == nil {
		return
	}
	go func() {
		_, _ = io.Copy(out, in) // the end of either side ends both
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
}

func (p *proxy) decide(req *http.Request) (net.Conn, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.user+":"+p.password))
	to, ok := p.names[req.Host]
	switch {
	case req.Method != http.MethodConnect:
		return nil, "405 Method Not Allowed"
	case p.user != "" && req.Header.Get("Proxy-Authorization") != want:
		return nil, "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"office\""
	case p.status != 0:
		return nil, strconv.Itoa(p.status) + " " + http.StatusText(p.status)
	case !ok:
		return nil, "502 Bad Gateway"
	}
	out, err := net.Dial("tcp", to)
	if err != nil {
		return nil, "502 Bad Gateway"
	}
	p.tunnels++
	return out, "200 Connection established"
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  any
}

// companyAuthority is one that inspects what leaves an office.
func companyAuthority(t testing.TB) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newAuthority(t, "Springfield County Web Filter", key, &key.PublicKey)
}

// brokerAuthority is the broker's own, for certificates that it would not make.
func brokerAuthority(t testing.TB, n *exchange.Network) authority {
	t.Helper()
	seed, err := os.ReadFile(filepath.Join(n.Dir, "broker", "keys", "broker.key"))
	if err != nil {
		t.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	return newAuthority(t, "Linkage broker", key, key.Public())
}

func newAuthority(t testing.TB, name string, key, public any) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().AddDate(-10, 0, 0), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

// certificate makes one for a host.
func (a authority) certificate(t testing.TB, host string, from, to time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}
}

// opener ends the encryption, reads along and speaks to the broker itself; paths
// that begin with without are not let through.
func opener(t testing.TB, cert tls.Certificate, to, without string) string {
	t.Helper()
	l := listen(t)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "https", Host: to})
	forward.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // #nosec G402 -- that is what such boxes do
	forward.ErrorLog = nil
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if without != "" && strings.HasPrefix(r.URL.Path, without) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		forward.ServeHTTP(w, r)
	})}
	go func() {
		_ = server.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}))
	}()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}
