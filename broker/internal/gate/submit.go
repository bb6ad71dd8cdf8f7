package gate

import (
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// submission is one envelope on its way through the gate.
type submission struct {
	account string
	header  map[string][]string
	data    []byte
	reply   func(schemas.SubmitReply)

	// Set by prepare, read after ready is closed:
	ready    chan struct{}
	envelope schemas.Envelope
	hash     schemas.Hash
	sender   schemas.AgencyID
	refusal  error // of the steps before the chain and the duplicates
	late     error // of the steps after the duplicates
}

// Submit takes one envelope from a member's account. It returns at once; reply
// is called once, after the decision is on disk. Envelopes of one account that
// are submitted one after the other are decided in that order.
func (g *Gate) Submit(account string, header map[string][]string, data []byte, reply func(schemas.SubmitReply)) {
	s := &submission{account: account, header: header, data: data, reply: reply, ready: make(chan struct{})}
	if !g.rates.allow(account, g.now()) {
		s.sender, _ = g.members.AgencyOf(account)
		s.envelope.ID = schemas.EventID(s.id())
		s.refusal = schemas.Refuse(schemas.CodeOverRate, "", "must not exceed this member's rate", "wait a second and send again; nothing was lost")
		if !g.refusals.note(s.sender, schemas.CodeOverRate, g.now()) {
			g.answer(s, g.refusedReply(s, s.refusal))
			return
		}
		close(s.ready)
		g.enqueue(s)
		return
	}
	if g.enqueue(s) {
		g.jobs <- s // never blocks: the queue before it is as long
	}
}

// enqueue gives a submission its place in the writer's order.
func (g *Gate) enqueue(s *submission) bool {
	select {
	case g.queue <- &task{envelope: s}:
		return true
	default:
		g.answer(s, g.refusedReply(s, schemas.Refuse(schemas.CodeUnavailable, "", "the broker has too much waiting", "try again later; nothing was lost")))
		return false
	}
}

func (s *submission) id() string {
	if v := s.header["ce-id"]; len(v) == 1 && schemas.EventID(v[0]).Valid() {
		return v[0]
	}
	return ""
}

// verify prepares submissions until the gate stops.
func (g *Gate) verify() {
	for {
		select {
		case s := <-g.jobs:
			g.prepare(s)
			close(s.ready)
		case <-g.ctx.Done():
			return
		}
	}
}

// prepare does what needs no order: form, sender, clock, signature, recipient's
// key. The writer does the rest, and these again as far as they can change.
func (g *Gate) prepare(s *submission) {
	var err error
	if s.envelope, err = schemas.ParseEnvelope(s.header, s.data); err != nil {
		s.envelope.ID = schemas.EventID(s.id())
		s.sender, _ = g.members.AgencyOf(s.account)
		s.refusal = err
		return
	}
	s.hash = s.envelope.Hash()
	now := g.now()
	if s.sender, s.refusal = g.checkSender(s); s.refusal != nil {
		return
	}
	if s.refusal = checkClock(s.envelope, now); s.refusal != nil {
		return
	}
	e := s.envelope
	key, ok := g.members.SigningKey(s.sender, e.SigningKey(), now)
	if !ok {
		s.late = schemas.Refuse(schemas.CodeUnknownSigningKey, "ce-dssematerial", "must be made with a live signing key of the sender", "publish the card with the new key first")
		return
	}
	s.late = e.Verify(key)
}

// checkSender is step 3: the account that the server vouches for, the member
// and the claim in the envelope are the same.
func (g *Gate) checkSender(s *submission) (schemas.AgencyID, error) {
	a, ok := g.members.AgencyOf(s.account)
	status, joined := g.members.Standing(a)
	switch {
	case !ok || !joined || status == schemas.MemberLeft:
		return a, schemas.Refuse(schemas.CodeNotMember, "", "must come from a member of the network", "join the network first")
	case status != schemas.MemberActive:
		return a, schemas.Refuse(schemas.CodeSuspended, "", "must not come from a suspended member", "speak with the network's lead agency")
	case s.envelope.Sender != "" && s.envelope.Sender != a:
		return a, schemas.Refuse(schemas.CodeSenderMismatch, "ce-source", "must be the agency whose connection this is", "send as this agency")
	}
	return a, nil
}

// checkClock is the second half of step 4.
func checkClock(e schemas.Envelope, now time.Time) error {
	if e.Time.After(now.Add(schemas.MaxClockSkew)) {
		return schemas.Refuse(schemas.CodeClockSkew, "ce-time", fmt.Sprintf("must not be more than %s ahead of the broker's clock", schemas.MaxClockSkew), "set this machine's clock")
	}
	if !e.Expiry.IsZero() && !now.Before(e.Expiry) {
		return schemas.Refuse(schemas.CodeExpired, "ce-expirytime", "must lie in the future", "decide whether it should still be sent")
	}
	return nil
}

// chainHead is where a chain stands within a batch.
type chainHead struct {
	sequence uint64 // of the last envelope
	hash     schemas.Hash
	broken   uint64 // the sequence that was refused in this commit or before, 0 if none
}

func (g *Gate) head(b *batch, p pair) *chainHead {
	h := b.chains[p]
	if h == nil {
		h = &chainHead{}
		if c := g.state.chains[p]; c != nil {
			h.sequence, h.hash = uint64(len(c.positions)), c.last
		}
		b.chains[p] = h
	}
	return h
}

// decideEnvelope takes one envelope through the steps in order; the first that
// fails answers.
func (g *Gate) decideEnvelope(b *batch, s *submission) {
	e := s.envelope
	p := pair{s.sender, e.Chain, e.Recipient}
	if err := g.earlySteps(b, s); err != nil {
		g.refuse(b, s, p, err)
		return
	}
	if position, duplicate, err := g.committed(b, s, p); err != nil {
		g.refuse(b, s, p, err)
		return
	} else if duplicate {
		b.after = append(b.after, func(uint64) { g.answer(s, g.reply(s, schemas.ResultDuplicate, position)) })
		return
	}
	if err := g.lateSteps(b, s, p); err != nil {
		g.refuse(b, s, p, err)
		return
	}
	h := g.head(b, p)
	h.sequence, h.hash, h.broken = e.Sequence, s.hash, 0
	b.from[[2]schemas.AgencyID{e.Recipient, s.sender}]++
	b.newest[s.sender] = e.Chain
	offset := b.add(envelopeRecord(s))
	b.after = append(b.after, func(before uint64) {
		g.answer(s, g.reply(s, schemas.ResultAccepted, before+offset))
		g.opts.Hint(e.Recipient, before+offset)
	})
}

// earlySteps are 1 to 4.
func (g *Gate) earlySteps(b *batch, s *submission) error {
	if s.refusal != nil {
		return s.refusal
	}
	if _, err := g.checkSender(s); err != nil {
		return err
	}
	e := s.envelope
	waiting := b.from[[2]schemas.AgencyID{e.Recipient, s.sender}]
	if box := g.state.boxes[e.Recipient]; box != nil {
		waiting += box.from[s.sender]
	}
	if waiting >= g.opts.Limits.Mailbox {
		return schemas.Refuse(schemas.CodeQuota, "ce-recipient", fmt.Sprintf("must have fewer than %d of this sender's envelopes waiting", g.opts.Limits.Mailbox), "telephone the recipient: it has not collected its mail")
	}
	return nil
}

// committed is step 5: was this sequence of the chain committed before?
func (g *Gate) committed(b *batch, s *submission, p pair) (position uint64, duplicate bool, err error) {
	conflict := schemas.Refuse(schemas.CodeChainConflict, "ce-sequence", "must not stand for two different envelopes", "find out whether two copies of this agency's Linkage are running")
	h, e := g.head(b, p), s.envelope
	if e.Sequence > h.sequence {
		newest := max(g.state.newest[s.sender], b.newest[s.sender])
		if e.Chain < newest {
			return 0, false, schemas.Refuse(schemas.CodeChainConflict, "ce-chain", "must be this agency's newest chain", "stop the older copy of this agency's Linkage")
		}
		return 0, false, nil
	}
	c := g.state.chains[p]
	if c == nil || e.Sequence > uint64(len(c.positions)) { // committed in this very batch
		if e.Sequence == h.sequence && s.hash == h.hash {
			return 0, true, nil
		}
		return 0, false, conflict
	}
	position = c.positions[e.Sequence-1]
	record, err := g.hub.Read(g.ctx, position)
	if err != nil {
		return 0, false, fmt.Errorf("read hub: %w", err)
	}
	if record.Get(journal.HeaderHash) == s.hash.String() {
		return position, true, nil
	}
	return 0, false, conflict
}

// lateSteps are 6 to 9.
func (g *Gate) lateSteps(b *batch, s *submission, p pair) error {
	if s.late != nil {
		return s.late
	}
	e, now := s.envelope, g.now()
	if status, joined := g.members.Standing(e.Recipient); !joined || status == schemas.MemberLeft {
		return schemas.Refuse(schemas.CodeUnknownRecipient, "ce-recipient", "must be a member of the network", "look at the directory for the recipient's name")
	}
	if !g.members.HasSealingKey(e.Recipient, e.RecipientKey, now) {
		return schemas.Refuse(schemas.CodeUnknownRecipientKey, "ce-recipientkey", "must be a live sealing key of the recipient", "seal again to the key on the recipient's current card")
	}
	if err := g.checkGrant(e, now); err != nil {
		return err
	}
	return g.checkChain(b, e, p)
}

// checkGrant is step 8. Another pair's grant and no grant at all are the same
// answer.
func (g *Gate) checkGrant(e schemas.Envelope, now time.Time) error {
	if e.Grant == schemas.CharterGrant {
		return nil
	}
	grant, revocation, ok := g.grants.Permission(e.Grant)
	if !ok || grant.Discloser != e.Sender || grant.Recipient != e.Recipient || !g.grants.Registered(e.Sender) {
		return schemas.Refuse(schemas.CodeNoGrant, "ce-grant", "must be a grant of the sender for the recipient", "issue a grant to this recipient first")
	}
	if revocation != nil {
		return schemas.Refuse(schemas.CodeGrantRevoked, "ce-grant", "was revoked", "ask the client for a new consent")
	}
	if code := grant.Live(now); code != "" {
		return schemas.Refuse(code, "ce-grant", "must be within its days", "ask the client for a new consent")
	}
	return nil
}

// checkChain is step 9.
func (g *Gate) checkChain(b *batch, e schemas.Envelope, p pair) error {
	h := g.head(b, p)
	expect := &schemas.Expect{Chain: e.Chain, Sequence: h.sequence + 1, Previous: h.hash}
	var err *schemas.Error
	switch {
	case h.broken != 0 && e.Sequence > h.sequence+1:
		err = schemas.Refuse(schemas.CodeNotAttempted, "ce-sequence", "must follow an envelope that was accepted", "send it again with the next sequence")
	case e.Sequence != h.sequence+1:
		err = schemas.Refuse(schemas.CodeSequenceGap, "ce-sequence", fmt.Sprintf("must be %d", h.sequence+1), "send what is missing first")
	case e.Previous != h.hash:
		err = schemas.Refuse(schemas.CodeChainMismatch, "ce-previous", "must be the hash of the envelope before", "chain the envelope to the one that was accepted")
	default:
		return nil
	}
	err.Expect = expect
	return err
}

// refuse records the refusal, unless this member has had too many of them in
// this minute, and answers once it is on disk.
func (g *Gate) refuse(b *batch, s *submission, p pair, err error) {
	code := schemas.CodeOf(err)
	if code == "" {
		g.log.ErrorContext(g.ctx, "envelope could not be decided", "error", err)
	}
	if s.envelope.Sequence > 0 && code != schemas.CodeNotAttempted {
		if h := g.head(b, p); s.envelope.Sequence == h.sequence+1 {
			h.broken = s.envelope.Sequence
		}
	}
	reply := g.refusedReply(s, err)
	if code != "" && reply.Result == schemas.ResultRefused && (code == schemas.CodeOverRate || g.refusals.note(s.sender, code, g.now())) {
		b.add(refusedRecord(s, code))
	}
	b.after = append(b.after, func(uint64) { g.answer(s, reply) })
}

func (g *Gate) answer(s *submission, r schemas.SubmitReply) {
	r.Epoch = g.Epoch()
	g.opts.Metrics.Decision(r.Result, r.Code)
	s.reply(r)
}

func (g *Gate) reply(s *submission, result schemas.Result, position uint64) schemas.SubmitReply {
	r := schemas.SubmitReply{
		V: 1, Envelope: s.envelope.ID, Result: result, Position: position, Time: schemas.At(g.now()), Quota: g.opts.Limits.Mailbox,
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	if box := g.state.boxes[s.envelope.Recipient]; box != nil {
		r.Waiting = box.from[s.sender]
	}
	return r
}

func (g *Gate) refusedReply(s *submission, err error) schemas.SubmitReply {
	r := schemas.SubmitReply{
		V: 1, Envelope: s.envelope.ID, Result: schemas.ResultRefused, Time: schemas.At(g.now()),
		Refusal: schemas.RefusalOf(err), Quota: g.opts.Limits.Mailbox,
	}
	if e := asError(err); e != nil {
		r.Expect = e.Expect
	}
	switch r.Code {
	case schemas.CodeNotAttempted:
		r.Result = schemas.ResultNotAttempted
	case schemas.CodeUnknownRecipientKey:
		entry := g.members.Entry(s.envelope.Recipient)
		r.Entry = &entry
	default:
	}
	return r
}
