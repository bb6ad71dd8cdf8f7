//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/eventually"
)

// echo answers each line with the same line, and counts them.
func echo(t *testing.T) (address string, lines *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	lines = &atomic.Int64{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					lines.Add(1)
					fmt.Fprint(c, line)
				}
			}()
		}
	}()
	return l.Addr().String(), lines
}

// through opens a tunnel to an address through a line.
func through(w *wire, address string) (net.Conn, *bufio.Reader, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url(), "http://"))
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return c, r, err
}

// ask sends a line and returns the answer.
func ask(c net.Conn, r *bufio.Reader, text string, patience time.Duration) (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	fmt.Fprintln(c, text)
	return r.ReadString('\n')
}

func TestWire(t *testing.T) {
	address, lines := echo(t)
	w, err := newWire()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	c, r, err := through(w, address)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ask(c, r, "good", time.Minute); got != "good\n" {
		t.Fatalf("a good line: got %q, %v", got, err)
	}

	w.set(Slow)
	if got, err := ask(c, r, "slow", time.Minute); got != "slow\n" {
		t.Errorf("a slow line: got %q, %v", got, err)
	}

	// What is asked on a deaf line arrives, and the answer does not.
	w.set(Deaf)
	before := lines.Load()
	if got, err := ask(c, r, "deaf", 300*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deaf line: got %q, %v", got, err)
	}
	eventually.True(t, "what was asked on a deaf line arrives", func() bool { return lines.Load() == before+1 })
	w.set(good)
	if got, err := ask(c, r, "again", time.Minute); err == nil {
		t.Errorf("after deafness the connection was not cut: got %q", got)
	}

	c, r, err = through(w, address)
	if err != nil {
		t.Fatal(err)
	}
	w.set(Cut)
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "reset") {
		t.Errorf("a cut connection: got %v", err)
	}
	_ = c.Close()
	if _, _, err := through(w, address); err == nil {
		t.Error("a cut line takes connections")
	}
}
