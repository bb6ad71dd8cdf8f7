package transport

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// reserved names belong to the server: on the way in they would steer it, on
// the way out they are its own notes.
const reserved = "Nats-"

func isReserved(name string) bool {
	return len(name) >= len(reserved) && strings.EqualFold(name[:len(reserved)], reserved)
}

// ownHeader drops the server's names from a header that was just received.
// Names keep their case.
func ownHeader(h nats.Header) map[string][]string {
	for name := range h {
		if isReserved(name) {
			delete(h, name)
		}
	}
	return h
}

// storedHeader copies a header, refusing what would not come back as it was:
// the wire has no place for a line end in a value, or for spaces around it.
func storedHeader(h map[string][]string) (nats.Header, error) {
	out := make(nats.Header, len(h)+4)
	for name, values := range h {
		if name == "" || isReserved(name) || strings.ContainsFunc(name, notInName) {
			return nil, fmt.Errorf("header name %q is not allowed", name)
		}
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n") || strings.Trim(v, " \t") != v {
				return nil, fmt.Errorf("header %s has a line end or outer space in its value", name)
			}
		}
		if len(values) > 0 {
			out[name] = values
		}
	}
	return out, nil
}

func notInName(r rune) bool { return r <= ' ' || r == ':' || r >= 0x7f }
