package exchange_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	river = schemas.NetworkID("river-county")
	lake  = schemas.NetworkID("lake-county")
)

// inBoth makes an agency a member of two networks under the same name.
func inBoth(t *testing.T, networks []*exchange.Network, a schemas.AgencyID) (*agent.Agent, agent.Options) {
	t.Helper()
	running := networks[0].Join(a)
	if _, err := running.Join(context.Background(), networks[1].Invite(a).String()); err != nil {
		t.Fatal(err)
	}
	return running, networks[0].AgentOptions(a)
}

func heardIn(t testing.TB, a *agent.Agent, n schemas.NetworkID) []agent.Event {
	t.Helper()
	all, err := a.Events(n, 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	var in []agent.Event
	for _, e := range all {
		if e.Direction == "heard" {
			in = append(in, e)
		}
	}
	return in
}

// Two networks, two brokers, the same two agencies in both: nothing crosses.
func TestTwoNetworks(t *testing.T) {
	networks := []*exchange.Network{exchange.StartWith(t, exchange.Setting{Network: river}), exchange.StartWith(t, exchange.Setting{Network: lake})}
	treatment, opts := inBoth(t, networks, "riverside-treatment")
	probation, _ := inBoth(t, networks, "county-probation")
	ctx := context.Background()

	grant := permit(t, treatment, river, "county-probation", "c-1")
	tell(t, treatment, river, "county-probation", "c-1", "a-1")
	eventually.True(t, "the event arrives", func() bool { return len(heardIn(t, probation, river)) == 1 })

	t.Run("a network must be named", func(t *testing.T) {
		body := exchange.Event(schemas.TypeAttendanceRecorded, "county-probation", "c-1", "a-2", example(t, schemas.TypeAttendanceRecorded))
		if _, err := treatment.Accept(ctx, body); schemas.CodeOf(err) != schemas.CodeMalformed {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a permission holds in its network only", func(t *testing.T) {
		body := exchange.Event(schemas.TypeAttendanceRecorded, "county-probation", "c-1", "a-3", example(t, schemas.TypeAttendanceRecorded))
		body, err := agent.Draft{Network: lake}.Complete(body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := treatment.Accept(ctx, body); schemas.CodeOf(err) != schemas.CodeNoGrant {
			t.Errorf("got %v, want %s", err, schemas.CodeNoGrant)
		}
		if _, err := treatment.Revoke(ctx, lake, grant); schemas.CodeOf(err) != schemas.CodeNotFound {
			t.Errorf("revoke in the other network: got %v", err)
		}
	})
	t.Run("a handle means nothing in the other", func(t *testing.T) {
		other := permit(t, treatment, lake, "county-probation", "c-1")
		tell(t, treatment, lake, "county-probation", "c-1", "a-4")
		eventually.True(t, "the event arrives", func() bool { return len(heardIn(t, probation, lake)) == 1 })
		here, there := handleOf(t, heardIn(t, probation, river)[0]), handleOf(t, heardIn(t, probation, lake)[0])
		if here == there || other == grant {
			t.Error("handle or grant is the same in both networks")
		}
		// The partner answers with the handle of the other network: for this one
		// it is a client of its own, for whom there is no permission.
		body := exchange.Event(schemas.TypeAttendanceRecorded, "riverside-treatment", here, "a-5", example(t, schemas.TypeAttendanceRecorded))
		body, err := agent.Draft{Network: lake}.Complete(body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := probation.Accept(ctx, body); schemas.CodeOf(err) != schemas.CodeNoGrant {
			t.Errorf("got %v, want %s", err, schemas.CodeNoGrant)
		}
	})
	t.Run("events, keys and cursors are apart", func(t *testing.T) {
		if n, m := len(heardIn(t, probation, river)), len(heardIn(t, probation, lake)); n != 1 || m != 1 {
			t.Errorf("heard %d and %d events", n, m)
		}
		r, l := status(t, treatment, river), status(t, treatment, lake)
		if r.Fingerprint == l.Fingerprint {
			t.Error("one key in two networks")
		}
	})
	t.Run("suspended in one, at work in the other", func(t *testing.T) {
		networks[0].SetStanding("riverside-treatment", schemas.MemberSuspended)
		eventually.True(t, "the line is closed", func() bool { return !status(t, treatment, river).Connected })
		tell(t, treatment, lake, "county-probation", "c-1", "a-6")
		eventually.True(t, "the event arrives", func() bool { return len(heardIn(t, probation, lake)) == 2 })
		tell(t, treatment, river, "county-probation", "c-1", "a-7")
		networks[0].SetStanding("riverside-treatment", schemas.MemberActive)
		eventually.True(t, "what waited arrives", func() bool { return len(heardIn(t, probation, river)) == 2 })
	})
	t.Run("chains and epochs are apart at rest", func(t *testing.T) {
		if err := treatment.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		opts.DataDir = filepath.Clean(opts.DataDir)
		in, err := agent.Inspect(ctx, opts)
		if err != nil || len(in.Networks) != 2 {
			t.Fatalf("%d networks, %v", len(in.Networks), err)
		}
		a, b := in.Networks[0], in.Networks[1]
		if a.Cursor.Epoch == b.Cursor.Epoch || len(a.Deliveries) == 0 || len(b.Deliveries) == 0 {
			t.Fatalf("epochs %s and %s", a.Cursor.Epoch, b.Cursor.Epoch)
		}
		chains := map[schemas.ULID]schemas.NetworkID{}
		for _, n := range in.Networks {
			for _, d := range n.Deliveries {
				if at, ok := chains[d.Chain]; ok && at != n.Network {
					t.Errorf("chain %s in both networks", d.Chain)
				}
				chains[d.Chain] = n.Network
			}
			for _, g := range n.Grants {
				if g.Grant.Network != n.Network {
					t.Errorf("a grant of %s in %s", g.Grant.Network, n.Network)
				}
			}
		}
	})
}

func handleOf(t testing.TB, e agent.Event) string {
	t.Helper()
	parsed, err := schemas.ParseEvent(e.Event)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.Extension(parsed, schemas.ExtClient)
}
