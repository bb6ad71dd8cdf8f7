package exchange_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// post sends a body to the broker's door as anybody can.
func post(t testing.TB, n *exchange.Network, path string, in any) []byte {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, // #nosec G402 -- a test's client on loopback
		DisableKeepAlives: true,
	}}
	resp, err := client.Post("https://"+n.Listen+path, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A member's card and admission stand in everybody's directory. Whoever sends
// them to the door again learns nothing of who tells that member what.
func TestJoinSentAgainByAnother(t *testing.T) {
	n := exchange.Start(t)
	lead := n.Join("casework-lead")
	n.Join("harbor-shelter")
	rogue := n.JoinRogue("rogue-program")
	permit(t, lead, "", "harbor-shelter", "c-1")
	eventually.True(t, "the broker knows the grant", func() bool { return n.Broker.State().LiveGrants == 1 })
	var known schemas.DirectoryReply
	if err := json.Unmarshal(rogue.Request(schemas.VerbDirectory, nil, []byte("{}")).Data, &known); err != nil {
		t.Fatal(err)
	}
	for _, e := range known.Entries {
		var reply schemas.JoinReply
		if err := json.Unmarshal(post(t, n, "/enrol/join", schemas.JoinRequest{V: 1, Card: e.Cards[0], Admission: e.Admission}), &reply); err != nil {
			t.Fatal(err)
		}
		if len(reply.Directory.Entries) == 0 {
			t.Error("the request was not answered")
		}
		if got := len(reply.Directory.Grants); got > 0 {
			t.Errorf("a stranger learned of %d grants", got)
		}
	}
}

// What one member asks of the broker, however much, holds up nobody else.
func TestManyRequestsOfOneMember(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	rogue := n.JoinRogue("rogue-program")
	permit(t, lead, "", "harbor-shelter", "c-1")
	tell(t, lead, "", "harbor-shelter", "c-1", "r-1")
	eventually.True(t, "the first arrives", func() bool { return len(heard(t, shelter)) == 1 })
	for range 3500 { // revocations of grants that nobody issued, each with a commit of its own
		rev, err := schemas.Sign(schemas.RecordRevocation, schemas.Revocation{
			V: 1, Network: "river-county", Grant: schemas.NewGrantID(), At: schemas.At(time.Now()), By: rogue.Agency,
		}, rogue.Key)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{rev}})
		if err != nil {
			t.Fatal(err)
		}
		if err := rogue.Conn.PublishRequest("broker.grant", "_INBOX.nobody", body); err != nil {
			t.Fatal(err)
		}
	}
	if err := rogue.Conn.Flush(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	tell(t, lead, "", "harbor-shelter", "c-1", "r-2")
	eventually.True(t, "the second arrives", func() bool { return len(heard(t, shelter)) == 2 })
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("another member's flood held an envelope up for %s", took)
	}
}

// A recipient whose clock is behind takes in what a partner granted that joined
// a moment ago: its keys begin in the future only for a clock that is wrong.
func TestSlowClockLosesNoGrant(t *testing.T) {
	n := exchange.Start(t)
	lead := n.Join("casework-lead")
	if err := lead.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	right := n.Now
	n.Now = func() time.Time { return time.Now().Add(-30 * time.Minute) }
	lead = n.Run("casework-lead")
	n.Now = right
	shelter := n.Join("harbor-shelter")
	permit(t, shelter, "", "casework-lead", "c-1")
	tell(t, shelter, "", "casework-lead", "c-1", "r-1")
	eventually.True(t, "the event is taken in", func() bool { return len(heard(t, lead)) == 1 })
}
