package exchange_test

import (
	"net"
	"sync"
	"testing"
)

// cutter is a line that counts what crosses it in both directions and, if every
// is set, is cut each time so many more bytes have crossed.
type cutter struct {
	addr string

	mu      sync.Mutex // guards what follows
	every   int
	crossed int
	cuts    int
	conns   map[net.Conn]bool
}

func newCutter(t testing.TB, to string) *cutter {
	t.Helper()
	l := listen(t)
	c := &cutter{addr: l.Addr().String(), conns: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); c.cut() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close() // as the other end refuses
				continue
			}
			c.mu.Lock()
			c.conns[in], c.conns[out] = true, true
			c.mu.Unlock()
			go c.copy(out, in)
			go c.copy(in, out)
		}
	}()
	return c
}

func (c *cutter) copy(to, from net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && c.count(n) {
			c.cut()
			return
		}
		if n > 0 {
			if _, failed := to.Write(buf[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			_ = from.Close()
			_ = to.Close()
			return
		}
	}
}

// count notes what crosses; it reports whether the line is to be cut.
func (c *cutter) count(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.crossed
	c.crossed += n
	return c.every > 0 && before/c.every != c.crossed/c.every
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		_ = conn.Close()
	}
	clear(c.conns)
	c.cuts++
}

// set cuts the line from now on each time so many bytes have crossed; 0 never.
// It returns what has crossed.
func (c *cutter) set(every int) (crossed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.every = every
	return c.crossed
}

func (c *cutter) seen() (crossed, cuts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crossed, c.cuts
}
