package transport_test

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/eventually"
)

var (
	serveOnce sync.Once
	requests  = make(chan transport.Request, 1000)
)

// echo answers every verb once per test binary: services end with the server.
func echo(t testing.TB) <-chan transport.Request {
	t.Helper()
	serveOnce.Do(func() {
		for _, verb := range []string{"submit", "receipt"} {
			_, err := shared.server.Serve(verb, func(r transport.Request) {
				select {
				case requests <- r:
				default: // only tests that look at requests read them
				}
				_ = r.Respond(map[string][]string{"account": {r.Account}}, r.Data)
			})
			check(t, err)
		}
		_, err := shared.server.Serve("pull", func(r transport.Request) {
			go func() {
				for i := range 5 {
					_ = r.Respond(map[string][]string{"kind": {"envelope"}}, fmt.Append(nil, i))
				}
				_ = r.Respond(map[string][]string{"kind": {"end"}}, nil)
			}()
		})
		check(t, err)
	})
	for len(requests) > 0 {
		<-requests
	}
	return requests
}

func TestRequestCarriesTheProvenAccount(t *testing.T) {
	received := echo(t)
	a, b := admit(t, shared.server, "agency-a"), admit(t, shared.server, "agency-b")
	conn := a.connect(t)
	reply, err := conn.RequestMsg(&nats.Msg{Subject: "broker.submit", Data: []byte("hello"), Header: nats.Header{
		"Nats-Request-Info": {`{"acc":"` + b.account.ID + `"}`}, "ce-id": {"1"},
	}}, time.Minute)
	check(t, err)
	if got := reply.Header.Get("account"); got != a.account.ID {
		t.Errorf("account %s, want %s", got, a.account.ID)
	}
	r := <-received
	if r.Account != a.account.ID || string(r.Data) != "hello" || len(r.Header) != 1 || r.Header["ce-id"][0] != "1" {
		t.Errorf("received %s %q %q", r.Account, r.Data, r.Header)
	}
}

func TestAgencyReachesNothingElse(t *testing.T) {
	received := echo(t)
	a, b := admit(t, shared.server, "agency-a"), admit(t, shared.server, "agency-b")
	before, err := shared.server.Hub().Last(t.Context())
	check(t, err)
	for _, subject := range []string{
		"gate.submit." + b.account.ID, "gate.submit." + a.account.ID, "hub.0.grant.x", "deliver." + b.account.ID + ".hint",
		"$JS.API.INFO", "$JS.API.STREAM.INFO.HUB", "$JS.API.DIRECT.GET.HUB", "$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.SERVER.PING",
		"broker.submit." + b.account.ID, "broker.nothing", "inbox.hint",
	} {
		if answer := tryRequest(t, a, subject); answer != "" {
			t.Errorf("%s answered %q", subject, answer)
		}
	}
	if len(received) > 0 {
		t.Errorf("a request arrived: %v", <-received)
	}
	after, err := shared.server.Hub().Last(t.Context())
	check(t, err)
	if before != after {
		t.Errorf("hub moved from %d to %d", before, after)
	}
}

// tryRequest sends a request and returns the answer, "" once the server has
// refused it or found nobody to take it.
func tryRequest(t testing.TB, u user, subject string) string {
	t.Helper()
	violations, answers := make(chan error, 4), make(chan *nats.Msg, 4)
	conn := u.connect(t, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
	defer leave(t, u, conn)
	inbox := conn.NewRespInbox()
	_, err := conn.ChanSubscribe(inbox, answers)
	check(t, err)
	check(t, conn.PublishRequest(subject, inbox, []byte("x")))
	select {
	case err := <-violations:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", subject, err)
		}
	case m := <-answers:
		if m.Header.Get("Status") != "503" {
			return cmp.Or(string(m.Data), "something")
		}
	}
	return ""
}

// leave closes a connection and waits until the server has noticed, since an
// agency has few.
func leave(t testing.TB, u user, conn *nats.Conn) {
	conn.Close()
	eventually.True(t, "the connection is gone", func() bool { return shared.server.Connections(u.account.ID) == 0 })
}

