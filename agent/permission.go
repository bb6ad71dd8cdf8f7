package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Issued answers a new grant.
type Issued struct {
	ID schemas.GrantID `json:"id"`
}

// Permission is a grant as people and systems of this agency see it. It has no
// secret in it.
type Permission struct {
	ID        schemas.GrantID  `json:"id"`
	Discloser schemas.AgencyID `json:"discloser"`
	Recipient schemas.AgencyID `json:"recipient"`
	From      schemas.Bound    `json:"from"`
	Until     schemas.Bound    `json:"until"`
	Standing  Standing         `json:"standing"`
	// Client is the agency's own id of the client, Handle the one that the two
	// agencies use. Both, and what follows, are empty while the recipient has
	// not seen the grant's text, which comes with the first event.
	Client  string         `json:"client,omitempty"`
	Handle  schemas.Handle `json:"handle,omitempty"`
	Cells   []schemas.Cell `json:"cells,omitempty"`
	Basis   schemas.Basis  `json:"basis,omitempty"`
	Consent string         `json:"consent,omitempty"`
	// Registered is when the broker took it.
	Registered time.Time `json:"registered,omitzero"`
	// Stopped says what the revocation did; nil if there is none.
	Stopped *Stopped `json:"stopped,omitempty"`
}

// Standing is what a grant permits today.
type Standing string

// The standings.
const (
	StandingPending Standing = "pending" // the broker does not know it yet; events under it wait
	StandingLive    Standing = "live"
	StandingEarly   Standing = "not-yet" // its first day is to come
	StandingExpired Standing = "expired"
	StandingRevoked Standing = "revoked"
)

// Permissions lists the grants to and from this agency, the latest first.
func (a *Agent) Permissions(network schemas.NetworkID) ([]Permission, error) {
	m, err := a.member(network)
	if err != nil {
		return nil, err
	}
	all := []Permission{}
	err = m.store.View(func(tx durable.Tx) error {
		kept, err := casebook.Permissions(tx)
		for _, p := range kept {
			shown, err := m.shown(tx, p)
			if err != nil {
				return err
			}
			all = append(all, shown)
		}
		return err
	})
	slices.SortFunc(all, func(x, y Permission) int {
		return cmp.Or(y.From.Start().Compare(x.From.Start()), y.Registered.Compare(x.Registered), cmp.Compare(x.ID, y.ID))
	})
	return all, err
}

func (m *membership) shown(tx durable.Tx, p casebook.Permission) (Permission, error) {
	g := p.Grant
	s := Permission{
		ID: g.ID, Discloser: g.Discloser, Recipient: g.Recipient, From: g.NotBefore, Until: g.NotAfter, Registered: p.Registered,
	}
	switch code := g.Live(m.agent.opts.Now()); {
	case p.Revocation != nil:
		s.Standing = StandingRevoked
		s.Stopped = &Stopped{g.ID, p.StoppedHere, p.StoppedEverywhere, p.HandedOver, p.Withdrawn, p.Unknown}
	case code == schemas.CodeGrantExpired:
		s.Standing = StandingExpired
	case code == schemas.CodeGrantNotYetValid:
		s.Standing = StandingEarly
	case p.Registered.IsZero():
		s.Standing = StandingPending
	default:
		s.Standing = StandingLive
	}
	if p.Terms == nil {
		return s, nil
	}
	s.Handle, s.Cells, s.Basis = p.Terms.Client, p.Terms.Cells, p.Terms.Basis
	if p.Terms.Consent != nil {
		s.Consent = *p.Terms.Consent
	}
	partner := g.Recipient
	if !p.Issued(m.own) {
		partner = g.Discloser
	}
	var err error
	s.Client, err = casebook.Local(tx, partner, p.Terms.Client)
	return s, err
}
