package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Send gives one message of a page to a member's connection.
type Send func(header map[string][]string, data []byte) error

// Pull hands over what waits for a member, one page. It ends with an end item,
// which holds the refusal if there is one. The error is that of send or of the
// hub, for the log.
func (g *Gate) Pull(ctx context.Context, account string, req schemas.PullRequest, send Send) error {
	end, err := g.pull(ctx, account, req, send)
	if err != nil {
		end.Refusal = schemas.RefusalOf(err)
		if asError(err) != nil {
			err = nil // the member is told
		}
	}
	end.V, end.Time, end.Epoch, end.Roll, end.Head = 1, schemas.At(g.now()), g.Epoch(), g.members.RollNumber(), g.opts.Head()
	end.Brokers = g.opts.Brokers
	data, failed := json.Marshal(end)
	if failed == nil {
		failed = send(map[string][]string{schemas.HeaderItem: {string(schemas.ItemEnd)}}, data)
	}
	if err == nil && failed != nil {
		err = fmt.Errorf("send end of page: %w", failed)
	}
	return err
}

func (g *Gate) pull(ctx context.Context, account string, req schemas.PullRequest, send Send) (schemas.PullEnd, error) {
	if err := g.pulls.take(ctx, account, g.stopping); err != nil {
		return schemas.PullEnd{}, err
	}
	defer g.pulls.release(account)
	if req.V != 1 {
		return schemas.PullEnd{}, schemas.Refuse(schemas.CodeUnsupportedVersion, "v", "must be 1", "upgrade this agency's Linkage")
	}
	// Before the question who it is: a member of an earlier epoch has to learn
	// that it must come back first.
	if epoch := g.Epoch(); req.Epoch != "" && req.Epoch != epoch {
		return schemas.PullEnd{}, schemas.Refuse(schemas.CodeEpochChanged, "epoch", "must be the broker's present epoch", "verify the new epoch's statement, then begin again from the start")
	}
	a, err := g.checkSender(account, "")
	if err != nil {
		return schemas.PullEnd{}, err
	}
	if newest := g.newestOf(a); req.Chain != "" && req.Chain < newest {
		return schemas.PullEnd{Chain: newest}, schemas.Refuse(schemas.CodeChainConflict, "chain", "must be this agency's newest chain", "stop the older copy of this agency's Linkage")
	}
	if err := g.acknowledge(a, req.After); err != nil {
		return schemas.PullEnd{}, err
	}
	// A page that meets something which may no longer go is made anew, after
	// the withdrawal is on disk.
	for {
		end, again, err := g.page(ctx, a, req, send)
		if err == nil {
			err = ctx.Err()
		}
		if !again || err != nil {
			return end, err
		}
	}
}

// newestOf is the newest chain in which a member has sent, "" if it has not.
func (g *Gate) newestOf(a schemas.AgencyID) schemas.ULID {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.state.newest[a]
}

// acknowledge notes the member's cursor: what lies before it is stored there,
// what lies beyond it and was handed over before the broker last stopped is
// not.
func (g *Gate) acknowledge(a schemas.AgencyID, cursor uint64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if cursor > g.state.position && g.leads() {
		return schemas.Refuse(schemas.CodeHistoryForked, "after", "must not lie beyond the broker's last position", "ask the broker's operator whether it was restored from an old copy")
	}
	if !g.leads() { // what this broker knows of the hub's end may be old
		return errNotWriter
	}
	box := g.state.box(a)
	box.pulled = true
	box.acknowledge(cursor)
	return nil
}

