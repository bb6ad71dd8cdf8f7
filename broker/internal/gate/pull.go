package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

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
	select {
	case g.pulls <- struct{}{}:
		defer func() { <-g.pulls }()
	case <-ctx.Done():
		return ctx.Err()
	}
	end, err := g.pull(ctx, account, req, send)
	if err != nil {
		if asError(err) == nil {
			g.log.WarnContext(ctx, "page could not be handed over", "error", err)
		}
		end.Refusal = schemas.RefusalOf(err)
	}
	end.V, end.Time, end.Epoch, end.Roll = 1, schemas.At(g.now()), g.Epoch(), g.members.RollNumber()
	data, err := json.Marshal(end)
	if err != nil {
		return fmt.Errorf("encode end of page: %w", err)
	}
	return send(map[string][]string{schemas.HeaderItem: {string(schemas.ItemEnd)}}, data)
}

func (g *Gate) pull(ctx context.Context, account string, req schemas.PullRequest, send Send) (schemas.PullEnd, error) {
	a, err := g.checkSender(&submission{account: account})
	if err != nil {
		return schemas.PullEnd{}, err
	}
	if req.V != 1 {
		return schemas.PullEnd{}, schemas.Refuse(schemas.CodeUnsupportedVersion, "v", "must be 1", "upgrade this agency's Linkage")
	}
	if epoch := g.Epoch(); req.Epoch != "" && req.Epoch != epoch {
		return schemas.PullEnd{}, schemas.Refuse(schemas.CodeEpochChanged, "epoch", "must be the broker's present epoch", "verify the new epoch's statement, then begin again from the start")
	}
	if err := g.acknowledge(a, req.After); err != nil {
		return schemas.PullEnd{}, err
	}
	// A page that met something which may no longer go is built anew, after
	// the withdrawal is on disk.
	for range 100 {
		end, again, err := g.page(ctx, a, req, send)
		if !again {
			return end, err
		}
	}
	return schemas.PullEnd{}, errors.New("page met withdrawals a hundred times")
}

// acknowledge notes the member's cursor: what lies before it is stored there.
// It settles what was unknown since the broker last stopped.
func (g *Gate) acknowledge(a schemas.AgencyID, cursor uint64) error {
	g.mu.Lock()
	if cursor > g.state.position {
		g.mu.Unlock()
		return schemas.Refuse(schemas.CodeHistoryForked, "after", "must not lie beyond the broker's last position", "ask the broker's operator whether it was restored from an old copy")
	}
	box := g.state.box(a)
	box.pulled = true
	box.acknowledge(cursor)
	box.mark = max(box.mark, box.after0(cursor))
	settle := len(box.unknown) > 0
	g.mu.Unlock()
	if settle {
		_, err := g.Write(g.ctx, journal.Change{Exclusive: true, Decide: func() ([]journal.Record, error) { return g.settle(a) }})
		return err
	}
	return nil
}

// after0 is the position of the last item at or before cursor, 0 if none.
func (b *mailbox) after0(cursor uint64) uint64 {
	if i := b.after(cursor); i > 0 {
		return b.items[i-1].position
	}
	return 0
}

