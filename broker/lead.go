package broker

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// The files of a lead directory.
const (
	fileAdmission   = "admission.key"
	fileLeadRecords = "records.json" // leadRecords
)

// Lead holds a network's admission key: the power to say who is a member. It
// only signs; what it signed takes effect when a broker publishes it.
type Lead struct {
	dir string
	key ed25519.PrivateKey
	now func() time.Time
}

// leadRecords is what the lead agency keeps of what it signed, so that a broker
// that lost its memory cannot be told less.
type leadRecords struct {
	Epochs []schemas.SignedRecord `json:"epochs"` // all statements, oldest first
	Roll   *schemas.SignedRecord  `json:"roll"`   // the newest
}

func (l *Lead) records() (leadRecords, error) {
	var r leadRecords
	err := readJSON(filepath.Join(l.dir, fileLeadRecords), &r)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // a copy of the key alone
	}
	return r, err
}

func (l *Lead) keep(r leadRecords) error {
	if err := writeJSON(filepath.Join(l.dir, fileLeadRecords), r); err != nil {
		return fmt.Errorf("keep what was signed in the lead's directory, which must be writable: %w", err)
	}
	return nil
}

// OpenLead reads the admission key from the directory that [Init] made.
func OpenLead(dir string, now func() time.Time) (*Lead, error) {
	seed, err := os.ReadFile(filepath.Join(dir, fileAdmission)) // #nosec G304 -- named by the caller
	if err != nil {
		return nil, fmt.Errorf("read admission key: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("read admission key: %s must hold %d bytes", fileAdmission, ed25519.SeedSize)
	}
	return &Lead{dir: dir, key: ed25519.NewKeyFromSeed(seed), now: now}, nil
}

// Key names the admission key.
func (l *Lead) Key() schemas.KeyID { return schemas.KeyIDOf(l.key.Public().(ed25519.PublicKey)) }

// Invited is an invitation with all that has to be published for it. Code is a
// secret between the lead agency and the invited one.
type Invited struct {
	Roll       schemas.SignedRecord
	Invitation schemas.SignedRecord
	Code       schemas.InvitationCode
}

// Invite signs an invitation for an agency, and the roll with it on.
func (l *Lead) Invite(s State, agency schemas.AgencyID, account string, validFor time.Duration) (Invited, error) {
	if !agency.Valid() {
		return Invited{}, schemas.Malformed("agency", "must be 2 to 63 characters a-z, 0-9 and -, beginning with a letter")
	}
	secret, expires := schemas.NewSecret(), l.now().Add(validFor)
	public := schemas.InvitationKey(secret, agency).Public().(ed25519.PublicKey)
	invitation, err := schemas.Sign(schemas.RecordInvitation, schemas.Invitation{
		V: 1, Network: s.Network, Agency: agency, Account: account, Key: public, Expires: schemas.At(expires),
	}, l.key)
	if err != nil {
		return Invited{}, err
	}
	roll, err := l.roll(s, func(members []schemas.RollMember) ([]schemas.RollMember, error) {
		line := schemas.RollMember{Agency: agency, Account: account, Status: schemas.MemberActive, Invitation: schemas.KeyIDOf(public)}
		if i := slices.IndexFunc(members, func(m schemas.RollMember) bool { return m.Agency == agency }); i >= 0 {
			line.Status = members[i].Status
			if line.Status == schemas.MemberLeft {
				line.Status = schemas.MemberActive
			}
			members[i] = line
			return members, nil
		}
		return append(members, line), nil
	})
	if err != nil {
		return Invited{}, err
	}
	return Invited{Roll: roll, Invitation: invitation, Code: schemas.InvitationCode{
		Network: s.Network, Agency: agency, URL: s.URL, Broker: s.BrokerKey, Admission: l.Key(), Secret: secret,
		Expires: expires.Unix(), Roots: s.Roots,
	}}, nil
}

// SetStanding signs a roll that suspends, readmits or lets go a member.
func (l *Lead) SetStanding(s State, agency schemas.AgencyID, status schemas.MemberStatus) (schemas.SignedRecord, error) {
	return l.roll(s, func(members []schemas.RollMember) ([]schemas.RollMember, error) {
		i := slices.IndexFunc(members, func(m schemas.RollMember) bool { return m.Agency == agency })
		if i < 0 {
			return nil, schemas.Refuse(schemas.CodeNotMember, "agency", "must be a member of the network", "see `linkage broker members` for the names")
		}
		members[i].Status = status
		return members, nil
	})
}

// Vouch signs a roll that says that a person has compared a member's fingerprint
// with it: its partners then take its new keys over without doing so themselves.
func (l *Lead) Vouch(s State, agency schemas.AgencyID, fingerprint schemas.KeyID) (schemas.SignedRecord, error) {
	if s.Setup == schemas.SetupInformal {
		return schemas.SignedRecord{}, schemas.Refuse(schemas.CodeCharterForbids, "setup", "must not be "+s.Setup+": there each pair compares fingerprints for itself", "have each partner run `linkage agent confirm`")
	}
	return l.roll(s, func(members []schemas.RollMember) ([]schemas.RollMember, error) {
		i := slices.IndexFunc(members, func(m schemas.RollMember) bool { return m.Agency == agency })
		if i < 0 {
			return nil, schemas.Refuse(schemas.CodeNotMember, "agency", "must be a member of the network", "see `linkage broker members` for the names")
		}
		members[i].Vouched = fingerprint
		return members, nil
	})
}

func (l *Lead) roll(s State, change func([]schemas.RollMember) ([]schemas.RollMember, error)) (schemas.SignedRecord, error) {
	if l.Key() != s.AdmissionKey {
		return schemas.SignedRecord{}, schemas.Refuse(schemas.CodeUnknownSigningKey, "admission key", "must be the one of network "+string(s.Network), "name the right directory with --lead")
	}
	roll, err := l.newestRoll(s.Roll)
	if err != nil {
		return schemas.SignedRecord{}, err
	}
	if roll.Members, err = change(slices.Clone(roll.Members)); err != nil {
		return schemas.SignedRecord{}, err
	}
	roll.Number++
	roll.At = schemas.At(l.now())
	signed, err := schemas.Sign(schemas.RecordRoll, roll, l.key)
	if err != nil {
		return schemas.SignedRecord{}, err
	}
	kept, err := l.records()
	if err != nil {
		return schemas.SignedRecord{}, err
	}
	kept.Roll = &signed
	return signed, l.keep(kept)
}

// newestRoll is the broker's roll, or the one that was signed last if that is
// newer.
func (l *Lead) newestRoll(brokers schemas.SignedRecord) (schemas.Roll, error) {
	public := l.key.Public().(ed25519.PublicKey)
	roll, err := schemas.ReadRecord[schemas.Roll](brokers, schemas.RecordRoll, public)
	if err != nil {
		return roll, err
	}
	kept, err := l.records()
	if err != nil || kept.Roll == nil {
		return roll, err
	}
	own, err := schemas.ReadRecord[schemas.Roll](*kept.Roll, schemas.RecordRoll, public)
	if err == nil && own.Number > roll.Number {
		roll = own
	}
	return roll, err
}