// page hands over one page. again says that something in it had to be
// withdrawn first.
func (g *Gate) page(ctx context.Context, a schemas.AgencyID, req schemas.PullRequest, send Send) (end schemas.PullEnd, again bool, err error) {
	positions, end := g.plan(a, req)
	records := make([]journal.Record, 0, len(positions))
	err = g.hub.ReadMany(ctx, positions, func(r journal.Record) error {
		records = append(records, r)
		return nil
	})
	if err != nil {
		return end, false, fmt.Errorf("read page: %w", err)
	}
	if err := g.opts.Holds(records); err != nil {
		g.log.ErrorContext(ctx, "page withheld: the hub is damaged", "error", err)
		return schemas.PullEnd{}, false, errDamaged
	}

	if g.clustered() {
		return g.pageOnRecord(ctx, a, records, end, send)
	}
	g.handover.RLock()
	check := g.recheck(a, records)
	if check.ok() {
		err = g.give(a, records, check.closed, send)
	}
	g.handover.RUnlock()

	if !check.ok() {
		return end, true, g.withdrawFound(ctx, a, check)
	}
	crash.Point(crash.GateHandedOver)
	if len(records) > 0 {
		g.noteHandOver(a)
	}
	return end, false, err
}

// errDamaged is what a member hears of damage on this broker's disk. Its cursor
// stays before it, so nothing is passed over.
var errDamaged = schemas.Refuse(schemas.CodeUnavailable, "", "the broker's records are damaged where this mail begins", "tell the broker's operator; nothing is lost")

// withdrawFound withdraws what a page's last look found.
func (g *Gate) withdrawFound(ctx context.Context, a schemas.AgencyID, check check) error {
	if len(check.lapses) == 0 {
		return nil
	}
	_, err := g.withdraw(ctx, a, check.envelopes, check.lapses)
	return err
}

