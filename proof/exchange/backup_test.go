package exchange_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/internal/eventually"
	"github.com/linkage-exchange/linkage/proof/exchange"
	"github.com/linkage-exchange/linkage/schemas"
)

// Nothing in a backup can be read without the code; another code, a file that
// was cut or in which one bit is another, is refused before anything is
// written; and no backup replaces another.
func TestS6BackupIsSealedAndWhole(t *testing.T) {
	n := exchange.Start(t)
	lead := n.Join("casework-lead")
	shelter, machine := joinWithCode(t, n, "harbor-shelter")
	if _, err := lead.Issue(t.Context(), careGrant("harbor-shelter", "c-1")); err != nil {
		t.Fatal(err)
	}
	if _, err := lead.Accept(t.Context(), exchange.Event(schemas.TypeReferralRequested, "harbor-shelter", "c-1", "r-1", marked(t))); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the referral arrives", func() bool { return len(heard(t, shelter)) == 1 })
	made := machine.backUp(t, shelter)
	if made.Name != "Agency harbor-shelter" || len(made.Memberships) != 1 || made.Memberships[0].Agency != "harbor-shelter" || made.Sheet == "" {
		t.Errorf("the backup says %+v", made)
	}
	whole, err := os.ReadFile(machine.file)
	if err != nil || int64(len(whole)) != made.Bytes {
		t.Fatalf("the backup has %d bytes, %v, and says %d", len(whole), err, made.Bytes)
	}
	checkBytes(t, "the backup", whole)
	for _, word := range []string{"harbor-shelter", "casework-lead", "river-county", "c-1", "r-1"} {
		if bytes.Contains(whole, []byte(word)) {
			t.Errorf("%s can be read in the backup", word)
		}
	}
	if _, err := shelter.Backup(t.Context(), machine.file); schemas.CodeOf(err) != schemas.CodeHistoryForked {
		t.Errorf("a second backup of that name: got %v, want a refusal", err)
	}
	if again, err := os.ReadFile(machine.file); err != nil || !bytes.Equal(again, whole) {
		t.Errorf("the first backup is another now (%v)", err)
	}
	machine.lose(t, shelter)

	opts := n.AgentOptions("harbor-shelter")
	refused := func(what, file, code string) {
		t.Helper()
		if _, err := agent.Restore(t.Context(), opts, file, code); err == nil {
			t.Errorf("%s: restored", what)
		}
		for _, path := range []string{opts.DataDir, opts.DataDir + ".restoring", opts.DataDir + ".key"} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s was written", what, filepath.Base(path))
			}
		}
	}
	_, other := joinWithCode(t, n, "another")
	refused("another agency's code", machine.file, other.code)
	refused("no code", machine.file, "")
	bad := machine.file + ".bad"
	for what, content := range map[string][]byte{
		"empty": {}, "cut in half": whole[:len(whole)/2], "without its end": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 0),
		"a bit at the end": flipped(whole, len(whole)-1), "a bit in the middle": flipped(whole, len(whole)/2), "a bit in the header": flipped(whole, 60),
	} {
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(what, bad, machine.code)
	}

	shelter, _ = machine.restore(t)
	if got := heard(t, shelter); len(got) != 1 {
		t.Errorf("the restored agency has %d events, want 1", len(got))
	}
}

// flipped is a copy with one bit another.
func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// A store in which a value was damaged is found at the next start after a
// crash, and the error says what to do.
func TestS6DamagedStoreIsFoundAtStart(t *testing.T) {
	n := exchange.Start(t)
	running, machine := joinWithCode(t, n, "riverside")
	machine.backUp(t, running)
	opts := n.AgentOptions("riverside")
	store := filepath.Join(opts.DataDir, "store.db")
	unclean, err := os.ReadFile(store) // as kill -9 leaves it
	if err != nil {
		t.Fatal(err)
	}
	machine.lose(t, running)
	if _, err := agent.Restore(t.Context(), opts, machine.file, machine.code); err != nil {
		t.Fatal(err)
	}
	found := 0
	for at := 2*4096 + 700; at < len(unclean) && found < 12; at += 997 { // most of it are values
		if err := os.WriteFile(store, flipped(unclean, at), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := agent.Open(t.Context(), opts)
		if err == nil { // then the bit is in a part that is not used, and a backup, which opens everything, succeeds
			if _, err := a.Backup(t.Context(), filepath.Join(n.Dir, fmt.Sprint("at-", at))); err != nil {
				t.Errorf("the damage at %d was not found at the start but later: %v", at, err)
				found++
			}
			_ = a.Stop(t.Context()) // it only ran for this test
			continue
		}
		advised, ok := errors.AsType[interface {
			error
			Advice() string
		}](err)
		if found++; !ok || !strings.Contains(advised.Advice(), "linkage agent restore") {
			t.Fatalf("got %v, want an error that says to restore", err)
		}
	}
	if found == 0 {
		t.Error("no damage was found")
	}
}
