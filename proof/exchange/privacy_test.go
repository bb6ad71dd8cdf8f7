package exchange_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// The marks stand for what must never be seen outside: a name, the agency's own
// id of the client, a clinical fact.
var marks = []string{"Quisenberry", "zebulon-4711", "marker-of-a-clinical-fact"}

func checkBytes(t *testing.T, where string, b []byte) {
	t.Helper()
	lower := bytes.ToLower(b)
	for _, m := range marks {
		if bytes.Contains(lower, []byte(strings.ToLower(m))) {
			t.Errorf("%q can be read in %s", m, where)
		}
	}
}

func checkTree(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		checkBytes(t, "the name of a file", []byte(d.Name()))
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		checkBytes(t, path, b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// marked is a referral that carries all the marks.
func marked(t testing.TB) json.RawMessage {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal(example(t, schemas.TypeReferralRequested), &data); err != nil {
		t.Fatal(err)
	}
	data["client"] = map[string]any{"name": map[string]any{"family": "Quisenberry", "given": "Zebulon"}, "birthDate": "1990-07-04"}
	data["reason"] = "marker-of-a-clinical-fact"
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := schemas.ValidatePayload(schemas.TypeReferralRequested, b); err != nil {
		t.Fatal(err)
	}
	return b
}

func careGrant(to schemas.AgencyID, client string) agent.NewGrant {
	return agent.NewGrant{
		Recipient: to, Client: client, Basis: schemas.BasisConsent, Until: schemas.DateOf(time.Now()).AddDays(30),
		Cells: []schemas.Cell{{Category: schemas.CategoryReferral, Purpose: schemas.PurposeCareCoordination}},
	}
}

// Nobody but sender and recipient can read an inner event; nothing on the wire,
// on the broker's disk, in subjects, logs, metrics, errors or file names says
// who a client is or what happened to them.
func TestS2NothingCanBeReadOutside(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	ctx := context.Background()
	if _, err := lead.Issue(ctx, careGrant("harbor-shelter", "zebulon-4711")); err != nil {
		t.Fatal(err)
	}
	good := exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "zebulon-4711", "r-1", marked(t))
	if _, err := lead.Accept(ctx, good); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the referral arrives", func() bool { return len(heard(t, shelter)) == 1 })
	if !bytes.Contains(heard(t, shelter)[0].Event, []byte("Quisenberry")) {
		t.Fatal("the recipient cannot read the referral; the test would prove nothing")
	}

	for name, body := range map[string][]byte{
		"a value that is not allowed": exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "zebulon-4711", "r-2", map[string]any{"urgency": "Quisenberry"}),
		"a client without permission": exchange.Event(schemas.TypeDrugTestConfirmed, "harbor-shelter", "zebulon-4711", "t-1", example(t, schemas.TypeDrugTestConfirmed)),
		"a recipient who is unknown":  exchange.Event(schemas.TypeReferralRequested, "nobody-here", "zebulon-4711", "r-3", marked(t)),
		"broken JSON":                 []byte(`{"data":"Quisenberry marker-of-a-clinical-fact`),
		"a name twice":                []byte(`{"Quisenberry":1,"Quisenberry":2}`),
	} {
		_, err := lead.Accept(ctx, body)
		if err == nil {
			t.Errorf("%s was accepted", name)
			continue
		}
		checkBytes(t, "the error about "+name, []byte(err.Error()))
	}

	resp, err := http.Get("http://" + n.Broker.StatusAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	state, err := json.Marshal(n.Broker.State())
	if err != nil {
		t.Fatal(err)
	}
	status, err := lead.Status()
	if err != nil {
		t.Fatal(err)
	}
	statusJSON, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	checkBytes(t, "the broker's metrics", metrics)
	checkBytes(t, "the broker's state", state)
	checkBytes(t, "the agent's status", statusJSON)
	checkBytes(t, "the logs", []byte(n.Log.String()))
	checkBytes(t, "the packets", []byte(n.Wire.String()))
	n.StopBroker()
	checkTree(t, filepath.Join(n.Dir, "broker"))
}

// Data at rest in the agent is encrypted; keys, names of files and of what is
// in them are opaque.
func TestS6NothingCanBeReadAtRest(t *testing.T) {
	n := exchange.Start(t)
	lead, shelter := n.Join("casework-lead"), n.Join("harbor-shelter")
	ctx := context.Background()
	if _, err := lead.Issue(ctx, careGrant("harbor-shelter", "zebulon-4711")); err != nil {
		t.Fatal(err)
	}
	if _, err := lead.Accept(ctx, exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "zebulon-4711", "r-1", marked(t))); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the referral arrives", func() bool { return len(heard(t, shelter)) == 1 })
	for _, a := range []*agent.Agent{lead, shelter} {
		if err := a.Stop(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"casework-lead", "harbor-shelter"} {
		checkTree(t, filepath.Join(n.Dir, name))
	}
	// With the key everything is there again, so the search looked at the right
	// place.
	again := n.Run("harbor-shelter")
	if !bytes.Contains(heard(t, again)[0].Event, []byte("Quisenberry")) {
		t.Error("the event is not in the store")
	}
}
