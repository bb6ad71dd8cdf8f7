package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// This file is how a restored agency gets back what it had itself signed since
// its backup, from the partners that it had given it to.

// returned takes back what this agency itself had signed: grants with their
// terms, and events. Nothing is believed that its own key did not sign.
func (f effects) returned(tx durable.Tx, sender schemas.AgencyID, data []byte) error {
	var back schemas.NetworkRecordsReturned
	if err := json.Unmarshal(data, &back); err != nil {
		return schemas.Refuse(schemas.CodeInvalidEvent, "data", "must hold signed records", "correct the event")
	}
	r, restored, err := recoveryOf(tx)
	if err != nil || !restored || back.Chain != r.Chain {
		return err
	}
	var faults error
	for _, p := range back.Permissions {
		faults = errors.Join(faults, f.grantBack(tx, sender, p))
	}
	for _, text := range back.Events {
		known, err := f.eventBack(tx, sender, text)
		if err == nil && !known {
			r.Own++
		}
		faults = errors.Join(faults, err)
	}
	if err := putRecovery(tx, r); err != nil {
		return err
	}
	return faults
}

// grantBack takes over a grant of this agency to the one who returns it.
func (f effects) grantBack(tx durable.Tx, sender schemas.AgencyID, back schemas.NetworkPermission) error {
	rec, err := schemas.ParseRecord([]byte(back.Grant))
	if err != nil {
		return err
	}
	g, err := schemas.PeekRecord[schemas.Grant](rec, schemas.RecordGrant)
	if err != nil {
		return err
	}
	if g.Discloser != f.m.own || g.Recipient != sender { // of others' grants the broker tells, nobody else
		return schemas.Refuse(schemas.CodeNoGrant, "permissions", "must be grants of this agency to the one who returns them", "return nothing else")
	}
	if err := f.granted(tx, rec); err != nil {
		return err
	}
	p, _, err := casebook.FindPermission(tx, g.ID)
	if err != nil {
		return err
	}
	if back.Terms != "" && p.Terms == nil {
		if p, err = f.termsBack(tx, p, back.Terms); err != nil {
			return err
		}
	}
	if back.Revocation == "" || p.Revocation != nil {
		return nil
	}
	revocation, err := schemas.ParseRecord([]byte(back.Revocation))
	if err != nil {
		return err
	}
	return f.ended(tx, revocation)
}

func (f effects) termsBack(tx durable.Tx, p casebook.Permission, text string) (casebook.Permission, error) {
	rec, err := schemas.ParseRecord([]byte(text))
	if err != nil {
		return p, err
	}
	key, err := f.signer(tx, f.m.own, rec, time.Time{})
	if err != nil {
		return p, err
	}
	terms, err := schemas.ReadRecord[schemas.Terms](rec, schemas.RecordTerms, key)
	if err != nil {
		return p, err
	}
	if err := schemas.MatchTerms(p.Grant, terms, rec); err != nil {
		return p, err
	}
	p.Terms, p.TermsRecord = &terms, &rec
	return p, errors.Join(casebook.KeepHandle(tx, p.Grant.Recipient, terms.Client), casebook.Reissue(tx, p))
}

// eventBack records an event of this agency that a partner had heard. Its client
// is the one behind the handle, if this agency still knows which that is.
func (f effects) eventBack(tx durable.Tx, sender schemas.AgencyID, text string) (known bool, err error) {
	rec, err := schemas.ParseRecord([]byte(text))
	if err != nil {
		return false, err
	}
	key, err := f.signer(tx, f.m.own, rec, time.Time{})
	if err != nil {
		return false, err
	}
	e, err := schemas.ReadEvent(rec, key)
	if err != nil {
		return false, err
	}
	if err := schemas.CheckInner(e, f.m.own, f.m.agent.opts.Now()); err != nil {
		return false, err
	}
	if handle := schemas.Handle(schemas.Extension(e, schemas.ExtClient)); handle != "" {
		if err := casebook.KeepHandle(tx, sender, handle); err != nil {
			return false, err
		}
		local, err := casebook.Local(tx, sender, handle)
		if err != nil {
			return false, err
		}
		if local != "" {
			e.SetExtension(schemas.ExtClient, local)
		}
	}
	e.SetExtension(schemas.ExtRecipient, string(sender))
	body, err := e.MarshalJSON()
	if err != nil {
		return false, fmt.Errorf("encode event: %w", err)
	}
	n, known, err := casebook.Append(tx, casebook.Entry{
		Direction: casebook.Said, From: f.m.own, To: []schemas.AgencyID{sender}, Recorded: f.m.agent.opts.Now(), Event: body,
	}, e)
	if err != nil || known {
		return known, err
	}
	return false, durable.PutJSON(tx.Map(mapReturned), e.ID(), n)
}
