package broker

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/ledger"
	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/internal/clock"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/schemas"
)

// NewEpochOptions say which broker begins anew, and why.
type NewEpochOptions struct {
	DataDir string
	// Reason is wiped, restored or corrupt.
	Reason string
	// DryRun changes nothing.
	DryRun bool
	Now    func() time.Time
}

// NewEpochPlan is what a new epoch does, or did. Nothing is ever deleted.
type NewEpochPlan struct {
	Network  schemas.NetworkID `json:"network"`
	Previous schemas.ULID      `json:"previous"`
	Epoch    schemas.ULID      `json:"epoch,omitempty"` // "" for a dry run
	Reason   string            `json:"reason"`
	// Roll is the number of the roll with which the epoch begins, and the lowest
	// that may come. Members counts those on it by standing.
	Roll    uint64                       `json:"roll"`
	Members map[schemas.MemberStatus]int `json:"members"`
	// Moves are directories that are put aside, into Aside.
	Moves []string `json:"moves"`
	Aside string   `json:"aside"`
	// Records is how many records the hub had, as far as that is known.
	Records uint64 `json:"records"`
	// Warnings are what the lead agency should look at before it goes on.
	Warnings []string `json:"warnings"`

	records  leadRecords
	network  networkFile
	lastHead *string
}

// NewEpoch declares that a broker's hub begins anew, empty, and that its agents
// shall bring back what they hold. The broker must not run. What is there of the
// old hub is put aside. It may be called again if it was interrupted.
func NewEpoch(lead *Lead, opts NewEpochOptions) (NewEpochPlan, error) {
	if opts.Now == nil {
		opts.Now = clock.Now
	}
	if !slices.Contains(schemas.EpochReasons, opts.Reason) || opts.Reason == "founded" {
		return NewEpochPlan{}, schemas.Malformed("reason", "must be wiped, restored or corrupt")
	}
	now := opts.Now()
	plan, err := planEpoch(lead, opts, now)
	if err != nil || opts.DryRun {
		return plan, err
	}
	epoch := schemas.Epoch{
		V: 1, Network: plan.Network, Epoch: schemas.NewULID(now), Previous: &plan.Previous, Reason: opts.Reason,
		LastHead: plan.lastHead, Time: schemas.At(now), Roll: plan.Roll,
	}
	statement, err := schemas.Sign(schemas.RecordEpoch, epoch, lead.key)
	if err != nil {
		return plan, err
	}
	plan.Epoch = epoch.Epoch
	plan.records.Epochs = append(plan.records.Epochs, statement)
	plan.network.Epochs, plan.network.Roll = plan.records.Epochs, *plan.records.Roll
	return plan, plan.carryOut(lead, opts.DataDir)
}

// carryOut writes the statement first and the mark last: a broker that starts in
// between finds that the two are not of one epoch, and does not serve.
func (p NewEpochPlan) carryOut(lead *Lead, dir string) error {
	if err := lead.keep(p.records); err != nil {
		return err
	}
	crash.Point(crash.EpochSigned)
	if err := writeJSON(filepath.Join(dir, fileNetwork), p.network); err != nil {
		return err
	}
	crash.Point(crash.EpochDeclared)
	if len(p.Moves) > 0 {
		if err := os.MkdirAll(p.Aside, 0o700); err != nil {
			return fmt.Errorf("put aside: %w", err)
		}
	}
	for _, name := range p.Moves {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(p.Aside, name)); err != nil {
			return fmt.Errorf("put aside: %w", err)
		}
	}
	for _, d := range []string{p.Aside, filepath.Dir(p.Aside), dir} {
		if err := atomicfile.SyncDir(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	crash.Point(crash.EpochMoved)
	return writeMark(dir, mark{Epoch: p.Epoch})
}

// planEpoch reads what is there and finds out what a new epoch would do.
func planEpoch(lead *Lead, opts NewEpochOptions, now time.Time) (NewEpochPlan, error) {
	network, present, err := readNetwork(opts.DataDir)
	if err != nil {
		return NewEpochPlan{}, err
	}
	if _, err := readKeys(opts.DataDir); err != nil {
		return NewEpochPlan{}, err
	}
	if lead.Key() != schemas.KeyIDOf(network.AdmissionKey) {
		return NewEpochPlan{}, schemas.Refuse(schemas.CodeUnknownSigningKey, "admission key", "must be the one of network "+string(network.Network), "name the right directory with --lead")
	}
	used, err := transport.InUse(filepath.Join(opts.DataDir, dirNATS))
	if err != nil {
		return NewEpochPlan{}, err
	}
	if used {
		return NewEpochPlan{}, schemas.Refuse(schemas.CodeUnavailable, "broker", "must not run while a new epoch is declared", "stop it first")
	}
	plan := NewEpochPlan{
		Network: network.Network, Reason: opts.Reason, Members: map[schemas.MemberStatus]int{}, Moves: []string{}, Warnings: []string{}, network: network,
		Aside: filepath.Join(opts.DataDir, dirOld, now.UTC().Format("2006-01-02T150405Z")+"-"+string(present.Epoch)),
	}
	if err := plan.readLead(lead); err != nil {
		return plan, err
	}
	plan.readHub(opts.DataDir, present.Epoch)
	return plan, nil
}

// readLead takes the statements and the roll from the lead's directory or the
// broker's, whichever knows more.
func (p *NewEpochPlan) readLead(lead *Lead) error {
	kept, err := lead.records()
	if err != nil {
		return err
	}
	if len(kept.Epochs) < len(p.network.Epochs) {
		kept.Epochs = p.network.Epochs
	}
	public := lead.key.Public().(ed25519.PublicKey)
	known, err := schemas.PeekRecord[schemas.Epoch](p.network.statement(), schemas.RecordEpoch)
	if err != nil {
		return err
	}
	last, err := schemas.CurrentEpoch(kept.Epochs, public, p.Network, known.Epoch)
	if err != nil {
		return err
	}
	p.Previous = last.Epoch
	if kept.Roll == nil {
		p.Warnings = append(p.Warnings, "the lead's directory holds no roll: a member that was suspended since the founding could come back; use the directory with which members were invited and suspended")
	}
	roll, err := lead.newestRoll(p.network.Roll)
	if err != nil {
		return err
	}
	if kept.Roll == nil || roll.Number != rollNumber(*kept.Roll) {
		kept.Roll = &p.network.Roll
	}
	p.Roll = roll.Number
	for _, m := range roll.Members {
		p.Members[m.Status]++
	}
	p.records = kept
	return nil
}

// rollNumber is 0 for what is no roll.
func rollNumber(rec schemas.SignedRecord) uint64 {
	roll, _ := schemas.PeekRecord[schemas.Roll](rec, schemas.RecordRoll) // see above
	return roll.Number
}

// readHub finds what is left of the old epoch. It does not open the hub, which
// may be damaged.
func (p *NewEpochPlan) readHub(dir string, epoch schemas.ULID) {
	var m mark
	if err := readJSON(filepath.Join(dir, fileMark), &m); err == nil {
		p.Records = m.Position
	}
	if head, err := os.ReadFile(filepath.Join(dir, dirLedger, string(epoch), ledger.FileHead)); err == nil { // #nosec G304 -- the broker's own directory
		if h, err := schemas.PeekLedgerHead(string(head)); err == nil {
			text := string(head)
			p.lastHead, p.Records = &text, max(p.Records, h.Size)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, dirNATS)); err == nil {
		p.Moves = append(p.Moves, dirNATS)
	}
}
