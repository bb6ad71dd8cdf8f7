package vault

import "github.com/linkage-exchange/linkage/internal/recovery"

// RecoveryKey opens the vault when the unlocking secret is lost.
type RecoveryKey = recovery.Key

// RecoveryKeyError says what is wrong with the text of a recovery key.
type RecoveryKeyError = recovery.KeyError

// ParseRecoveryKey reads what a person typed; see [recovery.Parse].
func ParseRecoveryKey(text string) (RecoveryKey, error) { return recovery.Parse(text) }

func symbols(b []byte) string { return recovery.Symbols(b) }

func freshRecovery() RecoveryKey { return recovery.New() }

// paper is the secret of a recovery key.
func paper(k RecoveryKey) secret { return secret{kind: kindRecovery, value: k.Bits()} }
