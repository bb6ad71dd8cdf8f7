package checker_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/linkage-exchange/linkage/proof/checker"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestReadManifest(t *testing.T) {
	m, err := checker.ReadManifest(strings.NewReader(`
network: lakeside
agencies: [a-one, b-two]
permitted:
  - {from: a-one, to: b-two, categories: [referral], until: 2026-11-30T00:00:00Z}
suspended: {b-two: 1}
`))
	if err != nil || m.Permitted[0].From != "a-one" || m.Permitted[0].Until.Year() != 2026 || m.Suspended["b-two"] != 1 {
		t.Errorf("got %+v, %v", m, err)
	}
	for name, tc := range map[string]struct{ text, want string }{
		"an unknown field": {"network: lakeside\nagencies: [a-one]\npermited: []\n", "line 3"},
		"no agencies":      {"network: lakeside\n", "agencies"},
		"no YAML":          {"network: [", "manifest"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := checker.ReadManifest(strings.NewReader(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestReadHub(t *testing.T) {
	h, err := checker.ReadHub(strings.NewReader(`{"network":"lakeside","records":[{"position":1,"sequence":"00000000000000000007"},{"position":"2","count":3}]}`))
	if err != nil || h.Records[0].Sequence != 7 || h.Records[1].Items != 3 {
		t.Errorf("got %+v, %v", h, err)
	}
	for _, text := range []string{`{"records":[{"position":2},{"position":2}]}`, `{"records":[{"position":"two"}]}`, `{`} {
		if _, err := checker.ReadHub(strings.NewReader(text)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

func TestWhatIsMissingFromTheInputIsNamed(t *testing.T) {
	in := checker.Input{Manifest: checker.Manifest{Network: "lakeside", Agencies: []schemas.AgencyID{"a-one"}}}
	if _, err := checker.Check(in); err == nil || !strings.Contains(err.Error(), "broker") {
		t.Errorf("got %v", err)
	}
	in.Hubs = []checker.Hub{{Network: "lakeside"}}
	if _, err := checker.Check(in); err == nil || !strings.Contains(err.Error(), "a-one") {
		t.Errorf("got %v", err)
	}
	in.Stores = []checker.Store{{Networks: []checker.Membership{{Network: "lakeside", Agency: "a-one"}}}}
	if promises, err := checker.Check(in); err != nil || !checker.Held(promises) {
		t.Errorf("an empty network: %+v, %v", promises, err)
	}
}

func TestTextsAreFoundInFiles(t *testing.T) {
	in := checker.Input{
		Manifest: checker.Manifest{Network: "lakeside", Unreadable: []string{"Exampleton"}},
		Hubs:     []checker.Hub{{Network: "lakeside"}},
	}
	for name, tc := range map[string]struct {
		text string
		held bool
	}{
		"not there":           {strings.Repeat("x", 3<<20), true},
		"at the start":        {"Exampleton", false},
		"over a piece's edge": {strings.Repeat("x", 1<<20-4) + "Exampleton", false},
		"at the end":          {strings.Repeat("x", 2<<20+17) + "Exampleton", false},
		"only half":           {strings.Repeat("x", 1<<20-4) + "Example", true},
	} {
		t.Run(name, func(t *testing.T) {
			in.Dirs = map[string]fs.FS{"broker": fstest.MapFS{"nats/msgs.blk": {Data: []byte(tc.text)}}}
			promises, err := checker.Check(in)
			if err != nil || checker.Held(promises) != tc.held {
				t.Errorf("got %+v, %v", promises[len(promises)-1], err)
			}
			if last := promises[len(promises)-1]; !tc.held && !strings.Contains(last.Evidence, "broker/nats/msgs.blk") {
				t.Errorf("got %q", last.Evidence)
			}
		})
	}
}
