package vault

import (
	"crypto/sha256"
	"fmt"
	"os"
)

// Sheet names the recovery key that opens a vault, in the form 7K3M-9QXA. It is
// the same for every copy of the vault file until the key is renewed, and says
// nothing about the key: it stands on the printed sheet and in every backup, so
// that a person can tell which sheet opens which backup.
func Sheet(content []byte) (string, error) {
	f, err := parse(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte("linkage recovery sheet v1\n"), f.Recovery.Salt...))
	name := symbols(sum[:5])
	return name[:4] + "-" + name[4:], nil
}

// ReadSheet is [Sheet] of the vault file at path.
func ReadSheet(path string) (sheet string, err error) {
	defer wrap(&err, "read vault", path)
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return Sheet(b)
}

// OpenRecovery opens the content of a vault file with the recovery key and
// returns the store key. It writes nothing; see [Recover]. The error to tell
// apart is [ErrWrongSecret].
func OpenRecovery(content []byte, recovery RecoveryKey) (storeKey []byte, err error) {
	f, err := parse(content)
	if err != nil {
		return nil, err
	}
	data, err := f.Recovery.open(paper(recovery))
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return storeKeyOf(data), nil
}
