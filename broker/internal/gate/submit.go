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
	loaded  bool // counts in the load until it is answered

	// Set by prepare, read after ready is closed:
	ready    chan struct{}
	envelope schemas.Envelope
	hash     schemas.Hash
	sender   schemas.AgencyID
	key      schemas.KeyID // that the envelope says it was signed with
	refusal  error         // of steps 1 to 3
	unsigned error         // why the signature does not count, nil once it was verified
	before   committed     // what was committed under the sequence, as far as it was known

	// Set by the writer, which may decide more than once:
	noted, written bool // the refusal was counted; and is written by itself
}

// committed is what stands in the hub under one sequence of a chain.
type committed struct {
	position uint64 // 0 for nothing
	hash     schemas.Hash
}

var (
	errOverRate  = schemas.Refuse(schemas.CodeOverRate, "", "must not exceed this member's rate", "wait a second and send again; nothing was lost")
	errSuspended = schemas.Refuse(schemas.CodeSuspended, "", "must not come from or go to a suspended member", "speak with the network's lead agency")
	errUnsigned  = schemas.Refuse(schemas.CodeUnavailable, "", "the broker could not do this now", "try again later; nothing was lost")
)

// Submit takes one envelope from a member's account. It returns at once; reply
// is called once, after the decision is on disk. Envelopes of one account that
// are submitted one after the other are decided in that order. Header and data
// must not be changed any more.
func (g *Gate) Submit(account string, header map[string][]string, data []byte, reply func(schemas.SubmitReply)) {
	s := &submission{account: account, header: header, data: data, reply: reply, ready: make(chan struct{}), unsigned: errUnsigned}
	if err := g.load.take(account, len(data)); err != nil {
		g.turnAway(s, err)
		return
	}
	s.loaded = true
	if !g.rates.allow(account, g.now()) {
		s.sender, _ = g.members.AgencyOf(account)
		s.refusal, s.noted = errOverRate, true
		if s.written = g.refusals.note(s.sender, schemas.CodeOverRate); !s.written {
			g.turnAway(s, errOverRate)
			return
		}
		close(s.ready)
	}
	if err := g.offer(&task{envelope: s}); err != nil {
		g.turnAway(s, err)
		return
	}
	if s.noted {
		return
	}
	select {
	case g.jobs <- s:
	case <-g.ctx.Done(): // the writer turns it away
	}
}

// offer gives a task its place in the writer's order, if there is one free.
func (g *Gate) offer(t *task) error {
	g.door.RLock()
	defer g.door.RUnlock()
	if g.closed {
		return errStopping
	}
	select {
	case g.queue <- t:
		return nil
	default:
		return errFull
	}
}

// id is the envelope's id, "" if it has none.
func (s *submission) id() schemas.EventID {
	if v := s.header["ce-id"]; len(v) == 1 && schemas.EventID(v[0]).Valid() {
		return schemas.EventID(v[0])
	}
	return ""
}

// verify prepares submissions until the writer has ended.
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

// prepare does what needs no order: form, sender, signature, and looking up
// what was committed before. The writer does the rest, and these again as far
// as they can change.
func (g *Gate) prepare(s *submission) {
	e, err := schemas.ParseEnvelope(s.header, s.data)
	if err != nil {
		s.sender, _ = g.members.AgencyOf(s.account)
		s.refusal = err
		return
	}
	outline := e.Outline() // its digest is made once, for the hash and the signature
	s.envelope, s.hash, s.key = e, outline.Hash(), e.SigningKey()
	if s.sender, s.refusal = g.checkSender(s.account, e.Sender); s.refusal != nil {
		return
	}
	if s.before.position = g.positionOf(pair{s.sender, e.Chain, e.Recipient}, e.Sequence); s.before.position > 0 {
		if s.before.hash, err = g.hashAt(s.before.position); err != nil {
			s.refusal = err
		}
		return // whatever it is, its signature does not matter
	}
	key, ok := g.members.SigningKey(s.sender, s.key, e.Time)
	if !ok {
		s.unsigned = schemas.Refuse(schemas.CodeUnknownSigningKey, "ce-dssematerial", "must be made with a live signing key of the sender", "publish the card with the new key first")
		return
	}
	s.unsigned = outline.Verify(key)
}

