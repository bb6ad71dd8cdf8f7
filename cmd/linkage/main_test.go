package main

import (
	"encoding/json"
	"net"
	"os"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/schemas"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"linkage": main})
}

// The scripts run the real command. They have three commands of their own:
// await PATTERN COMMAND repeats a command until it succeeds and its output
// matches, capture NAME PATTERN keeps what the pattern's group matched in the
// last output, and event FILE TYPE SUBJECT writes a valid event.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			e.Setenv("EXCHANGE", l.Addr().String())
			return l.Close() // only its number was wanted
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "capture": capture, "code": code, "event": writeEvent},
	})
}

// scripted lets what waits fail a script in place of a test.
type scripted struct {
	testing.TB
	ts *testscript.TestScript
}

func (s scripted) Helper() {}

func (s scripted) Fatalf(format string, args ...any) { s.ts.Fatalf(format, args...) }

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: await pattern command args")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	eventually.True(scripted{ts: ts}, args[0], func() bool {
		return ts.Exec(args[1], args[2:]...) == nil && want.MatchString(ts.ReadFile("stdout"))
	})
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture name pattern")
	}
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("%s is not in the output", args[1])
	}
	ts.Setenv(args[0], found[1])
}

func writeEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: event file type subject")
	}
	typ := schemas.EventType(args[1])
	data, err := os.ReadFile(examplesDir + typ.Short() + "/valid-minimal.json")
	ts.Check(err)
	event := `{"type":"` + args[1] + `","subject":"` + args[2] + `","datacontenttype":"application/json","data":` + string(data) + `}`
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(event), 0o600))
}

const examplesDir = "../../schemas/testdata/events/"

// code FROM TO takes the recovery code out of a JSON document.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: code from to")
	}
	var made struct {
		Recovery, Code string
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &made))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(made.Recovery+made.Code+"\n"), 0o600))
}
