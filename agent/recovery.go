package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Recovery is how far a restored agency has found its way back into a network.
// It names no client.
type Recovery struct {
	Network schemas.NetworkID `json:"network"`
	// Since is when the backup was made, At when it was restored.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Done says that nothing more is expected by itself.
	Done bool `json:"done"`
	// Came is how many events of partners came in since the backup: those that
	// the exchange still had, those that partners sent again or will, and those
	// that need a call.
	Came     int `json:"came"`
	Exchange int `json:"exchange"`
	Partners int `json:"partners"`
	Expected int `json:"expected"` // promised by partners and not here yet
	Call     int `json:"call"`
	// Own is how many events this agency itself had said since the backup and
	// got back from a partner; Lost how many envelopes its partners have signed
	// for whose event is not here.
	Own  int `json:"own"`
	Lost int `json:"lost"`
	// Textless counts the grants of this agency that came back without their
	// terms: nothing can be sent under them, they have to be given anew.
	Textless int `json:"textless"`
	// Asked lists the partners that were asked, Calls what a person has to do.
	Asked []AskedPartner `json:"asked"`
	Calls []Call         `json:"calls"`
}

// AskedPartner is a partner that was asked for what came since a backup.
type AskedPartner struct {
	Agency   schemas.AgencyID `json:"agency"`
	Answered time.Time        `json:"answered,omitzero"`
	Promised int              `json:"promised"`
	Arrived  int              `json:"arrived"`
}

// Call is a task for two people: something that was lost and that the partner
// may not, or cannot, send again.
type Call struct {
	Partner schemas.AgencyID `json:"partner"`
	Code    schemas.Code     `json:"code"`
	Count   int              `json:"count"`
}

// Sentence says it to a person.
func (r Recovery) Sentence() string {
	here := r.Exchange + r.Partners
	text := fmt.Sprintf("%d events came in since this backup; %d are here again (%d from the exchange, %d from partners), %d need a call",
		r.Came, here, r.Exchange, r.Partners, r.Call)
	if r.Own+r.Lost > 0 {
		text += fmt.Sprintf("; of what this agency itself had said since, %d came back and %d did not", r.Own, r.Lost)
	}
	if r.Textless > 0 {
		text += fmt.Sprintf("; %d permissions have to be given anew", r.Textless)
	}
	if r.Done {
		return text
	}
	silent := 0
	for _, p := range r.Asked {
		if p.Answered.IsZero() {
			silent++
		}
	}
	return text + fmt.Sprintf("; not done yet: %d events are on their way, %d partners have not answered", r.Expected, silent)
}

// Recovered waits until every network of a restored agency has nothing more to
// fetch by itself, or ctx ends, and says how far it came.
func (a *Agent) Recovered(ctx context.Context) ([]Recovery, error) {
	all := []Recovery{}
	for _, m := range a.all() {
		var r *Recovery
		err := m.await(ctx, func() (bool, error) {
			err := m.store.View(func(tx durable.Tx) (err error) {
				r, err = m.recovery(tx)
				return err
			})
			return r == nil || r.Done, err
		})
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			return nil, err
		}
		if r != nil {
			all = append(all, *r)
		}
	}
	slices.SortFunc(all, func(x, y Recovery) int { return cmp.Compare(x.Network, y.Network) })
	return all, nil
}

// recovery is nil for an agency that was never restored.
func (m *membership) recovery(tx durable.Tx) (*Recovery, error) {
	kept, restored, err := recoveryOf(tx)
	if err != nil || !restored {
		return nil, err
	}
	r := &Recovery{
		Network: m.network, Since: kept.Since, At: kept.At, Done: !kept.Pulled.IsZero(),
		Exchange: kept.Exchange, Own: kept.Own, Asked: []AskedPartner{}, Calls: []Call{},
	}
	for agency, p := range kept.Partners {
		r.Asked = append(r.Asked, AskedPartner{agency, p.Answered, p.Promised, p.Arrived})
		r.Partners += p.Arrived
		r.Expected += p.Promised - p.Arrived
		r.Done = r.Done && p.done()
		for code, n := range p.missing() {
			r.Calls = append(r.Calls, Call{agency, code, n})
			r.Call += n
		}
	}
	slices.SortFunc(r.Asked, func(x, y AskedPartner) int { return cmp.Compare(x.Agency, y.Agency) })
	slices.SortFunc(r.Calls, func(x, y Call) int { return cmp.Or(cmp.Compare(x.Partner, y.Partner), cmp.Compare(x.Code, y.Code)) })
	r.Came = r.Exchange + r.Partners + r.Expected + r.Call
	forgotten, err := tx.Map(mapForgotten).Len()
	if err != nil {
		return nil, err
	}
	r.Lost = max(forgotten-kept.Own, 0)
	r.Textless, err = m.textless(tx)
	return r, err
}

// textless counts this agency's live grants without terms.
func (m *membership) textless(tx durable.Tx) (n int, err error) {
	all, err := casebook.Permissions(tx)
	for _, p := range all {
		if p.Issued(m.own) && p.Terms == nil && p.Revocation == nil && p.Grant.Live(m.agent.opts.Now()) != schemas.CodeGrantExpired {
			n++
		}
	}
	return n, err
}
