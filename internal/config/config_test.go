package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/config"
	"github.com/linkage-exchange/linkage/schemas"
)

type options struct {
	DataDir string        `yaml:"data_dir"`
	Listen  string        `yaml:"listen"`
	Rate    float64       `yaml:"rate"`
	Burst   int           `yaml:"burst"`
	Age     time.Duration `yaml:"mailbox_age"`
	Strict  bool          `yaml:"strict"`
	Now     func()        `yaml:"-"`
	Hidden  string
}

func none(string) (string, bool) { return "", false }

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "linkage.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEnvironmentWinsOverFileWinsOverDefault(t *testing.T) {
	env := map[string]string{"LINKAGE_LISTEN": ":1", "LINKAGE_MAILBOX_AGE": "72h", "LINKAGE_STRICT": "true", "LINKAGE_DATA_DIR": "007"}
	got := options{Rate: 3}
	path := file(t, "# a comment\nlisten: :2\nburst: 8\nmailbox_age: 1h\n")
	where, err := config.Load(path, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, &got)
	if err != nil {
		t.Fatal(err)
	}
	want := options{DataDir: "007", Listen: ":1", Rate: 3, Burst: 8, Age: 72 * time.Hour, Strict: true}
	if got.DataDir != want.DataDir || got.Listen != want.Listen || got.Rate != want.Rate || got.Burst != want.Burst || got.Age != want.Age || got.Strict != want.Strict {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := where.Where("burst"), "line 3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFaultsNameTheLineAndNoValue(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		want    []string
	}{
		"unknown setting":     {"lissten: secret\n", []string{"line 1: there is no such setting; listen was perhaps meant"}},
		"nothing like it":     {"\ntelephone_number: secret\n", []string{"line 2: there is no setting telephone_number"}},
		"value in its place":  {"Secret! secret secret secret: 1\n", []string{"line 1: there is no such setting"}},
		"twice":               {"listen: a\nburst: 1\nlisten: secret\n", []string{"line 3: listen stands on line 1 already"}},
		"no number":           {"burst: secret\n", []string{"line 1: burst must be a whole number"}},
		"no whole number":     {"burst: 1.5\n", []string{"line 1: burst must be a whole number"}},
		"no fraction":         {"rate: [secret]\n", []string{"line 1: rate must be a number"}},
		"no duration":         {"mailbox_age: secret\n", []string{"line 1: mailbox_age must be a duration such as 90s or 72h"}},
		"no truth":            {"strict: secret\n", []string{"line 1: strict must be true or false"}},
		"no text":             {"listen:\n  secret: 1\n", []string{"line 2: listen must be text"}},
		"several":             {"burst: secret\nrate: secret\n", []string{"line 1: burst must be a whole number", "line 2: rate must be a number"}},
		"a list":              {"- secret\n", []string{"line 1: must be settings, one a line, such as data_dir: /var/lib/linkage"}},
		"two documents":       {"burst: 1\n---\nburst: 2\n", []string{"the file: must hold one document"}},
		"no YAML":             {"listen: a\n\tburst: 1\n", []string{"line 2: must be YAML: found a tab character that violates indentation"}},
		"not for files":       {"now: secret\n", []string{"line 1: there is no setting now"}},
		"a field without tag": {"hidden: secret\n", []string{"line 1: there is no setting hidden"}},
	} {
		t.Run(name, func(t *testing.T) {
			var o options
			_, err := config.Load(file(t, tc.content), none, &o)
			faults, ok := errors.AsType[config.Faults](err)
			if !ok {
				t.Fatalf("got %v, want faults", err)
			}
			if got, want := faults.Error(), strings.Join(tc.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestEmptyFileIsValid(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n"} {
		var o options
		if _, err := config.Load(file(t, content), none, &o); err != nil {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestFileThatCannotBeRead(t *testing.T) {
	var o options
	if _, err := config.Load(filepath.Join(t.TempDir(), "missing.yaml"), none, &o); schemas.CodeOf(err) != schemas.CodeNotFound {
		t.Errorf("got %v, want not-found", err)
	}
	if _, err := config.Load(file(t, strings.Repeat("#", 300<<10)), none, &o); schemas.CodeOf(err) != schemas.CodeTooLarge {
		t.Errorf("got %v, want too-large", err)
	}
}

func TestWrongEnvironmentNamesTheVariable(t *testing.T) {
	var o options
	_, err := config.Load("", func(name string) (string, bool) { return "secret", name == "LINKAGE_BURST" }, &o)
	if err == nil || err.Error() != "LINKAGE_BURST: must be a whole number" {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("listen: :7443\nburst: 3\n")
	f.Add("a: &x [*x]\n")
	f.Add("<<: {listen: a}\n")
	f.Fuzz(func(_ *testing.T, content string) {
		var o options
		_, _ = config.Parse([]byte(content), &o) // it must not panic
	})
}
