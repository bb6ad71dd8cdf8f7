package examples // load takes a folder with mistakes in it, which Load never does

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// altered is the example with one text in one of its files replaced.
func altered(t *testing.T, file, from, to string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	dir, err := fs.Sub(files, "formal-consortium")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dir, name)
		out[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := string(out[file].Data)
	if !strings.Contains(text, from) {
		t.Fatalf("%s does not hold %q", file, from)
	}
	out[file].Data = []byte(strings.Replace(text, from, to, 1))
	return out
}

func TestMistakesAreNamed(t *testing.T) {
	for name, tc := range map[string]struct{ file, from, to, want string }{
		"a key that nobody knows":     {"week.yaml", "        kill: broker", "        destroy: broker", "week.yaml: yaml: unmarshal errors:\n  line "},
		"an event that is not there":  {"week.yaml", "event: tue-plan-shared-marisol", "event: tue-plan", `event "tue-plan" must be one of events/`},
		"an event sent twice":         {"week.yaml", "event: mon-capacity-harbor", "event: mon-capacity-riverside", "was sent before"},
		"a recipient without a grant": {"week.yaml", "sat-medication-shared-theo, to: [riverside-treatment]", "sat-medication-shared-theo, to: [harbor-shelter]", "sat-medication-shared-theo: no permission"},
		"a category that is nobody's": {"week.yaml", "cells: [plan:justice-monitoring]", "cells: [plans:justice-monitoring]", "must be category:purpose"},
		"a client that is not there":  {"week.yaml", "client: theo, basis", "client: thea, basis", `client "thea"`},
		"an agency not in the people": {"people.yaml", "serves: [riverside-treatment, hilltop-clinic]", "serves: [riverside-treatment]", "must both serve theo"},
		"an agency that is nobody":    {"people.yaml", "serves: [riverside-treatment, hilltop-clinic]", "serves: [riverside, hilltop-clinic]", "riverside is not in the network"},
		"a refusal of what may go":    {"week.yaml", "refuse: {event: mon-attendance-to-shelter-marisol, to: [harbor-shelter]}", "refuse: {event: mon-attendance-to-shelter-marisol, to: [northside-case-management]}", "must be refused"},
		"no word about withdrawals":   {"week.yaml", ", withdrawn: [tue-referral-requested-shelter-ruth, tue-housing-benefits-shared-ruth]", "", "withdrawn must list"},
		"two things at once":          {"week.yaml", "        kill: broker", "        kill: broker\n        settle: true", "exactly one thing, it does 2"},
		"a broker that runs":          {"week.yaml", "        kill: broker\n", "        settle: true\n", "the broker runs already"},
		"nobody to readmit":           {"week.yaml", "readmit: hilltop-clinic", "readmit: harbor-shelter", "must be an agency that is suspended"},
		"data that breaks its schema": {"events/mon-capacity-harbor.json", `"total"`, `"status": "full", "total"`, "mon-capacity-harbor.json"},
		"no lead":                     {"network.yaml", "lead: northside-case-management", "lead: northside", "lead must be one"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(altered(t, tc.file, tc.from, tc.to))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.file) && !strings.HasPrefix(tc.want, "must both serve") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestAMistakeInAStepNamesItsLine(t *testing.T) {
	dir := altered(t, "week.yaml", "event: sat-medication-shared-theo", "event: nothing")
	b, err := fs.ReadFile(dir, "week.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(b), "event: nothing")
	want := fmt.Sprintf("week.yaml: line %d: ", 1+strings.Count(before[:strings.LastIndex(before, "- say:")], "\n"))
	if _, err = load(dir); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
