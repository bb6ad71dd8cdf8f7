package gate_test

import (
	"encoding/json"
	"testing"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/broker/internal/registry"
	"github.com/linkage-exchange/linkage/schemas"
)

// clustered is one of several gates on a network's hub. It believes that it
// leads, also when another does: so does one whose process was stopped.
type clustered struct {
	gate *gate.Gate
	reg  *registry.Service
}

func (n *network) clustered() clustered {
	n.t.Helper()
	reg := registry.New(networkID, n.admissionKey())
	opts := n.options(reg)
	opts.Hub, opts.Leads = n.hub, func() bool { return true }
	g, err := gate.New(n.ctx(), opts)
	check(n.t, err)
	g.Start()
	n.t.Cleanup(func() { check(n.t, g.Stop(n.ctx())) })
	check(n.t, g.Lead(n.ctx()))
	return clustered{g, &registry.Service{Registry: reg, Writer: g, Now: n.clock.now}}
}

// envelopes pulls one page for a member and returns how many envelopes it holds.
func (c clustered) envelopes(a *agency) (n int, end schemas.PullEnd) {
	_ = c.gate.Pull(a.n.ctx(), a.account, schemas.PullRequest{V: 1}, func(header map[string][]string, data []byte) error {
		switch i := itemFrom(header, data); i.kind {
		case schemas.ItemEnd:
			return json.Unmarshal(data, &end)
		case schemas.ItemEnvelope:
			n++
		default:
		}
		return nil
	})
	return n, end
}

// A broker that was replaced and does not know it hands nothing over after
// another's revocation; and what it handed over before, the other counts as
// disclosed, although it was never told.
func TestS1ReplacedBrokerHandsNothingOver(t *testing.T) {
	n := inMemory(t, 2)
	from, to := n.agencies[0], n.agencies[1]
	given, kept := from.grant(to), from.grant(to)
	thread := from.thread(to)
	thread.send(given)
	old := n.clustered()
	if got, end := old.envelopes(to); got != 1 || end.Code != "" {
		t.Fatalf("first page holds %d envelopes, ends with %q", got, end.Code)
	}
	successor := n.clustered()
	out, err := successor.reg.Grants(n.ctx(), from.id, from.revocation(given))
	check(t, err)
	if out.HandedOver != 1 || out.Withdrawn+out.Unknown != 0 {
		t.Errorf("the successor counts %d handed over, %d withdrawn, %d unknown; one was handed over", out.HandedOver, out.Withdrawn, out.Unknown)
	}
	restarted(n) // to send on
	thread.send(kept)
	check(t, successor.gate.Follow(n.ctx()))
	if _, err := successor.reg.Grants(n.ctx(), from.id, from.revocation(kept)); err != nil {
		t.Fatal(err)
	}
	if got, _ := old.envelopes(to); got != 0 {
		t.Errorf("the replaced broker handed over %d envelopes after the revocations", got)
	}
}

// A gate that does not lead refuses what it is asked, and nothing is written.
func TestFollowingGateDecidesNothing(t *testing.T) {
	n := inMemory(t, 2)
	from, to := n.agencies[0], n.agencies[1]
	grant := from.grant(to)
	c := n.clustered()
	c.gate.Yield()
	before := len(n.records())
	if _, err := c.reg.Grants(n.ctx(), from.id, from.revocation(grant)); schemas.CodeOf(err) != schemas.CodeUnavailable {
		t.Errorf("revocation: got %v, want %s", err, schemas.CodeUnavailable)
	}
	if _, end := c.envelopes(to); end.Code != schemas.CodeUnavailable {
		t.Errorf("page ends with %q, want %s", end.Code, schemas.CodeUnavailable)
	}
	if after := len(n.records()); after != before {
		t.Errorf("%d records were written", after-before)
	}
}

// restarted has the network's own gate read what others wrote.
func restarted(n *network) { n.restart(false) }
