//go:build linux

package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/schemas"
)

// Schedule is everything that happens in one run, and when, counted from the
// moment at which the network stands. A seed makes the same one every time.
type Schedule struct {
	Seed     uint64             `json:"seed"`
	Brokers  int                `json:"brokers"`
	Agencies []schemas.AgencyID `json:"agencies"`
	// Disks are the processes with a disk of their own; all others share the
	// machine's.
	Disks  map[string]Medium `json:"disks"`
	Grants []Grant           `json:"grants"`
	Steps  []Step            `json:"steps"`
	Faults []Fault           `json:"faults"`
}

// Medium is a kind of disk.
type Medium string

// The media.
const (
	Small   Medium = "small"   // it can be filled
	Fragile Medium = "fragile" // it can lose power
)

// Grant is a permission that is given at some time. Each is about a client of
// its own, so that an event under it can go under no other.
type Grant struct {
	From   schemas.AgencyID `json:"from"`
	To     schemas.AgencyID `json:"to"`
	Client string           `json:"client"` // the discloser's own name for the client
}

// Deed is what people and their systems do.
type Deed string

// The deeds.
const (
	Issue   Deed = "issue"
	Send    Deed = "send" // one event, or several at once
	Revoke  Deed = "revoke"
	Suspend Deed = "suspend" // and readmit after For
)

// Step is one deed. Whoever does it does not give up before there is an answer.
type Step struct {
	At     time.Duration     `json:"at"`
	Do     Deed              `json:"do"`
	Grant  int               `json:"grant"` // of issue, send and revoke
	Events []schemas.EventID `json:"events,omitempty"`
	// Twice hands every event in a second time after its answer.
	Twice  bool             `json:"twice,omitempty"`
	Agency schemas.AgencyID `json:"agency,omitempty"` // of suspend
	For    time.Duration    `json:"for,omitempty"`
}

// Fault is what goes wrong.
type Fault struct {
	At     time.Duration `json:"at"`
	For    time.Duration `json:"for"` // until it is over
	Kind   Kind          `json:"kind"`
	Target string        `json:"target"`           // a process
	Point  string        `json:"point,omitempty"`  // of crash
	Offset time.Duration `json:"offset,omitempty"` // of clock
	Seed   uint64        `json:"seed,omitempty"`   // of what is torn, or flipped
}

// Kind is a kind of fault.
type Kind string

// The kinds.
const (
	Kill  Kind = "kill"  // kill -9
	Crash Kind = "crash" // kill -9 at a named point between two writes
	Pause Kind = "pause" // stopped by a signal, then continued
	Cut   Kind = "cut"   // its connections are cut and refused
	Slow  Kind = "slow"  // its connections are slow
	Deaf  Kind = "deaf"  // requests arrive and answers do not: everything is asked twice
	Full  Kind = "full"  // its disk is full
	Clock Kind = "clock" // its clock is off by hours
	Power Kind = "power" // it loses power, and what it had not synced
	Torn  Kind = "torn"  // the same, but parts of what it had not synced survive
	Flip  Kind = "flip"  // one bit of its files is changed while it is stopped
	Wipe  Kind = "wipe"  // a broker loses everything but its keys, and begins a new epoch
	// Restore: an agency's machine is lost some time after a backup, which is
	// restored on another. Its people wait meanwhile, so that the backup has all
	// that they were promised.
	Restore Kind = "restore"
	Clone   Kind = "clone" // a copy of an agent runs beside it
)

// The measure of a run.
const (
	window    = 8 * time.Second // in which everything happens
	minFaults = 6
	maxFaults = 10
	// broker1 is what the first broker is called; further ones have a number.
	broker1 = "broker"
)

// maker draws a schedule.
type maker struct {
	Schedule
	random *rand.Rand
	busy   map[string][]span // of a process, in which a fault has it
}

type span struct{ from, to time.Duration }

