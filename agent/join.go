package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/agent/internal/link"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Joined is what a person reads when an agency has joined.
type Joined struct {
	Network schemas.NetworkID `json:"network"`
	Agency  schemas.AgencyID  `json:"agency"`
	// Fingerprint is this agency's; the lead agency sees the same.
	Fingerprint string `json:"fingerprint"`
	// Broker and Admission are the fingerprints that the code named and that
	// were found.
	Broker    string `json:"broker"`
	Admission string `json:"admission"`
	// Canary is how long a message took to this agency itself and back.
	Canary time.Duration `json:"canary"`
	// Members are the other agencies that have joined.
	Members []schemas.AgencyID `json:"members"`
}

// Join makes the agency a member of the network whose lead gave it the code,
// and sends a canary through the broker and back before it reports success. A
// join that was interrupted is taken up with the same keys by the same code.
func (a *Agent) Join(ctx context.Context, text string) (Joined, error) {
	code, err := schemas.ParseCode(text)
	if err != nil {
		return Joined{}, err
	}
	record, err := a.attempt(ctx, code)
	if err != nil {
		return Joined{}, err
	}
	door := link.NewDoor(a.reached(record.Target))
	hello, err := door.Hello(ctx)
	if err != nil {
		return Joined{}, unreached(err)
	}
	if ahead := hello.Time.Sub(a.opts.Now()); ahead.Abs() > schemas.MaxClockSkew {
		return Joined{}, schemas.Refuse(schemas.CodeClockSkew, "clock",
			fmt.Sprintf("must agree with the broker's; this machine's differs by %s", ahead.Abs().Truncate(time.Second)), "set this machine's clock and run the command again")
	}
	reply, err := door.Join(ctx, record.Request)
	if err != nil {
		return Joined{}, unreached(err)
	}
	crash.Point(crash.AgentJoined)
	if err := a.admitted(ctx, &record, code, reply); err != nil {
		return Joined{}, err
	}
	if err := a.begin(record); err != nil {
		return Joined{}, err
	}
	return a.joined(ctx, code)
}

// reached is a broker with the way to it that this machine needs.
func (a *Agent) reached(t link.Target) link.Target {
	t.Proxy, t.Now = a.opts.Proxy, a.opts.Now
	if !natsOnly() {
		t.NATS = ""
	}
	return t
}

// attempt returns the keys and the request of this join, made and kept at the
// first call.
func (a *Agent) attempt(ctx context.Context, code schemas.InvitationCode) (membershipRecord, error) {
	var r membershipRecord
	var known bool
	err := a.store.View(func(tx durable.Tx) (err error) {
		r, known, err = durable.GetJSON[membershipRecord](tx.Map(mapMemberships), string(code.Network))
		return err
	})
	if err != nil {
		return r, err
	}
	key := schemas.InvitationKey(code.Secret, code.Agency)
	switch {
	case known && r.Joined:
		return r, schemas.Refuse(schemas.CodeChainConflict, "network", "must not be joined twice: this agency is a member of "+string(code.Network), "run `linkage agent status`")
	case known && r.Request.Admission.KeyID() == schemas.KeyIDOf(key.Public().(ed25519.PublicKey)):
		return r, nil
	}
	identity, err := vault.NewIdentity()
	if err != nil {
		return r, err
	}
	if r, err = a.request(identity, code, key); err != nil {
		return r, err
	}
	return r, a.keepMembership(ctx, r)
}

