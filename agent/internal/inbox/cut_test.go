package inbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// A line that is cut before the end of every page gets on all the same: what
// came of a page is taken in, once.
func TestR1CutPagesGetOn(t *testing.T) {
	bubble(t, func(t *testing.T, h *house) {
		c := h.chain(sender)
		c.send(7)
		h.hub.set(func(h *hub) { h.cut = 2 })
		h.settle()
		pass(10 * time.Minute)
		if got := len(h.taken()); got != 7 || h.cursor() != 7 {
			t.Fatalf("%d taken, cursor at %d, want 7 of each", got, h.cursor())
		}
		for id, answers := range h.hub.answers() {
			if !slices.Equal(answers, []string{"stored"}) {
				t.Errorf("%s is answered %v", id, answers)
			}
		}
		if got := h.alarms(); slices.Contains(got, string(schemas.CodeSequenceGap)) {
			t.Errorf("alarms: %v", got)
		}
	})
}
