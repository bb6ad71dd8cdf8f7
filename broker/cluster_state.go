package broker

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/schemas"
)

// ClusterState is how the three brokers of a network are, as one of them sees
// it.
type ClusterState struct {
	Place   int          `json:"place"`  // of the broker that was asked
	Writer  int          `json:"writer"` // 0 for none
	Brokers []PlaceState `json:"brokers"`
	// Problem says in plain words what is wrong, "" for nothing.
	Problem string `json:"problem,omitempty"`
}

// PlaceState is one place of a cluster: a broker.
type PlaceState struct {
	Place int    `json:"place"`
	URL   string `json:"url"`
	// Reached says that it answered.
	Reached bool `json:"reached"`
	Writer  bool `json:"writer"`
	// Records is how far its copy of the hub goes, Behind how many records it
	// has yet to get.
	Records uint64 `json:"records"`
	Behind  uint64 `json:"behind"`
}

// status is what each broker of a cluster says of itself.
type status struct {
	Place       int                      `json:"place"`
	Writes      bool                     `json:"writes"`
	Records     uint64                   `json:"records"`
	Connections map[schemas.AgencyID]int `json:"connections"`
}

const statusWithin = 700 * time.Millisecond

func (b *Broker) statusAnswer() []byte {
	s := status{Place: b.cluster.place, Writes: b.writes(), Connections: map[schemas.AgencyID]int{}}
	if seen := b.cluster.seen.Load(); seen != nil {
		s.Records = seen.Last
	}
	for _, m := range b.registry.Members() {
		if n := b.nats.Connections(m.Account); m.Joined && n > 0 {
			s.Connections[m.Agency] = n
		}
	}
	return encode(s)
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("a broker's own state always encodes: " + err.Error())
	}
	return text
}

// clusterState asks the other brokers how they are, and adds their connections
// to this one's.
func (b *Broker) clusterState(s *State) {
	if b.cluster == nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, statusWithin)
	defer cancel()
	state := &ClusterState{Place: b.cluster.place}
	for i, url := range b.opts.brokers() {
		state.Brokers = append(state.Brokers, PlaceState{Place: i + 1, URL: url})
	}
	var most uint64
	for _, text := range b.nats.AskAll(ctx, askStatus) {
		var one status
		if json.Unmarshal(text, &one) != nil || one.Place < 1 || one.Place > transport.Brokers {
			continue
		}
		line := &state.Brokers[one.Place-1]
		line.Reached, line.Writer, line.Records = true, one.Writes, one.Records
		most = max(most, one.Records)
		if one.Writes {
			state.Writer = one.Place
		}
		if one.Place == b.cluster.place {
			continue
		}
		for i, m := range s.Members {
			s.Members[i].Connections += one.Connections[m.Agency]
		}
	}
	for i := range state.Brokers {
		if line := &state.Brokers[i]; line.Reached {
			line.Behind = most - line.Records
		}
	}
	state.Problem = problemOf(state.Brokers, state.Writer)
	s.Cluster = state
}

// problemOf says what an operator has to know.
func problemOf(brokers []PlaceState, writer int) string {
	missing := slices.DeleteFunc(slices.Clone(brokers), func(b PlaceState) bool { return b.Reached })
	switch {
	case len(missing) >= 2:
		return "this broker reaches none of the other two: nothing is accepted or handed over here until one of them is back"
	case writer == 0:
		return "no broker writes: they are agreeing on one, which takes up to ten seconds"
	case len(missing) == 1:
		return "one broker is not reached: " + missing[0].URL + ". All goes on, and stops if another one is lost"
	}
	return ""
}