// positionOf is where a sequence of a chain was committed, 0 if it was not.
func (g *Gate) positionOf(p pair, sequence uint64) uint64 {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if c := g.state.chains[p]; c != nil && sequence <= uint64(len(c.positions)) {
		return c.positions[sequence-1]
	}
	return 0
}

func (g *Gate) hashAt(position uint64) (schemas.Hash, error) {
	record, err := g.hub.Read(g.ctx, position)
	if err != nil {
		return schemas.Hash{}, fmt.Errorf("read hub: %w", err)
	}
	hash, ok := schemas.ParseHash(record.Get(journal.HeaderHash))
	if !ok {
		return hash, fmt.Errorf("hub position %d is not an envelope", position)
	}
	return hash, nil
}

// checkSender is step 3: the account that the server vouches for, the member
// and the claim, if there is one, are the same.
func (g *Gate) checkSender(account string, claim schemas.AgencyID) (schemas.AgencyID, error) {
	a, ok := g.members.AgencyOf(account)
	status, joined := g.members.Standing(a)
	switch {
	case !ok || !joined || status == schemas.MemberLeft:
		return a, schemas.Refuse(schemas.CodeNotMember, "", "must come from a member of the network", "join the network first")
	case status != schemas.MemberActive:
		return a, errSuspended
	case claim != "" && claim != a:
		return a, schemas.Refuse(schemas.CodeSenderMismatch, "ce-source", "must be the agency whose connection this is", "send as this agency")
	}
	return a, nil
}

