package gate_test

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// TestS1RevocationCounts goes through what a revocation can find, on the real hub.
func TestS1RevocationCounts(t *testing.T) {
	n := onDisk(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	g, other, c := a.grant(b), a.grant(b), a.thread(b)
	_, start := b.collect(0)

	c.send(g) // stored
	_, stored := b.collect(start)
	c.send(g)
	c.send(other)
	b.collect(stored)    // two more are handed over; nobody knows whether they are stored
	last, _ := c.send(g) // waits
	c.send(other)
	out := a.revoke(g)
	if out.HandedOver != 1 || out.Withdrawn != 1 || out.Unknown != 0 || out.Position == 0 {
		t.Errorf("got %+v, want one handed over and one withdrawn", out)
	}
	n.sweep()

	// What was handed over is not handed over again; its outline closes the chain.
	items, _ := b.collect(stored)
	kinds := map[schemas.ItemKind]int{}
	for _, i := range items {
		kinds[i.kind]++
	}
	if kinds[schemas.ItemEnvelope] != 2 || kinds[schemas.ItemWithdrawn] != 2 || kinds[schemas.ItemRevocation] != 1 {
		t.Errorf("got %v", kinds)
	}
	for _, i := range only(items, schemas.ItemWithdrawn) {
		var w schemas.Withdrawn
		check(t, json.Unmarshal(i.data, &w))
		check(t, w.Outline.Verify(a.publicKey()))
		if w.Revocation == nil || w.Code != schemas.CodeGrantRevoked {
			t.Error("the notice does not prove the revocation")
		} else if _, err := schemas.ReadRecord[schemas.Revocation](*w.Revocation, schemas.RecordRevocation, a.publicKey()); err != nil {
			t.Error(err)
		}
	}
	var revoked schemas.Revoked
	check(t, json.Unmarshal(only(items, schemas.ItemRevocation)[0].data, &revoked))
	if revoked.Position != out.Position {
		t.Errorf("the revocation says position %d", revoked.Position)
	}
	back, _ := a.collect(0)
	if got := only(back, schemas.ItemWithdrawn); len(got) != 1 || got[0].id() != last.ID {
		t.Errorf("the sender got %v", got)
	}
	if again := a.revoke(g); again.Position != 0 {
		t.Errorf("the same revocation was written again: %+v", again)
	} else if again.HandedOver != 1 || again.Withdrawn != 1 || again.Unknown != 0 {
		t.Errorf("asked again: got %+v, want the counts of the first answer", again)
	}
	b.collect(out.Position)
	if again := a.revoke(g); again.HandedOver != 0 {
		t.Errorf("got %+v, although the recipient has acknowledged", again)
	}
}

func (a *agency) publicKey() ed25519.PublicKey { return a.key.Public().(ed25519.PublicKey) }

// TestS1UnknownAfterAnUncleanStop loses a hand-over with the process.
func TestS1UnknownAfterAnUncleanStop(t *testing.T) {
	for name, stored := range map[string]bool{"the recipient stored it": true, "the recipient did not": false} {
		t.Run(name, func(t *testing.T) {
			n := inMemory(t, 2)
			a, b := n.agencies[0], n.agencies[1]
			g, c := a.grant(b), a.thread(b)
			_, cursor := b.collect(0)
			n.sweep() // records the hand-over of what came before
			e, position := c.send(g)
			n.line.sever() // the record of the next hand-over does not reach the disk
			if items, _ := b.collect(cursor); len(only(items, schemas.ItemEnvelope)) != 1 {
				t.Fatal("the envelope was not handed over")
			}
			n.restart(false)
			if out := a.revoke(g); out.Unknown != 1 || out.Withdrawn != 0 || out.HandedOver != 0 {
				t.Errorf("got %+v, want one unknown", out)
			}
			n.sweep()
			if got := count(n.records(), journal.Withdrawn); got != 0 {
				t.Error("it was withdrawn before anybody knew")
			}
			if stored {
				cursor = position
			}
			items, _ := b.collect(cursor)
			if got := only(items, schemas.ItemEnvelope); len(got) != 0 {
				t.Error("it was handed over under a revoked grant")
			}
			n.sweep()
			want := 1
			if stored {
				want = 0
			}
			if got := len(n.history(g).withdrawn[e.ID]); got != want {
				t.Errorf("it was withdrawn %d times, want %d", got, want)
			}
			if m := n.gate.Mailboxes()[1]; m.Waiting != 0 {
				t.Errorf("%d envelopes still wait", m.Waiting)
			}
			n.sameAfterReplay(t)
		})
	}
}

func TestExpiryAtPullAndBySweep(t *testing.T) {
	for name, tt := range map[string]struct {
		code schemas.Code
		days int // that the grant lasts
		envelope,
		wait time.Duration
	}{
		"its own time": {schemas.CodeExpired, 30, time.Hour, time.Hour},
		"its age":      {schemas.CodeExpired, 365, 0, 90 * 24 * time.Hour},
		"its grant":    {schemas.CodeGrantExpired, 1, 0, 48 * time.Hour},
	} {
		for by, sweep := range map[string]bool{" at pull": false, " by sweep": true} {
			t.Run(name+by, func(t *testing.T) {
				n := inMemory(t, 2)
				a, b := n.agencies[0], n.agencies[1]
				g, c := a.issue(a.terms(b, 0, tt.days)), a.thread(b)
				_, cursor := b.collect(0)
				e := c.next(g)
				if tt.envelope > 0 {
					e.Expiry = n.clock.now().Add(tt.envelope)
					e = e.Signed(a.key)
				}
				if r := a.submit(e); r.Result != schemas.ResultAccepted {
					t.Fatal(r.Code)
				}
				n.clock.advance(tt.wait - time.Second)
				if n.sweep(); count(n.records(), journal.Withdrawn) > 0 && tt.code != schemas.CodeGrantExpired {
					t.Fatal("it was withdrawn before its time")
				}
				n.clock.advance(time.Second)
				if sweep {
					n.sweep()
				}
				items, _ := b.collect(cursor)
				if got := only(items, schemas.ItemEnvelope); len(got) > 0 {
					t.Error("it was handed over after its time")
				}
				if !sweep {
					items, _ = b.collect(cursor)
				}
				if got := only(items, schemas.ItemWithdrawn); len(got) != 1 || got[0].id() != e.ID {
					t.Errorf("the recipient got %v", got)
				}
				if got := n.history(g).withdrawn[e.ID]; len(got) != 1 || got[0] != string(tt.code) {
					t.Errorf("it was withdrawn with %v, want %s", got, tt.code)
				}
				back, _ := a.collect(0)
				if len(only(back, schemas.ItemWithdrawn)) != 1 {
					t.Error("the sender was not told")
				}
			})
		}
	}
}

func TestR3NoticesBeforeQuotaAndAge(t *testing.T) {
	c := newClock()
	n := prepare(t, &memory{now: c.now}, c)
	n.limits = gate.Limits{Mailbox: 10, MaxAge: 100 * time.Hour}
	n.found(3)
	a, b, other := n.agencies[0], n.agencies[1], n.agencies[2]
	chain := a.thread(b)
	warned := map[[2]schemas.AgencyID]string{}
	var atA, atB uint64
	told := func(kind string) {
		t.Helper()
		n.gate.Sweep(warned)
		n.gate.Sweep(warned) // once is enough
		var itemsA, itemsB []got
		itemsA, atA = a.collect(atA)
		itemsB, _ = b.collect(atB)
		for side, items := range map[string][]got{"sender": itemsA, "recipient": itemsB} {
			notices := only(items, schemas.ItemNotice)
			if kind == "" && len(notices) == 0 {
				continue
			}
			if len(notices) != 1 {
				t.Errorf("the %s got %d notices, want %q", side, len(notices), kind)
				continue
			}
			var notice schemas.Notice
			check(t, json.Unmarshal(notices[0].data, &notice))
			if notice.Kind != kind || notice.From != a.id || notice.To != b.id || notice.Quota != 10 {
				t.Errorf("the %s got %+v, want %s", side, notice, kind)
			}
		}
	}
	for range 7 {
		chain.send(schemas.CharterGrant)
	}
	told("")
	chain.send(schemas.CharterGrant)
	told("filling")
	chain.send(schemas.CharterGrant)
	chain.send(schemas.CharterGrant)
	r := a.submit(chain.next(schemas.CharterGrant))
	if r.Code != schemas.CodeQuota || r.Waiting != 0 || r.Quota != 10 {
		t.Errorf("got %s %+v", r.Code, r)
	}
	other.thread(b).send(schemas.CharterGrant) // another sender has its own room

	items, cursor := b.collect(0)
	if got := len(only(items, schemas.ItemEnvelope)); got != 11 {
		t.Fatalf("got %d envelopes", got)
	}
	b.collect(cursor)
	atB = cursor
	told("") // and the warning is forgotten
	chain.send(schemas.CharterGrant)
	n.clock.advance(79 * time.Hour)
	told("")
	n.clock.advance(time.Hour)
	told("ageing")
	if got := count(n.records(), journal.Withdrawn); got != 0 {
		t.Errorf("%d were withdrawn before", got)
	}
	_, cursor = b.collect(atB)
	b.collect(cursor)
	chain.send(schemas.CharterGrant)
	n.clock.advance(100 * time.Hour)
	n.sweep()
	if got := count(n.records(), journal.Withdrawn); got != 1 {
		t.Errorf("%d were withdrawn", got)
	}
	chain.send(schemas.CharterGrant)
	if m := n.gate.Mailboxes()[1]; m.Waiting != 1 || m.Agency != b.id || m.Cursor != cursor || m.Oldest.Unix() != n.clock.now().Unix() {
		t.Errorf("got %+v", m)
	}
}

func TestPagesKeepTheirBounds(t *testing.T) {
	n := inMemory(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	c := a.thread(b)
	_, cursor := b.collect(0)
	for range 20 {
		c.send(schemas.CharterGrant)
	}
	for name, tt := range map[string]struct {
		req  schemas.PullRequest
		want int
	}{
		"all":                  {schemas.PullRequest{}, 20},
		"seven items":          {schemas.PullRequest{Max: 7}, 7},
		"three items in bytes": {schemas.PullRequest{MaxBytes: 3*len(sealed) + 10}, 3},
		"at least one":         {schemas.PullRequest{MaxBytes: 1}, 1},
	} {
		tt.req.After = cursor
		items, end := b.pull(tt.req)
		if len(items) != tt.want || end.More != (tt.want < 20) || end.Next < items[len(items)-1].position {
			t.Errorf("%s: got %d items, %+v", name, len(items), end)
		}
	}
	for name, tt := range map[string]struct {
		req  schemas.PullRequest
		code schemas.Code
	}{
		"a cursor from another history": {schemas.PullRequest{After: 1 << 40}, schemas.CodeHistoryForked},
		"another epoch":                 {schemas.PullRequest{Epoch: schemas.NewULID(n.clock.now())}, schemas.CodeEpochChanged},
		"this epoch":                    {schemas.PullRequest{Epoch: n.gate.Epoch()}, ""},
	} {
		if _, end := b.pull(tt.req); end.Code != tt.code {
			t.Errorf("%s: got %q, want %q", name, end.Code, tt.code)
		}
	}
	if _, end := (&agency{n: n, account: "NOBODY"}).pull(schemas.PullRequest{}); end.Code != schemas.CodeNotMember {
		t.Errorf("nobody: got %q", end.Code)
	}
}

// TestR6PullsOfOneMember holds its places while another pulls.
func TestR6PullsOfOneMember(t *testing.T) {
	n := inMemory(t, 2)
	a, b := n.agencies[0], n.agencies[1]
	holding, release := make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			first := true
			_ = n.gate.Pull(n.ctx(), a.account, schemas.PullRequest{V: 1}, func(map[string][]string, []byte) error {
				if first {
					first = false
					holding <- struct{}{}
					<-release
				}
				return nil
			})
		}()
	}
	for range 4 {
		<-holding
	}
	if _, end := a.pull(schemas.PullRequest{}); end.Code != schemas.CodeOverRate {
		t.Errorf("a fifth pull: got %q", end.Code)
	}
	if items, _ := b.pull(schemas.PullRequest{}); len(items) == 0 {
		t.Error("another member got nothing")
	}
	close(release)
	for range 4 {
		<-done
	}
	a.collect(0)
}

