package examples_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/examples"
	"github.com/linkage-exchange/linkage/schemas"
)

func load(t *testing.T) *examples.Example {
	t.Helper()
	e, err := examples.Load("formal-consortium")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func steps(e *examples.Example) []examples.Step {
	var all []examples.Step
	for _, d := range e.Week.Days {
		all = append(all, d.Steps...)
	}
	return all
}

func TestEveryEventIsValidAndOfTheWeek(t *testing.T) {
	e := load(t)
	ids := map[schemas.EventID]string{}
	end := e.Week.Begins.AddDate(0, 0, 8)
	for name, ev := range e.Events {
		b, err := ev.For("some-client")
		if err != nil {
			t.Fatal(err)
		}
		var members struct {
			Client string          `json:"client"`
			Data   json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(b, &members); err != nil {
			t.Fatal(err)
		}
		if err := schemas.ValidatePayload(ev.Type, members.Data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if members.Client != "some-client" {
			t.Errorf("%s: client is %q", name, members.Client)
		}
		if ids[ev.ID] != "" {
			t.Errorf("%s has the id of %s", name, ids[ev.ID])
		}
		ids[ev.ID] = name
		if ev.Time.Before(e.Week.Begins) || ev.Time.After(end) || !strings.HasPrefix(name, strings.ToLower(ev.Time.Format("Mon"))) {
			t.Errorf("%s happens at %s", name, ev.Time)
		}
	}
}

func TestEveryEventIsUsedOnce(t *testing.T) {
	e := load(t)
	used := map[string]int{}
	for _, s := range steps(e) {
		for _, sending := range s.Send {
			used[sending.Event]++
		}
		if s.Refuse != nil {
			used[s.Refuse.Event]++
		}
	}
	for name := range e.Events {
		if used[name] != 1 {
			t.Errorf("%s is used %d times", name, used[name])
		}
	}
}

func TestEnoughCrossesUnderGrants(t *testing.T) {
	e := load(t)
	c, err := e.Replay()
	if err != nil {
		t.Fatal(err)
	}
	events, types, charter := map[string]bool{}, map[schemas.EventType]bool{}, map[schemas.EventType]bool{}
	for _, x := range c.Crossings {
		if x.Permission == "" {
			charter[e.Events[x.Event].Type] = true
			continue
		}
		if x.Arrived {
			events[x.Event], types[e.Events[x.Event].Type] = true, true
		}
		if x.Arrived == x.Withdrawn {
			t.Errorf("%s to %s: arrived %v, withdrawn %v at the end of the week", x.Event, x.To, x.Arrived, x.Withdrawn)
		}
	}
	if len(events) < 50 || len(types) < 10 || len(charter) < 2 {
		t.Errorf("%d events of %d types under grants, %d types under the charter", len(events), len(types), len(charter))
	}
}

// TestEveryCrossingIsPermitted asks the one function that both ends of a
// crossing ask, at the step at which the event is sent.
func TestEveryCrossingIsPermitted(t *testing.T) {
	e := load(t)
	live := map[string]examples.Permission{}
	for _, s := range steps(e) {
		if s.Permit != nil {
			live[s.Permit.Name] = *s.Permit
		}
		if s.Revoke != nil {
			delete(live, s.Revoke.Permission)
		}
		for _, sending := range s.Send {
			for _, to := range sending.To {
				if !permitted(t, e, live, sending.Event, to) {
					t.Errorf("line %d: %s must not go to %s", s.Line(), sending.Event, to)
				}
			}
		}
		if s.Refuse != nil && permitted(t, e, live, s.Refuse.Event, s.Refuse.To[0]) {
			t.Errorf("line %d: %s may go to %s", s.Line(), s.Refuse.Event, s.Refuse.To[0])
		}
	}
}

func permitted(t *testing.T, e *examples.Example, live map[string]examples.Permission, name string, to schemas.AgencyID) bool {
	t.Helper()
	ev := e.Events[name]
	q := schemas.Question{
		At: time.Now(), Sender: ev.From, Recipient: to, Type: ev.Type, Category: ev.Category, Client: schemas.Handle(ev.Client),
	}
	if ev.Client == "" {
		_, err := schemas.Decide(q)
		return err == nil
	}
	for _, p := range live {
		terms := termsOf(p)
		q.Terms, q.Grant = &terms, &schemas.Grant{
			Discloser: p.From, Recipient: p.To, NotBefore: terms.NotBefore, NotAfter: terms.NotAfter,
		}
		purpose, err := schemas.Decide(q)
		if err != nil {
			continue
		}
		b, err := ev.For(ev.Client)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := schemas.ParseEvent(b)
		if err != nil {
			t.Fatal(err)
		}
		projected, _, err := schemas.Project(parsed, terms, purpose)
		if err != nil || schemas.ValidatePayload(ev.Type, projected.Data()) != nil {
			t.Errorf("%s, as %s may see it, is not valid", name, to)
		}
		return true
	}
	return false
}

func termsOf(p examples.Permission) schemas.Terms {
	t := schemas.Terms{
		Discloser: p.From, Recipient: p.To, Client: schemas.Handle(p.Client), Basis: p.Basis,
		NotBefore: schemas.OnDay(schemas.DateOf(time.Now())), NotAfter: schemas.OnDay(p.Ends(time.Now())),
	}
	for _, c := range p.Cells {
		t.Cells = append(t.Cells, schemas.Cell(c))
	}
	return t
}

func TestTheWeekTellsTheWholeStory(t *testing.T) {
	e := load(t)
	if len(e.Network.Agencies) != 5 {
		t.Errorf("%d agencies", len(e.Network.Agencies))
	}
	for _, a := range e.Network.Agencies {
		if !strings.Contains(a.Name, "fictional") {
			t.Errorf("%s does not say that it is fictional", a.Name)
		}
	}
	c, err := e.Replay()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ short, to string }{
		{"referral.requested", ""},
		{"referral.received", ""},
		{"referral.accepted", ""},
		{"referral.waitlisted", ""},
		{"referral.completed", ""},
		{"referral.outcome-acknowledged", ""},
		{"appointment.scheduled", ""},
		{"appointment.kept", ""},
		{"appointment.missed", ""},
		{"attendance.recorded", "county-probation"},
		{"drug-test.presumptive", "county-probation"},
		{"drug-test.confirmed", "county-probation"},
		{"treatment.discharge-planned", ""},
		{"case.plan-shared", ""},
		{"treatment.progress-reported", ""},
		{"directory.capacity-reported", ""},
		{"directory.service-listed", ""},
	} {
		if !slices.ContainsFunc(c.Crossings, func(x *examples.Crossing) bool {
			return x.Arrived && e.Events[x.Event].Type.Short() == want.short+".v1" && (want.to == "" || string(x.To) == want.to)
		}) {
			t.Errorf("no %s arrives %s", want.short, want.to)
		}
	}
	var refused, stopped, killed, revoked, suspended bool
	for _, s := range steps(e) {
		refused = refused || s.Refuse != nil
		stopped = stopped || s.Stop != ""
		killed = killed || s.Kill != ""
		revoked = revoked || s.Revoke != nil && len(s.Revoke.Withdrawn) > 0
		suspended = suspended || s.Suspend != ""
	}
	if !refused || !stopped || !killed || !revoked || !suspended {
		t.Error("a refusal, a stopped agent, a killed broker, a revocation with mail waiting or a suspension is missing")
	}
}

func TestLoadSaysWhichSetupsThereAre(t *testing.T) {
	_, err := examples.Load("single-agency")
	if schemas.CodeOf(err) != schemas.CodeNotFound || !strings.Contains(err.Error(), "formal-consortium") {
		t.Errorf("got %v", err)
	}
}