// chainHead is where a chain stands within a batch.
type chainHead struct {
	sequence uint64 // of the last envelope
	hash     schemas.Hash
	refused  bool        // the next sequence was refused in this batch
	added    []committed // by the batch, with offsets for positions
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
// fails answers. What was committed before is a duplicate whatever has changed
// since: its sender must not take the sequence for free.
func (g *Gate) decideEnvelope(b *batch, s *submission) {
	e := s.envelope
	p := pair{s.sender, e.Chain, e.Recipient}
	if err := g.steps1to3(s); err != nil {
		g.refuse(b, s, p, err)
		return
	}
	h := g.head(b, p)
	conflict := error(nil)
	if e.Sequence <= h.sequence {
		same, position, offset, err := g.compare(h, s, p)
		switch {
		case err != nil:
			g.refuse(b, s, p, err)
			return
		case same:
			b.after = append(b.after, func(before uint64) {
				if offset > 0 {
					position = before + offset
				}
				g.respond(s, g.reply(s, schemas.ResultDuplicate, position))
			})
			return
		}
		conflict = schemas.Refuse(schemas.CodeChainConflict, "ce-sequence", "must not stand for two different envelopes", "find out whether two copies of this agency's Linkage are running")
	} else if e.Chain < max(g.state.newest[s.sender], b.newest[s.sender]) {
		conflict = schemas.Refuse(schemas.CodeChainConflict, "ce-chain", "must be this agency's newest chain", "stop the older copy of this agency's Linkage")
	}
	err := g.step4(b, s)
	if err == nil {
		err = conflict
	}
	if err == nil {
		err = g.steps6to9(h, s)
	}
	if err != nil {
		g.refuse(b, s, p, err)
		return
	}
	offset := b.add(envelopeRecord(s))
	h.sequence, h.hash, h.refused, h.added = e.Sequence, s.hash, false, append(h.added, committed{offset, s.hash})
	b.from[[2]schemas.AgencyID{e.Recipient, s.sender}]++
	b.newest[s.sender] = e.Chain
	b.after = append(b.after, func(before uint64) { g.respond(s, g.reply(s, schemas.ResultAccepted, before+offset)) })
}

func (g *Gate) steps1to3(s *submission) error {
	if s.refusal != nil {
		return s.refusal
	}
	_, err := g.checkSender(s.account, s.envelope.Sender)
	return err
}

// step4 is about what the sender can wait for, or no longer: room and time.
func (g *Gate) step4(b *batch, s *submission) error {
	e, now := s.envelope, g.now()
	if g.waiting(e.Recipient, s.sender)+b.from[[2]schemas.AgencyID{e.Recipient, s.sender}] >= g.opts.Limits.Mailbox {
		return schemas.Refuse(schemas.CodeQuota, "ce-recipient", fmt.Sprintf("must have fewer than %d of this sender's envelopes waiting", g.opts.Limits.Mailbox), "telephone the recipient: it has not collected its mail")
	}
	if e.Time.After(now.Add(schemas.MaxClockSkew)) {
		return schemas.Refuse(schemas.CodeClockSkew, "ce-time", fmt.Sprintf("must not be more than %s ahead of the broker's clock", schemas.MaxClockSkew), "set this machine's clock")
	}
	if e.Chain.Time().After(now.Add(schemas.MaxClockSkew)) { // it would shut out this agency's next chain
		return schemas.Refuse(schemas.CodeClockSkew, "ce-chain", fmt.Sprintf("must not have begun more than %s ahead of the broker's clock", schemas.MaxClockSkew), "set this machine's clock")
	}
	if !e.Expiry.IsZero() && !now.Before(e.Expiry) {
		return schemas.Refuse(schemas.CodeExpired, "ce-expirytime", "must lie in the future", "decide whether it should still be sent")
	}
	return nil
}

// waiting counts a sender's envelopes that a recipient has not acknowledged.
func (g *Gate) waiting(recipient, sender schemas.AgencyID) int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if box := g.state.boxes[recipient]; box != nil {
		return box.from[sender]
	}
	return 0
}

// compare is step 5: whether the envelope is the one that was committed under
// its sequence, and where that is: at a position, or an offset in the batch.
func (g *Gate) compare(h *chainHead, s *submission, p pair) (same bool, position, offset uint64, err error) {
	before := s.before
	if n := s.envelope.Sequence + uint64(len(h.added)); n > h.sequence {
		c := h.added[n-h.sequence-1]
		return c.hash == s.hash, 0, c.position, nil
	}
	if before.position == 0 { // committed since prepare looked
		before.position = g.positionOf(p, s.envelope.Sequence)
		before.hash, err = g.hashAt(before.position)
	}
	return before.hash == s.hash, before.position, 0, err
}

func (g *Gate) steps6to9(h *chainHead, s *submission) error {
	e, now := s.envelope, g.now()
	if s.unsigned != nil {
		return s.unsigned
	}
	if _, live := g.members.SigningKey(s.sender, s.key, e.Time); !live { // it was replaced since prepare looked
		return schemas.Refuse(schemas.CodeUnknownSigningKey, "ce-dssematerial", "must be made with a live signing key of the sender", "sign with a key of the current card")
	}
	status, joined := g.members.Standing(e.Recipient)
	if !joined && status != "" && status != schemas.MemberLeft && g.members.Anew() {
		return schemas.Refuse(schemas.CodeUnavailable, "ce-recipient", "must have come back since the broker began a new epoch", "nothing was lost; it is tried again")
	}
	if !joined || status == schemas.MemberLeft {
		return schemas.Refuse(schemas.CodeUnknownRecipient, "ce-recipient", "must be a member of the network", "look at the directory for the recipient's name")
	}
	if !g.members.HasSealingKey(e.Recipient, e.RecipientKey, now) {
		return schemas.Refuse(schemas.CodeUnknownRecipientKey, "ce-recipientkey", "must be a live sealing key of the recipient", "seal again to the key on the recipient's current card")
	}
	if err := g.checkGrant(e, now); err != nil {
		return err
	}
	return checkChain(h, e)
}

