package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is how an agency that was restored from a backup finds its way back
// into a network: it takes in what waits at the broker before it sends anything,
// then asks each partner for what came since the backup, and counts.

// restored is where that stands. It is kept in the network's part of the store.
type restored struct {
	// Since is when the backup was made, At when it was restored.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Pulled is when everything that waited at the broker had been taken in;
	// zero until then, and nothing is sent before.
	Pulled time.Time `json:"pulled,omitzero"`
	// Exchange counts the events that came from the broker until then, Own this
	// agency's own events that came back.
	Exchange int                                `json:"exchange"`
	Own      int                                `json:"own"`
	Partners map[schemas.AgencyID]*askedPartner `json:"partners,omitempty"`
	Chain    schemas.ULID                       `json:"chain"` // with which it began anew
}

// askedPartner is what one partner was asked for and answered.
type askedPartner struct {
	Answered time.Time `json:"answered,omitzero"`
	Promised int       `json:"promised"`
	Arrived  int       `json:"arrived"`
	// More says that the partner has more than it sends at once.
	More     bool                 `json:"more,omitempty"`
	Withheld map[schemas.Code]int `json:"withheld,omitempty"`
	Gone     int                  `json:"gone,omitempty"`
}

func (p *askedPartner) done() bool { return !p.Answered.IsZero() && !p.More && p.Arrived >= p.Promised }

// missing is what a person has to call about, by reason.
func (p *askedPartner) missing() map[schemas.Code]int {
	all := maps.Clone(p.Withheld)
	if p.Gone > 0 {
		if all == nil {
			all = map[schemas.Code]int{}
		}
		all[schemas.CodeExpired] += p.Gone
	}
	return all
}

const (
	mapRecovery  = "recovery"
	keyRecovery  = "recovery"
	mapPromised  = "recovery-promised"  // partner|event -> promiseDue while it is on its way, then promiseKept
	mapLost      = "recovery-lost"      // sender|chain|sequence -> what came once and will not come from the broker again
	mapForgotten = "recovery-forgotten" // envelope of this agency, unknown here, that a partner signed for -> partner
	mapReturned  = "recovery-returned"  // event of this agency that came back from a partner -> its number
	promiseDue   = "due"
	promiseKept  = "here"
)

// recoveryOf reads it; ok is false if the agency was never restored.
func recoveryOf(tx durable.Tx) (r restored, ok bool, err error) {
	return durable.GetJSON[restored](tx.Map(mapRecovery), keyRecovery)
}

func putRecovery(tx durable.Tx, r restored) error {
	return durable.PutJSON(tx.Map(mapRecovery), keyRecovery, r)
}

// beginRestored makes the records of one network those of a restored agency.
// What an earlier restore was still counting is over.
func beginRestored(tx durable.Tx, since, now time.Time, others ...schemas.ULID) error {
	if err := beginChain(tx, now, others...); err != nil {
		return err
	}
	for _, name := range []string{mapPromised, mapLost, mapForgotten} {
		if err := clearMap(tx.Map(name)); err != nil {
			return err
		}
	}
	chain, err := outbox.Chain(tx)
	if err != nil {
		return err
	}
	return putRecovery(tx, restored{Since: since, At: now, Chain: chain})
}

