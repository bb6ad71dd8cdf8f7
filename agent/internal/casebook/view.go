package casebook

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// View is what the events about one subject (a referral, a test, a case) come
// to. It depends on which events there are, not on the order in which they
// arrived.
type View struct {
	Subject string `json:"subject"`
	Noun    string `json:"noun"`
	// Status is the verb of the event that holds now, such as confirmed.
	Status string    `json:"status"`
	Since  time.Time `json:"since"`
	// Holds is the id of that event.
	Holds schemas.EventID `json:"holds"`
	// History is every event, in the order in which things happened; those that
	// a correction by the same agency replaced are marked and stay.
	History []Step `json:"history"`
}

// Step is one event of a view.
type Step struct {
	Number   uint64            `json:"number"`
	ID       schemas.EventID   `json:"id"`
	Type     schemas.EventType `json:"type"`
	From     schemas.AgencyID  `json:"from"`
	Time     time.Time         `json:"time"`     // when it happened
	Recorded time.Time         `json:"recorded"` // when it came here
	Replaced bool              `json:"replaced,omitempty"`
}

func addToSubject(tx durable.Tx, subject string, n uint64) error {
	if subject == "" {
		return nil
	}
	numbers, _, err := durable.GetJSON[[]uint64](tx.Map(mapSubjects), subject)
	if err != nil {
		return err
	}
	return durable.PutJSON(tx.Map(mapSubjects), subject, append(numbers, n))
}

// Subject returns the view of a subject; ok is false if no event is about it.
func Subject(tx durable.Tx, subject string) (v View, ok bool, err error) {
	numbers, ok, err := durable.GetJSON[[]uint64](tx.Map(mapSubjects), subject)
	if err != nil || !ok {
		return View{}, false, err
	}
	var entries []Entry
	for _, n := range numbers {
		e, found, err := Read(tx, n)
		if err != nil {
			return View{}, false, err
		}
		if found {
			entries = append(entries, e)
		}
	}
	return fold(subject, entries), true, nil
}

// happening is an event as far as a view needs it.
type happening struct {
	Step
	replaces schemas.EventID
}

// fold computes the view. It sorts first, so that the order of arrival has no
// influence.
func fold(subject string, entries []Entry) View {
	all := make([]happening, 0, len(entries))
	for _, e := range entries {
		all = append(all, happeningOf(e))
	}
	slices.SortFunc(all, func(a, b happening) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID), cmp.Compare(a.From, b.From))
	})
	type said struct { // an agency takes back its own word, nobody else's
		from schemas.AgencyID
		id   schemas.EventID
	}
	replaced := map[said]bool{}
	for _, h := range all {
		if h.replaces != "" {
			replaced[said{h.From, h.replaces}] = true
		}
	}
	v := View{Subject: subject}
	for _, h := range all {
		h.Replaced = replaced[said{h.From, h.ID}]
		v.History = append(v.History, h.Step)
		if !h.Replaced {
			v.Noun, v.Status, v.Since, v.Holds = h.Type.Noun(), h.Type.Verb(), h.Time, h.ID
		}
	}
	return v
}

func happeningOf(e Entry) happening {
	var inner struct {
		ID   schemas.EventID   `json:"id"`
		Type schemas.EventType `json:"type"`
		Time time.Time         `json:"time"`
		Data struct {
			Replaces schemas.EventID `json:"replaces"`
		} `json:"data"`
	}
	_ = json.Unmarshal(e.Event, &inner) // it was parsed when it was recorded; data that is no object replaces nothing
	h := happening{replaces: inner.Data.Replaces}
	h.Step = Step{Number: e.Number, ID: inner.ID, Type: inner.Type, From: e.From, Time: inner.Time, Recorded: e.Recorded}
	return h
}
