package agent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/link"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file brings an agency's own news to its broker.

// syncLoop brings this agency's own news to the broker: its next card, then
// revocations before other news of grants, then the register and what was issued.
func (m *membership) syncLoop() {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-m.sync:
		case <-ticker.C:
		case <-m.ctx.Done():
			return
		}
		m.committed() // what a settlement released goes with this round at the latest
		if err := m.syncCard(); err != nil && m.ctx.Err() == nil {
			m.log.WarnContext(m.ctx, "the new card goes to the broker later", "error", err)
		}
		if err := m.destroyKeys(); err != nil && m.ctx.Err() == nil {
			m.log.WarnContext(m.ctx, "past keys are destroyed later", "error", err)
		}
		if err := m.syncGrants(); err != nil && m.ctx.Err() == nil {
			m.log.WarnContext(m.ctx, "news of grants goes on later", "error", err)
		}
	}
}

func (m *membership) syncGrants() error {
	m.syncing.Lock()
	defer m.syncing.Unlock()
	offering, away, err := m.offering()
	if err != nil || away {
		return err // the broker does not know whose news this would be
	}
	l := m.link.Load()
	late, err := m.syncRevocations(l)
	if err != nil {
		return err
	}
	if err := m.syncAllIssued(l, offering); err != nil || late != nil {
		return errors.Join(late, err)
	}
	if offering && !m.silent() {
		return m.finishOffer(l)
	}
	return nil
}

// pending lists the grants with news for the broker: revocations, or others.
func (m *membership) pending(revoked bool) (pending []casebook.Permission, err error) {
	err = m.store.View(func(tx durable.Tx) error {
		all, err := casebook.Pending(tx)
		pending = slices.DeleteFunc(all, func(p casebook.Permission) bool { return (p.Revocation != nil) != revoked })
		return err
	})
	return pending, err
}

// syncRevocations brings every revocation. One that the broker cannot take now
// holds up no other: it is late.
func (m *membership) syncRevocations(l *link.Link) (late, err error) {
	pending, err := m.pending(true)
	if err != nil {
		return nil, err
	}
	for _, p := range pending {
		err := m.syncRevocation(l, p)
		if schemas.KindOf(err) == schemas.KindLater || schemas.KindOf(err) == schemas.KindInternal {
			return nil, err // nor any other
		}
		if err = m.refused(p, err); err != nil {
			late = err
		}
	}
	if len(pending) > 0 {
		m.committed()
		m.outbox.Wake()
	}
	return late, nil
}

// issueMost is how many grants go in one request.
const issueMost = 50

// syncAllIssued brings every grant. While this agency offers what it holds, the
// register comes first and then only the grants, for it lists them all.
func (m *membership) syncAllIssued(l *link.Link, offering bool) error {
	most := issueMost
	if offering && l.Connected() && !m.silent() {
		registers := false
		if err := m.store.View(func(tx durable.Tx) (err error) {
			registers, err = casebook.Registers(tx)
			return err
		}); err != nil {
			return err
		}
		if registers {
			if err := m.syncIssued(l, nil, true); err != nil {
				return m.registerRefused(err)
			}
		}
	}
	for {
		pending, err := m.pending(false)
		if err != nil || len(pending) == 0 || !l.Connected() || m.silent() { // the connection wakes us
			return err
		}
		batch := pending[:min(len(pending), most)]
		err = m.syncIssued(l, batch, !offering)
		if definite(err) && len(batch) > 1 { // one of them holds up the others: send them singly
			most = 1
			continue
		}
		if err := m.refused(batch[0], err); err != nil {
			return m.registerRefused(err)
		}
		m.committed()
		m.outbox.Wake()
	}
}

// registerRefused tells a person that the broker knows a newer register of this
// agency than this agency itself does.
func (m *membership) registerRefused(err error) error {
	if schemas.CodeOf(err) != schemas.CodeHistoryForked {
		return err
	}
	return errors.Join(err, m.store.Update(m.ctx, func(tx durable.Tx) error {
		return m.raise(tx, schemas.CodeHistoryForked, m.own, "the broker knows a newer register of this agency's grants than this agency does: its records come from an old backup, or a second copy is running; nothing new is permitted to anybody until that is settled")
	}))
}

// definite reports whether the broker will never take a record.
func definite(err error) bool {
	kind := schemas.KindOf(err)
	code := schemas.CodeOf(err)
	return kind == schemas.KindInvalid || kind == schemas.KindForbidden && code != schemas.CodeSuspended && code != schemas.CodeNotMember
}

