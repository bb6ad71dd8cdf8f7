package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/link"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/agent/internal/vault"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Hop is one step from this agency's records to its broker and back.
type Hop string

// The hops, in order. The first broken one is the cause.
const (
	HopStore       Hop = "store"
	HopJoined      Hop = "joined"
	HopName        Hop = "name"
	HopProxy       Hop = "proxy"
	HopPort        Hop = "port"
	HopEncryption  Hop = "encryption"
	HopIdentity    Hop = "identity"
	HopClock       Hop = "clock"
	HopStanding    Hop = "standing"
	HopCredentials Hop = "credentials"
	HopSignIn      Hop = "sign-in"
	HopCanary      Hop = "canary"
)

// hopNames are for people.
var hopNames = map[Hop]string{
	HopStore:       "records of this agency",
	HopJoined:      "member of a network",
	HopName:        "address of the exchange",
	HopProxy:       "proxy of this office",
	HopPort:        "way to the exchange",
	HopEncryption:  "encrypted connection",
	HopIdentity:    "identity of the exchange",
	HopClock:       "clock of this machine",
	HopStanding:    "standing in the network",
	HopCredentials: "credentials",
	HopSignIn:      "sign-in at the exchange",
	HopCanary:      "test message to ourselves",
}

// networkHops are those of one network.
var networkHops = []Hop{
	HopName, HopProxy, HopPort, HopEncryption, HopIdentity, HopClock, HopStanding, HopCredentials, HopSignIn, HopCanary,
}

// Check is one hop: what was expected of it and what was found. It names no
// client and holds no secret.
type Check struct {
	Network schemas.NetworkID `json:"network,omitempty"`
	Hop     Hop               `json:"hop"`
	Name    string            `json:"name"`
	OK      bool              `json:"ok"`
	// Cause marks the first broken hop of a network; Skipped those behind it,
	// which were not tried.
	Cause    bool   `json:"cause,omitempty"`
	Skipped  bool   `json:"skipped,omitempty"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found"`
	Remedy   string `json:"remedy,omitempty"`
}

// Broken returns the causes: what has to be mended first, in each network.
func Broken(checks []Check) []Check {
	return slices.DeleteFunc(slices.Clone(checks), func(c Check) bool { return !c.Cause })
}

// canaryWait is how long the test message may take.
const canaryWait = 30 * time.Second

// Diagnose looks at every hop to every broker of a running agent. It changes
// nothing but for the test message.
func (a *Agent) Diagnose(ctx context.Context) []Check {
	d := diagnosis{opts: a.opts}
	d.begin("")
	d.note(HopStore, link.Finding{OK: true, Expected: "they open", Found: "the agent runs and uses them"})
	all := a.all()
	slices.SortFunc(all, func(x, y *membership) int { return cmp.Compare(x.network, y.network) })
	d.joined(len(all))
	for _, m := range all {
		m.mu.Lock()
		record := m.record
		m.mu.Unlock()
		d.network(ctx, record, m)
	}
	return d.checks
}

// Diagnose looks at every hop to every broker of an agent that does not run.
// It opens the store for reading only; if another process has it open, that is
// said, and that process is the one to ask.
func Diagnose(ctx context.Context, opts Options) ([]Check, error) {
	opts.SetDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	d := diagnosis{opts: opts}
	d.begin("")
	records, err := joinedRecords(opts)
	found := storeFinding(opts, err)
	d.note(HopStore, found)
	if err != nil {
		d.skip(HopJoined)
		return d.checks, nil
	}
	d.joined(len(records))
	for _, r := range records {
		d.network(ctx, r, nil)
	}
	return d.checks, nil
}

// joinedRecords reads the memberships of an agent that does not run.
func joinedRecords(opts Options) (records []membershipRecord, err error) {
	a, err := openStopped(opts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.store.Close()) }()
	all, err := a.readMemberships()
	all = slices.DeleteFunc(all, func(r membershipRecord) bool { return !r.Joined })
	slices.SortFunc(all, func(x, y membershipRecord) int { return cmp.Compare(x.Target.Network, y.Target.Network) })
	return all, err
}

// storeFinding says in words whether the records of an agent that does not run
// can be read.
func storeFinding(opts Options, err error) link.Finding {
	f := link.Finding{OK: err == nil, Expected: "the directory " + opts.DataDir + " holds them, and they open", Found: "they open; the agent does not run"}
	refusal, refused := errors.AsType[*schemas.Error](err)
	advice, advised := errors.AsType[interface {
		error
		Advice() string
	}](err)
	switch {
	case err == nil:
	case !Initialised(opts.DataDir):
		f.Found, f.Remedy = "no agent's records in that directory", refusal.Remedy
	case errors.Is(err, store.ErrInUse):
		f.Found = "another process has them open: the agent runs and uses them"
		f.Remedy = "ask the running agent: name its directory with --data, or look whether it still starts or hangs"
	case refused:
		f.Found, f.Remedy = refusal.Field+" "+refusal.Rule, refusal.Remedy
	case advised:
		f.Found, f.Remedy = err.Error(), advice.Advice()
	default:
		f.Found, f.Remedy = err.Error(), "look at this file and its owner; if it is damaged, restore the last backup"
	}
	return f
}

