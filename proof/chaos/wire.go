//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// wire is the way of one agency to its brokers: an HTTP proxy that can do what
// lines do.
type wire struct {
	listener net.Listener
	wg       sync.WaitGroup

	mu    sync.Mutex // guards what follows
	state Kind       // Cut, Slow, Deaf, or "" for a good line
	conns map[net.Conn]bool
}

// good is the state of a line without a fault.
const good Kind = ""

// A slow line carries so much, so often.
const (
	slowPiece = 2 << 10
	slowPace  = 20 * time.Millisecond
)

func newWire() (*wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open line: %w", err)
	}
	w := &wire{listener: l, conns: map[net.Conn]bool{}}
	w.wg.Go(w.accept)
	return w, nil
}

// url is what an agent is told to use as its proxy.
func (w *wire) url() string { return "http://" + w.listener.Addr().String() }

// set changes the line's state. What was connected stays so when the line
// becomes slow or deaf, and is cut otherwise: after a time of deafness, an
// answer that never came is asked for again on another connection.
func (w *wire) set(state Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.state
	w.state = state
	if state == Cut || was == Deaf {
		for c := range w.conns {
			_ = c.Close() // it is being cut
		}
	}
}

func (w *wire) close() {
	_ = w.listener.Close() // ends accept
	w.set(Cut)
	w.wg.Wait()
}

// keep notes a connection so that it can be cut; false if it is to be cut now.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == Cut {
		_ = c.Close() // the line is cut
		return false
	}
	w.conns[c] = true
	return true
}

func (w *wire) drop(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
	_ = c.Close() // it is done with
}

func (w *wire) now() Kind {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

func (w *wire) accept() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		if w.keep(c) {
			w.wg.Go(func() { w.serve(c) })
		}
	}
}

// serve opens the tunnel that was asked for and carries both directions.
func (w *wire) serve(c net.Conn) {
	defer w.drop(c)
	r := bufio.NewReader(c)
	req, err := http.ReadRequest(r)
	if err != nil || req.Method != http.MethodConnect {
		return
	}
	far, err := net.Dial("tcp", req.Host)
	if err != nil {
		fmt.Fprint(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		return
	}
	if !w.keep(far) {
		return
	}
	defer w.drop(far)
	fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
	var both sync.WaitGroup
	both.Go(func() { w.carry(far, r, false); _ = far.Close() })
	both.Go(func() { w.carry(c, far, true); _ = c.Close() })
	both.Wait()
}

// carry copies until either end closes. Answers get lost on a deaf line.
func (w *wire) carry(to io.Writer, from io.Reader, answers bool) {
	buf := make([]byte, 32<<10)
	for {
		size := len(buf)
		if w.now() == Slow {
			size = slowPiece
			<-time.After(slowPace)
		}
		n, err := from.Read(buf[:size])
		if n > 0 && (!answers || w.now() != Deaf) {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
