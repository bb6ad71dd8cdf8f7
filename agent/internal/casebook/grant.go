package casebook

import (
	"crypto/ed25519"
	"regexp"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Permission is a grant as one of its two parties knows it.
type Permission struct {
	Grant  schemas.Grant        `json:"grant"`
	Record schemas.SignedRecord `json:"record"`
	// Terms and TermsRecord are the full text: the discloser's from the start,
	// the recipient's from the first event under the grant.
	Terms       *schemas.Terms        `json:"terms,omitempty"`
	TermsRecord *schemas.SignedRecord `json:"termsrecord,omitempty"`
	// LockKey revokes the grant; only who drew it from the consent has it.
	LockKey []byte `json:"lockkey,omitempty"`
	// Registered is when the broker took the grant; zero while that is to come.
	Registered time.Time `json:"registered,omitzero"`
	// Revocation is the signed end; nil while there is none.
	Revocation *schemas.SignedRecord `json:"revocation,omitempty"`
	// StoppedHere is since when this agency sends nothing more under the grant,
	// StoppedEverywhere since when the broker hands nothing more over.
	StoppedHere       time.Time `json:"stoppedhere,omitzero"`
	StoppedEverywhere time.Time `json:"stoppedeverywhere,omitzero"`
	// HandedOver, Withdrawn and Unknown are the broker's counts at the
	// revocation.
	HandedOver int `json:"handedover,omitempty"`
	Withdrawn  int `json:"withdrawn,omitempty"`
	Unknown    int `json:"unknown,omitempty"`
}

// Issued reports whether this agency is the discloser.
func (p Permission) Issued(own schemas.AgencyID) bool { return p.Grant.Discloser == own }

const (
	mapGrants    = "grants"
	mapByClient  = "grants-by-client"
	mapPending   = "grants-pending" // issued or revoked here, not yet known to the broker
	mapHandles   = "handles"        // partner|local client -> handle
	mapLocal     = "handles-local"  // partner|handle -> local client
	mapRegister  = "register"
	keyRegister  = "register"
	clientMaxLen = 64
)

var handleForm = regexp.MustCompile(`^h-[0-9a-hjkmnp-tv-z]{26}$`)

// PutPermission keeps a permission as it is now.
func PutPermission(tx durable.Tx, p Permission) error {
	return durable.PutJSON(tx.Map(mapGrants), string(p.Grant.ID), p)
}

// SignAnew signs everything that this agency has signed about grants with
// another of its keys. The bytes that are signed stay as they are.
func SignAnew(tx durable.Tx, own schemas.AgencyID, key ed25519.PrivateKey) error {
	all, err := Permissions(tx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Issued(own) {
			p.Record = schemas.SignBytes(schemas.RecordGrant, p.Record.Payload, key)
			if p.TermsRecord != nil {
				terms := schemas.SignBytes(schemas.RecordTerms, p.TermsRecord.Payload, key)
				p.TermsRecord = &terms
			}
		}
		if p.Revocation != nil {
			rev, err := schemas.PeekRecord[schemas.Revocation](*p.Revocation, schemas.RecordRevocation)
			if err != nil {
				return err
			}
			if rev.By == own {
				rec := schemas.SignBytes(schemas.RecordRevocation, p.Revocation.Payload, key)
				p.Revocation = &rec
			}
		}
		if err := PutPermission(tx, p); err != nil {
			return err
		}
	}
	return nil
}

// TellAgain marks every grant of this agency that is not revoked as having news
// for the broker.
func TellAgain(tx durable.Tx, own schemas.AgencyID) error {
	all, err := Permissions(tx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if !p.Issued(own) || p.Revocation != nil {
			continue
		}
		if err := SetPending(tx, p.Grant.ID); err != nil {
			return err
		}
	}
	return nil
}

// FindPermission returns a grant by its id.
func FindPermission(tx durable.Tx, id schemas.GrantID) (Permission, bool, error) {
	return durable.GetJSON[Permission](tx.Map(mapGrants), string(id))
}

// Outline is as much of a permission as an envelope under it asks for. To read
// the whole, with its two signed records, takes several times as long.
type Outline struct {
	Grant          schemas.Grant
	Revoked, Terms bool // there is a revocation; the full text
}

// PeekPermission returns the outline of a grant.
func PeekPermission(tx durable.Tx, id schemas.GrantID) (Outline, bool, error) {
	type part struct {
		Grant      schemas.Grant `json:"grant"`
		Terms      *struct{}     `json:"terms"`
		Revocation *struct{}     `json:"revocation"`
	}
	p, ok, err := durable.GetJSON[part](tx.Map(mapGrants), string(id))
	return Outline{p.Grant, p.Revocation != nil, p.Terms != nil}, ok, err
}

// Permissions lists every grant to or from this agency, in no order.
func Permissions(tx durable.Tx) ([]Permission, error) {
	var all []Permission
	err := tx.Map(mapGrants).Each(func(_ string, v []byte) error {
		p, err := durable.DecodeJSON[Permission](v)
		all = append(all, p)
		return err
	})
	return all, err
}

// Issue keeps a grant that this agency draws, to be registered at the broker.
func Issue(tx durable.Tx, p Permission) error {
	if err := Reissue(tx, p); err != nil {
		return err
	}
	return SetPending(tx, p.Grant.ID)
}

// Reissue keeps a grant of this agency with its terms, which the broker knows.
func Reissue(tx durable.Tx, p Permission) error {
	if err := PutPermission(tx, p); err != nil {
		return err
	}
	key := string(p.Grant.Recipient) + "|" + string(p.Terms.Client)
	ids, _, err := durable.GetJSON[[]schemas.GrantID](tx.Map(mapByClient), key)
	if err != nil {
		return err
	}
	return durable.PutJSON(tx.Map(mapByClient), key, append(ids, p.Grant.ID))
}

// SetPending marks a grant as having news for the broker.
func SetPending(tx durable.Tx, id schemas.GrantID) error {
	return tx.Map(mapPending).Put(string(id), []byte("1"))
}

// ClearPending marks it as having none.
func ClearPending(tx durable.Tx, id schemas.GrantID) error {
	return tx.Map(mapPending).Delete(string(id))
}

// Pending lists the grants with news for the broker, those with a revocation
// first.
func Pending(tx durable.Tx) ([]Permission, error) {
	var all []Permission
	err := tx.Map(mapPending).Each(func(id string, _ []byte) error {
		p, ok, err := FindPermission(tx, schemas.GrantID(id))
		if ok {
			all = append(all, p)
		}
		return err
	})
	slices.SortStableFunc(all, func(a, b Permission) int {
		switch {
		case (a.Revocation != nil) == (b.Revocation != nil):
			return 0
		case a.Revocation != nil:
			return -1
		default:
			return 1
		}
	})
	return all, err
}

// Reoffer marks what a broker that has forgotten everything has to be told about
// permissions: every revocation that this agency holds, its partners' too, and
// its own grants. Those whose days are over are of no use to anybody.
func Reoffer(tx durable.Tx, own schemas.AgencyID, at time.Time) error {
	all, err := Permissions(tx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Grant.Live(at) == schemas.CodeGrantExpired || p.Revocation == nil && !p.Issued(own) {
			continue
		}
		if p.Revocation == nil {
			p.Registered = time.Time{}
			if err := PutPermission(tx, p); err != nil {
				return err
			}
		}
		if err := SetPending(tx, p.Grant.ID); err != nil {
			return err
		}
	}
	return nil
}

// Registers reports whether this agency has ever made a register.
func Registers(tx durable.Tx) (bool, error) {
	_, ok, err := durable.GetJSON[uint64](tx.Map(mapRegister), keyRegister)
	return ok, err
}

// For returns the permission under which an event of a category about a client
// may go to a recipient now. Its error is the refusal for whoever wants to
// send; it says as exactly as possible what is wrong.
func For(tx durable.Tx, own, recipient schemas.AgencyID, client schemas.Handle, c schemas.Category, at time.Time) (Permission, error) {
	ids, _, err := durable.GetJSON[[]schemas.GrantID](tx.Map(mapByClient), string(recipient)+"|"+string(client))
	if err != nil {
		return Permission{}, err
	}
	var refusal error = schemas.Refuse(schemas.CodeNoGrant, "recipient", "must be permitted to hear this about the client", "record the client's consent, or issue a grant with `linkage grant issue`")
	for _, id := range slices.Backward(ids) { // the newest first
		p, ok, err := FindPermission(tx, id)
		if err != nil {
			return Permission{}, err
		}
		if !ok {
			continue
		}
		_, err = schemas.Decide(schemas.Question{
			At: at, Sender: own, Recipient: recipient, Category: c, Client: client, Grant: &p.Grant, Terms: p.Terms, Revoked: p.Revocation != nil,
		})
		if err == nil {
			return p, nil
		}
		if schemas.CodeOf(refusal) == schemas.CodeNoGrant {
			refusal = err
		}
	}
	return Permission{}, refusal
}

// Handle returns the handle for a client between this agency and a partner. A
// name that is a handle from the partner stands for itself; for a client of
// this agency a random handle is made the first time, if create says so, and
// kept for ever.
func Handle(tx durable.Tx, partner schemas.AgencyID, client string, create bool) (schemas.Handle, error) {
	if client == "" || len(client) > clientMaxLen {
		return "", schemas.Malformed("client", "must be 1 to %d bytes", clientMaxLen)
	}
	h, ok, err := durable.GetJSON[schemas.Handle](tx.Map(mapHandles), string(partner)+"|"+client)
	if err != nil || ok {
		return h, err
	}
	if known, err := tx.Map(mapLocal).Get(string(partner) + "|" + client); err != nil || known != nil {
		return schemas.Handle(client), err
	}
	if !create {
		return "", nil
	}
	h = schemas.NewHandle()
	if err := durable.PutJSON(tx.Map(mapHandles), string(partner)+"|"+client, h); err != nil {
		return "", err
	}
	return h, durable.PutJSON(tx.Map(mapLocal), string(partner)+"|"+string(h), client)
}

// Local returns the agency's own id of the client behind a handle, "" if the
// agency has given none.
func Local(tx durable.Tx, partner schemas.AgencyID, h schemas.Handle) (string, error) {
	key := string(partner) + "|" + string(h)
	if known, err := tx.Map(mapLocal).Get(key); err != nil || known == nil {
		return "", err
	}
	client, _, err := durable.GetJSON[string](tx.Map(mapLocal), key)
	return client, err
}

// KeepHandle notes a handle that a partner uses, so that an answer can use it.
//
// Only what has the form of a handle is kept: a partner that used one of our own
// ids as its handle would otherwise make us send that id.
func KeepHandle(tx durable.Tx, partner schemas.AgencyID, h schemas.Handle) error {
	if !handleForm.MatchString(string(h)) {
		return nil
	}
	key := string(partner) + "|" + string(h)
	if known, err := tx.Map(mapLocal).Get(key); err != nil || known != nil {
		return err
	}
	return durable.PutJSON(tx.Map(mapLocal), key, "")
}

// SetRegister takes over the number of a register of this agency that was
// published by an incarnation before this one; the next one counts on from it.
func SetRegister(tx durable.Tx, number uint64) error {
	known, _, err := durable.GetJSON[uint64](tx.Map(mapRegister), keyRegister)
	if err != nil || number <= known {
		return err
	}
	return durable.PutJSON(tx.Map(mapRegister), keyRegister, number)
}

// Register is what this agency's next register says; each call counts it up.
func Register(tx durable.Tx, own schemas.AgencyID, network schemas.NetworkID, at time.Time) (schemas.Register, error) {
	number, _, err := durable.GetJSON[uint64](tx.Map(mapRegister), keyRegister)
	if err != nil {
		return schemas.Register{}, err
	}
	r := schemas.Register{V: 1, Network: network, Discloser: own, Number: number + 1, Live: []schemas.GrantID{}, Ended: []schemas.GrantID{}}
	all, err := Permissions(tx)
	if err != nil {
		return r, err
	}
	for _, p := range all {
		switch {
		case !p.Issued(own):
		case p.Revocation != nil || p.Grant.Live(at) == schemas.CodeGrantExpired:
			r.Ended = append(r.Ended, p.Grant.ID)
		default:
			r.Live = append(r.Live, p.Grant.ID)
		}
	}
	slices.Sort(r.Live)
	slices.Sort(r.Ended)
	return r, durable.PutJSON(tx.Map(mapRegister), keyRegister, r.Number)
}