func clearMap(m durable.Map) error {
	var keys []string
	if err := m.Each(func(key string, _ []byte) error { keys = append(keys, key); return nil }); err != nil {
		return err
	}
	for _, key := range keys {
		if err := m.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// sending is the line as the outbox sees it: an agency that was restored sends
// nothing before it has taken in what waits for it.
type sending struct{ line }

func (s sending) Connected() bool { return !s.m.silent() && s.line.Connected() }

// CaughtUp lets a restored agency speak: everything that the broker has for it
// is here now, revocations before all. It asks each partner for the rest.
func (f effects) CaughtUp(ctx context.Context) error {
	m := f.m
	if !m.restoring.Load() {
		return nil
	}
	err := m.store.Update(ctx, func(tx durable.Tx) error {
		r, _, err := recoveryOf(tx)
		if err != nil || !r.Pulled.IsZero() {
			return err
		}
		r.Pulled, r.Partners = m.agent.opts.Now(), map[schemas.AgencyID]*askedPartner{}
		members, err := m.dir.Members(tx)
		if err != nil {
			return err
		}
		for _, member := range members {
			if member.Agency == m.own || !member.Joined || member.Status == schemas.MemberLeft {
				continue
			}
			r.Partners[member.Agency] = &askedPartner{}
			if err := m.askPartner(tx, r, member.Agency, true); err != nil {
				return err
			}
		}
		return putRecovery(tx, r)
	})
	if err != nil {
		return err
	}
	crash.Point(crash.AgentAsked)
	m.restoring.Store(false)
	m.committed()
	m.wake()
	_, err = m.sendCanary(ctx) // the broker knows the new chain by it, also if there is no partner
	return err
}

// Bounds of a request; see the event's schema.
const (
	maxKnown = 100
	maxLacks = 1000
)

// askPartner asks for everything of the partner's chains that is not here.
func (m *membership) askPartner(tx durable.Tx, r restored, partner schemas.AgencyID, returns bool) error {
	all, err := inbox.Known(tx)
	if err != nil {
		return err
	}
	known := all[partner]
	lost, err := lostOf(tx, partner)
	if err != nil {
		return err
	}
	slices.SortFunc(known, func(a, b schemas.NetworkKnown) int { return strings.Compare(string(b.Chain), string(a.Chain)) })
	known = slices.Clone(known[:min(len(known), maxKnown)])
	for i, k := range known {
		k.Lacks = append(k.Lacks, lost[k.Chain]...)
		known[i].Lacks = k.Lacks[:min(len(k.Lacks), maxLacks)]
	}
	if known == nil {
		known = []schemas.NetworkKnown{}
	}
	return m.say(tx, schemas.TypeNetworkAgencyRestored, partner, schemas.NetworkAgencyRestored{
		Chain: r.Chain, Since: r.Since.UTC(), Known: known, Returns: returns,
	})
}

// Lost notes an envelope that came once, was lost with the old machine, and may
// not be handed over again.
func (f effects) Lost(tx durable.Tx, o schemas.Outline) error {
	if _, restored, err := recoveryOf(tx); err != nil || !restored {
		return err
	}
	e := o.Envelope
	return durable.PutJSON(tx.Map(mapLost), fmt.Sprintf("%s|%s|%d", e.Sender, e.Chain, e.Sequence), schemas.NetworkRun{From: e.Sequence, To: e.Sequence})
}

func lostOf(tx durable.Tx, sender schemas.AgencyID) (map[schemas.ULID][]schemas.NetworkRun, error) {
	all := map[schemas.ULID][]schemas.NetworkRun{}
	err := tx.Map(mapLost).Each(func(key string, v []byte) error {
		parts := strings.Split(key, "|")
		if len(parts) != 3 || schemas.AgencyID(parts[0]) != sender {
			return nil
		}
		run, err := durable.DecodeJSON[schemas.NetworkRun](v)
		all[schemas.ULID(parts[1])] = append(all[schemas.ULID(parts[1])], run)
		return err
	})
	return all, err
}

// Forgotten notes that a partner has signed for an envelope that this agency
// sent before it was restored and knows nothing of. An agency that was not
// restored is told of it as of any receipt for nothing.
func (c content) Forgotten(tx durable.Tx, from schemas.AgencyID, item schemas.ReceiptItem) error {
	_, restored, err := recoveryOf(tx)
	if err != nil {
		return err
	}
	if !restored {
		return c.Raise(tx, schemas.CodeChainMismatch, from, "a receipt for an envelope that was not sent so: "+string(item.Envelope))
	}
	if item.Kind != schemas.ReceiptStored || from == c.m.own {
		return nil
	}
	return durable.PutJSON(tx.Map(mapForgotten), string(item.Envelope), from)
}

// takenAgain counts an event that came after a restore: from the broker, or, if
// its sender had promised it, from the sender.
func (m *membership) takenAgain(tx durable.Tx, sender schemas.AgencyID, id schemas.EventID) error {
	r, restored, err := recoveryOf(tx)
	if err != nil || !restored {
		return err
	}
	if r.Pulled.IsZero() {
		r.Exchange++
		return putRecovery(tx, r)
	}
	key := string(sender) + "|" + string(id)
	promise, err := tx.Map(mapPromised).Get(key)
	if err != nil || promise == nil || string(promise) == promiseKept {
		return err
	}
	if err := tx.Map(mapPromised).Put(key, []byte(promiseKept)); err != nil {
		return err
	}
	if p := r.Partners[sender]; p != nil {
		p.Arrived++
		if err := m.askFurther(tx, r, sender, p); err != nil {
			return err
		}
	}
	return putRecovery(tx, r)
}

// askFurther asks a partner again that had more than it sends at once.
func (m *membership) askFurther(tx durable.Tx, r restored, partner schemas.AgencyID, p *askedPartner) error {
	if !p.More || p.Arrived < p.Promised {
		return nil
	}
	p.More, p.Answered = false, time.Time{}
	return m.askPartner(tx, r, partner, false)
}

// supplied takes over a partner's answer. It may come twice.
func (f effects) supplied(tx durable.Tx, sender schemas.AgencyID, data []byte) error {
	var s schemas.NetworkAgencySupplied
	if err := json.Unmarshal(data, &s); err != nil {
		return schemas.Refuse(schemas.CodeInvalidEvent, "data", "must say what is sent again", "correct the event")
	}
	r, restored, err := recoveryOf(tx)
	p := r.Partners[sender]
	if err != nil || !restored || s.Chain != r.Chain || p == nil {
		return err // an answer to somebody else's question, or to an old one
	}
	for _, id := range s.Events {
		if err := promise(tx, sender, id, p); err != nil {
			return err
		}
	}
	p.Answered, p.More, p.Gone, p.Withheld = f.m.agent.opts.Now(), s.More, s.Gone, nil
	for _, w := range s.Withheld {
		if p.Withheld == nil {
			p.Withheld = map[schemas.Code]int{}
		}
		p.Withheld[w.Code] += w.Count
	}
	if err := f.m.askFurther(tx, r, sender, p); err != nil {
		return err
	}
	if missing := p.missing(); len(missing) > 0 && !p.More {
		text := "lost with the old machine, and may not be sent again: " + reasons(missing) + "; call them"
		if err := f.Raise(tx, firstCode(missing), sender, text); err != nil {
			return err
		}
	}
	return putRecovery(tx, r)
}

// promise notes one event that a partner sends again, which may be here by now.
func promise(tx durable.Tx, sender schemas.AgencyID, id schemas.EventID, p *askedPartner) error {
	key := string(sender) + "|" + string(id)
	if known, err := tx.Map(mapPromised).Get(key); err != nil || known != nil {
		return err
	}
	_, here, err := casebook.Find(tx, sender.Source(), string(id))
	if err != nil {
		return err
	}
	p.Promised++
	if here {
		p.Arrived++
		return tx.Map(mapPromised).Put(key, []byte(promiseKept))
	}
	return tx.Map(mapPromised).Put(key, []byte(promiseDue))
}

// reasons lists counts by code, for people.
func reasons(missing map[schemas.Code]int) string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(missing)) {
		parts = append(parts, fmt.Sprintf("%d (%s)", missing[code], code))
	}
	return strings.Join(parts, ", ")
}

func firstCode(missing map[schemas.Code]int) schemas.Code {
	return slices.Min(slices.Collect(maps.Keys(missing)))
}
