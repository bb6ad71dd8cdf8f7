package gate_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

// TestReplayEqualsLive lets anything happen in any order, one thing after the
// other, and rebuilds a gate from the hub.
func TestReplayEqualsLive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := inMemory(t, 3)
		var grants []schemas.GrantID
		var owners []*agency
		threads := map[[2]int]*thread{}
		cursors := map[*agency]uint64{}
		var sent []schemas.Envelope
		pick := func(label string) *agency {
			return n.agencies[rapid.IntRange(0, len(n.agencies)-1).Draw(rt, label)]
		}
		steps := map[string]func(){
			"grant": func() {
				from, to := pick("from"), pick("to")
				if from != to && n.active(from) {
					grants, owners = append(grants, from.issue(from.terms(to, -1, rapid.IntRange(0, 3).Draw(rt, "days")))), append(owners, from)
				}
			},
			"revoke": func() {
				if len(grants) > 0 {
					i := rapid.IntRange(0, len(grants)-1).Draw(rt, "grant")
					owners[i].revoke(grants[i])
				}
			},
			"send": func() {
				i, j := rapid.IntRange(0, 2).Draw(rt, "sender"), rapid.IntRange(0, 2).Draw(rt, "recipient")
				c := threads[[2]int{i, j}]
				if c == nil {
					c = n.agencies[i].thread(n.agencies[j])
					threads[[2]int{i, j}] = c
				}
				grant := schemas.CharterGrant
				if len(grants) > 0 && rapid.Bool().Draw(rt, "client") {
					grant = grants[rapid.IntRange(0, len(grants)-1).Draw(rt, "under")]
				}
				e := c.next(grant)
				if rapid.IntRange(0, 3).Draw(rt, "expires") == 0 {
					e.Expiry = n.clock.now().Add(time.Hour).Truncate(time.Second)
					e = e.Signed(c.from.key)
				}
				if r := c.from.submit(e); r.Result == schemas.ResultAccepted {
					c.took(e)
					sent = append(sent, e)
				}
			},
			"again": func() {
				if len(sent) > 0 {
					e := sent[rapid.IntRange(0, len(sent)-1).Draw(rt, "which")]
					for _, a := range n.agencies {
						a.submit(e)
					}
				}
			},
			"pull": func() {
				a := pick("puller")
				if items, end := a.pull(schemas.PullRequest{After: cursors[a], Max: rapid.IntRange(1, 5).Draw(rt, "max")}); end.Code == "" && rapid.Bool().Draw(rt, "stored") {
					cursors[a] = end.Next
					a.acknowledge(items)
				}
			},
			"standing": func() {
				n.standing(pick("member"), rapid.SampledFrom([]schemas.MemberStatus{schemas.MemberActive, schemas.MemberSuspended}).Draw(rt, "status"))
			},
			"time": func() {
				n.clock.advance(time.Duration(rapid.IntRange(1, 30).Draw(rt, "hours")) * time.Hour)
			},
			"sweep":   n.sweep,
			"restart": func() { n.restart(true) },
			"kill":    func() { n.restart(false) },
		}
		names := []string{"grant", "revoke", "send", "send", "send", "again", "pull", "pull", "standing", "time", "sweep", "restart", "kill"}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			steps[rapid.SampledFrom(names).Draw(rt, "step")]()
			unclean, want := n.rebuilt().Snapshot(false), n.gate.Snapshot(false)
			if unclean.Position == want.Position && !reflect.DeepEqual(unclean, want) { // nothing is being written just now
				rt.Fatalf("without an orderly stop, a replay leads to\n%+v\nnot\n%+v", unclean, want)
			}
		}
		check(t, n.gate.Stop(n.ctx()))
		if got, want := n.rebuilt().Snapshot(true), n.gate.Snapshot(true); !reflect.DeepEqual(got, want) {
			rt.Fatalf("a replay leads to\n%+v\nnot\n%+v", got, want)
		}
	})
}

func (n *network) active(a *agency) bool {
	line, _ := n.roll.Member(a.id)
	return line.Status == schemas.MemberActive
}

// acknowledge sends receipts for the envelopes of a page.
func (a *agency) acknowledge(items []got) {
	a.n.t.Helper()
	bySender := map[schemas.AgencyID][]schemas.ReceiptItem{}
	for _, i := range only(items, schemas.ItemEnvelope) {
		e, err := schemas.ParseEnvelope(i.header, i.data)
		check(a.n.t, err)
		bySender[e.Sender] = append(bySender[e.Sender], receiptItem(e))
	}
	for to, items := range bySender {
		_, err := a.n.gate.Receipt(a.n.ctx(), a.account, a.receipt(to, items...))
		check(a.n.t, err)
	}
}

func receiptItem(e schemas.Envelope) schemas.ReceiptItem {
	return schemas.ReceiptItem{Envelope: e.ID, Chain: e.Chain, Sequence: e.Sequence, Hash: e.Hash(), Kind: schemas.ReceiptStored}
}

func (a *agency) receipt(to schemas.AgencyID, items ...schemas.ReceiptItem) schemas.SignedRecord {
	return a.sign(schemas.RecordReceipt, schemas.Receipt{V: 1, Network: networkID, From: a.id, To: to, At: a.n.clock.instant(), Items: items})
}