// diagnosis collects checks, one network after the other.
type diagnosis struct {
	opts   Options
	checks []Check
	at     schemas.NetworkID
	broken bool
}

func (d *diagnosis) begin(n schemas.NetworkID) { d.at, d.broken = n, false }

// note adds what was found at a hop and reports whether it is in order.
func (d *diagnosis) note(h Hop, f link.Finding) bool {
	c := Check{Network: d.at, Hop: h, Name: hopNames[h], OK: f.OK, Expected: f.Expected, Found: f.Found}
	if !f.OK {
		c.Cause, c.Remedy, d.broken = !d.broken, f.Remedy, true
	}
	d.checks = append(d.checks, c)
	return f.OK
}

func (d *diagnosis) skip(hops ...Hop) {
	for _, h := range hops {
		d.checks = append(d.checks, Check{Network: d.at, Hop: h, Name: hopNames[h], Skipped: true, Found: "not tried"})
	}
}

func (d *diagnosis) joined(n int) {
	f := link.Finding{OK: n > 0, Expected: "at least one", Found: "none", Remedy: "ask a network's lead agency for a code, then run `linkage agent join CODE`"}
	if f.OK {
		f.Found = fmt.Sprintf("%d joined", n)
	}
	d.note(HopJoined, f)
}

// network looks at the hops of one network, up to the first that the others
// depend on. running is nil if the agent does not run.
func (d *diagnosis) network(ctx context.Context, r membershipRecord, running *membership) {
	d.begin(r.Target.Network)
	target := (&Agent{opts: d.opts}).reached(r.Target)
	probe := link.NewProbe(target)
	defer probe.Close()
	done := 0
	step := func(f link.Finding) bool {
		done++
		return d.note(networkHops[done-1], f)
	}
	way := func() bool {
		if !step(probe.Name(ctx)) {
			return false
		}
		proxy, reach := probe.Proxy(ctx)
		if !step(proxy) {
			return false
		}
		if reach == nil {
			f := probe.Reach(ctx)
			reach = &f
		}
		return step(*reach) && step(probe.Encrypt(ctx)) && step(probe.Identify(ctx))
	}
	if way() {
		d.member(ctx, r, running, probe)
		return
	}
	d.skip(networkHops[done:]...)
}

// member looks at what depends on this agency, at a broker that was identified.
func (d *diagnosis) member(ctx context.Context, r membershipRecord, running *membership, probe *link.Probe) {
	clock := d.note(HopClock, clockFinding(d.opts.Now(), probe.Clock()))
	identity, err := vault.ParseIdentity(r.Identity)
	if err != nil {
		d.note(HopStanding, link.Finding{Expected: "this agency's keys", Found: "keys that cannot be read", Remedy: "restore the last backup"})
		d.skip(HopCredentials, HopSignIn, HopCanary)
		return
	}
	if !d.note(HopStanding, standingFinding(ctx, r, identity, probe)) {
		d.skip(HopCredentials, HopSignIn, HopCanary)
		return
	}
	if !d.note(HopCredentials, credentialsFinding(r.JWTExpires.Time, probe.Clock())) {
		d.skip(HopSignIn, HopCanary)
		return
	}
	signedIn := d.note(HopSignIn, signIn(r, identity, running, probe))
	switch {
	case !signedIn || !clock:
		d.skip(HopCanary)
	case running == nil:
		d.checks = append(d.checks, Check{
			Network: d.at, Hop: HopCanary, Name: hopNames[HopCanary], Skipped: true, Found: "not tried: only the running agent can send one",
		})
	default:
		d.note(HopCanary, canaryFinding(ctx, running))
	}
}

func clockFinding(here, there time.Time) link.Finding {
	f := link.Finding{
		OK: true, Expected: "at most 5 minutes from the exchange's, whatever the time zone", Found: "agrees with the exchange's",
	}
	ahead := here.Sub(there).Truncate(time.Second)
	if ahead.Abs() > 2*time.Second {
		way := "ahead of"
		if ahead < 0 {
			way = "behind"
		}
		f.Found = fmt.Sprintf("%s %s the exchange's: here it is %s, there %s", ahead.Abs(), way, here.UTC().Format(clockLayout), there.UTC().Format(clockLayout))
	}
	if ahead.Abs() > schemas.MaxClockSkew {
		f.OK, f.Remedy = false, "set this machine's clock, and let it be set from the network (NTP) from now on; if it is right, tell the exchange's operator"
	}
	return f
}