func TestAgencyMayNotListenElsewhere(t *testing.T) {
	a, b := admit(t, shared.server, "agency-a"), admit(t, shared.server, "agency-b")
	for _, subject := range []string{">", "broker.>", "gate.>", "hub.>", "deliver.>", "$SYS.>", "_INBOX.>", "_INBOX." + b.public + ".>", "_R_.>"} {
		violations := make(chan error, 4)
		conn := a.connect(t, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
		_, err := conn.SubscribeSync(subject)
		check(t, err)
		check(t, conn.Flush())
		if err := <-violations; !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", subject, err)
		}
		leave(t, a, conn)
	}
}

func TestHintReachesItsAccountOnly(t *testing.T) {
	a, b := admit(t, shared.server, "agency-a"), admit(t, shared.server, "agency-b")
	subs := map[string]*nats.Subscription{}
	for _, u := range []user{a, b} {
		conn := u.connect(t)
		sub, err := conn.SubscribeSync("inbox.>")
		check(t, err)
		check(t, conn.Flush())
		subs[u.account.ID] = sub
	}
	shared.server.Hint(a.account.ID, 7)
	shared.server.Hint(b.account.ID, 8) // after it on the same connection, so nothing for b may come before
	for id, want := range map[string]string{a.account.ID: "7", b.account.ID: "8"} {
		m, err := subs[id].NextMsg(time.Minute)
		check(t, err)
		if m.Subject != "inbox.hint" || m.Header.Get("position") != want || len(m.Data) != 0 {
			t.Errorf("got %s %v %q, want position %s", m.Subject, m.Header, m.Data, want)
		}
	}
}

func TestStreamedAnswersKeepTheirOrder(t *testing.T) {
	echo(t)
	conn := admit(t, shared.server, "agency-a").connect(t)
	inbox := conn.NewRespInbox()
	sub, err := conn.SubscribeSync(inbox)
	check(t, err)
	check(t, conn.PublishRequest("broker.pull", inbox, nil))
	var got strings.Builder
	for {
		m, err := sub.NextMsg(time.Minute)
		check(t, err)
		if m.Header.Get("kind") == "end" {
			break
		}
		got.Write(m.Data)
	}
	if got.String() != "01234" {
		t.Errorf("got %s", got.String())
	}
}

func TestRequestsKeepTheirSendersOrder(t *testing.T) {
	received := echo(t)
	sender := admit(t, shared.server, "agency-a")
	conn := sender.connect(t)
	for i := range 100 {
		check(t, conn.Publish("broker.receipt", fmt.Append(nil, i)))
	}
	for i := range 100 {
		r := <-received
		for r.Account != sender.account.ID { // left over from another test
			r = <-received
		}
		if string(r.Data) != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", r.Data, i)
		} else if err := r.Respond(nil, nil); !errors.Is(err, transport.ErrNoReply) {
			t.Fatalf("answer to no question: %v", err)
		}
	}
}

func TestServeRefusesAnUnknownVerb(t *testing.T) {
	if _, err := shared.server.Serve("anything", func(transport.Request) {}); err == nil {
		t.Error("served")
	}
}

func TestLogHoldsNoPayload(t *testing.T) {
	echo(t)
	const secret = "secret-7f3a"
	u := admit(t, shared.server, "agency-a")
	conn := u.connect(t)
	_, err := conn.RequestMsg(&nats.Msg{Subject: "broker.submit", Header: nats.Header{"ce-x": {secret}}, Data: []byte(secret)}, time.Minute)
	check(t, err)
	check(t, conn.Publish("gate.submit.x", []byte(secret))) // refused, and the refusal is logged
	check(t, conn.Flush())
	tooBig := u.connect(t)
	check(t, tooBig.Publish("broker.submit", []byte(strings.Repeat(secret, (1<<20)/len(secret)-10))))
	commit(t, shared.server.Hub(), record("hub.0.grant.x", secret))
	check(t, conn.Flush())
	log := shared.log.String()
	if !strings.Contains(log, "Publish Violation") {
		t.Error("the refusal is not in the log, so the log is not the server's")
	}
	if strings.Contains(log, secret) {
		t.Error("payload in the log")
	}
}
