package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/schemas"
)

func ledgerCommand(c *cli) *cobra.Command {
	return c.group("ledger", "Prove what the exchange recorded, and check a proof", ledgerHead(c), ledgerProve(c), ledgerVerify(c))
}

func ledgerHead(c *cli) *cobra.Command {
	var flags *agentFlags
	var network, exchange string
	cmd := c.command("head", "Print the newest signed head of the exchange's ledger that this agency has", c.arguments(), func(ctx context.Context, _ []string) error {
		if exchange != "" {
			r, err := broker.LedgerHead(filepath.Clean(exchange))
			if err != nil {
				return err
			}
			return c.print(r, func() { fmt.Fprint(c.out, r.Head) })
		}
		head, _, err := flags.ledger(ctx, schemas.NetworkID(network), "", false)
		if err != nil {
			return err
		}
		return c.print(head, func() { fmt.Fprint(c.out, head.Head) })
	})
	flags = forAgent(cmd).unlocking()
	withNetwork(cmd, &network)
	cmd.Flags().StringVar(&exchange, "broker", "", "a broker's `directory`, to read its ledger instead")
	return cmd
}

// ledger asks the running agent; if none runs, it reads the store itself.
func (f *agentFlags) ledger(ctx context.Context, n schemas.NetworkID, id schemas.EventID, content bool) (head agent.LedgerHead, proofs []agent.Proof, err error) {
	opts, err := f.options()
	if err != nil {
		return head, nil, err
	}
	client := agent.OpenClient(opts.DataDir)
	switch {
	case !client.Running(ctx):
		return agent.LedgerOf(ctx, opts, n, id, content)
	case id == "":
		head, err = client.LedgerHead(ctx, n)
	default:
		proofs, err = client.Prove(ctx, n, id, content)
	}
	return head, proofs, err
}

func ledgerProve(c *cli) *cobra.Command {
	var flags *agentFlags
	var network, out string
	var bare bool
	cmd := c.command("prove ID", "Write a proof file about an event that this agency sent or received", c.arguments("ID"), func(ctx context.Context, args []string) error {
		_, proofs, err := flags.ledger(ctx, schemas.NetworkID(network), schemas.EventID(args[0]), !bare)
		if err != nil {
			return err
		}
		if c.json {
			return c.print(proofs, nil)
		}
		for _, p := range proofs {
			if err := c.writeProof(p, out, len(proofs)); err != nil {
				return err
			}
		}
		return nil
	})
	flags = forAgent(cmd).unlocking()
	withNetwork(cmd, &network)
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write, - for standard output, or a directory (default one file an envelope, here)")
	cmd.Flags().BoolVar(&bare, "no-content", false, "leave out what was disclosed and the permission: the file then holds nothing about the client")
	return cmd
}

// writeProof writes one file, which only its owner may read.
func (c *cli) writeProof(p agent.Proof, out string, of int) error {
	text, err := p.File.Encode()
	if err != nil {
		return err
	}
	if out == "-" {
		_, err := c.out.Write(text)
		return err
	}
	name := "proof-" + string(p.Envelope) + ".json"
	info, statErr := os.Stat(out)
	switch {
	case out == "":
		out = name
	case statErr == nil && info.IsDir():
		out = filepath.Join(out, name)
	case of > 1:
		return misuse{errors.New("--out names one file, and the event went to several partners"), "name a directory instead"}
	}
	if err := atomicfile.Write(out, text, 0o600); err != nil {
		return err
	}
	c.say("%s", out)
	return nil
}

func ledgerVerify(c *cli) *cobra.Command {
	var key, dir, hub string
	cmd := c.command("verify [FILE...]", "Check proof files, or a broker's whole ledger, from files alone", cobra.ArbitraryArgs, func(ctx context.Context, args []string) error {
		public, err := publicKey(key)
		switch {
		case err != nil:
			return err
		case hub != "" && dir == "" && len(args) == 0:
			return c.verifyHub(ctx, filepath.Clean(hub))
		case dir != "" && hub == "" && len(args) == 0:
			return c.verifyLedger(filepath.Clean(dir), public)
		case dir == "" && hub == "" && len(args) > 0:
			return c.verifyFiles(args, public)
		}
		return misuse{errors.New("name proof files, or --ledger DIR, or --hub DIR"), ""}
	})
	cmd.Flags().StringVar(&key, "key", "", "the broker's public key: base64, a file with it, or its key id (default: the file's own, to be compared)")
	cmd.Flags().StringVar(&dir, "ledger", "", "a broker's ledger `directory`: every tile is held against its signed head")
	cmd.Flags().StringVar(&hub, "hub", "", "a stopped broker's data `directory`: its ledger, and every record of its hub against it")
	return cmd
}

// brokerKey is what --key says: the key itself, or only its id.
type brokerKey struct {
	public ed25519.PublicKey
	id     schemas.KeyID
}

