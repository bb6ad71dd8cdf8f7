// Package registry knows the members of a network, their keys and their
// grants, as the hub's records say.
//
// It decides whether a signed record about them may enter the hub (the Check
// functions, which change nothing) and follows the hub ([Registry.Apply], which
// decides nothing). It is safe for concurrent use.
package registry

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Member is what the registry knows of one agency.
type Member struct {
	Agency  schemas.AgencyID
	Account string
	Status  schemas.MemberStatus
	// Joined says that the member has been admitted; Card and Entry are set
	// from then on.
	Joined bool
	Card   schemas.Card
	Entry  schemas.Entry
	User   string // the agent's NATS user key
	// Former are the user keys that the agency had before it was invited again.
	// They may connect no more.
	Former []string
	// Register is the number of the member's newest register, 0 before there
	// was one. Registered says that it came in this epoch.
	Register   uint64
	Registered bool
	// Offering says that it came back in this epoch and has still to bring what
	// it holds about permissions.
	Offering bool

	registerHash schemas.Hash
	ended        map[schemas.GrantID]bool // by its newest register; never changed
}

// Grant is a permission as the broker knows it.
type Grant struct {
	schemas.Grant
	Record schemas.SignedRecord
	// Revocation is nil while the grant was not revoked.
	Revocation *schemas.SignedRecord
}

// early is a revocation that came before its grant.
type early struct {
	record schemas.SignedRecord
	hash   schemas.Hash
	by     schemas.AgencyID // who brought it
}

// earlyHash is over the signature, too: nobody may have verified it yet, and a
// forged one must not stand for the genuine one.
func earlyHash(rec schemas.SignedRecord) schemas.Hash { return schemas.HashOf(rec.Encode()) }

// Registry follows the hub.
type Registry struct {
	network   schemas.NetworkID
	admission ed25519.PublicKey

	mu       sync.RWMutex // guards what follows
	roll     schemas.Roll
	rollRec  schemas.SignedRecord
	members  map[schemas.AgencyID]*Member
	accounts map[string]*Member
	invited  map[schemas.KeyID]schemas.SignedRecord // invitations by their key
	grants   map[schemas.GrantID]*Grant
	byParty  map[schemas.AgencyID][]schemas.GrantID // discloser and recipient
	// cancelled holds the revocations of grants that were not issued yet. Which
	// of them count shows when the grant comes.
	cancelled map[schemas.GrantID][]early
	early     map[schemas.AgencyID]int // by who brought them: revocations of grants that were not issued yet
	epoch     schemas.Epoch
	epochRec  schemas.SignedRecord
}

// New makes the registry of an empty hub.
func New(network schemas.NetworkID, admission ed25519.PublicKey) *Registry {
	return &Registry{
		network: network, admission: admission,
		members:   map[schemas.AgencyID]*Member{},
		accounts:  map[string]*Member{},
		invited:   map[schemas.KeyID]schemas.SignedRecord{},
		grants:    map[schemas.GrantID]*Grant{},
		byParty:   map[schemas.AgencyID][]schemas.GrantID{},
		cancelled: map[schemas.GrantID][]early{},
		early:     map[schemas.AgencyID]int{},
	}
}

// Member returns what is known of an agency that stands on the roll.
func (r *Registry) Member(a schemas.AgencyID) (Member, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return found(r.members[a])
}

// MemberOfAccount returns the agency that a NATS account belongs to.
func (r *Registry) MemberOfAccount(account string) (Member, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return found(r.accounts[account])
}

func found(m *Member) (Member, bool) {
	if m == nil {
		return Member{}, false
	}
	return *m, true
}

// Members lists everybody on the roll, in its order.
func (r *Registry) Members() []Member {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]Member, 0, len(r.roll.Members))
	for _, line := range r.roll.Members {
		all = append(all, *r.members[line.Agency])
	}
	return all
}

// Roll returns the roll with the highest number; ok is false before the first.
func (r *Registry) Roll() (schemas.Roll, schemas.SignedRecord, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.roll, r.rollRec, r.roll.Number > 0
}

// Grant returns a grant, revoked or not.
func (r *Registry) Grant(id schemas.GrantID) (Grant, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if g := r.grants[id]; g != nil {
		return *g, true
	}
	return Grant{}, false
}

