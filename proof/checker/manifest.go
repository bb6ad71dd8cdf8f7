package checker

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/linkage-exchange/linkage/schemas"
)

// Manifest says what was permitted and what had to happen, as whoever ran the
// network knows it. It is YAML or JSON.
type Manifest struct {
	Network  schemas.NetworkID  `json:"network" yaml:"network"`
	Agencies []schemas.AgencyID `json:"agencies" yaml:"agencies"`
	// Permitted are the only deliveries that may be anywhere.
	Permitted []Rule `json:"permitted" yaml:"permitted"`
	// Accepted are the events for which a sender's agent answered that it has
	// them: from then on none may be lost.
	Accepted []Sent `json:"accepted" yaml:"accepted"`
	// Arrived must be in the recipient's store, Absent must not.
	Arrived []Arrival `json:"arrived" yaml:"arrived"`
	Absent  []Arrival `json:"absent" yaml:"absent"`
	// Revoked are grants that were revoked.
	Revoked []schemas.GrantID `json:"revoked" yaml:"revoked"`
	// Suspended says how often each member was suspended.
	Suspended map[schemas.AgencyID]int `json:"suspended" yaml:"suspended"`
	// Alarms are the codes of alarms that what happened must have raised.
	Alarms []schemas.Code `json:"alarms" yaml:"alarms"`
	// Tolerated are the codes of alarms that what happened may have raised.
	Tolerated []schemas.Code `json:"tolerated,omitempty" yaml:"tolerated,omitempty"`
	// Remade are agencies that were restored from a backup, or ran twice for a
	// while: their stores need not know every envelope that the broker has of
	// them. What such an envelope brought must be theirs all the same.
	Remade []schemas.AgencyID `json:"remade,omitempty" yaml:"remade,omitempty"`
	// Returned are the calls that changed a grant's or a member's standing, and
	// by where in the hub each must have taken effect.
	Returned []Returned `json:"returned,omitempty" yaml:"returned,omitempty"`
	// Unreadable are texts, such as clients' names, that must stand in no file
	// of any data directory.
	Unreadable []string `json:"unreadable" yaml:"unreadable"`
}

// Rule permits deliveries. What is not set permits any.
type Rule struct {
	Event      schemas.EventID     `json:"event,omitempty" yaml:"event,omitempty"`
	From       schemas.AgencyID    `json:"from,omitempty" yaml:"from,omitempty"`
	To         schemas.AgencyID    `json:"to,omitempty" yaml:"to,omitempty"`
	Types      []schemas.EventType `json:"types,omitempty" yaml:"types,omitempty"`
	Categories []schemas.Category  `json:"categories,omitempty" yaml:"categories,omitempty"`
	// Client is the sender's own name for the client.
	Client string          `json:"client,omitempty" yaml:"client,omitempty"`
	Grant  schemas.GrantID `json:"grant,omitempty" yaml:"grant,omitempty"`
	// Until is the last moment at which the broker may have taken it.
	Until time.Time `json:"until,omitzero" yaml:"until,omitempty"`
}

// Sent is an event and whom it is for.
type Sent struct {
	Event schemas.EventID    `json:"event" yaml:"event"`
	From  schemas.AgencyID   `json:"from" yaml:"from"`
	To    []schemas.AgencyID `json:"to" yaml:"to"`
}

// Returned is a revocation or a suspension that returned when the hub stood at
// a position.
type Returned struct {
	Grant    schemas.GrantID  `json:"grant,omitempty" yaml:"grant,omitempty"`
	Agency   schemas.AgencyID `json:"agency,omitempty" yaml:"agency,omitempty"`
	Epoch    schemas.ULID     `json:"epoch" yaml:"epoch"`
	Position Count            `json:"position" yaml:"position"`
}

// Arrival is an event at a recipient, and for people what is special about it.
type Arrival struct {
	Event   schemas.EventID  `json:"event" yaml:"event"`
	At      schemas.AgencyID `json:"at" yaml:"at"`
	Because string           `json:"because,omitempty" yaml:"because,omitempty"`
}

// ReadManifest reads a manifest. A field that it does not know is an error,
// which names the line.
func ReadManifest(r io.Reader) (Manifest, error) {
	var m Manifest
	b, err := io.ReadAll(io.LimitReader(r, 64<<20))
	if err != nil {
		return m, fmt.Errorf("read manifest: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&m); err != nil {
		return m, fmt.Errorf("read manifest: %w", err)
	}
	if !m.Network.Valid() || len(m.Agencies) == 0 {
		return m, schemas.Malformed("manifest", "must name the network and its agencies")
	}
	return m, nil
}

// delivery is one event on its way to one recipient, as a rule sees it.
type delivery struct {
	event    schemas.EventID
	from, to schemas.AgencyID
	kind     schemas.EventType
	category schemas.Category
	client   string
	grant    schemas.GrantID
	accepted time.Time
}

// permits reports whether any rule permits a delivery.
func (m Manifest) permits(d delivery) bool {
	return slices.ContainsFunc(m.Permitted, func(r Rule) bool { return r.permits(d) })
}

func (r Rule) permits(d delivery) bool {
	return (r.Event == "" || r.Event == d.event) &&
		(r.From == "" || r.From == d.from) &&
		(r.To == "" || r.To == d.to) &&
		(len(r.Types) == 0 || slices.Contains(r.Types, d.kind)) &&
		(len(r.Categories) == 0 || slices.Contains(r.Categories, d.category)) &&
		(r.Client == "" || r.Client == d.client) &&
		(r.Grant == "" || r.Grant == d.grant) &&
		(r.Until.IsZero() || !d.accepted.After(r.Until))
}