// checkGrant is step 8. Another pair's grant and no grant at all are the same
// answer.
func (g *Gate) checkGrant(e schemas.Envelope, now time.Time) error {
	if e.Grant == schemas.CharterGrant {
		return nil
	}
	grant, revocation, ok := g.grants.Permission(e.Grant)
	if !ok || grant.Discloser != e.Sender || grant.Recipient != e.Recipient || !g.grants.Registered(e.Sender) {
		return schemas.Refuse(schemas.CodeNoGrant, "ce-grant", "must be a grant of the sender for the recipient", "bring this agency's register and grants of the present epoch, or issue a grant to this recipient, first")
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
func checkChain(h *chainHead, e schemas.Envelope) error {
	var err *schemas.Error
	switch {
	case h.refused && e.Sequence > h.sequence+1:
		err = schemas.Refuse(schemas.CodeNotAttempted, "ce-sequence", "must follow an envelope that was accepted", "send it again with the next sequence")
	case e.Sequence != h.sequence+1:
		err = schemas.Refuse(schemas.CodeSequenceGap, "ce-sequence", fmt.Sprintf("must be %d", h.sequence+1), "send what is missing first")
	case e.Previous != h.hash:
		err = schemas.Refuse(schemas.CodeChainMismatch, "ce-previous", "must be the hash of the envelope before", "chain the envelope to the one that was accepted")
	default:
		return nil
	}
	err.Expect = &schemas.Expect{Chain: e.Chain, Sequence: h.sequence + 1, Previous: h.hash}
	return err
}

// refuse records the refusal, unless this member has had too many of them in
// this minute, and answers once it is on disk.
func (g *Gate) refuse(b *batch, s *submission, p pair, err error) {
	code := schemas.CodeOf(err)
	if code == "" {
		g.log.ErrorContext(g.ctx, "envelope could not be decided", "error", err)
	}
	if s.envelope.Sequence > 0 {
		if h := g.head(b, p); s.envelope.Sequence == h.sequence+1 {
			h.refused = true
		}
	}
	if code != "" && code != schemas.CodeNotAttempted {
		if !s.noted {
			s.noted, s.written = true, g.refusals.note(s.sender, code)
		}
		if s.written {
			b.add(refusedRecord(s, code))
		}
	}
	reply := g.refusedReply(s, err)
	reply.Envelope = s.envelope.ID
	b.after = append(b.after, func(uint64) { g.respond(s, reply) })
}

// turnAway refuses what was not decided. prepare may still be at work on it.
func (g *Gate) turnAway(s *submission, err error) { g.respond(s, g.refusedReply(s, err)) }

// respond gives the one answer.
func (g *Gate) respond(s *submission, r schemas.SubmitReply) {
	r.V, r.Epoch, r.Time, r.Quota, r.Head = 1, g.Epoch(), schemas.At(g.now()), g.opts.Limits.Mailbox, g.opts.Head()
	if r.Envelope == "" {
		r.Envelope = s.id()
	}
	if s.loaded {
		g.load.release(s.account, len(s.data))
	}
	g.opts.Metrics.Decision(r.Result, r.Code)
	s.reply(r)
}

func (g *Gate) reply(s *submission, result schemas.Result, position uint64) schemas.SubmitReply {
	return schemas.SubmitReply{
		Envelope: s.envelope.ID, Result: result, Position: position, Waiting: g.waiting(s.envelope.Recipient, s.sender),
	}
}

func (g *Gate) refusedReply(s *submission, err error) schemas.SubmitReply {
	r := schemas.SubmitReply{Result: schemas.ResultRefused, Refusal: schemas.RefusalOf(err)}
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
