package gate

import (
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// sweep does once a minute what no request brings about.
func (g *Gate) sweep() {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	warned := map[[2]schemas.AgencyID]string{}
	for {
		select {
		case <-ticker.C:
			if g.leads() {
				g.Sweep(warned)
			}
		case <-g.stopping:
			return
		}
	}
}

// Sweep withdraws what has lapsed, writes down counted refusals and hand-overs,
// and warns both sides of a mailbox that fills up or grows old before either
// has consequences. warned remembers the warnings that were given; the caller
// keeps it. When Sweep returns, all of it is on disk or in the log.
func (g *Gate) Sweep(warned map[[2]schemas.AgencyID]string) {
	boxes := g.everyBox()
	for _, a := range boxes {
		if err := g.withdrawLapsed(g.ctx, a); err != nil {
			g.log.WarnContext(g.ctx, "lapsed mail waits for the next sweep", "agency", a, "error", err)
		}
	}
	g.writeRefusals()
	g.warn(boxes, warned)
	if len(g.handOverRecords(nil, false)) > 0 {
		// Every exclusive change has them written first.
		g.sweepOut("hand-overs", journal.Change{Exclusive: true, Decide: func() ([]journal.Record, error) { return nil, nil }})
	}
	for _, a := range boxes {
		before := g.now().Add(-g.opts.Limits.MaxAge)
		g.mu.Lock()
		g.state.boxes[a].forget(before)
		g.mu.Unlock()
	}
}

func (g *Gate) everyBox() []schemas.AgencyID {
	g.mu.RLock()
	defer g.mu.RUnlock()
	all := make([]schemas.AgencyID, 0, len(g.state.boxes))
	for a := range g.state.boxes {
		all = append(all, a)
	}
	return all
}

// sweepOut writes a change of the sweep and reports whether it went through.
func (g *Gate) sweepOut(what string, c journal.Change) bool {
	_, err := g.Write(g.ctx, c)
	if err != nil {
		g.log.WarnContext(g.ctx, "the next sweep tries again", "what", what, "error", err)
	}
	return err == nil
}

func (g *Gate) writeRefusals() {
	counted := g.refusals.flush()
	for k, n := range counted {
		written := g.sweepOut("refusals", journal.Change{Decide: func() ([]journal.Record, error) {
			return []journal.Record{countedRecord(k, n)}, nil
		}})
		if !written {
			g.refusals.restore(k, n)
		}
	}
}

// The shares of quota and age at which both sides are warned.
const (
	warnFull = 0.8
	warnOld  = 0.8
)

// warn writes the warnings that were not given yet.
func (g *Gate) warn(boxes []schemas.AgencyID, warned map[[2]schemas.AgencyID]string) {
	due := map[[2]schemas.AgencyID]schemas.Notice{}
	for _, a := range boxes {
		for _, n := range g.noticesFor(a) {
			due[[2]schemas.AgencyID{n.From, n.To}] = n
		}
	}
	for k := range warned {
		if _, still := due[k]; !still {
			delete(warned, k)
		}
	}
	for k, n := range due {
		if warned[k] == n.Kind {
			continue
		}
		if g.sweepOut("notices", journal.Change{Decide: func() ([]journal.Record, error) { return []journal.Record{noticeRecord(n)}, nil }}) {
			warned[k] = n.Kind
		}
	}
}

// noticesFor finds the senders about whose envelopes a mailbox needs a warning.
func (g *Gate) noticesFor(a schemas.AgencyID) []schemas.Notice {
	now, limits := g.now(), g.opts.Limits
	g.mu.RLock()
	defer g.mu.RUnlock()
	box := g.state.boxes[a]
	oldest := map[schemas.AgencyID]time.Time{}
	for i := box.after(box.cursor); i < len(box.items) && len(oldest) < len(box.from); i++ {
		it := box.items[i]
		if !it.envelope || it.withdrawn {
			continue
		}
		if from := it.sender.Value(); oldest[from].IsZero() {
			oldest[from] = time.Unix(it.at, 0)
		}
	}
	var notices []schemas.Notice
	for from, at := range oldest {
		n := schemas.Notice{
			From: from, To: a, Waiting: box.from[from], Quota: limits.Mailbox,
			Oldest: schemas.At(at), Expires: schemas.At(at.Add(limits.MaxAge)),
		}
		switch {
		case float64(n.Waiting) >= warnFull*float64(n.Quota):
			n.Kind = "filling"
		case float64(now.Sub(at)) >= warnOld*float64(limits.MaxAge):
			n.Kind = "ageing"
		default:
			continue
		}
		notices = append(notices, n)
	}
	return notices
}
