package inbox

import (
	"crypto/ed25519"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// known is what one transaction has read of keys and grants, so that it reads
// them once for a chunk of envelopes and not once for each. It ends with the
// transaction, and with any item that may change them.
type known struct {
	effects Effects
	keys    map[keyAt]ed25519.PublicKey
	grants  map[schemas.GrantID]*GrantState
}

// keyAt is a key at a time: keys begin and end.
type keyAt struct {
	agency schemas.AgencyID
	id     schemas.KeyID
	at     int64 // Unix seconds; envelopes know no parts of one
}

func (in *Inbox) known() *known {
	k := &known{effects: in.opts.Effects}
	k.forget()
	return k
}

func (k *known) forget() {
	k.keys, k.grants = map[keyAt]ed25519.PublicKey{}, map[schemas.GrantID]*GrantState{}
}

// signingKey is the key with which an envelope says that it was signed, if it
// was live then; nil if it was not, or is not known.
func (k *known) signingKey(tx durable.Tx, e schemas.Envelope) (ed25519.PublicKey, error) {
	at := keyAt{e.Sender, e.SigningKey(), e.Time.Unix()}
	if key, ok := k.keys[at]; ok {
		return key, nil
	}
	key, err := k.effects.SigningKey(tx, e.Sender, at.id, e.Time)
	if err == nil {
		k.keys[at] = key
	}
	return key, err
}

func (k *known) grant(tx durable.Tx, id schemas.GrantID) (*GrantState, error) {
	if g := k.grants[id]; g != nil {
		return g, nil
	}
	g, err := k.effects.Grant(tx, id)
	if err == nil {
		k.grants[id] = &g
	}
	return &g, err
}
