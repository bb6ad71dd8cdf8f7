package broker_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/schemas"
)

// A backup of the keys makes the same broker again, with the code alone, and
// nothing of them can be read in it.
func TestBackupKeys(t *testing.T) {
	dir := t.TempDir()
	data, again, file := filepath.Join(dir, "broker"), filepath.Join(dir, "again"), filepath.Join(dir, "keys.backup")
	if _, err := broker.Init(broker.InitOptions{DataDir: data, Network: "river-county", URL: "https://exchange.example.org"}); err != nil {
		t.Fatal(err)
	}
	made, err := broker.BackupKeys(data, file, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broker.BackupKeys(data, file, time.Now()); schemas.CodeOf(err) != schemas.CodeChainConflict {
		t.Errorf("a second backup of the same name: %v", err)
	}
	sealed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other, err := broker.BackupKeys(data, file+"2", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broker.RestoreKeys(again, file, other.Code); schemas.CodeOf(err) != schemas.CodeCannotOpen {
		t.Errorf("another backup's code: %v", err)
	}
	if _, err := broker.RestoreKeys(again, file, "typed wrong"); schemas.CodeOf(err) != schemas.CodeMalformed || !strings.Contains(err.Error(), "must be the one that was printed") {
		t.Errorf("a code with a slip of the pen: %v", err)
	}
	if err := os.WriteFile(file+"3", bytes.Replace(sealed, []byte(`"river-county"`), []byte(`"other-county"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := broker.RestoreKeys(again, file+"3", made.Code); schemas.CodeOf(err) != schemas.CodeCannotOpen {
		t.Errorf("a backup that was changed: %v", err)
	}
	if _, err := broker.RestoreKeys(data, file, made.Code); schemas.CodeOf(err) != schemas.CodeChainConflict {
		t.Errorf("over a broker that is there: %v", err)
	}
	if _, err := broker.RestoreKeys(again, file, made.Code); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"network.json", "keys/nats.json", "keys/broker.key", "keys/ledger.key", "keys/accounts.key"} {
		want, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(again, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not the same: %v", name, err)
		}
		if bytes.Contains(sealed, want) {
			t.Errorf("%s stands in the backup", name)
		}
	}
}
