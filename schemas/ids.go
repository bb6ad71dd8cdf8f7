package schemas

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/oklog/ulid/v2"
)

// AgencyID names an agency within a network: a short slug such as
// riverside-treatment.
type AgencyID string

// NetworkID names a network, with the form of an [AgencyID].
type NetworkID string

// GrantID names a grant: 128 random bits in Crockford base32, or the word
// [CharterGrant].
type GrantID string

// CharterGrant is the grant under which messages that concern no client
// travel.
const CharterGrant GrantID = "charter"

// EventID is the id of an inner event or of an envelope: a UUIDv7.
type EventID string

// ULID names an epoch or a chain.
type ULID string

// Handle stands for a client between two agencies. It is random, and means
// nothing anywhere else.
type Handle string

// KeyID names a public key: base64url(SHA-256(raw key)), the first 22
// characters.
type KeyID string

// Hash is a SHA-256. In an envelope it is M, the digest that the sender signs.
type Hash [sha256.Size]byte

var (
	slugPattern  = regexp.MustCompile(`^[a-z][a-z0-9-]{1,62}$`)
	grantPattern = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)
	keyPattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
)

// Valid reports whether id has the form of a slug.
func (id AgencyID) Valid() bool { return slugPattern.MatchString(string(id)) }

// Source is the CloudEvents source of everything that the agency says.
func (id AgencyID) Source() string { return "/agencies/" + string(id) }

// AgencyOfSource returns the agency of a CloudEvents source.
func AgencyOfSource(source string) (AgencyID, bool) {
	s, ok := strings.CutPrefix(source, "/agencies/")
	return AgencyID(s), ok && AgencyID(s).Valid()
}

// Valid reports whether id has the form of a slug.
func (id NetworkID) Valid() bool { return slugPattern.MatchString(string(id)) }

// Valid reports whether id is a grant id or the word [CharterGrant].
func (id GrantID) Valid() bool { return id == CharterGrant || grantPattern.MatchString(string(id)) }

// Valid reports whether id is a UUIDv7.
func (id EventID) Valid() bool {
	u, err := uuid.Parse(string(id))
	return err == nil && u.Version() == 7 && u.Variant() == uuid.RFC4122 && u.String() == string(id)
}

// Valid reports whether id is a ULID in its canonical form.
func (id ULID) Valid() bool {
	u, err := ulid.ParseStrict(string(id))
	return err == nil && u.String() == string(id)
}

// Time is when a valid ULID was made, by its maker's clock; zero for another.
func (id ULID) Time() time.Time {
	u, err := ulid.ParseStrict(string(id))
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(u.Time())
}

// Valid reports whether id has the form of a key id.
func (id KeyID) Valid() bool { return keyPattern.MatchString(string(id)) }

// KeyIDOf names a raw public key.
func KeyIDOf(public []byte) KeyID {
	sum := sha256.Sum256(public)
	return KeyID(base64.RawURLEncoding.EncodeToString(sum[:])[:22])
}

// Fingerprint spaces a key id so that two people can compare it by telephone.
func (id KeyID) Fingerprint() string {
	var b strings.Builder
	for i, r := range string(id) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// random returns n bytes from the system's generator, which does not fail.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never returns an error (Go 1.24)
	return b
}

// NewGrantID makes a random grant id.
func NewGrantID() GrantID { return GrantID(crockford.EncodeToString(random(16))) }

// NewHandle makes a random handle.
func NewHandle() Handle { return Handle("h-" + strings.ToLower(crockford.EncodeToString(random(16)))) }

// NewEventID makes a UUIDv7 for the present instant.
func NewEventID() EventID { return EventID(uuid.Must(uuid.NewV7()).String()) }

// NewULID makes a ULID for an instant.
func NewULID(at time.Time) ULID {
	id, err := ulid.New(ulid.Timestamp(at), rand.Reader)
	if err != nil {
		panic("time beyond the year 10889: " + err.Error())
	}
	return ULID(id.String())
}

// NewULIDAfter makes a ULID for an instant that sorts behind another, also when
// the clock is behind it.
func NewULIDAfter(at time.Time, before ULID) ULID {
	if id, err := ulid.ParseStrict(string(before)); err == nil {
		if least := ulid.Time(id.Time()).Add(time.Millisecond); at.Before(least) {
			at = least
		}
	}
	return NewULID(at)
}

// HashOf is SHA-256.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// ParseHash reads 64 lower-case hexadecimal digits.
func ParseHash(s string) (Hash, bool) {
	var h Hash
	if len(s) != hex.EncodedLen(len(h)) || strings.ToLower(s) != s {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err == nil
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText renders 64 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(b []byte) error {
	v, ok := ParseHash(string(b))
	if !ok {
		return Malformed("hash", "must be 64 lower-case hexadecimal digits")
	}
	*h = v
	return nil
}

// Date is a calendar day in UTC, written 2006-01-02. Grants name days, so that
// their dates tell an onlooker little.
type Date struct{ t time.Time }

// DateOf is the day of an instant in UTC.
func DateOf(t time.Time) Date {
	t = t.UTC()
	return Date{time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)}
}

// ParseDate reads 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, Malformed("date", "must be a day such as 2026-11-21")
	}
	return Date{t}, nil
}

// Start is the day's first instant.
func (d Date) Start() time.Time { return d.t }

// End is the first instant that no longer belongs to the day.
func (d Date) End() time.Time { return d.t.AddDate(0, 0, 1) }

// AddDays returns the day n days later.
func (d Date) AddDays(n int) Date { return Date{d.t.AddDate(0, 0, n)} }

// IsZero reports whether no day was set.
func (d Date) IsZero() bool { return d.t.IsZero() }

func (d Date) String() string { return d.t.Format(time.DateOnly) }

// MarshalJSON renders "2006-01-02".
func (d Date) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads "2006-01-02".
func (d *Date) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return Malformed("date", "must be a string")
	}
	v, err := ParseDate(s)
	if err != nil {
		return err
	}
	*d = v
	return nil
}