// request makes this agency's first card and countersigns it with the
// invitation's key.
func (a *Agent) request(identity vault.Identity, code schemas.InvitationCode, key ed25519.PrivateKey) (membershipRecord, error) {
	now, public := schemas.At(a.opts.Now()), identity.Public()
	r := membershipRecord{Agency: code.Agency, Target: link.Target{Network: code.Network, URL: code.URL, Broker: code.Broker, Roots: code.Roots}}
	var err error
	if r.Identity, err = identity.Encode(); err != nil {
		return r, err
	}
	r.Request.V = 1
	r.Request.Card, err = schemas.Sign(schemas.RecordCard, schemas.Card{
		V: 1, Network: code.Network, Agency: code.Agency, Number: 1, Names: schemas.CardNames{Display: a.profile.Display},
		Signing:  []schemas.SigningKey{{Key: public.Signing, From: now}},
		Sealing:  []schemas.SealingKey{{Suite: schemas.SealSuite, Key: public.Sealing, From: now}},
		Services: []string{},
	}, identity.SigningKey())
	if err != nil {
		return r, err
	}
	r.Request.Admission, err = schemas.Sign(schemas.RecordAdmission, schemas.Admission{
		V: 1, Network: code.Network, Agency: code.Agency, Card: r.Request.Card.Hash(), User: public.User, At: now,
	}, key)
	return r, err
}

// admitted checks the broker's answer against the code and keeps the
// membership, with everything that is needed to begin, in one transaction.
func (a *Agent) admitted(ctx context.Context, r *membershipRecord, code schemas.InvitationCode, reply schemas.JoinReply) error {
	if schemas.KeyIDOf(reply.AdmissionKey) != code.Admission {
		return schemas.Refuse(schemas.CodeUnknownSigningKey, "admissionkey", "must be the key that the code named", "ask the lead agency for the fingerprint by telephone: somebody else answered")
	}
	r.Joined, r.AdmissionKey, r.JWT, r.JWTExpires = true, reply.AdmissionKey, reply.JWT, reply.Expires
	r.Target.Others = others(r.Target.URL, reply.Brokers)
	if reply.NATS != "" {
		host, _, err := r.Target.Host()
		if err != nil {
			return err
		}
		r.Target.NATS = net.JoinHostPort(host, reply.NATS)
	}
	epoch, err := schemas.ReadRecord[schemas.Epoch](reply.Directory.Epoch, schemas.RecordEpoch, r.AdmissionKey)
	if err != nil {
		return err
	}
	m, err := a.newMembership(*r)
	if err != nil {
		return err
	}
	defer m.close() // begin makes it anew from what is stored
	return a.store.Update(ctx, func(tx durable.Tx) error {
		scope := durable.Sub(tx, string(r.Target.Network))
		if err := m.dir.ApplyRoll(scope, reply.Directory.Roll); err != nil {
			return err
		}
		for _, e := range reply.Directory.Entries {
			// A member who was invited anew and has not come back yet stands on the
			// roll with another invitation: it is not known until it has.
			if err := m.dir.ApplyEntry(scope, e); err != nil && schemas.CodeOf(err) != schemas.CodeNotMember {
				return err
			}
		}
		return errors.Join(
			beginChain(scope, a.opts.Now()),
			inbox.SetCursor(scope, epoch.Epoch, 0),
			durable.PutJSON(tx.Map(mapMemberships), string(r.Target.Network), *r),
		)
	})
}

// joined sends the canary and gathers what a person reads.
func (a *Agent) joined(ctx context.Context, code schemas.InvitationCode) (Joined, error) {
	m, err := a.member(code.Network)
	if err != nil {
		return Joined{}, err
	}
	took, err := m.canary(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = schemas.Refuse(schemas.CodeUnavailable, "canary", "did not come back in time, although this agency has joined", "let the agent run; `linkage agent status` says what is in the way")
	}
	if err != nil {
		return Joined{}, fmt.Errorf("send canary: %w", err)
	}
	out := Joined{
		Network: code.Network, Agency: code.Agency, Fingerprint: m.identity().Public().SigningID().Fingerprint(),
		Broker: code.Broker.Fingerprint(), Admission: code.Admission.Fingerprint(), Canary: took,
	}
	err = m.store.View(func(tx durable.Tx) error {
		members, err := m.dir.Members(tx)
		for _, member := range members {
			if member.Joined && member.Agency != m.own {
				out.Members = append(out.Members, member.Agency)
			}
		}
		return err
	})
	return out, err
}