func publicKey(text string) (brokerKey, error) {
	if b, err := os.ReadFile(text); err == nil && text != "" { // #nosec G304 -- the file that was named
		text = strings.TrimSpace(string(b))
	}
	if text == "" {
		return brokerKey{}, nil
	}
	if id := schemas.KeyID(text); id.Valid() {
		return brokerKey{id: id}, nil
	}
	if b, err := base64.StdEncoding.DecodeString(text); err == nil && len(b) == ed25519.PublicKeySize {
		return brokerKey{public: b, id: schemas.KeyIDOf(b)}, nil
	}
	return brokerKey{}, schemas.Malformed("--key", "must be an Ed25519 public key in base64, a file with one, or a key id of 22 characters")
}

func (c *cli) verifyLedger(dir string, key brokerKey) error {
	if key.public == nil {
		return misuse{errors.New("--key is missing"), "give the broker's public key: `linkage ledger head --broker DIR --json` shows its id, a proof file holds it"}
	}
	reports, err := broker.VerifyLedger(dir, key.public)
	if err != nil {
		return judge(err)
	}
	return c.print(reports, func() {
		for _, r := range reports {
			c.say("%s: whole; %s of network %s, epoch %s, signed by broker key %s", r.Dir, count(int(r.Size), "entry", "entries"), r.Network, r.Epoch, r.Broker.Fingerprint())
		}
	})
}

func (c *cli) verifyHub(ctx context.Context, dir string) error {
	began := time.Now()
	r, err := broker.VerifyHub(ctx, dir)
	if err != nil {
		err = judge(err)
	}
	if r.Size == 0 && err != nil {
		return err
	}
	printed := c.print(r, func() {
		if err == nil {
			c.say("%s: whole; %s of network %s, epoch %s, signed by broker key %s", r.Dir, count(int(r.Size), "entry", "entries"), r.Network, r.Epoch, r.Broker.Fingerprint())
			c.say("the hub: %d records are what the ledger says, %d are newer than its head (%.1f s)", r.Records, r.Beyond, time.Since(began).Seconds())
		}
		for _, position := range r.Differ {
			c.say("position %d: the hub's record is not the one that the ledger has an entry of", position)
		}
		if more := r.Differing - uint64(len(r.Differ)); more > 0 {
			c.say("and %d more", more)
		}
	})
	return errors.Join(err, printed)
}

// verified is what `verify --json` says of one file.
type verified struct {
	File   string          `json:"file"`
	Holds  bool            `json:"holds"`
	Broker schemas.KeyID   `json:"broker,omitempty"`
	Proves []string        `json:"proves,omitempty"`
	Error  schemas.Refusal `json:"error,omitzero"`
}

// verifyFiles checks every file, also after one that does not hold.
func (c *cli) verifyFiles(files []string, key brokerKey) error {
	all := []verified{}
	var failed error
	for _, name := range files {
		v, err := verifyFile(name, key)
		if err != nil && failed == nil {
			failed = judge(fmt.Errorf("%s: %w", name, err))
		}
		all = append(all, v)
	}
	err := c.print(all, func() {
		for i, v := range all {
			if i > 0 {
				c.say("")
			}
			c.sayVerified(v, key)
		}
	})
	return errors.Join(failed, err)
}

// judge tells what was checked and does not hold from what could not be checked.
func judge(err error) error {
	switch schemas.CodeOf(err) {
	case "":
		return err
	case schemas.CodeBadSignature, schemas.CodeHistoryForked, schemas.CodeUnknownSigningKey:
		return judged{err, exitRefused}
	}
	return judged{err, exitFailed}
}

func (c *cli) sayVerified(v verified, key brokerKey) {
	if !v.Holds {
		c.say("%s: DOES NOT HOLD: it proves nothing", v.File)
		return
	}
	c.say("%s: holds", v.File)
	for _, line := range v.Proves {
		c.say("  - %s", plain(line))
	}
	if key.id == "" {
		c.say("  All of this rests on the broker's key %s.", v.Broker.Fingerprint())
		c.say("  The file brings that key itself: compare the fingerprint with one that you had from the network.")
	}
}

// maxProofFile is one byte more than a proof may have.
const maxProofFile = schemas.MaxLedgerProof + 1

func verifyFile(name string, key brokerKey) (verified, error) {
	v := verified{File: name}
	f, err := os.Open(name) // #nosec G304 -- the file that was named
	if err != nil {
		return v, bareFile(err)
	}
	defer func() { _ = f.Close() }() // only read from
	b, err := io.ReadAll(io.LimitReader(f, maxProofFile))
	if err != nil {
		return v, bareFile(err)
	}
	file, err := schemas.ParseLedgerProof(b)
	var p schemas.Proven
	if err == nil {
		p, err = file.Check(key.public)
	}
	if err == nil && key.id != "" && p.Broker != key.id {
		err = schemas.Refuse(schemas.CodeUnknownSigningKey, "key", "must be the broker's key that was given", "ask who made the file with which key; it may be of another network")
	}
	if err != nil {
		v.Error = schemas.RefusalOf(err)
		return v, err
	}
	v.Holds, v.Broker, v.Proves = true, p.Broker, p.Statements()
	return v, nil
}

// bareFile is an error of the file system as misuse: the name was wrong.
func bareFile(err error) error {
	return misuse{bare(err), "name a proof file that `linkage ledger prove` wrote"}
}
