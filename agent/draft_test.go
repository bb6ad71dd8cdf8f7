package agent_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestDraftCompletesAnEvent(t *testing.T) {
	draft := agent.Draft{
		To: []schemas.AgencyID{"county-probation", "hilltop-clinic"}, Client: "c-1", Source: "/cli", Time: time.Date(2026, 11, 21, 14, 5, 0, 0, time.UTC),
	}
	out, err := draft.Complete([]byte(`{"type":"x","id":"given","client":"other","data":{"n":1.50,"b":1e400}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"id": `"given"`, "client": `"c-1"`, "recipient": `"county-probation,hilltop-clinic"`, "source": `"/cli"`, "specversion": `"1.0"`,
		"time": `"2026-11-21T14:05:00Z"`, "data": `{"n":1.50,"b":1e400}`, "network": "",
	} {
		if string(got[name]) != want {
			t.Errorf("%s: got %s, want %s", name, got[name], want)
		}
	}
	out, err = agent.Draft{Source: "/cli"}.Complete([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ID schemas.EventID `json:"id"`
	}
	if err := json.Unmarshal(out, &made); err != nil || !made.ID.Valid() {
		t.Errorf("got id %s, %v", made.ID, err)
	}
}

func TestDraftRefusesWhatIsNoEvent(t *testing.T) {
	for _, body := range []string{``, `null`, `[]`, `"x"`, `{"id":"a","id":"b"}`, `{} {}`} {
		if _, err := (agent.Draft{}).Complete([]byte(body)); schemas.CodeOf(err) != schemas.CodeInvalidEvent {
			t.Errorf("%s: got %v, want invalid-event", body, err)
		}
	}
}
