package transport_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/eventually"
)

func TestSuspensionClosesAndReadmissionOpens(t *testing.T) {
	echo(t)
	s := shared.server
	u, other := admit(t, s, "agency-a"), admit(t, s, "agency-b")
	bystander := other.connect(t)
	closed := make(chan struct{})
	u.connect(t, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if got := s.Connections(u.account.ID); got != 1 {
		t.Errorf("%d connections, want 1", got)
	}

	check(t, s.Admit(t.Context(), u.account, "agency-a", true))
	<-closed
	if conn, err := nats.Connect(address(), u.options(t)...); err == nil {
		t.Error("a suspended agency connected")
		conn.Close()
	}
	eventually.True(t, "the closed connection is gone from the count", func() bool { return s.Connections(u.account.ID) == 0 })
	check(t, bystander.Flush())

	check(t, s.Admit(t.Context(), u.account, "agency-a", false))
	_, err := u.connect(t).Request("broker.submit", nil, time.Minute)
	check(t, err)
}

func TestConnectionsOfOneAgencyAreBounded(t *testing.T) {
	u := admit(t, shared.server, "agency-a")
	for range 4 {
		u.connect(t)
	}
	if conn, err := nats.Connect(address(), u.options(t)...); err == nil {
		t.Error("a fifth connection")
		conn.Close()
	}
}

func TestCredentialsExpireAndRenewThemselves(t *testing.T) {
	u := admit(t, shared.server, "agency-a")
	short := u.credentials(t, shared.server, 2*time.Second)
	long := u.credentials(t, shared.server, time.Hour)
	var renewed atomic.Bool // the client asks more than once per connection
	ended, back := make(chan struct{}, 10), make(chan struct{}, 10)
	conn, err := nats.Connect(address(), u.options(t,
		nats.UserJWT(func() (string, error) {
			if renewed.Load() {
				return long, nil
			}
			return short, nil
		}, u.pair.Sign),
		func(o *nats.Options) error { o.AllowReconnect = true; return nil },
		nats.ReconnectWait(time.Millisecond),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { ended <- struct{}{} }),
		nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))...)
	check(t, err)
	defer conn.Close()
	renewed.Store(true)
	<-ended
	<-back
	check(t, conn.Flush())

	token := u.credentials(t, shared.server, -time.Second)
	if conn, err := nats.Connect(address(), u.options(t, nats.UserJWT(func() (string, error) { return token, nil }, u.pair.Sign))...); err == nil {
		t.Error("expired credentials connected")
		conn.Close()
	}
}

func TestCredentialsAreForOneKeyAndOneAccount(t *testing.T) {
	a, b := admit(t, shared.server, "agency-a"), admit(t, shared.server, "agency-b")
	forged := transport.Account{ID: a.account.ID, SigningSeed: b.account.SigningSeed}
	token, err := shared.server.Credentials(forged, b.public, time.Hour, time.Now())
	check(t, err)
	if conn, err := nats.Connect(address(), b.options(t, nats.UserJWT(func() (string, error) { return token, nil }, b.pair.Sign))...); err == nil {
		t.Error("another agency's signature was taken")
		conn.Close()
	}
	stolen := a.credentials(t, shared.server, time.Hour)
	if conn, err := nats.Connect(address(), b.options(t, nats.UserJWT(func() (string, error) { return stolen, nil }, b.pair.Sign))...); err == nil {
		t.Error("another user's credentials were taken")
		conn.Close()
	}
	if _, err := shared.server.Credentials(a.account, a.account.ID, time.Hour, time.Now()); err == nil {
		t.Error("credentials for a key that is no user's")
	}
}

func TestAdmitRefusesWhatIsNoAccount(t *testing.T) {
	good, err := transport.NewAccount()
	check(t, err)
	for name, a := range map[string]transport.Account{
		"nothing": {}, "no seed": {ID: good.ID}, "no id": {SigningSeed: good.SigningSeed}, "garbage": {ID: good.ID, SigningSeed: "x"},
	} {
		if err := shared.server.Admit(t.Context(), a, "agency-a", false); err == nil {
			t.Errorf("%s was admitted", name)
		} else if strings.Contains(err.Error(), good.SigningSeed) {
			t.Errorf("%s: the error shows the seed", name)
		}
	}
	if n := shared.server.Connections("nobody"); n != 0 {
		t.Errorf("nobody has %d connections", n)
	}
}

// A connection that is being made while its account is suspended does not stay:
// the server counts it, then admits it, and may be told in between.
func TestS5SuspensionAgainstConnect(t *testing.T) {
	echo(t)
	s := shared.server
	u := admit(t, s, "agency-a")
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	for range rounds {
		var mu sync.Mutex // guards conns
		var conns []*nats.Conn
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if conn, err := nats.Connect(address(), u.options(t)...); err == nil {
						mu.Lock()
						conns = append(conns, conn)
						mu.Unlock()
					}
				}
			})
		}
		eventually.True(t, "somebody is connected", func() bool { return s.Connections(u.account.ID) > 0 })
		check(t, s.Admit(t.Context(), u.account, "agency-a", true))
		close(stop)
		wg.Wait() // nobody tries any more, and nobody hangs up
		eventually.True(t, "no connection of the suspended account is left", func() bool { return s.Connections(u.account.ID) == 0 })
		for _, conn := range conns {
			conn.Close()
		}
		check(t, s.Admit(t.Context(), u.account, "agency-a", false))
	}
}

// What the server has missed is closed from outside, though it holds the account
// for open.
func TestS5LateConnectionIsTurnedOut(t *testing.T) {
	s := shared.server
	u := admit(t, s, "agency-a")
	closed := make(chan struct{})
	u.connect(t, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	check(t, s.CloseConnections(u.account.ID))
	<-closed
}

// A user that is revoked is disconnected and comes back no more; another user of
// the same account is not disturbed.
func TestS5RevokedUserIsTurnedOut(t *testing.T) {
	echo(t)
	s := shared.server
	old := admit(t, s, "agency-a")
	closed := make(chan struct{})
	old.connect(t, nats.ClosedHandler(func(*nats.Conn) { close(closed) }), nats.NoReconnect())
	successor := old.again(t)
	conn := successor.connect(t)
	check(t, s.Admit(t.Context(), old.account, "agency-a", false, old.public))
	<-closed
	if conn, err := nats.Connect(address(), old.options(t)...); err == nil {
		t.Error("a revoked user connected")
		conn.Close()
	}
	_, err := conn.Request("broker.submit", nil, time.Minute)
	check(t, err)
}
