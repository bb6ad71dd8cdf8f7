package gate

import (
	"encoding/json"
	"strconv"
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
			g.Sweep(warned)
		case <-g.ctx.Done():
			return
		}
	}
}

// Sweep withdraws what has lapsed, writes down counted refusals, and warns both
// sides of a mailbox that fills up or grows old before either has consequences.
// warned remembers the warnings that were given; the caller keeps it.
func (g *Gate) Sweep(warned map[[2]schemas.AgencyID]string) {
	for a, stale := range g.lapsedMail() {
		g.inBackground(journal.Change{Exclusive: true, Decide: func() ([]journal.Record, error) { return g.expire(a, stale) }})
	}
	if counted := g.refusals.flush(); len(counted) > 0 {
		g.inBackground(journal.Change{Decide: func() ([]journal.Record, error) { return countedRecords(counted), nil }})
	}
	notices := g.notices()
	for k := range warned {
		if _, still := notices[k]; !still {
			delete(warned, k)
		}
	}
	for k, n := range notices {
		if warned[k] != n.Kind {
			warned[k] = n.Kind
			g.inBackground(journal.Change{Decide: func() ([]journal.Record, error) { return noticeRecord(n) }})
		}
	}
	g.settlePending()
}

// lapsedMail finds up to 200 envelopes of each mailbox whose time is over.
func (g *Gate) lapsedMail() map[schemas.AgencyID]map[uint64]schemas.Code {
	now := g.now()
	g.mu.RLock()
	defer g.mu.RUnlock()
	all := map[schemas.AgencyID]map[uint64]schemas.Code{}
	for a, box := range g.state.boxes {
		for i := box.after(box.mark); i < len(box.items) && len(all[a]) < 200; i++ {
			it := box.items[i]
			if it.kind != schemas.ItemEnvelope || it.fate != fateNone {
				continue
			}
			if code := g.lapsed(it, now); code != "" {
				if all[a] == nil {
					all[a] = map[uint64]schemas.Code{}
				}
				all[a][it.position] = code
			}
		}
	}
	return all
}

func countedRecords(counted map[refusalKey]int) []journal.Record {
	var records []journal.Record
	for k, n := range counted {
		records = append(records, journal.Record{
			Subject: "hub.0.decision." + string(k.agency),
			Header: map[string][]string{
				journal.HeaderKind:   {string(journal.Refused)},
				journal.HeaderSender: {string(k.agency)},
				journal.HeaderCode:   {string(k.code)},
				journal.HeaderCount:  {strconv.Itoa(n)},
			},
		})
	}
	return records
}

// The shares of quota and age at which both sides are warned.
const (
	warnFull = 0.8
	warnOld  = 0.8
)

// notices finds the mailboxes that need a warning, by sender and recipient.
func (g *Gate) notices() map[[2]schemas.AgencyID]schemas.Notice {
	now := g.now()
	g.mu.RLock()
	defer g.mu.RUnlock()
	all := map[[2]schemas.AgencyID]schemas.Notice{}
	for a, box := range g.state.boxes {
		oldest := map[schemas.AgencyID]time.Time{}
		for i := box.after(box.cursor); i < len(box.items); i++ {
			it := box.items[i]
			if _, seen := oldest[it.sender]; !seen && it.kind == schemas.ItemEnvelope && it.fate == fateNone {
				oldest[it.sender] = time.Unix(it.at, 0)
			}
		}
		for from, n := range box.from {
			if n == 0 || oldest[from].IsZero() {
				continue
			}
			notice := schemas.Notice{
				From: from, To: a, Waiting: n, Quota: g.opts.Limits.Mailbox,
				Oldest: schemas.At(oldest[from]), Expires: schemas.At(oldest[from].Add(g.opts.Limits.MaxAge)),
			}
			switch {
			case float64(n) >= warnFull*float64(g.opts.Limits.Mailbox):
				notice.Kind = "filling"
			case float64(now.Sub(oldest[from])) >= warnOld*float64(g.opts.Limits.MaxAge):
				notice.Kind = "ageing"
			default:
				continue
			}
			all[[2]schemas.AgencyID{from, a}] = notice
		}
	}
	return all
}

func noticeRecord(n schemas.Notice) ([]journal.Record, error) {
	data, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	return []journal.Record{{
		Subject: "hub.0.decision." + string(n.To),
		Header: map[string][]string{
			journal.HeaderKind:      {string(journal.Noticed)},
			journal.HeaderSender:    {string(n.From)},
			journal.HeaderRecipient: {string(n.To)},
			journal.HeaderCode:      {n.Kind},
			journal.HeaderCount:     {strconv.Itoa(n.Waiting)},
		},
		Data: data,
	}}, nil
}
