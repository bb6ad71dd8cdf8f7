package gate

import (
	"context"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// An envelope waits until it is handed over, or until its permission is gone:
// its grant, its time, or its sender's standing. From then on no page holds it
// (pull.go), and a record of its withdrawal tells both parties. That record is
// written as soon as it is certain that the envelope was not handed over.

// lapse is an envelope whose permission is gone.
type lapse struct {
	position uint64
	code     schemas.Code
}

// lapsed says why an envelope may not be handed over now, "" if it may.
func (g *Gate) lapsed(it item, now time.Time) schemas.Code {
	if it.expiry != 0 && now.Unix() >= it.expiry || now.Sub(time.Unix(it.at, 0)) >= g.opts.Limits.MaxAge {
		return schemas.CodeExpired
	}
	if status, _ := g.members.Standing(it.sender.Value()); status != schemas.MemberActive {
		return schemas.CodeSuspended
	}
	if it.grant.Value() == schemas.CharterGrant {
		return ""
	}
	grant, revocation, ok := g.grants.Permission(it.grant.Value())
	if !ok || revocation != nil {
		return schemas.CodeGrantRevoked
	}
	if code := grant.Live(now); code != schemas.CodeGrantNotYetValid {
		return code
	}
	return "" // it had begun when the envelope was accepted: our clock was set back since
}

// certain reports whether an item beyond the mark was certainly not handed
// over. A hand-over just before the broker last stopped may be missing from the
// mark; the member's next pull tells. In a cluster none is missing.
func (g *Gate) certain(b *mailbox, it item) bool {
	return g.clustered() || b.pulled || it.position > g.startedAt
}

// foresee counts what a revocation does to the envelopes that the recipient has
// not acknowledged, or has done: when it comes again because its answer was
// lost, they are counted as they are now.
func (g *Gate) foresee(id schemas.GrantID, out *journal.Outcome) {
	grant, revocation, ok := g.grants.Permission(id)
	g.mu.RLock()
	defer g.mu.RUnlock()
	box := g.state.boxes[grant.Recipient]
	if !ok || box == nil { // a revocation that comes before its grant, or nothing was ever sent
		return
	}
	for i := box.after(box.cursor); i < len(box.items); i++ {
		it := box.items[i]
		switch {
		case !it.envelope || it.grant.Value() != id:
		case it.withdrawn && revocation == nil: // for another reason
		case it.withdrawn:
			out.Withdrawn++
		case it.position <= box.mark:
			out.HandedOver++
		case g.certain(box, it):
			out.Withdrawn++
		default:
			out.Unknown++
		}
	}
}

// settle withdraws what revocations and rolls leave without permission, until
// the gate stops.
func (g *Gate) settle() {
	for {
		select {
		case <-g.lapses:
		case <-g.stopping:
			return
		}
		if !g.leads() {
			continue
		}
		g.mu.Lock()
		ended := g.state.ended
		g.state.ended = map[schemas.AgencyID]bool{}
		g.mu.Unlock()
		for a := range ended {
			if err := g.withdrawLapsed(g.ctx, a); err != nil {
				g.log.WarnContext(g.ctx, "withdrawals wait for the next sweep", "agency", a, "error", err)
			}
		}
	}
}

// wake makes settle look.
func (g *Gate) wake() {
	select {
	case g.lapses <- struct{}{}:
	default: // it has not looked since it was last told
	}
}

// withdrawLapsed withdraws everything in a mailbox that has lapsed.
func (g *Gate) withdrawLapsed(ctx context.Context, a schemas.AgencyID) error {
	for {
		lapses := g.lapsedIn(a)
		if len(lapses) == 0 {
			return nil
		}
		positions := make([]uint64, len(lapses))
		for i, l := range lapses {
			positions[i] = l.position
		}
		records := make([]journal.Record, 0, len(lapses))
		err := g.hub.ReadMany(ctx, positions, func(r journal.Record) error {
			records = append(records, r)
			return nil
		})
		if err != nil {
			return err
		}
		if done, err := g.withdraw(ctx, a, records, lapses); err != nil || done == 0 {
			return err
		}
	}
}

// lapsedIn finds up to maxChange envelopes in a mailbox that can be withdrawn.
func (g *Gate) lapsedIn(a schemas.AgencyID) []lapse {
	now := g.now()
	g.mu.RLock()
	defer g.mu.RUnlock()
	box := g.state.boxes[a]
	if box == nil {
		return nil
	}
	var lapses []lapse
	for i := box.after(box.mark); i < len(box.items) && len(lapses) < maxChange; i++ {
		it := box.items[i]
		if !it.envelope || it.withdrawn || !g.certain(box, it) {
			continue
		}
		if code := g.lapsed(it, now); code != "" {
			lapses = append(lapses, lapse{it.position, code})
		}
	}
	return lapses
}

// withdraw writes the withdrawals of envelopes, given as the hub holds them, as
// far as they still are what they were when they were looked for. It returns
// how many that was.
func (g *Gate) withdraw(ctx context.Context, a schemas.AgencyID, envelopes []journal.Record, lapses []lapse) (int, error) {
	notices := make([]journal.Record, len(envelopes))
	for i, r := range envelopes {
		var err error
		if notices[i], err = g.withdrawnRecord(r, a, lapses[i].code); err != nil {
			return 0, err
		}
	}
	done := 0
	_, err := g.Write(ctx, journal.Change{Exclusive: true, Decide: func() ([]journal.Record, error) {
		now := g.now()
		g.mu.RLock()
		defer g.mu.RUnlock()
		var records []journal.Record
		box := g.state.boxes[a]
		for i, l := range lapses {
			it := box.find(l.position)
			if it == nil || it.withdrawn || it.position <= box.mark || g.lapsed(*it, now) != l.code {
				continue
			}
			records = append(records, notices[i])
		}
		done = len(records)
		return records, nil
	}})
	return done, err
}
