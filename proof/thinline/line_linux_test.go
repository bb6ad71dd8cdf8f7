package thinline_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// The line, each way.
const (
	rate   = 64_000 / 8 // bytes a second
	oneWay = 300 * time.Millisecond
	lost   = 0.02
	// queue is how many bytes wait for the line at most; what comes then is
	// dropped, as a modem does.
	queue = 64 << 10
)

// side is a network namespace with one end of the line in it.
type side struct {
	tun  *os.File
	jobs chan func() // run in the namespace
}

// newSide makes a namespace whose only way out is a TUN device.
func newSide(t *testing.T, own, peer string) *side {
	t.Helper()
	s := &side{jobs: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread and its namespace end with the goroutine
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		if err == nil {
			s.tun, err = openTUN("line0")
		}
		for _, args := range [][]string{
			{"link", "set", "lo", "up"}, {"addr", "add", own, "peer", peer, "dev", "line0"}, {"link", "set", "line0", "mtu", "1400", "up"},
		} {
			if err == nil {
				var out []byte
				if out, err = exec.Command("ip", args...).CombinedOutput(); err != nil { // #nosec G204 -- our own arguments
					err = fmt.Errorf("ip %v: %w: %s", args, err, out)
				}
			}
		}
		ready <- err
		for job := range s.jobs {
			job()
		}
	}()
	if err := <-ready; err != nil {
		t.Skipf("this machine makes no network namespaces with TUN devices: %v", err)
	}
	t.Cleanup(func() { close(s.jobs); _ = s.tun.Close() })
	return s
}

// in runs a function in the namespace and waits for it.
func (s *side) in(fn func()) {
	done := make(chan struct{})
	s.jobs <- func() { fn(); close(done) }
	<-done
}

// openTUN makes a TUN device in the calling thread's namespace.
func openTUN(name string) (*os.File, error) {
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	const setIff, tun, noInfo = 0x400454ca, 0x0001, 0x1000
	var request [40]byte
	copy(request[:15], name)
	*(*uint16)(unsafe.Pointer(&request[16])) = tun | noInfo
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), setIff, uintptr(unsafe.Pointer(&request[0]))); errno != 0 {
		return nil, errors.Join(fmt.Errorf("make TUN device: %w", errno), syscall.Close(fd))
	}
	return os.NewFile(uintptr(fd), "/dev/net/tun"), nil
}

// direction is one way of the line.
type direction struct {
	carried atomic.Int64 // bytes of packets that were put on the line
	free    time.Time    // when the line has sent what it was given
}

type packet struct {
	due   time.Time
	bytes []byte
}

// carry hands packets over until a device is closed.
func (d *direction) carry(to, from *os.File, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- losses
	under := make(chan packet, 4096)
	go func() {
		for p := range under {
			timer := time.NewTimer(time.Until(p.due))
			<-timer.C
			_, _ = to.Write(p.bytes) // a device that is closed loses what comes
		}
	}()
	defer close(under)
	buf := make([]byte, 2048)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		now := time.Now()
		if d.free.Before(now) {
			d.free = now
		}
		if d.free.Sub(now) > queue*time.Second/rate {
			continue
		}
		d.free = d.free.Add(time.Duration(n) * time.Second / rate)
		d.carried.Add(int64(n))
		if random.Float64() < lost {
			continue
		}
		under <- packet{d.free.Add(oneWay), append([]byte(nil), buf[:n]...)}
	}
}
