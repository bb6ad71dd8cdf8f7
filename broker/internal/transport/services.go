package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// ErrNoReply is returned by Respond to a request that asked for no answer.
var ErrNoReply = errors.New("request wants no answer")

// Verbs are the services that agencies may call, each as broker.<verb>.
var Verbs = []string{"submit", "pull", "receipt", "grant", "directory", "proof", "renew", "card"}

// streamed verbs answer with several messages.
var streamed = map[string]bool{"pull": true}

// Request is one message from an agency. Account is proven by the server: it
// is the account whose credentials the connection holds. Header and Data are
// the sender's word, bounded in size only; they may be kept.
type Request struct {
	Account string
	Header  map[string][]string
	Data    []byte

	conn  *nats.Conn
	reply string
}

// Respond sends an answer, in the order of the calls. It may be called from
// any goroutine and, for streamed verbs, several times. It returns when the
// answer is on its way; that it arrives is not promised.
func (r Request) Respond(header map[string][]string, data []byte) error {
	if r.reply == "" {
		return ErrNoReply
	}
	if err := r.conn.PublishMsg(&nats.Msg{Subject: r.reply, Header: header, Data: data}); err != nil {
		return fmt.Errorf("answer %s: %w", r.Account, err)
	}
	return nil
}

// Serve calls handle for every request to one of [Verbs], one at a time in the
// order of arrival, so each sender's order is kept. handle must not block long:
// when too much waits for it, requests are dropped and their senders ask again.
// The service is open when Serve returns, and ends with Stop or when end is
// called. In a cluster it also gets what agencies ask at the other servers, with
// an account that the server there has proven.
func (s *Server) Serve(verb string, handle func(Request)) (end func(), err error) {
	if !slices.Contains(Verbs, verb) {
		return nil, fmt.Errorf("serve %s: no such verb", verb)
	}
	prefix := "gate." + verb + "."
	sub, err := s.gate.Subscribe(prefix+"*", func(m *nats.Msg) {
		account := strings.TrimPrefix(m.Subject, prefix)
		if from := requester(m.Header); from != account {
			s.opts.Logger.Error("request dropped: two accounts", "verb", verb, "subject_account", account, "server_account", from)
			return
		}
		handle(Request{
			Account: account,
			Header:  ownHeader(m.Header),
			Data:    m.Data,
			conn:    s.gate,
			reply:   m.Reply,
		})
	})
	if err == nil {
		err = s.gate.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", verb, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil // fails only on a closed connection
}

// requester is the account that the server notes in each request that crosses
// accounts, over whatever the client wrote there. The subject is the authority;
// this is held against it because a server once let the note be forged.
func requester(h nats.Header) string {
	var note struct {
		Account string `json:"acc"`
	}
	if v := h["Nats-Request-Info"]; len(v) != 1 || json.Unmarshal([]byte(v[0]), &note) != nil {
		return ""
	}
	return note.Account
}

// Hint tells an account's connected agents that the hub has something new for
// them. It carries a position and nothing else, and may be lost.
func (s *Server) Hint(account string, position uint64) {
	s.tell(account, nats.Header{"position": {strconv.FormatUint(position, 10)}})
}

// HintAgain tells them to ask again for what they asked before: whoever was to
// answer may be gone.
func (s *Server) HintAgain(account string) {
	s.tell(account, nats.Header{"position": {"0"}, "again": {"1"}})
}

func (s *Server) tell(account string, header nats.Header) {
	_ = s.gate.PublishMsg(&nats.Msg{Subject: "deliver." + account + ".hint", Header: header}) // agents also ask without being told
}
