package schemas

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Question is what [Decide] answers: may this event go from here to there, now,
// under this permission?
type Question struct {
	At        time.Time
	Sender    AgencyID
	Recipient AgencyID
	// Type and Category are the event's, Client its handle ("" for none).
	Type     EventType
	Category Category
	Client   Handle
	// Purpose is the one that the event states; "" when the sender still asks
	// for which purpose it may go.
	Purpose Purpose
	// Grant is the permission, nil for [CharterGrant]; Terms its text.
	Grant *Grant
	Terms *Terms
	// Revoked says that a revocation of the grant is known here.
	Revoked bool
}

// Decide is the one check that sender and recipient make alike. It returns the
// purpose of the disclosure, or an [Error] that says why not. It is pure: the
// same question has the same answer everywhere.
func Decide(q Question) (Purpose, error) {
	if info, known := LookUp(q.Type); known && info.Local {
		return "", Refuse(CodeInvalidEvent, "type", "is for this agency's own record and never leaves it", "send the event that tells the partner, such as referral.requested")
	}
	if q.Grant == nil {
		return "", decideCharter(q)
	}
	g, t := *q.Grant, q.Terms
	switch {
	case g.Discloser != q.Sender:
		return "", Refuse(CodeNoGrant, "grant", "must be a permission of the sender for the recipient", "issue a grant to this recipient first")
	case g.Recipient != q.Recipient:
		return "", Refuse(CodeRecipientNotCovered, "recipient", "must be the grant's recipient", "issue a grant to this recipient first")
	case q.Revoked:
		return "", Refuse(CodeGrantRevoked, "grant", "was revoked", "ask the client for a new consent")
	}
	if code := g.Live(q.At); code != "" {
		return "", Refuse(code, "grant", "must be within its days", "ask the client for a new consent")
	}
	if t == nil {
		return "", Refuse(CodeTermsMismatch, "terms", "must come with the event", "send the grant's terms")
	}
	if q.Client == "" || t.Client != q.Client {
		return "", Refuse(CodeClientMismatch, "client", "must be the client of the grant", "use the grant of this client")
	}
	return decideCell(q, *t)
}

// decideCharter permits what concerns no client: the types of the catalogue that
// say so, since nobody can vouch for another.
func decideCharter(q Question) error {
	info, known := LookUp(q.Type)
	if !known || info.Category != CategoryCharter || q.Client != "" {
		return Refuse(CodeNoGrant, "grant", "must permit this: only what concerns no client travels under the charter", "issue a grant for this client and recipient first")
	}
	return nil
}

// decideCell finds the category and purpose in the terms.
func decideCell(q Question, t Terms) (Purpose, error) {
	p, ok := t.Purpose(q.Category)
	if !ok {
		return "", Refuse(CodeCategoryNotCovered, "type", "must be of a category that the grant names", "issue a grant that names the category "+string(q.Category))
	}
	if q.Purpose == "" {
		return p, nil
	}
	if !t.Has(q.Category, q.Purpose) {
		return "", Refuse(CodePurposeNotCovered, "purpose", "must be one that the grant names for this category", "issue a grant for this purpose")
	}
	return q.Purpose, nil
}

// travelling are the extension attributes that leave an agency.
var travelling = []string{
	ExtClient, ExtPurpose, ExtCorrelation, ExtCausation, ExtRecorded, ExtClassification, ExtRegulation, ExtCategory, ExtTrace,
}

// Project returns the event as the grant's recipient may see it: fields that
// the category and purpose do not cover are removed, and so are fields and
// extension attributes that no rule knows. removed lists their paths. An event of an unknown type has no
// rules and is refused.
func Project(e event.Event, t Terms, p Purpose) (out event.Event, removed []string, err error) {
	if _, ok := LookUp(EventType(e.Type())); !ok {
		return e, nil, Refuse(CodeInvalidEvent, "type", "must be one of the catalogue: no rule says what of it may be disclosed", "use an event type of the catalogue")
	}
	data, removed, err := projectPayload(EventType(e.Type()), json.RawMessage(e.Data()), p, func(c Category) bool { return t.Has(c, p) })
	if err != nil {
		return e, nil, err
	}
	out = e.Clone()
	if err := out.SetData(event.ApplicationJSON, data); err != nil {
		return e, nil, Refuse(CodeInvalidEvent, "data", "must be JSON", "correct the event's data")
	}
	for _, name := range slices.Sorted(maps.Keys(e.Extensions())) {
		if !slices.Contains(travelling, name) {
			out.SetExtension(name, nil)
			removed = append(removed, name)
		}
	}
	return out, removed, nil
}
