package broker

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/transport"
	"github.com/linkage-exchange/linkage/schemas"
)

// requestTimeout bounds the work for one request.
const requestTimeout = 30 * time.Second

// serveVerbs opens the services that agents call, and returns what closes them.
func (b *Broker) serveVerbs() (closers []func(), err error) {
	verbs := map[string]func(transport.Request){
		schemas.VerbSubmit:    b.submit,
		schemas.VerbPull:      b.background(b.pull),
		schemas.VerbReceipt:   b.background(b.receipt),
		schemas.VerbGrant:     b.background(b.grant),
		schemas.VerbDirectory: b.background(b.directory),
		schemas.VerbProof:     b.background(b.proof),
		schemas.VerbRenew:     b.background(b.renew),
		schemas.VerbCard:      b.background(b.card),
	}
	for verb, handle := range verbs {
		end, err := b.nats.Serve(verb, handle)
		if err != nil {
			return closers, err
		}
		closers = append(closers, end)
	}
	return closers, nil
}

// maxInHand is how many requests of one member are worked on at once. Each may
// hold a message in memory and wait for a commit of its own: without a bound
// one member's would stand before everybody's.
const maxInHand = 8

// inHand counts the requests of each account that are worked on.
type inHand struct {
	mu     sync.Mutex // guards of and closed
	of     map[string]int
	closed bool
	all    sync.WaitGroup
}

func (h *inHand) take(account string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return schemas.Refuse(schemas.CodeUnavailable, "", "the broker is stopping", "try again later; nothing was lost")
	}
	if h.of[account] >= maxInHand {
		return schemas.Refuse(schemas.CodeOverRate, "", "must not exceed this member's rate", "wait for the answers to earlier requests and send again; nothing was lost")
	}
	if h.of == nil {
		h.of = map[string]int{}
	}
	h.of[account]++
	h.all.Add(1)
	return nil
}

func (h *inHand) release(account string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[account]--; h.of[account] == 0 {
		delete(h.of, account)
	}
	h.all.Done()
}

// close takes no more and waits for those that are worked on.
func (h *inHand) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.all.Wait()
}

// background lets a request take its time beside the others, after the
// member's rate has been charged for it.
func (b *Broker) background(serve func(context.Context, transport.Request)) func(transport.Request) {
	return func(r transport.Request) {
		err := b.gate.Allow(r.Account)
		if err == nil {
			err = b.inHand.take(r.Account)
		}
		if err != nil {
			b.respond(r, schemas.PullEnd{V: 1, Refusal: schemas.RefusalOf(err)}) // every reply has a refusal's fields
			return
		}
		go func() {
			defer b.inHand.release(r.Account)
			ctx, cancel := context.WithTimeout(b.ctx, requestTimeout)
			defer cancel()
			serve(ctx, r)
		}()
	}
}

// respond answers with JSON. An answer that does not arrive is the other side's
// to notice; one that does not leave, such as a directory that is larger than
// one message, is ours.
func (b *Broker) respond(r transport.Request, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		b.log.Error("answer could not be encoded", "error", err)
		return
	}
	err = r.Respond(map[string][]string{schemas.HeaderItem: {string(schemas.ItemEnd)}}, data)
	if err != nil && !errors.Is(err, transport.ErrNoReply) {
		b.log.Warn("answer not sent", "account", r.Account, "error", err)
	}
}

// refusal notes what is our own fault and returns what the other side is told.
func (b *Broker) refusal(ctx context.Context, verb string, err error) schemas.Refusal {
	if err == nil {
		return schemas.Refusal{}
	}
	if schemas.CodeOf(err) == "" {
		b.log.ErrorContext(ctx, "request failed", "verb", verb, "error", err)
	}
	return schemas.RefusalOf(err)
}

func (b *Broker) submit(r transport.Request) {
	b.gate.Submit(r.Account, r.Header, r.Data, func(reply schemas.SubmitReply) { b.respond(r, reply) })
}

func (b *Broker) pull(ctx context.Context, r transport.Request) {
	var req schemas.PullRequest
	if err := schemas.DecodeJSON(r.Data, &req); err != nil {
		b.respond(r, schemas.PullEnd{V: 1, Refusal: schemas.RefusalOf(err)})
		return
	}
	if err := b.gate.Pull(ctx, r.Account, req, r.Respond); err != nil {
		b.log.InfoContext(ctx, "page not delivered", "error", err)
	}
}

func (b *Broker) receipt(ctx context.Context, r transport.Request) {
	rec, err := schemas.ParseRecord(r.Data)
	reply := schemas.ReceiptReply{V: 1}
	if err == nil {
		reply.Position, err = b.gate.Receipt(ctx, r.Account, rec)
	}
	reply.Refusal = b.refusal(ctx, schemas.VerbReceipt, err)
	b.respond(r, reply)
}

// from is the member that asks; the error refuses anybody else.
func (b *Broker) from(r transport.Request) (schemas.AgencyID, error) {
	a, ok := b.registry.AgencyOf(r.Account)
	if !ok {
		return "", schemas.Refuse(schemas.CodeNotMember, "", "must come from a member of the network", "join the network first")
	}
	return a, nil
}