const clockLayout = "2006-01-02 15:04:05 UTC"

// standingFinding asks the broker how this agency stands. The proof is dated by
// the broker's clock, so that a wrong one here is no obstacle.
func standingFinding(ctx context.Context, r membershipRecord, identity vault.Identity, probe *link.Probe) link.Finding {
	f := link.Finding{Expected: fmt.Sprintf("%s is an active member of %s", r.Agency, r.Target.Network)}
	proof, err := schemas.Sign(schemas.RecordHello, schemas.Hello{
		V: 1, Network: r.Target.Network, Nonce: string(schemas.NewGrantID()), Key: identity.Public().Signing, Time: schemas.At(probe.Clock()),
	}, identity.SigningKey())
	var status schemas.MemberStatus
	if err == nil {
		status, err = link.NewDoor(probe.Trusted()).Standing(ctx, r.Agency, proof)
	}
	switch {
	case schemas.CodeOf(err) == schemas.CodeNotMember:
		f.Found, f.Remedy = "the exchange knows no such member with this agency's key", "ask the network's lead agency; it may have to invite this agency again"
	case err != nil:
		f.Found, f.Remedy = "the exchange did not say", "try again in a minute; if it stays so, tell the exchange's operator"
	case status == schemas.MemberActive:
		f.OK, f.Found = true, "active"
	case status == schemas.MemberLeft:
		f.Found, f.Remedy = "it has left the network", "if that is wrong, speak with the network's lead agency"
	default:
		f.Found, f.Remedy = string(status), "speak with the network's lead agency; this agency can still revoke, and what arrives meanwhile is kept for it"
	}
	return f
}

func credentialsFinding(expires, now time.Time) link.Finding {
	f := link.Finding{OK: now.Before(expires), Expected: "not expired", Found: "valid until " + expires.UTC().Format(time.DateOnly)}
	if !f.OK {
		f.Found = "expired on " + expires.UTC().Format(time.DateOnly)
		f.Remedy = "run the agent (`linkage agent run`): it asks for new ones by itself within a minute"
	}
	return f
}

// signIn is the running agent's connection, or an attempt of our own.
func signIn(r membershipRecord, identity vault.Identity, running *membership, probe *link.Probe) link.Finding {
	if running == nil {
		return link.SignIn(link.Options{
			Target: probe.Trusted(), User: identity.Public().User, Sign: identity.SignNonce,
			JWT: func() (string, error) { return r.JWT, nil },
		})
	}
	f := link.Finding{OK: true, Expected: "the agent is connected", Found: "it is"}
	if l := running.link.Load(); !l.Connected() {
		f.OK = false
		f.Found, f.Remedy = "it is not, and tries again every few seconds", "wait a minute and run this again"
		if err := l.LastError(); err != nil {
			f.Found, f.Remedy = link.SignInFault(err)
		}
	}
	return f
}

// canaryFinding sends a message through outbox, gate and inbox to this agency
// itself.
func canaryFinding(ctx context.Context, m *membership) link.Finding {
	f := link.Finding{Expected: fmt.Sprintf("it comes back within %s", canaryWait)}
	if m.ledger.Forked() {
		f.Found = "nothing is sent: the exchange's history does not hold together"
		f.Remedy = "read the alarm in `linkage agent status`, and ask the network's lead agency; what is accepted here is kept"
		return f
	}
	if _, away, err := m.offering(); err == nil && away {
		f.Found, f.Remedy = "the exchange began anew, and this agency has not come back to it yet", "wait a minute; then look at the agent's log for why"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, canaryWait)
	defer cancel()
	took, err := m.canary(ctx)
	if err == nil {
		f.OK, f.Found = true, fmt.Sprintf("it came back after %s", took.Round(time.Millisecond))
		return f
	}
	f.Found, f.Remedy = "it did not come back", "look at `linkage agent status` for what waits and why"
	err = m.store.View(func(tx durable.Tx) error {
		all, err := outbox.Active(tx)
		for _, t := range all {
			if t.Recipient == m.own && t.Refusal.Code != "" {
				f.Found, f.Remedy = "it is held up: "+t.Refusal.Rule, cmp.Or(t.Refusal.Remedy, f.Remedy)
			}
		}
		return err
	})
	if err != nil {
		f.Found, f.Remedy = "the records of this agency cannot be read", "look at the agent's log"
	}
	return f
}
