package agent

import (
	"context"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/link"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	standingLook = 2 * time.Second // whether there is a connection
	standingAsk  = time.Minute     // of the broker, while there is none
)

// standingLoop asks, while there is no connection, whether the network keeps
// this agency out: the message server itself does not say why it refuses.
func (m *membership) standingLoop() {
	ticker := time.NewTicker(standingLook)
	defer ticker.Stop()
	var asked time.Time
	for {
		select {
		case <-ticker.C:
		case <-m.ctx.Done():
			return
		}
		now := time.Now()
		switch {
		case m.link.Load().Connected():
			m.standing.Store(nil)
			asked = time.Time{}
		case now.Sub(asked) > standingAsk:
			asked = now
			m.lookAtEpochs() // a broker that has forgotten us refuses in the same way
			if err := m.askStanding(); err != nil && m.ctx.Err() == nil {
				m.log.InfoContext(m.ctx, "the broker does not say how this agency stands", "error", err)
			}
		}
	}
}

// askStanding asks over the door, which needs no credentials but a signature.
func (m *membership) askStanding() error {
	ctx, cancel := context.WithTimeout(m.ctx, 30*time.Second)
	defer cancel()
	proof, err := m.proveSelf()
	if err != nil {
		return err
	}
	status, err := link.NewDoor(m.target()).Standing(ctx, m.own, proof)
	if err != nil || status == schemas.MemberActive {
		return err
	}
	m.standing.Store(&status)
	return m.store.Update(ctx, func(tx durable.Tx) error {
		return m.raise(tx, schemas.CodeSuspended, m.own, keptOut(status))
	})
}

// proveSelf shows over the door who asks.
func (m *membership) proveSelf() (schemas.SignedRecord, error) {
	return schemas.Sign(schemas.RecordHello, schemas.Hello{
		V: 1, Network: m.network, Nonce: string(schemas.NewGrantID()), Key: m.identity().Public().Signing, Time: schemas.At(m.agent.opts.Now()),
	}, m.identity().SigningKey())
}

// keptOut is what a person reads when the network keeps this agency out.
func keptOut(status schemas.MemberStatus) string {
	return "this agency is " + string(status) + " in the network; speak with the lead agency"
}
