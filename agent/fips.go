package agent

import (
	"crypto/fips140"
)

// natsOnly reports whether the WebSocket cannot be used: where only FIPS 140-3
// algorithms may run, the SHA-1 in its handshake may not, and the line is NATS
// over TLS.
func natsOnly() bool { return fips140.Enforced() }