func TestStoredMailIsForgottenInTime(t *testing.T) {
	c := newClock()
	n := prepare(t, &memory{now: c.now}, c)
	n.limits = gate.Limits{MaxAge: time.Hour}
	n.found(2)
	a, b := n.agencies[0], n.agencies[1]
	chain := a.thread(b)
	for range 10 {
		chain.send(schemas.CharterGrant)
	}
	_, cursor := b.collect(0)
	b.collect(cursor)
	n.sweep()
	if got := n.gate.Items(b.id); got < 10 {
		t.Fatalf("%d items are left at once", got)
	}
	n.clock.advance(time.Hour + time.Second)
	n.sweep()
	if got := n.gate.Items(b.id); got != 0 {
		t.Errorf("%d items are left", got)
	}
	e, _ := chain.send(schemas.CharterGrant)
	items, _ := b.collect(cursor)
	if got := only(items, schemas.ItemEnvelope); len(got) != 1 || got[0].id() != e.ID {
		t.Errorf("got %v", got)
	}
}

func TestHintsReachWhomItConcerns(t *testing.T) {
	c := newClock()
	n := prepare(t, &memory{now: c.now}, c)
	hints := make(chan schemas.AgencyID, 1000)
	n.hints = func(a schemas.AgencyID, _ uint64) { hints <- a }
	n.found(3)
	a, b := n.agencies[0], n.agencies[1]
	drain := func() map[schemas.AgencyID]bool {
		got := map[schemas.AgencyID]bool{}
		for {
			select {
			case a := <-hints:
				got[a] = true
			default:
				return got
			}
		}
	}
	n.barrier()
	drain()
	g := a.grant(b)
	n.barrier()
	if got := drain(); len(got) != 2 || !got[a.id] || !got[b.id] {
		t.Errorf("a grant: hints to %v", got)
	}
	a.thread(b).send(g)
	n.barrier()
	if got := drain(); len(got) != 1 || !got[b.id] {
		t.Errorf("an envelope: hints to %v", got)
	}
	a.revoke(g)
	n.barrier()
	if got := drain(); len(got) != 2 || !got[a.id] || !got[b.id] {
		t.Errorf("a revocation: hints to %v", got)
	}
}

// barrier waits until the writer has told everybody about what came before.
func (n *network) barrier() {
	_, err := n.gate.Write(n.ctx(), journal.Change{Decide: func() ([]journal.Record, error) { return nil, nil }})
	check(n.t, err)
}
