// Package profile shows where a process spends its time, to whoever measures
// it on the same machine. It is off unless the environment asks for it, and
// never served anywhere but on loopback: a profile names functions and nothing
// of what went through them, but how busy an agency is, is its own affair.
package profile

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"
)

// Variable names the loopback address at which profiles are to be served, such
// as 127.0.0.1:6060.
const Variable = "LINKAGE_PPROF"

// Serve begins to serve profiles if the environment asks for it, until the
// process ends.
func Serve() error {
	address := os.Getenv(Variable)
	if address == "" {
		return nil
	}
	listener, err := listen(address)
	if err != nil {
		return fmt.Errorf("serve profiles: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with the process
	return nil
}

func listen(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s must be an address of loopback, such as 127.0.0.1:6060", Variable)
	}
	return net.Listen("tcp", address)
}
