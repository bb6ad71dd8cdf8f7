package exchange_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// say submits an envelope that the gate accepts.
func say(t *testing.T, r *exchange.Rogue, to schemas.AgencyID) (schemas.Envelope, schemas.SubmitReply) {
	t.Helper()
	e := r.Envelope(to, schemas.CharterGrant, schemas.Sealed{Event: schemas.SignBytes(schemas.RecordEvent, []byte("{}"), r.Key)})
	reply := r.Submit(e)
	if reply.Result != schemas.ResultAccepted {
		t.Fatalf("%+v", reply)
	}
	return e, reply
}

func prove(t *testing.T, r *exchange.Rogue, req schemas.ProofRequest) schemas.ProofReply {
	t.Helper()
	req.V = 1
	body, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	var reply schemas.ProofReply
	if err := json.Unmarshal(r.Request(schemas.VerbProof, nil, body).Data, &reply); err != nil {
		t.Fatal(err)
	}
	return reply
}

// covering waits for a head over a position, asked for by a party, and returns
// the answer.
func covering(t *testing.T, r *exchange.Rogue, position uint64) (reply schemas.ProofReply, head schemas.LedgerHead) {
	t.Helper()
	eventually.True(t, "a head covers the position", func() bool {
		reply = prove(t, r, schemas.ProofRequest{Positions: []uint64{position}})
		return reply.Err() == nil
	})
	head, err := schemas.OpenLedgerHead(reply.Head, reply.Key)
	if err != nil {
		t.Fatal(err)
	}
	return reply, head
}

// What the gate answered is provable to the two parties, to nobody else, and
// without the broker's help.
func TestS4BrokerProvesWhatItAnswered(t *testing.T) {
	n := exchange.Start(t)
	recipient := n.JoinRogue("hilltop")
	sender := n.JoinRogue("harbor")
	stranger := n.JoinRogue("stranger")
	e, answer := say(t, sender, "hilltop")
	_, first := covering(t, sender, answer.Position)
	for _, r := range []*exchange.Rogue{sender, recipient} {
		reply, _ := covering(t, r, answer.Position)
		entry, _, err := schemas.HeadedEntry{Head: reply.Head, ProvenEntry: reply.Entries[0]}.Check(reply.Key)
		if err != nil || schemas.KeyIDOf(reply.Key) != n.Broker.State().BrokerKey {
			t.Fatalf("%s: %v", r.Agency, err)
		}
		if entry.Envelope != e.ID || *entry.Hash != e.Hash() || entry.Sender != "harbor" || entry.Recipient != "hilltop" || entry.Kind != "accepted" {
			t.Errorf("%s: got %+v", r.Agency, entry)
		}
	}
	others, none := prove(t, stranger, schemas.ProofRequest{Positions: []uint64{answer.Position}}), prove(t, stranger, schemas.ProofRequest{Positions: []uint64{1 << 40}})
	if others.Code != schemas.CodeNotFound || others.Refusal != none.Refusal || others.Head != "" || others.Entries != nil {
		t.Errorf("a stranger got %+v, and %+v for what is not there", others, none)
	}
	_, answer = say(t, sender, "hilltop")
	_, second := covering(t, sender, answer.Position)
	if err := first.CheckConsistency(second, prove(t, stranger, schemas.ProofRequest{From: first.Size, To: second.Size}).Consistency); err != nil {
		t.Error(err)
	}
	if _, answer = say(t, sender, "hilltop"); answer.Head == nil {
		t.Error("an answer without a head")
	}
}

// A broker that comes back with an older copy of everything cannot connect its
// new heads with one that a member remembers.
func TestS4RestoredBrokerCannotProveItsPast(t *testing.T) {
	n := exchange.Start(t)
	dir, old := filepath.Join(n.Dir, "broker"), filepath.Join(n.Dir, "backup")
	n.JoinRogue("hilltop")
	n.StopBroker()
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	n.StartBroker()
	before := n.JoinRogue("harbor")
	_, answer := say(t, before, "hilltop")
	_, remembered := covering(t, before, answer.Position)
	n.StopBroker()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(old, dir); err != nil {
		t.Fatal(err)
	}
	n.StartBroker()
	after := n.JoinRogue("riverside")
	if reply := prove(t, after, schemas.ProofRequest{From: remembered.Size, To: remembered.Size + 1000}); reply.Code != schemas.CodeHistoryForked {
		t.Errorf("a size that it has forgotten: %+v", reply)
	}
	for answer.Position = 0; answer.Position <= remembered.Size; {
		_, answer = say(t, after, "hilltop")
	}
	_, now := covering(t, after, answer.Position)
	reply := prove(t, after, schemas.ProofRequest{From: remembered.Size, To: now.Size})
	if err := remembered.CheckConsistency(now, reply.Consistency); reply.Err() != nil || schemas.CodeOf(err) != schemas.CodeHistoryForked {
		t.Errorf("got %v, %v", reply.Err(), err)
	}
}

// A broker whose ledger was touched, or whose hub is gone, does not serve.
func TestS4BrokerRefusesWhatDoesNotFit(t *testing.T) {
	n := exchange.Start(t)
	n.JoinRogue("hilltop")
	n.StopBroker()
	dir := filepath.Join(n.Dir, "broker")
	refused := func(what string) {
		t.Helper()
		b, err := broker.Start(t.Context(), broker.Options{DataDir: dir, Listen: "127.0.0.1:0", StatusListen: "off", Logger: n.Logger("broker")})
		if err == nil {
			_ = b.Stop(t.Context()) // the test has failed
		}
		if schemas.CodeOf(err) != schemas.CodeHistoryForked {
			t.Errorf("%s: got %v, want history-forked", what, err)
		}
	}
	err := filepath.WalkDir(filepath.Join(dir, "ledger"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		good, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		bad := bytes.Clone(good)
		bad[len(bad)/2] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			return err
		}
		refused(path)
		return os.WriteFile(path, good, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "nats"), filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	refused("no hub")
	if err := os.RemoveAll(filepath.Join(dir, "nats")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "gone"), filepath.Join(dir, "nats")); err != nil {
		t.Fatal(err)
	}
	n.StartBroker()
}