func (b *Broker) grant(ctx context.Context, r transport.Request) {
	var req schemas.GrantRequest
	err := schemas.DecodeJSON(r.Data, &req)
	from, stranger := b.from(r)
	if err == nil {
		err = stranger
	}
	var reply schemas.GrantReply
	if err == nil {
		reply, err = b.grants(ctx, from, req)
	}
	m, _ := b.registry.Member(from)
	reply.V, reply.Register, reply.Refusal = 1, m.Register, b.refusal(ctx, schemas.VerbGrant, err)
	b.respond(r, reply)
}

// grants makes a change to grants and hints at it.
func (b *Broker) grants(ctx context.Context, from schemas.AgencyID, req schemas.GrantRequest) (schemas.GrantReply, error) {
	out, err := b.registry.Grants(ctx, from, req)
	if err != nil {
		return schemas.GrantReply{}, err
	}
	for _, rec := range append(req.Issue, req.Revoke...) {
		b.hintParties(rec, out.Position)
	}
	return schemas.GrantReply{
		V: 1, Position: out.Position, HandedOver: out.HandedOver, Withdrawn: out.Withdrawn, Unknown: out.Unknown, Time: schemas.At(out.Time),
	}, nil
}

func (b *Broker) hintParties(rec schemas.SignedRecord, position uint64) {
	id := struct {
		ID    schemas.GrantID `json:"id"`
		Grant schemas.GrantID `json:"grant"`
	}{}
	if err := schemas.DecodeJSON(rec.Payload, &id); err != nil {
		return // it was accepted, so it decodes; a hint is best effort anyway
	}
	if g, ok := b.registry.Grant(max(id.ID, id.Grant)); ok {
		b.hint(g.Recipient, position)
		b.hint(g.Discloser, position)
	}
}

func (b *Broker) directory(ctx context.Context, r transport.Request) {
	m, _ := b.registry.MemberOfAccount(r.Account)
	if m.Status != schemas.MemberActive {
		b.respond(r, schemas.DirectoryReply{V: 1, Refusal: b.refusal(ctx, schemas.VerbDirectory,
			schemas.Refuse(schemas.CodeNotMember, "", "must come from an active member of the network", "join the network first"))})
		return
	}
	reply := b.registry.Directory(m.Agency)
	reply.Epoch = b.gate.EpochRecord()
	b.respond(r, reply)
}

func (b *Broker) proof(ctx context.Context, r transport.Request) {
	var req schemas.ProofRequest
	err := schemas.DecodeJSON(r.Data, &req)
	from, stranger := b.from(r)
	if err == nil {
		err = stranger
	}
	var reply schemas.ProofReply
	if err == nil {
		reply, err = b.ledger.Prove(ctx, from, req)
	}
	if !b.writes() { // what it knows of the hub's end may be old
		err = errNoWriter
	}
	if err != nil {
		reply = schemas.ProofReply{Refusal: b.refusal(ctx, schemas.VerbProof, err)}
	}
	reply.V = 1
	b.respond(r, reply)
}

func (b *Broker) renew(ctx context.Context, r transport.Request) {
	var reply schemas.RenewReply
	m, _ := b.registry.MemberOfAccount(r.Account)
	if !m.Joined || m.Status != schemas.MemberActive {
		reply.Refusal = schemas.RefusalOf(schemas.Refuse(schemas.CodeNotMember, "", "must come from an active member of the network", "join the network first"))
	} else {
		var err error
		reply.JWT, reply.Expires, err = b.credentials(m.Agency, m.User)
		reply.Refusal = b.refusal(ctx, schemas.VerbRenew, err)
	}
	reply.V = 1
	b.respond(r, reply)
}

func (b *Broker) card(ctx context.Context, r transport.Request) {
	var req schemas.CardRequest
	err := schemas.DecodeJSON(r.Data, &req)
	from, stranger := b.from(r)
	if err == nil {
		err = stranger
	}
	if err == nil {
		err = b.registry.ReplaceCard(ctx, from, req.Card)
	}
	if err == nil {
		m, _ := b.registry.Member(from)
		b.log.InfoContext(ctx, "member's keys changed", "agency", string(from), "fingerprint", m.Card.Fingerprint())
		for _, a := range b.registry.Everybody() {
			b.hint(a, 0)
		}
	}
	b.respond(r, schemas.CardReply{V: 1, Refusal: b.refusal(ctx, schemas.VerbCard, err)})
}

// credentials makes an agent's user JWT.
func (b *Broker) credentials(a schemas.AgencyID, user string) (string, schemas.Instant, error) {
	account, err := b.keys.account(a)
	if err != nil {
		return "", schemas.Instant{}, err
	}
	now := b.opts.Now()
	token, err := b.nats.Credentials(account, user, userValid, now)
	return token, schemas.At(now.Add(userValid)), err
}
