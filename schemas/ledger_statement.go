package schemas

import (
	"fmt"
	"strings"
	"time"
)

// Statements says in plain words, for a person who was given the file, what a
// proof shows and what it does not.
func (p Proven) Statements() []string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for i, e := range p.Entries {
		say("The broker of network %s signed that entry %d of its ledger, epoch %s, is: %s", p.Network, e.Position, e.Epoch, e.inWords())
		if i > 0 {
			continue
		}
		say("The ledger had %d entries when that head was signed; none of them can be changed since without showing it.", p.Heads[0].Size)
	}
	first := p.Entries[0]
	if p.Envelope != nil {
		say("The envelope was signed by the key %s, which the file says is %s's: compare it with that agency's card.", p.Sender.Fingerprint(), first.Sender)
	}
	if p.Receipt != nil {
		say("%s signed on %s that it stored this envelope, with the key %s: compare it with that agency's card.", first.Recipient, moment(p.Receipt.At.Time), p.Recipient.Fingerprint())
	}
	switch {
	case p.Event == nil:
		say("What was in the envelope is not part of the file.")
	case p.Bound:
		say("%s signed that what it sent in this envelope is the event %s: %s.", first.Sender, p.Event.ID(), p.Event.Type())
	default:
		say("%s signed the event %s (%s), but not that it went in this envelope.", first.Sender, p.Event.ID(), p.Event.Type())
	}
	if p.Terms != nil {
		say("%s signed the permission for it: grant %s, basis %s, %s.", first.Sender, p.Terms.ID, p.Terms.Basis, cellsInWords(p.Terms.Cells))
	}
	return all
}

// inWords is an entry as a person reads it.
func (e LedgerEntry) inWords() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s", e.Kind, moment(e.Time))
	if e.Sender != "" {
		fmt.Fprintf(&b, ", by %s", e.Sender)
	}
	if e.Recipient != "" {
		fmt.Fprintf(&b, ", for %s", e.Recipient)
	}
	if e.Envelope != "" {
		fmt.Fprintf(&b, ", envelope %s", e.Envelope)
	}
	if e.Grant != "" {
		fmt.Fprintf(&b, ", under grant %s", e.Grant)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, ", code %s", e.Code)
	}
	if e.Hash != nil {
		fmt.Fprintf(&b, ", hash %s", e.Hash)
	}
	return b.String() + "."
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func cellsInWords(cells []Cell) string {
	words := make([]string, len(cells))
	for i, c := range cells {
		words[i] = fmt.Sprintf("%s for %s", c.Category, c.Purpose)
	}
	return strings.Join(words, ", ")
}
