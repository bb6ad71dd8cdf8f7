package agent

import (
	"context"
	"errors"
	"net"

	"github.com/linkage-exchange/linkage/agent/internal/link"
	"github.com/linkage-exchange/linkage/schemas"
)

// unreached turns an error of the way to the broker into one that a person can
// act on. Only what is known to hold no secret is repeated: an error may quote a
// proxy's address with its password.
func unreached(err error) error {
	if err == nil || schemas.CodeOf(err) != "" {
		return err
	}
	refuse := func(rule string) error {
		return schemas.Refuse(schemas.CodeUnavailable, "broker", "cannot be reached: "+rule, "check this machine's network and proxy, and whether the broker runs; nothing was lost")
	}
	if foreign, ok := errors.AsType[*link.ForeignCertificateError](err); ok {
		return schemas.Refuse(schemas.CodeUnknownSigningKey, "broker", "must answer itself: "+foreign.Error(), "somebody stands in between, such as a proxy that inspects traffic: have it leave this address alone")
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return refuse("this machine does not find the name " + name.Name)
	}
	timeout, ok := errors.AsType[net.Error](err)
	if errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout() {
		return refuse("no answer came in time")
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
		return refuse(op.Addr.String() + " answered: " + op.Err.Error())
	}
	return err
}