// GrantsOf lists the grants in which an agency is discloser or recipient.
func (r *Registry) GrantsOf(a schemas.AgencyID) []Grant {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []Grant
	for _, id := range r.byParty[a] {
		all = append(all, *r.grants[id])
	}
	return all
}

// Live counts the grants that are neither revoked nor expired.
func (r *Registry) Live(now time.Time) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n := 0
	for _, g := range r.grants {
		if g.Revocation == nil && g.Live(now) == "" {
			n++
		}
	}
	return n
}

// Admitted is the data of a member-admitted record.
type Admitted struct {
	Card      schemas.SignedRecord `json:"card"`
	Admission schemas.SignedRecord `json:"admission"`
}

// Apply follows one record of the hub, in order. An error means that the hub
// holds what no Check would have let in.
func (r *Registry) Apply(rec journal.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch rec.Kind() {
	case journal.RollPublished, journal.MemberSuspended, journal.MemberReadmitted, journal.MemberLeft:
		return r.applyRoll(rec.Data)
	case journal.MemberInvited:
		return r.applyInvitation(rec.Data)
	case journal.MemberAdmitted:
		return r.applyAdmission(rec.Data)
	case journal.MemberReturned:
		return r.applyReturn(rec.Data)
	case journal.OfferFinished:
		return r.applyFinished(schemas.AgencyID(rec.Get(journal.HeaderSender)))
	case journal.KeyChanged:
		return r.applyCard(rec.Data)
	case journal.GrantIssued:
		return r.applyGrant(rec.Data)
	case journal.GrantRevoked:
		return r.applyRevocation(rec)
	case journal.RegisterPublished:
		return r.applyRegister(rec.Data)
	case journal.EpochOpened:
		return r.applyEpoch(rec.Data)
	default:
		return nil
	}
}

// peek reads a record whose signature was checked when it entered the hub.
func peek[T interface{ Validate() error }](data []byte, kind schemas.RecordType) (T, schemas.SignedRecord, error) {
	var zero T
	rec, err := schemas.ParseRecord(data)
	if err != nil {
		return zero, rec, fmt.Errorf("read %s in hub: %w", kind, err)
	}
	v, err := schemas.PeekRecord[T](rec, kind)
	return v, rec, err
}

func (r *Registry) applyRoll(data []byte) error {
	roll, rec, err := peek[schemas.Roll](data, schemas.RecordRoll)
	if err != nil {
		return err
	}
	r.roll, r.rollRec = roll, rec
	clear(r.accounts)
	for _, line := range roll.Members {
		m := r.members[line.Agency]
		if m == nil {
			m = &Member{Agency: line.Agency}
			r.members[line.Agency] = m
		}
		m.Account, m.Status = line.Account, line.Status
		r.accounts[line.Account] = m
	}
	return nil
}

func (r *Registry) applyInvitation(data []byte) error {
	inv, rec, err := peek[schemas.Invitation](data, schemas.RecordInvitation)
	if err != nil {
		return err
	}
	r.invited[schemas.KeyIDOf(inv.Key)] = rec
	return nil
}

func (r *Registry) applyAdmission(data []byte) error {
	var a Admitted
	if err := json.Unmarshal(data, &a); err != nil {
		return fmt.Errorf("read admission in hub: %w", err)
	}
	adm, err := schemas.PeekRecord[schemas.Admission](a.Admission, schemas.RecordAdmission)
	if err != nil {
		return err
	}
	card, err := schemas.PeekRecord[schemas.Card](a.Card, schemas.RecordCard)
	if err != nil {
		return err
	}
	m := r.members[card.Agency]
	if m == nil {
		return fmt.Errorf("hub admits %s, who is not on the roll", card.Agency)
	}
	if m.Joined && m.User != adm.User {
		m.Former = append(m.Former[:len(m.Former):len(m.Former)], m.User)
	}
	m.Joined, m.Card, m.User, m.Offering = true, card, adm.User, false
	m.Register, m.Registered, m.registerHash, m.ended = 0, false, schemas.Hash{}, nil // a new machine counts from 1
	m.Entry = schemas.Entry{
		Invitation: r.invited[a.Admission.KeyID()], Admission: a.Admission, Cards: []schemas.SignedRecord{a.Card},
	}
	return nil
}

