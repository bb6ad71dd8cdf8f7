package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/linkage-exchange/linkage/examples"
	"github.com/linkage-exchange/linkage/proof/checker"
	"github.com/linkage-exchange/linkage/schemas"
)

// demoManifest writes down what was permitted and what had to happen, as the
// week goes on, for the checker.
type demoManifest struct{ checker.Manifest }

// newDemoManifest begins with what holds from the start: members may tell each
// other what concerns no client, and names are readable nowhere.
func newDemoManifest(e *examples.Example) *demoManifest {
	m := &demoManifest{checker.Manifest{
		Network:   e.Network.ID,
		Permitted: []checker.Rule{{Categories: []schemas.Category{schemas.CategoryCharter}, Grant: schemas.CharterGrant}},
		Suspended: map[schemas.AgencyID]int{},
	}}
	for _, a := range e.Network.Agencies {
		m.Agencies = append(m.Agencies, a.ID)
	}
	for _, p := range e.People {
		m.Unreadable = append(m.Unreadable, p.Name)
		for _, id := range p.IDs {
			m.Unreadable = append(m.Unreadable, id)
		}
	}
	types := map[schemas.EventType]bool{}
	for _, ev := range e.Events {
		if ev.Client != "" && !types[ev.Type] {
			types[ev.Type] = true
			m.Unreadable = append(m.Unreadable, string(ev.Type))
		}
	}
	return m
}

func (m *demoManifest) permit(p examples.Permission, client string, g schemas.GrantID, until schemas.Date) {
	rule := checker.Rule{From: p.From, To: p.To, Client: client, Grant: g, Until: until.End()}
	for _, c := range p.Cells {
		rule.Categories = append(rule.Categories, c.Category)
	}
	m.Permitted = append(m.Permitted, rule)
}

func (m *demoManifest) accept(e examples.Event, to []schemas.AgencyID) {
	m.Accepted = append(m.Accepted, checker.Sent{Event: e.ID, From: e.From, To: to})
}

func (m *demoManifest) absent(e examples.Event, at []schemas.AgencyID, because string) {
	for _, a := range at {
		m.Absent = append(m.Absent, checker.Arrival{Event: e.ID, At: a, Because: because})
	}
}

func (m *demoManifest) revoke(g schemas.GrantID) { m.Revoked = append(m.Revoked, g) }

// suspend expects that the member itself is told, by an alarm.
func (m *demoManifest) suspend(a schemas.AgencyID) {
	m.Suspended[a]++
	m.Alarms = []schemas.Code{schemas.CodeSuspended}
}

// arrived takes over from the course what has to be where, and returns how many
// events reached somebody.
func (m *demoManifest) arrived(e *examples.Example, c *examples.Course) (events int) {
	reached := map[string]bool{}
	for _, x := range c.Crossings {
		if x.Arrived {
			m.Arrived = append(m.Arrived, checker.Arrival{Event: e.Events[x.Event].ID, At: x.To})
			reached[x.Event] = true
		}
	}
	return len(reached)
}

func (m *demoManifest) write(path string) error {
	b, err := json.MarshalIndent(m.Manifest, "", "  ")
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}
