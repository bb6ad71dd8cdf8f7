package schemas

import (
	"errors"
	"fmt"
)

// Kind says what the peer that receives an error can do about it. HTTP status
// and exit status are each one map from Kind.
type Kind string

// The kinds. They travel on the wire: append, never rename.
const (
	KindInternal  Kind = "internal"  // our fault; trying again may help
	KindInvalid   Kind = "invalid"   // malformed; trying again will not help
	KindForbidden Kind = "forbidden" // refused by policy
	KindNotFound  Kind = "not-found" // no such thing here
	KindConflict  Kind = "conflict"  // the other side's state differs; read it, then try again
	KindExpired   Kind = "expired"   // its time has passed
	KindLater     Kind = "later"     // not now; try the same again later
)

// Code is the stable reason of a refusal. The text on the wire never changes.
type Code string

// The codes, in the groups of docs/protocol.md.
const (
	CodeMalformed          Code = "malformed"
	CodeTooLarge           Code = "too-large"
	CodeUnsupportedVersion Code = "unsupported-version"
	CodeBadSignature       Code = "bad-signature"
	CodeChainMismatch      Code = "chain-mismatch"
	CodeInvalidEvent       Code = "invalid-event"
	CodeCannotOpen         Code = "cannot-open"

	CodeNotMember           Code = "not-member"
	CodeSuspended           Code = "suspended"
	CodeSenderMismatch      Code = "sender-mismatch"
	CodeUnknownRecipient    Code = "unknown-recipient"
	CodeNoGrant             Code = "no-grant"
	CodeGrantNotYetValid    Code = "grant-not-yet-valid"
	CodeGrantExpired        Code = "grant-expired"
	CodeGrantRevoked        Code = "grant-revoked"
	CodePurposeNotCovered   Code = "purpose-not-covered"
	CodeCategoryNotCovered  Code = "category-not-covered"
	CodeRecipientNotCovered Code = "recipient-not-covered"
	CodeClientMismatch      Code = "client-mismatch"
	CodeTermsMismatch       Code = "terms-mismatch"
	CodeRestriction         Code = "restriction"
	CodeCharterForbids      Code = "charter-forbids"
	CodeConsentExpired      Code = "consent-expired"
	CodeConsentDefective    Code = "consent-defective"
	CodeConsentRevoked      Code = "consent-revoked"
	CodeConsentKnownFalse   Code = "consent-known-false"

	CodeSequenceGap         Code = "sequence-gap"
	CodeChainConflict       Code = "chain-conflict"
	CodeNotAttempted        Code = "not-attempted"
	CodeUnknownRecipientKey Code = "unknown-recipient-key"
	CodeUnknownKey          Code = "unknown-key"
	CodeUnknownSigningKey   Code = "unknown-signing-key"
	CodeEpochChanged        Code = "epoch-changed"
	CodeHistoryForked       Code = "history-forked"

	CodeExpired Code = "expired"

	CodeOverRate    Code = "over-rate"
	CodeQuota       Code = "quota"
	CodeClockSkew   Code = "clock-skew"
	CodeUnavailable Code = "unavailable"

	// CodeNotFound is for local questions, and for broker.proof.
	CodeNotFound Code = "not-found"
)

var kinds = map[Code]Kind{
	CodeMalformed: KindInvalid, CodeTooLarge: KindInvalid, CodeUnsupportedVersion: KindInvalid,
	CodeBadSignature: KindInvalid, CodeChainMismatch: KindInvalid, CodeInvalidEvent: KindInvalid,
	CodeCannotOpen: KindInvalid,

	CodeNotMember: KindForbidden, CodeSuspended: KindForbidden, CodeSenderMismatch: KindForbidden,
	CodeUnknownRecipient: KindForbidden, CodeNoGrant: KindForbidden, CodeGrantNotYetValid: KindForbidden,
	CodeGrantExpired: KindForbidden, CodeGrantRevoked: KindForbidden, CodePurposeNotCovered: KindForbidden,
	CodeCategoryNotCovered: KindForbidden, CodeRecipientNotCovered: KindForbidden,
	CodeClientMismatch: KindForbidden, CodeTermsMismatch: KindForbidden, CodeRestriction: KindForbidden,
	CodeCharterForbids: KindForbidden, CodeConsentExpired: KindForbidden, CodeConsentDefective: KindForbidden,
	CodeConsentRevoked: KindForbidden, CodeConsentKnownFalse: KindForbidden,

	CodeSequenceGap: KindConflict, CodeChainConflict: KindConflict, CodeNotAttempted: KindConflict,
	CodeUnknownRecipientKey: KindConflict, CodeUnknownKey: KindConflict, CodeUnknownSigningKey: KindConflict,
	CodeEpochChanged: KindConflict, CodeHistoryForked: KindConflict,

	CodeExpired: KindExpired,

	CodeOverRate: KindLater, CodeQuota: KindLater, CodeClockSkew: KindLater, CodeUnavailable: KindLater,

	CodeNotFound: KindNotFound,
}

// Kind returns the one kind of a code, [KindInternal] for a code that this
// version does not know.
func (c Code) Kind() Kind {
	if k, ok := kinds[c]; ok {
		return k
	}
	return KindInternal
}

// Error is the one error that a peer, a page or a person at a command line
// sees: what was wrong, where, and what to do. It never holds anything about a
// client, only names of fields and rules.
type Error struct {
	// Code is the stable reason.
	Code Code
	// Field names the offending field or header, such as ce-sequence or
	// data.reason; "" when the whole is meant.
	Field string
	// Rule is what must hold, in one clause, lower case, without a full stop.
	Rule string
	// Remedy is what the reader can do about it; "" when nothing helps.
	Remedy string
	// Expect is what the gate holds instead, for the codes about chains.
	Expect *Expect
}

// Expect tells a sender where its chain stands at the gate.
type Expect struct {
	Chain    ULID   `json:"chain"`
	Sequence uint64 `json:"sequence"` // the next sequence that the gate will accept
	Previous Hash   `json:"previous"` // the hash that it must name
}

// Error renders the code, the field and the rule.
func (e *Error) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s: %s", e.Code, e.Rule)
	}
	return fmt.Sprintf("%s: %s: %s", e.Code, e.Field, e.Rule)
}

// Kind is the kind of the error's code.
func (e *Error) Kind() Kind { return e.Code.Kind() }

// Refuse makes an [Error].
func Refuse(code Code, field, rule, remedy string) *Error {
	return &Error{Code: code, Field: field, Rule: rule, Remedy: remedy}
}

// Malformed makes the [Error] for a field that breaks a rule of form.
func Malformed(field, format string, args ...any) *Error {
	return &Error{Code: CodeMalformed, Field: field, Rule: fmt.Sprintf(format, args...), Remedy: "correct the field and send it again"}
}

// CodeOf returns the code of the first [Error] in err's chain, "" if there is
// none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// KindOf returns the kind of the first [Error] in err's chain, [KindInternal]
// if there is none, "" if err is nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind()
	}
	return KindInternal
}