func (r *Registry) applyCard(data []byte) error {
	card, rec, err := peek[schemas.Card](data, schemas.RecordCard)
	if err != nil {
		return err
	}
	m := r.members[card.Agency]
	if m == nil || !m.Joined {
		return fmt.Errorf("hub changes keys of %s, who is no member", card.Agency)
	}
	if m.Card, err = m.Card.Successor(rec); err != nil {
		return fmt.Errorf("hub changes keys of %s: %w", card.Agency, err)
	}
	m.Entry.Cards = append(m.Entry.Cards[:len(m.Entry.Cards):len(m.Entry.Cards)], rec)
	return nil
}

func (r *Registry) applyGrant(data []byte) error {
	g, rec, err := peek[schemas.Grant](data, schemas.RecordGrant)
	if err != nil {
		return err
	}
	if old := r.grants[g.ID]; old != nil {
		old.Record = rec
		return nil
	}
	r.grants[g.ID] = &Grant{Grant: g, Record: rec}
	r.byParty[g.Discloser] = append(r.byParty[g.Discloser], g.ID)
	r.byParty[g.Recipient] = append(r.byParty[g.Recipient], g.ID)
	if cancelled, ok := r.cancels(g); ok {
		r.grants[g.ID].Revocation = &cancelled
	}
	delete(r.cancelled, g.ID)
	return nil
}

// cancels finds the revocation of a grant that came before the grant.
func (r *Registry) cancels(g schemas.Grant) (schemas.SignedRecord, bool) {
	for _, c := range r.cancelled[g.ID] {
		rec := c.record
		rev, err := schemas.PeekRecord[schemas.Revocation](rec, schemas.RecordRevocation)
		if err == nil && ends(rev, g) && (rev.Key != nil || r.signed(rec, rev.By)) {
			return rec, true
		}
	}
	return schemas.SignedRecord{}, false
}

// ends reports whether whoever signed a revocation may end the grant.
func ends(rev schemas.Revocation, g schemas.Grant) bool {
	return rev.By == g.Discloser || rev.Key != nil && schemas.HashOf(rev.Key) == g.Lock
}

// signed reports whether one of an agency's keys signed a record, whenever that
// was: a revocation that came before its grant may have come before its signer's
// card, too.
func (r *Registry) signed(rec schemas.SignedRecord, by schemas.AgencyID) bool {
	m := r.members[by]
	if m == nil {
		return false
	}
	for _, card := range m.Entry.Cards {
		c, err := schemas.PeekRecord[schemas.Card](card, schemas.RecordCard)
		if err != nil {
			continue
		}
		for _, k := range c.Signing {
			if schemas.KeyIDOf(k.Key) == rec.KeyID() && rec.Verify(schemas.RecordRevocation, k.Key) == nil {
				return true
			}
		}
	}
	return false
}

func (r *Registry) applyRevocation(record journal.Record) error {
	rev, rec, err := peek[schemas.Revocation](record.Data, schemas.RecordRevocation)
	if err != nil {
		return err
	}
	switch g := r.grants[rev.Grant]; {
	case g == nil:
		by := schemas.AgencyID(record.Get(journal.HeaderBy))
		r.cancelled[rev.Grant] = append(r.cancelled[rev.Grant], early{rec, earlyHash(rec), by})
		r.early[by]++
	case g.Revocation == nil:
		g.Revocation = &rec
	}
	return nil
}

func (r *Registry) applyRegister(data []byte) error {
	reg, rec, err := peek[schemas.Register](data, schemas.RecordRegister)
	if err != nil {
		return err
	}
	m := r.members[reg.Discloser]
	if m == nil {
		return fmt.Errorf("hub has a register of %s, who is not on the roll", reg.Discloser)
	}
	m.Register, m.Registered, m.registerHash = reg.Number, true, rec.Hash()
	m.ended = make(map[schemas.GrantID]bool, len(reg.Ended))
	for _, id := range reg.Ended {
		m.ended[id] = true
	}
	return nil
}

// applyEpoch begins another life of the hub: every discloser has to say anew
// which grants it knows.
func (r *Registry) applyEpoch(data []byte) error {
	epoch, rec, err := peek[schemas.Epoch](data, schemas.RecordEpoch)
	if err != nil {
		return err
	}
	r.epoch, r.epochRec = epoch, rec
	for _, m := range r.members {
		m.Registered = false
	}
	return nil
}