// refused makes a grant that the broker will never take an alarm, so that it
// holds up no other.
func (m *membership) refused(p casebook.Permission, err error) error {
	if !definite(err) {
		return err
	}
	return m.store.Update(m.ctx, func(tx durable.Tx) error {
		text := fmt.Sprintf("the broker refuses news of grant %s: %v", p.Grant.ID, err)
		if err := m.raise(tx, schemas.CodeOf(err), p.Grant.Recipient, text); err != nil {
			return err
		}
		if schemas.CodeOf(err) == schemas.CodeGrantRevoked && p.Issued(m.own) {
			// It ended and this agency, restored from an old backup, does not know:
			// it says the same.
			if q, _, err := casebook.FindPermission(tx, p.Grant.ID); err != nil || q.Revocation == nil {
				return errors.Join(err, m.revoke(tx, q))
			}
		}
		return casebook.ClearPending(tx, p.Grant.ID)
	})
}

// syncRevocation makes a revocation take effect at the broker: over the line,
// or, when this agency may not connect, over the door.
func (m *membership) syncRevocation(l *link.Link, p casebook.Permission) error {
	var reply schemas.GrantReply
	var err error
	if l.Connected() {
		req := schemas.GrantRequest{V: 1, Revoke: []schemas.SignedRecord{*p.Revocation}}
		if p.Registered.IsZero() && p.Issued(m.own) { // the broker must know it to end it
			if _, err := l.Grant(m.ctx, schemas.GrantRequest{V: 1, Issue: []schemas.SignedRecord{p.Record}}); err != nil && schemas.CodeOf(err) != schemas.CodeGrantRevoked {
				return err
			}
		}
		reply, err = l.Grant(m.ctx, req)
	} else {
		reply, err = link.NewDoor(m.target()).Revoke(m.ctx, []schemas.SignedRecord{*p.Revocation})
	}
	if err != nil {
		return err
	}
	return m.store.Update(m.ctx, func(tx durable.Tx) error {
		q, _, err := casebook.FindPermission(tx, p.Grant.ID)
		if err != nil {
			return err
		}
		if q.StoppedEverywhere.IsZero() { // brought to a new epoch, it ended before
			q.StoppedEverywhere = reply.Time.Time
		}
		if reply.HandedOver+reply.Withdrawn+reply.Unknown > 0 { // asked again, the broker may have nothing left to count
			q.HandedOver, q.Withdrawn, q.Unknown = reply.HandedOver, reply.Withdrawn, reply.Unknown
		}
		if q.Registered.IsZero() {
			q.Registered = m.agent.opts.Now()
		}
		if err := casebook.PutPermission(tx, q); err != nil {
			return err
		}
		return casebook.ClearPending(tx, q.Grant.ID)
	})
}

// publish sends grants with this agency's next register. If it was restored,
// the broker may know a register from before: what that one said was pulled, so
// the next goes behind it.
func (m *membership) publish(l *link.Link, req schemas.GrantRequest) error {
	for again := false; ; again = true {
		err := m.store.Update(m.ctx, func(tx durable.Tx) error {
			register, err := casebook.Register(tx, m.own, m.network, m.agent.opts.Now())
			if err != nil {
				return err
			}
			rec, err := schemas.Sign(schemas.RecordRegister, register, m.identity().SigningKey())
			req.Register = &rec
			return err
		})
		if err != nil {
			return err
		}
		reply, err := l.Grant(m.ctx, req)
		if schemas.CodeOf(err) != schemas.CodeHistoryForked || again {
			return err
		}
		restored := false
		failed := m.store.Update(m.ctx, func(tx durable.Tx) error {
			if _, restored, err = recoveryOf(tx); err != nil || !restored {
				return err
			}
			return casebook.SetRegister(tx, reply.Register)
		})
		if failed != nil || !restored {
			return errors.Join(err, failed)
		}
	}
}

// syncIssued makes grants known to the broker, with this agency's register if
// register says so.
func (m *membership) syncIssued(l *link.Link, pending []casebook.Permission, register bool) error {
	req := schemas.GrantRequest{V: 1}
	for _, p := range pending {
		req.Issue = append(req.Issue, p.Record)
	}
	now := m.agent.opts.Now()
	send := m.publish
	if !register {
		send = func(l *link.Link, req schemas.GrantRequest) error {
			_, err := l.Grant(m.ctx, req)
			return err
		}
	}
	if err := send(l, req); err != nil {
		return err
	}
	return m.store.Update(m.ctx, func(tx durable.Tx) error {
		for _, p := range pending {
			q, _, err := casebook.FindPermission(tx, p.Grant.ID)
			if err != nil {
				return err
			}
			if q.Revocation != nil {
				continue // revoked meanwhile: there is news again
			}
			q.Registered = now
			if err := casebook.PutPermission(tx, q); err != nil {
				return err
			}
			if err := casebook.ClearPending(tx, q.Grant.ID); err != nil {
				return err
			}
		}
		return nil
	})
}