// plan lists the positions of the next page, as many as its bounds allow, at
// least one.
func (g *Gate) plan(a schemas.AgencyID, req schemas.PullRequest) (positions []uint64, end schemas.PullEnd) {
	most, bytes := req.Max, req.MaxBytes
	if most <= 0 || most > schemas.MaxPullItems {
		most = schemas.MaxPullItems
	}
	if bytes <= 0 || bytes > schemas.MaxPullBytes {
		bytes = schemas.MaxPullBytes
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	end.Next = g.state.position
	box := g.state.boxes[a]
	if box == nil {
		return nil, end
	}
	offering := g.members.Offering(a)
	for i := box.after(max(req.After, req.From)); i < len(box.items); i++ {
		it := box.items[i]
		if it.withdrawn {
			continue
		}
		// A member that came back may hold a revocation that the discloser,
		// restored from an old backup, does not know: it gets nothing about a
		// client before it has brought what it holds.
		if offering && it.envelope && it.grant.Value() != schemas.CharterGrant {
			end.Next = it.position - 1
			break
		}
		bytes -= int(it.size)
		if n := len(positions); n > 0 && (n == most || bytes < 0) {
			end.Next, end.More = positions[n-1], true
			break
		}
		positions = append(positions, it.position)
	}
	return positions, end
}

// check is what a page's last look at its envelopes found.
type check struct {
	// envelopes may no longer be handed over, for the reasons in lapses.
	envelopes []journal.Record
	lapses    []lapse
	moved     bool // something was withdrawn since the page was planned
	// closed holds by position what was handed over before, which counts as
	// disclosed, and may not be handed over again: the member gets its outline.
	closed map[uint64]schemas.Code
}

func (c check) ok() bool { return len(c.lapses) == 0 && !c.moved }

// recheck looks at the envelopes of a page again, on the same rules as the
// first time.
func (g *Gate) recheck(a schemas.AgencyID, records []journal.Record) check {
	now := g.now()
	g.mu.RLock()
	defer g.mu.RUnlock()
	c := check{closed: map[uint64]schemas.Code{}}
	box := g.state.boxes[a]
	for _, r := range records {
		if r.Kind() != journal.Accepted {
			continue
		}
		it := box.find(r.Position)
		if it == nil || it.withdrawn {
			c.moved = true
			continue
		}
		code := g.lapsed(*it, now)
		switch {
		case code == "":
		case it.position <= box.mark:
			c.closed[r.Position] = code
		default:
			c.envelopes, c.lapses = append(c.envelopes, r), append(c.lapses, lapse{r.Position, code})
		}
	}
	return c
}

// give sends the page and moves the mark. What was given to the connection
// counts as disclosed, whatever the connection does with it.
func (g *Gate) give(a schemas.AgencyID, records []journal.Record, closed map[uint64]schemas.Code, send Send) error {
	if len(records) == 0 {
		return nil
	}
	if status, _ := g.members.Standing(a); status != schemas.MemberActive {
		return errSuspended
	}
	envelopes, err := 0, error(nil)
	var mark uint64
	for _, r := range records {
		if code, ok := closed[r.Position]; ok {
			if r, err = g.closedRecord(r, a, code); err != nil {
				break
			}
		}
		header, data := g.itemOf(r)
		mark = r.Position
		if r.Kind() == journal.Accepted {
			envelopes++
		}
		if err = send(header, data); err != nil {
			err = fmt.Errorf("send page: %w", err)
			break
		}
	}
	g.mu.Lock()
	box := g.state.box(a)
	box.mark = max(box.mark, mark)
	g.mu.Unlock()
	g.opts.Metrics.HandedOver(envelopes)
	return err
}

// itemOf renders a record as an item of a page.
func (g *Gate) itemOf(r journal.Record) (header map[string][]string, data []byte) {
	kind, data := schemas.ItemRoll, r.Data
	header = map[string][]string{schemas.HeaderPosition: {strconv.FormatUint(r.Position, 10)}}
	switch r.Kind() {
	case journal.Accepted:
		kind = schemas.ItemEnvelope
		for name, values := range r.Header {
			if strings.HasPrefix(name, "ce-") {
				header[name] = values
			}
		}
	case journal.Stored:
		kind = schemas.ItemReceipt
	case journal.GrantIssued:
		kind = schemas.ItemGrant
	case journal.GrantRevoked:
		kind, data = schemas.ItemRevocation, revokedItem(r)
	case journal.Withdrawn:
		kind = schemas.ItemWithdrawn
	case journal.MemberAdmitted, journal.MemberReturned, journal.KeyChanged: // the entry as it is now holds the record
		kind, data = schemas.ItemEntry, encode(g.members.Entry(schemas.AgencyID(r.Get(journal.HeaderSender))))
	case journal.Noticed:
		kind = schemas.ItemNotice
	default: // the kinds of roll
	}
	header[schemas.HeaderItem] = []string{string(kind)}
	return header, data
}

// noteHandOver has the hand-over recorded in the next commit. Nobody waits for
// it; if there is no room, the next sweep asks for it.
func (g *Gate) noteHandOver(a schemas.AgencyID) {
	t := &task{gone: g.ctx.Err, done: make(chan changed, 1), change: &journal.Change{
		Keys:   []string{"handover:" + string(a)},
		Decide: func() ([]journal.Record, error) { return g.handOverRecords([]schemas.AgencyID{a}, false), nil },
	}}
	_ = g.offer(t) // see above
}

// recordHandOvers commits what the hub does not know about hand-overs, with
// cursors also about cursors. Only the writer calls it, while no page is under
// way.
func (g *Gate) recordHandOvers(cursors bool) error {
	for {
		records := g.handOverRecords(nil, cursors)
		if len(records) == 0 {
			return nil
		}
		t := &task{gone: func() error { return nil }, done: make(chan changed, 1), change: &journal.Change{
			Decide: func() ([]journal.Record, error) { return g.handOverRecords(nil, cursors), nil },
		}}
		g.attempt([]*task{t})
		if d := <-t.done; d.err != nil {
			return d.err
		}
	}
}

// handOverRecords makes the records of hand-overs to some members, nil for all,
// that the hub does not know of.
func (g *Gate) handOverRecords(to []schemas.AgencyID, cursors bool) []journal.Record {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var records []journal.Record
	add := func(a schemas.AgencyID, b *mailbox) {
		if b != nil && len(records) < maxChange && (b.mark > b.recordedMark || cursors && b.cursor > b.recordedCursor) {
			records = append(records, handOverRecord(a, b))
		}
	}
	if to == nil {
		for a, b := range g.state.boxes {
			add(a, b)
		}
	}
	for _, a := range to {
		add(a, g.state.boxes[a])
	}
	return records
}