// NewSchedule makes the schedule of a seed.
func NewSchedule(seed uint64, brokers int) Schedule {
	m := &maker{
		Schedule: Schedule{Seed: seed, Brokers: brokers, Disks: map[string]Medium{}},
		random:   rand.New(rand.NewPCG(seed, uint64(brokers))), // #nosec G404 -- a schedule
		busy:     map[string][]span{},
	}
	names := []schemas.AgencyID{"riverside", "probation", "northside", "harbor", "hilltop", "lakeview"}
	m.Agencies = names[:4+m.random.IntN(3)]
	m.media()
	m.traffic()
	m.members()
	for range minFaults + m.random.IntN(maxFaults-minFaults+1) {
		m.fault()
	}
	slices.SortStableFunc(m.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(m.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return m.Schedule
}

// between draws a time.
func (m *maker) between(from, to time.Duration) time.Duration {
	return (from + time.Duration(m.random.Int64N(int64(to-from)))).Round(time.Millisecond)
}

func (m *maker) agency() schemas.AgencyID { return m.Agencies[m.random.IntN(len(m.Agencies))] }

// brokers are the names of the brokers' processes.
func (s Schedule) brokers() []string {
	all := []string{broker1}
	for i := 2; i <= s.Brokers; i++ {
		all = append(all, fmt.Sprint(broker1, i))
	}
	return all
}

// media gives some processes disks of their own.
func (m *maker) media() {
	brokers := m.brokers()
	m.Disks[brokers[m.random.IntN(len(brokers))]] = []Medium{Small, Fragile}[m.random.IntN(2)]
	first := m.random.IntN(len(m.Agencies))
	m.Disks[string(m.Agencies[first])] = Fragile
	m.Disks[string(m.Agencies[(first+1)%len(m.Agencies)])] = Small
}

// traffic plans grants, the events under them, and their ends.
func (m *maker) traffic() {
	for range 3 * len(m.Agencies) {
		from, to := m.agency(), m.agency()
		if from == to {
			continue
		}
		begin := time.Duration(0)
		if len(m.Grants) >= 2*len(m.Agencies) {
			begin = m.between(time.Second, window/2)
		}
		n := len(m.Grants)
		m.Grants = append(m.Grants, Grant{from, to, m.client()})
		m.Steps = append(m.Steps, Step{At: begin, Do: Issue, Grant: n})
		end := window
		if m.random.IntN(5) < 2 {
			end = m.between(begin+time.Second, window)
			m.Steps = append(m.Steps, Step{At: end, Do: Revoke, Grant: n})
		}
		m.sends(n, begin, min(end+time.Second, window)) // some come after the end, and are refused
	}
}

// sends plans the events under a grant: mostly one at a time, at times many.
func (m *maker) sends(grant int, from, to time.Duration) {
	for range 4 + m.random.IntN(8) {
		s := Step{At: m.between(from, to), Do: Send, Grant: grant, Twice: m.random.IntN(8) == 0}
		count := 1
		if m.random.IntN(8) == 0 {
			count = 5 + m.random.IntN(20)
		}
		for range count {
			s.Events = append(s.Events, m.event())
		}
		m.Steps = append(m.Steps, s)
	}
}

// client draws a name that stands nowhere else.
func (m *maker) client() string { return "mrn-" + hex.EncodeToString(m.bytes(8)) }

func (m *maker) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.random.UintN(256))
	}
	return b
}

// event draws a UUIDv7.
func (m *maker) event() schemas.EventID {
	b := m.bytes(16)
	copy(b, []byte{0x01, 0x99}) // the year 2025
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	return schemas.EventID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

// members plans suspensions, each of another agency.
func (m *maker) members() {
	for i := range m.random.IntN(3) {
		m.Steps = append(m.Steps, Step{
			At: m.between(time.Second, window-3*time.Second), Do: Suspend, Agency: m.Agencies[i], For: m.between(500*time.Millisecond, 2*time.Second),
		})
	}
}

// crashPoints are those that a process passes while events, receipts and grants
// go their ways.
var crashPoints = map[bool][]string{
	true:  {crash.GateDecided, crash.GateCommitted, crash.GateHandedOver, crash.GateReceipted, crash.GateRevoked, crash.LedgerTiled, crash.LedgerSigned},
	false: {crash.AgentAccepted, crash.AgentFrozen, crash.AgentSubmitted, crash.AgentPulled, crash.AgentStored, crash.AgentReceipted, crash.AgentGrantRecorded},
}

// fault plans one fault, where none is already. Whatever needs a disk of its own
// goes to a process that has one.
func (m *maker) fault() {
	f := Fault{Kind: m.kind(), For: m.between(300*time.Millisecond, 2*time.Second), Seed: m.random.Uint64()}
	for range 20 {
		f.At = m.between(300*time.Millisecond, window-f.For)
		if f.Target = m.target(f.Kind); f.Target != "" && m.free(f) {
			break
		}
		f.Target = ""
	}
	if f.Target == "" {
		return // the day is full
	}
	switch f.Kind {
	case Crash:
		points := crashPoints[slices.Contains(m.brokers(), f.Target)]
		f.Point = fmt.Sprintf("%s:%d", points[m.random.IntN(len(points))], 1+m.random.IntN(5))
	case Clock:
		f.Offset = time.Duration(m.random.IntN(24)-12) * time.Hour
		if f.Offset >= 0 {
			f.Offset += time.Hour
		}
	}
	m.Faults = append(m.Faults, f)
}

func (m *maker) kind() Kind {
	all := []Kind{Kill, Kill, Kill, Crash, Crash, Crash, Pause, Pause, Cut, Cut, Slow, Deaf, Deaf, Deaf, Full, Full, Clock, Power, Power, Torn, Torn, Torn, Flip, Wipe, Restore, Clone}
	return all[m.random.IntN(len(all))]
}

// agentsOnly are faults of agents, or of their lines.
var agentsOnly = []Kind{Cut, Slow, Deaf, Restore, Clone}

// target draws a process that a kind of fault can meet, "" if there is none.
func (m *maker) target(k Kind) string {
	var all []string
	medium, special := map[Kind]Medium{Full: Small, Power: Fragile, Torn: Fragile}[k]
	for _, b := range m.brokers() {
		if slices.Contains(agentsOnly, k) || special && m.Disks[b] != medium || k == Wipe && m.Brokers > 1 {
			continue
		}
		all = append(all, b, b) // so much hangs on it
	}
	replaced := k == Restore || k == Clone // the directory itself is another's then
	for _, a := range m.Agencies {
		if k != Wipe && (!special || m.Disks[string(a)] == medium) && (!replaced || m.Disks[string(a)] == "") {
			all = append(all, string(a))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[m.random.IntN(len(all))]
}

// between two faults of one process it runs for so long.
const respite = 700 * time.Millisecond

// free reports whether the process has no other fault at that time, and takes
// the time if so.
func (m *maker) free(f Fault) bool {
	for _, s := range m.busy[f.Target] {
		if f.At < s.to+respite && s.from < f.At+f.For+respite {
			return false
		}
	}
	m.busy[f.Target] = append(m.busy[f.Target], span{f.At, f.At + f.For})
	return true
}
