package schemas

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
)

// InvitationCode is what an invitation's code holds: all that an agent needs to find the
// broker, to know it, and to prove that it was invited.
type InvitationCode struct {
	Network   NetworkID `json:"n"`
	Agency    AgencyID  `json:"a"`
	URL       string    `json:"u"` // of the broker, https
	Broker    KeyID     `json:"b"` // of the broker's key
	Admission KeyID     `json:"m"` // of the network's admission key
	Secret    []byte    `json:"s"` // 20 random bytes, one use; see [InvitationKey]
	Expires   int64     `json:"e"` // Unix seconds
	// Roots says that the broker's certificate comes from an authority that the
	// system trusts. Otherwise it is signed by the broker's own key.
	Roots bool `json:"r,omitempty"`
}

const codePrefix = "linkage1."

// String renders the code on one line. It is a secret.
func (c InvitationCode) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic("a code always encodes: " + err.Error())
	}
	return fmt.Sprintf("%s%s.%08x", codePrefix, base64.RawURLEncoding.EncodeToString(b), crc32.ChecksumIEEE(b))
}

// NewSecret makes an invitation's secret.
func NewSecret() []byte { return random(20) }

// ParseCode reads a code as it was pasted: white space and line breaks in it
// are forgiven, a missing piece is noticed.
func ParseCode(s string) (InvitationCode, error) {
	var c InvitationCode
	bad := func(rule string) (InvitationCode, error) {
		return InvitationCode{}, Refuse(CodeMalformed, "code", rule, "copy the whole code again, from linkage1. to its end")
	}
	s = strings.Join(strings.Fields(s), "")
	body, ok := strings.CutPrefix(s, codePrefix)
	if !ok || len(s) > 4096 {
		return bad("must begin with " + codePrefix)
	}
	body, sum, ok := strings.Cut(body, ".")
	if !ok {
		return bad("must be complete; its end is missing")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || fmt.Sprintf("%08x", crc32.ChecksumIEEE(b)) != sum {
		return bad("must be complete and unchanged; a character is wrong or missing")
	}
	if err := DecodeJSON(b, &c); err != nil {
		return bad("must hold an invitation")
	}
	if !c.Network.Valid() || !c.Agency.Valid() || !c.Broker.Valid() || !c.Admission.Valid() || len(c.Secret) < 16 ||
		!strings.HasPrefix(c.URL, "https://") {
		return bad("must hold an invitation")
	}
	return c, nil
}

// Hello is the broker's statement of who it is ([RecordHello], signed by the
// broker's key), answering a caller's nonce. It shows an inspecting proxy, a
// wrong broker and a wrong clock.
type Hello struct {
	V       int       `json:"v"`
	Network NetworkID `json:"network"`
	Nonce   string    `json:"nonce"`
	Key     []byte    `json:"key"`  // the broker's public key
	Time    Instant   `json:"time"` // the broker's clock
	// TLS is the SHA-256 of the certificate that the broker itself presents.
	// Another one on the line means that somebody reads it in between.
	TLS Hash `json:"tls"`
}

// Validate reports the first rule that h breaks.
func (h Hello) Validate() error {
	if err := checkVersion(h.V); err != nil {
		return err
	}
	if !h.Network.Valid() {
		return Malformed("network", "must be a slug")
	}
	if len(h.Key) != ed25519.PublicKeySize {
		return Malformed("key", "must be 32 bytes")
	}
	return nil
}

// JoinRequest is posted to /enrol by an agent that has a code.
type JoinRequest struct {
	V         int          `json:"v"`
	Card      SignedRecord `json:"card"`
	Admission SignedRecord `json:"admission"`
}

// JoinReply makes the agent a member. The same request gets the same reply
// again, so a lost answer costs nothing; any other request with the same code
// is refused.
type JoinReply struct {
	V            int            `json:"v"`
	Account      string         `json:"account"`
	JWT          string         `json:"jwt"`
	Expires      Instant        `json:"expires"`
	AdmissionKey []byte         `json:"admissionkey"`
	Directory    DirectoryReply `json:"directory"`
	// NATS is the broker's port for NATS over TLS, "" if it has none.
	NATS string `json:"nats,omitempty"`
	// Brokers are the addresses of all brokers of the network, if it has more
	// than one.
	Brokers []string `json:"brokers,omitempty"`
}
