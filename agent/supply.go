package agent

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is what an agency does for a partner that was restored from a
// backup: it sends again what the partner had signed for and lost, as far as a
// live grant still permits it, and gives back what the partner itself signed.

// partnerRestored answers a partner that was restored.
func (f effects) partnerRestored(tx durable.Tx, partner schemas.AgencyID, data []byte) error {
	var ask schemas.NetworkAgencyRestored
	if err := json.Unmarshal(data, &ask); err != nil {
		return schemas.Refuse(schemas.CodeInvalidEvent, "data", "must say what is known of each chain", "correct the event")
	}
	out, queued, err := f.m.outbox.Supply(tx, partner, ask.Known)
	if err != nil {
		return err
	}
	answer := schemas.NetworkAgencySupplied{
		Chain: ask.Chain, Events: out.Events, Withheld: []schemas.NetworkWithheld{}, Gone: out.Gone, More: out.More, Stored: []schemas.NetworkKnown{},
	}
	for _, code := range slices.Sorted(maps.Keys(out.Withheld)) {
		answer.Withheld = append(answer.Withheld, schemas.NetworkWithheld{Code: code, Count: out.Withheld[code]})
	}
	known, err := inbox.Known(tx)
	if err != nil {
		return err
	}
	for _, k := range known[partner] {
		if len(answer.Stored) < maxKnown && len(k.Lacks) <= maxLacks {
			answer.Stored = append(answer.Stored, k)
		}
	}
	if ask.Returns {
		if answer.Returned, err = f.giveBackOnce(tx, partner, ask); err != nil {
			return err
		}
	}
	if len(out.Withheld) > 0 && !out.More {
		text := "was restored from a backup; what it lost and may not be sent again: " + reasons(out.Withheld) + "; call them"
		if err := f.Raise(tx, firstCode(out.Withheld), partner, text); err != nil {
			return err
		}
	}
	if err := f.m.say(tx, schemas.TypeNetworkAgencySupplied, partner, answer); err != nil {
		return err
	}
	f.m.later(queued...)
	return nil
}

// Due decides anew about an event that its recipient lost.
func (c content) Due(tx durable.Tx, d outbox.Delivery) (bool, error) {
	e, err := eventToSend(tx, d.Event)
	if err != nil || schemas.EventType(e.Type()).Housekeeping() {
		return false, err
	}
	_, err = c.m.permit(tx, e, d.Recipient)
	return err == nil, err
}

const (
	// overlap is how much earlier than the backup's time, by the partner's clock,
	// the records begin that are given back; what the partner has it passes over.
	overlap = time.Hour
	// returnBytes bounds the records in one event; one that is longer alone is
	// too long to be returned in a seal and is left to a call.
	returnBytes = 200 << 10
	returnAlone = 300 << 10
	returnMost  = 500
)

const (
	mapGiven = "supply-given" // partner -> given
	// maxGiven bounds how often in givenWithin a partner is given everything back:
	// each time costs it one envelope, and us a look through all our records.
	maxGiven    = 5
	givenWithin = 24 * time.Hour
)

// given is when a partner was last given back what it had signed.
type given struct {
	Chain schemas.ULID `json:"chain"` // that it asked with
	First time.Time    `json:"first"` // of Count times
	Count int          `json:"count"`
}

// giveBackOnce gives a partner back what it signed: once for each restore, and
// not without end.
func (f effects) giveBackOnce(tx durable.Tx, partner schemas.AgencyID, ask schemas.NetworkAgencyRestored) (events int, err error) {
	last, _, err := durable.GetJSON[given](tx.Map(mapGiven), string(partner))
	if err != nil || last.Chain == ask.Chain {
		return 0, err
	}
	now := f.m.agent.opts.Now()
	if now.Sub(last.First) >= givenWithin {
		last = given{First: now}
	}
	if last.Count >= maxGiven {
		return 0, f.Raise(tx, schemas.CodeOverRate, partner, "asks again and again for what it had signed itself, as if restored each time: ask them what they do")
	}
	last.Chain, last.Count = ask.Chain, last.Count+1
	if err := durable.PutJSON(tx.Map(mapGiven), string(partner), last); err != nil {
		return 0, err
	}
	return f.m.giveBack(tx, partner, ask)
}

// giveBack returns to a partner what it signed itself since the backup: grants
// to this agency, and the events that it said to it. It knew all of it, so
// nothing is disclosed; it checks its own signatures. The count is of events.
func (m *membership) giveBack(tx durable.Tx, partner schemas.AgencyID, ask schemas.NetworkAgencyRestored) (events int, err error) {
	since := ask.Since.Add(-overlap)
	b := bundle{m: m, tx: tx, to: partner, chain: ask.Chain}
	all, err := casebook.Permissions(tx)
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		if p.Grant.Discloser != partner || p.Registered.Before(since) && (p.Revocation == nil || p.StoppedHere.Before(since)) {
			continue
		}
		b.grant(p)
	}
	first, err := casebook.Since(tx, since)
	if err != nil {
		return 0, err
	}
	err = casebook.Events(tx, first-1, func(e casebook.Entry) error {
		if e.From != partner || e.Proof == nil || e.Housekeeping() {
			return nil
		}
		text := string(e.Proof.Encode())
		if len(text) <= returnAlone {
			b.events = append(b.events, text)
			events++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return events, b.send()
}

// bundle gathers records until they fill an event. The casebook is read to its
// end before anything is said, because saying writes to it.
type bundle struct {
	m      *membership
	tx     durable.Tx
	to     schemas.AgencyID
	chain  schemas.ULID
	grants []schemas.NetworkPermission
	events []string
}

func (b *bundle) grant(p casebook.Permission) {
	g := schemas.NetworkPermission{Grant: string(p.Record.Encode())}
	if p.TermsRecord != nil {
		g.Terms = string(p.TermsRecord.Encode())
	}
	if p.Revocation != nil {
		g.Revocation = string(p.Revocation.Encode())
	}
	b.grants = append(b.grants, g)
}

// send says everything that was gathered, in as many events as it takes: grants
// first, so that the events find theirs.
func (b *bundle) send() error {
	next, bytes := b.empty(), 0
	flush := func() error {
		if bytes == 0 {
			return nil
		}
		full := next
		next, bytes = b.empty(), 0
		return b.m.say(b.tx, schemas.TypeNetworkRecordsReturned, b.to, full)
	}
	room := func(n int) error {
		if bytes+n > returnBytes || len(next.Permissions)+len(next.Events) == returnMost {
			if err := flush(); err != nil {
				return err
			}
		}
		bytes += n
		return nil
	}
	for _, g := range b.grants {
		if err := room(len(g.Grant) + len(g.Terms) + len(g.Revocation)); err != nil {
			return err
		}
		next.Permissions = append(next.Permissions, g)
	}
	for _, text := range b.events {
		if err := room(len(text)); err != nil {
			return err
		}
		next.Events = append(next.Events, text)
	}
	return flush()
}

func (b *bundle) empty() schemas.NetworkRecordsReturned {
	return schemas.NetworkRecordsReturned{Chain: b.chain, Permissions: []schemas.NetworkPermission{}, Events: []string{}}
}
