package vault

import (
	"errors"

	"github.com/linkage-exchange/linkage/internal/recovery"
)

// What a caller tells apart. Each comes within an [Error] that says more.
var (
	// ErrExists: Create found a vault; the store's only key must not be lost.
	ErrExists = errors.New("there is a vault already")
	// ErrWrongSecret: the file is sound, and this passphrase, key file,
	// credential or recovery key does not open it.
	ErrWrongSecret = errors.New("this secret does not open the vault")
	// ErrOtherSource: the vault is unlocked in another way than was given.
	ErrOtherSource = errors.New("the vault is unlocked in another way")
	// ErrDamaged: the file is not what was written.
	ErrDamaged = errors.New("the vault file is damaged")
	// ErrNewer: the file is of a later version of linkage.
	ErrNewer = errors.New("the vault was written by a newer version of linkage")
	// ErrSource: the Source cannot be used.
	ErrSource = errors.New("the unlocking secret cannot be used")
	// ErrRecoveryKey: the text is no recovery key; see [RecoveryKeyError].
	ErrRecoveryKey = recovery.ErrKey
	// ErrIdentity: the bytes are not those of an [Identity].
	ErrIdentity = errors.New("stored identity is not readable")
)

// Error says what is wrong, in what, and what to do. It never holds a secret.
type Error struct {
	// Err is one of the errors of this package.
	Err error
	// Detail says where or why, "" when Err says it all.
	Detail string
	// Remedy is what a person can do.
	Remedy string
}

// Error renders everything but the remedy.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Detail
}

// Advice returns Remedy, for those above who print it.
func (e *Error) Advice() string { return e.Remedy }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func exists() error {
	return &Error{Err: ErrExists, Remedy: "to begin anew, move the old data directory away first"}
}

func damaged(detail string) error {
	return &Error{
		Err: ErrDamaged, Detail: detail,
		Remedy: "put back vault.json from the last backup; any copy of it that was made since the last change of the secret will do",
	}
}

func unusable(detail, remedy string) error {
	return &Error{Err: ErrSource, Detail: detail, Remedy: remedy}
}
