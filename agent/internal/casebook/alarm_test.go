package casebook_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// One partner's alarms, each with a text of its own, bury nobody else's; none
// goes uncounted.
func TestAlarmsOfOnePartnerAreBounded(t *testing.T) {
	store, now := newCasebook(t), time.Now()
	raise := func(about schemas.AgencyID, text string, at time.Time) {
		t.Helper()
		if err := store.Update(context.Background(), func(tx durable.Tx) error {
			return casebook.Raise(tx, at, schemas.CodeChainMismatch, about, text)
		}); err != nil {
			t.Fatal(err)
		}
	}
	counts := func() map[schemas.AgencyID][2]int {
		t.Helper()
		all := map[schemas.AgencyID][2]int{}
		if err := store.View(func(tx durable.Tx) error {
			alarms, err := casebook.Alarms(tx)
			for _, a := range alarms {
				c := all[a.About]
				all[a.About] = [2]int{c[0] + 1, c[1] + a.Times}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	for i := range 500 {
		raise("noisy", fmt.Sprintf("envelope %d", i), now)
	}
	raise("quiet", "envelope 1", now)
	if got := counts(); got["noisy"] != [2]int{20, 500} || got["quiet"] != [2]int{1, 1} {
		t.Errorf("alarms and times by agency: %v", got)
	}
	raise("noisy", "on another day", now.Add(25*time.Hour))
	if got := counts(); got["noisy"] != [2]int{21, 501} {
		t.Errorf("on another day: %v", got)
	}
}
