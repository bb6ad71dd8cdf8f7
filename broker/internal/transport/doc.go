// Package transport is the broker's message server: an embedded NATS server
// with one account per agency, the hub, and the services that agencies call.
//
// Start with [Start] in server.go. [Server.Hub] is the durable journal
// (hub.go), [Server.Serve] receives what agencies ask (services.go),
// [Server.Admit] decides who may connect (accounts.go).
//
// The package is the only importer of the server library and, on the broker's
// side, of the client library; nothing of either appears in its exported names.
// It knows nothing of envelopes, grants or members' names on the roll.
//
// What it promises: a commit that returned is on disk; a request's Account is
// the account whose credentials the connection proved; nothing that an agency
// sends reaches another agency or the hub except through [Server.Serve]. What it
// does not promise: that a request, an answer or a hint arrives. Whoever sent it
// asks again.
package transport
