package gate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// The seeds are short: each input changes one thing in something valid, so that
// the fuzzer spends its time on changing and not on making long inputs shorter.

// FuzzSubmit: whatever comes in gets one answer, and only what was signed by a
// member gets through.
func FuzzSubmit(f *testing.F) {
	n := inMemory(f, 2)
	a := n.agencies[0]
	valid := a.thread(n.agencies[1]).next(a.grant(n.agencies[1]))
	f.Add(uint8(0), "ce-id", "", false, []byte{1})
	f.Add(uint8(1), "ce-sequence", "00000000000000000001", true, []byte{1})
	f.Add(uint8(2), "ce-dssematerial", "e30=", true, []byte{})
	f.Add(uint8(0), "CE-GRANT", "%41", false, []byte{2, 0})
	f.Fuzz(func(t *testing.T, who uint8, name, value string, instead bool, data []byte) {
		account := append(n.agencies, &agency{account: "NOBODY"})[who%3].account
		h := valid.Header()
		if instead {
			delete(h, name)
		}
		h[name] = append(h[name], value)
		r := (&agency{n: n, account: account}).submitRaw(h, data)
		switch r.Result {
		case schemas.ResultAccepted, schemas.ResultDuplicate:
			if r.Envelope != valid.ID {
				t.Errorf("got %+v", r)
			}
		case schemas.ResultRefused, schemas.ResultNotAttempted:
			if r.Code == "" || r.Code == schemas.CodeUnavailable {
				t.Errorf("got %+v", r)
			}
		default:
			t.Errorf("got %+v", r)
		}
		n.clock.advance(time.Second) // so that the rate hides nothing
	})
}

// with sets one field of a JSON object to whatever value is.
func with(object any, field, value string) []byte {
	var fields map[string]json.RawMessage
	b, err := json.Marshal(object)
	if err == nil {
		err = json.Unmarshal(b, &fields)
	}
	if err != nil {
		panic(err) // the object is the test's own
	}
	var text strings.Builder
	text.WriteString("{")
	for name, v := range fields {
		if name != field {
			fmt.Fprintf(&text, "%q:%s,", name, v)
		}
	}
	fmt.Fprintf(&text, "%q:%s}", field, value)
	return []byte(text.String())
}

// FuzzReceipt: a receipt with any field, signed by a member or not.
func FuzzReceipt(f *testing.F) {
	n := inMemory(f, 2)
	a, b := n.agencies[0], n.agencies[1]
	e, _ := a.thread(b).send(schemas.CharterGrant)
	good := schemas.Receipt{V: 1, Network: networkID, From: b.id, To: a.id, At: n.clock.instant(), Items: []schemas.ReceiptItem{receiptItem(e)}}
	f.Add("v", "1", true)
	f.Add("items", "[{}]", true)
	f.Add("items", "null", true)
	f.Add("to", `"agency-1"`, false)
	f.Fuzz(func(t *testing.T, field, value string, signed bool) {
		rec := schemas.SignBytes(schemas.RecordReceipt, with(good, field, value), b.key)
		if !signed {
			rec.Signatures[0].Sig = []byte(value)
		}
		position, err := n.gate.Receipt(n.ctx(), b.account, rec)
		if code := schemas.CodeOf(err); err != nil && (code == "" || code == schemas.CodeUnavailable) || (err == nil) != (position > 0) {
			t.Errorf("got %v at %d", err, position)
		}
	})
}

// FuzzGrants: what a member may send on broker.grant with any field; the hub
// stays one that a gate can be built from.
func FuzzGrants(f *testing.F) {
	n := inMemory(f, 2)
	a, b := n.agencies[0], n.agencies[1]
	g := a.terms(b, 0, 9)
	seen, err := n.hub.Last(n.ctx())
	check(f, err)
	f.Add("id", `"00000000000000000000000000"`)
	f.Add("grant", `"00000000000000000000000000"`)
	f.Add("number", "18446744073709551615")
	f.Add("ended", `["00000000000000000000000000"]`)
	f.Add("x", `{"y":[[[[]]]]}`)
	f.Fuzz(func(t *testing.T, field, value string) {
		sign := func(kind schemas.RecordType, v any) schemas.SignedRecord {
			return schemas.SignBytes(kind, with(v, field, value), a.key)
		}
		revocation := schemas.Revocation{V: 1, Network: networkID, Grant: g.ID, By: a.id, At: n.clock.instant(), Key: lockKey(g.ID)}
		register := sign(schemas.RecordRegister, schemas.Register{V: 1, Network: networkID, Discloser: a.id, Number: 9})
		for _, req := range []schemas.GrantRequest{
			{V: 1, Issue: []schemas.SignedRecord{sign(schemas.RecordGrant, g)}},
			{V: 1, Revoke: []schemas.SignedRecord{sign(schemas.RecordRevocation, revocation), {}}},
			{V: 1, Revoke: []schemas.SignedRecord{sign(schemas.RecordRevocation, revocation)}},
			{V: 1, Register: &register},
		} {
			if _, err := n.reg.Grants(n.ctx(), a.id, req); err != nil && schemas.CodeOf(err) == "" {
				t.Errorf("got %v", err)
			}
		}
		check(t, n.hub.Scan(n.ctx(), seen+1, func(r journal.Record) error {
			seen = r.Position
			rec, err := schemas.ParseRecord(r.Data)
			if err != nil {
				return err
			}
			return rec.Verify(rec.PayloadType, a.publicKey())
		}))
	})
}