// settle withdraws the unknown envelopes that the member's cursor does not
// cover. (Those that it covers are settled by the hand-over record that every
// exclusive change writes first.)
func (g *Gate) settle(a schemas.AgencyID) ([]journal.Record, error) {
	box := g.state.box(a)
	records := []journal.Record{handOverRecord(a, box)}
	for _, position := range box.unknown {
		if position <= box.cursor {
			continue
		}
		r, err := g.withdrawnRecord(position, withdrawal{a, schemas.CodeGrantRevoked, box.find(position).grant})
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// page hands over one page. again says that something in it had to be
// withdrawn first.
func (g *Gate) page(ctx context.Context, a schemas.AgencyID, req schemas.PullRequest, send Send) (end schemas.PullEnd, again bool, err error) {
	positions, end := g.plan(a, req)
	records, end, err := g.readPage(ctx, positions, end, req)
	if err != nil {
		return end, false, err
	}

	g.handover.RLock()
	stale, closed := g.stale(a, records)
	if len(stale) == 0 {
		err = g.give(a, records, closed, send)
	}
	g.handover.RUnlock()

	if len(stale) > 0 {
		_, err := g.Write(ctx, journal.Change{Exclusive: true, Decide: func() ([]journal.Record, error) { return g.expire(a, stale) }})
		return end, err == nil, err
	}
	crash.Point(crash.GateHandedOver)
	if len(records) > 0 {
		g.inBackground(journal.Change{Keys: []string{"handover:" + string(a)}, Decide: func() ([]journal.Record, error) {
			if box := g.state.box(a); box.mark > box.recorded {
				return []journal.Record{handOverRecord(a, box)}, nil
			}
			return nil, nil
		}})
	}
	return end, false, err
}

// plan lists the positions of the next page.
func (g *Gate) plan(a schemas.AgencyID, req schemas.PullRequest) ([]uint64, schemas.PullEnd) {
	most := req.Max
	if most <= 0 || most > schemas.MaxPullItems {
		most = schemas.MaxPullItems
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	end := schemas.PullEnd{Next: g.state.position}
	box := g.state.boxes[a]
	if box == nil {
		return nil, end
	}
	var positions []uint64
	for i := box.after(req.After); i < len(box.items); i++ {
		if box.items[i].fate != fateNone {
			continue
		}
		if len(positions) == most {
			end.Next, end.More = positions[most-1], true
			break
		}
		positions = append(positions, box.items[i].position)
	}
	return positions, end
}

// readPage reads the records, as many as the page's bytes allow, at least one.
func (g *Gate) readPage(ctx context.Context, positions []uint64, end schemas.PullEnd, req schemas.PullRequest) ([]journal.Record, schemas.PullEnd, error) {
	most := req.MaxBytes
	if most <= 0 || most > schemas.MaxPullBytes {
		most = schemas.MaxPullBytes
	}
	var records []journal.Record
	size := 0
	err := g.hub.ReadMany(ctx, positions, func(r journal.Record) error {
		if size += len(r.Data); size > most && len(records) > 0 {
			end.Next, end.More = records[len(records)-1].Position, true
			return errFull
		}
		records = append(records, r)
		return nil
	})
	if err != nil && !errors.Is(err, errFull) {
		return nil, end, fmt.Errorf("read page: %w", err)
	}
	return records, end, nil
}

var errFull = errors.New("page is full")

// stale lists the positions of the page that may no longer be handed over, and
// why: this is the second check, on the same rules as the first. closed lists
// those that were handed over before, which counts as disclosed, and may not be
// handed over again: the member gets their outline in their place.
func (g *Gate) stale(a schemas.AgencyID, records []journal.Record) (stale, closed map[uint64]schemas.Code) {
	now := g.now()
	g.mu.RLock()
	defer g.mu.RUnlock()
	box := g.state.boxes[a]
	stale, closed = map[uint64]schemas.Code{}, map[uint64]schemas.Code{}
	for _, r := range records {
		if r.Kind() != journal.Accepted {
			continue
		}
		it := box.find(r.Position)
		if it.fate != fateNone {
			stale[r.Position] = ""
			continue
		}
		code := g.lapsed(*it, now)
		switch {
		case code == "":
		case it.position <= box.mark:
			closed[r.Position] = code
		default:
			stale[r.Position] = code
		}
	}
	return stale, closed
}

// lapsed says why an envelope that waits may no longer be handed over.
func (g *Gate) lapsed(it item, now time.Time) schemas.Code {
	if it.expiry != 0 && now.Unix() >= it.expiry || now.Sub(time.Unix(it.at, 0)) >= g.opts.Limits.MaxAge {
		return schemas.CodeExpired
	}
	if status, _ := g.members.Standing(it.sender); status != schemas.MemberActive {
		return schemas.CodeSuspended
	}
	if it.grant == schemas.CharterGrant {
		return ""
	}
	grant, revocation, ok := g.grants.Permission(it.grant)
	if !ok || revocation != nil {
		return schemas.CodeGrantRevoked
	}
	return grant.Live(now)
}

// expire makes the records that withdraw lapsed envelopes.
func (g *Gate) expire(a schemas.AgencyID, stale map[uint64]schemas.Code) ([]journal.Record, error) {
	var records []journal.Record
	box := g.state.boxes[a]
	for position, code := range stale {
		it := box.find(position)
		if code == "" || it.fate != fateNone || position <= box.mark {
			continue
		}
		r, err := g.withdrawnRecord(position, withdrawal{a, code, it.grant})
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// give sends the page and moves the mark. From here on the envelopes count as
// disclosed, whatever the connection does with them.
func (g *Gate) give(a schemas.AgencyID, records []journal.Record, closed map[uint64]schemas.Code, send Send) error {
	if len(records) == 0 {
		return nil
	}
	if status, _ := g.members.Standing(a); status != schemas.MemberActive {
		return schemas.Refuse(schemas.CodeSuspended, "", "must not be a suspended member", "speak with the network's lead agency")
	}
	g.mu.Lock()
	box := g.state.box(a)
	box.mark = max(box.mark, records[len(records)-1].Position)
	g.mu.Unlock()
	envelopes := 0
	for _, r := range records {
		if code, ok := closed[r.Position]; ok {
			var err error
			if r, err = g.closedRecord(r, withdrawal{a, code, schemas.GrantID(r.Get("ce-grant"))}); err != nil {
				return err
			}
		}
		header, data := itemOf(r)
		if err := send(header, data); err != nil {
			return fmt.Errorf("send page: %w", err)
		}
		if r.Kind() == journal.Accepted {
			envelopes++
		}
	}
	g.opts.Metrics.HandedOver(envelopes)
	return nil
}

// itemOf renders a record as an item of a page.
func itemOf(r journal.Record) (map[string][]string, []byte) {
	kind := map[journal.Kind]schemas.ItemKind{
		journal.Accepted: schemas.ItemEnvelope, journal.Stored: schemas.ItemReceipt, journal.GrantIssued: schemas.ItemGrant,
		journal.Withdrawn: schemas.ItemWithdrawn, journal.GrantRevoked: schemas.ItemRevocation,
		journal.MemberAdmitted: schemas.ItemEntry, journal.KeyChanged: schemas.ItemEntry, journal.Noticed: schemas.ItemNotice,
	}[r.Kind()]
	if kind == "" {
		kind = schemas.ItemRoll
	}
	h := map[string][]string{
		schemas.HeaderItem:     {string(kind)},
		schemas.HeaderPosition: {strconv.FormatUint(r.Position, 10)},
	}
	if kind == schemas.ItemEnvelope {
		for name, values := range r.Header {
			if len(name) > 3 && name[:3] == "ce-" {
				h[name] = values
			}
		}
	}
	return h, r.Data
}
