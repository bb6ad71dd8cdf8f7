package agent

import (
	"context"
	"slices"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// others are the addresses of a network's brokers without the one that is known
// from the invitation.
func others(known string, brokers []string) []string {
	return slices.DeleteFunc(slices.Clone(brokers), func(address string) bool { return address == known })
}

// learnBrokers keeps what a page says about the network's brokers: an agent that
// starts while the one it knew is gone has to know the others.
func (m *membership) learnBrokers(ctx context.Context, brokers []string) {
	m.mu.Lock()
	target := m.record.Target
	m.mu.Unlock()
	found := others(target.URL, brokers)
	if len(brokers) == 0 || slices.Equal(found, target.Others) {
		return
	}
	err := m.change(ctx, func(_ durable.Tx, r *membershipRecord) error {
		r.Target.Others = found
		return nil
	})
	if err == nil {
		err = m.link.Load().Brokers(found)
	}
	if err != nil {
		m.log.WarnContext(ctx, "brokers' addresses are kept with the next page", "error", err)
		return
	}
	m.log.InfoContext(ctx, "the network has several brokers", "others", found)
}
