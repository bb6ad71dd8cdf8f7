package gate_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/broker/internal/gate"
	"github.com/linkage-exchange/linkage/schemas"
)

// BenchmarkAccept has senders with envelopes outstanding, signed beforehand, on
// the real hub: checked, decided, durable.
func BenchmarkAccept(b *testing.B) {
	for _, load := range []struct{ senders, outstanding int }{{200, 8}, {10, 1}} {
		b.Run(fmt.Sprintf("%dx%d", load.senders, load.outstanding), func(b *testing.B) {
			n := prepare(b, realHub(b), newClock())
			n.limits = gate.Limits{Rate: 1e9, Burst: 1e9, Mailbox: 1e9}
			n.found(load.senders)
			envelopes := make([][]schemas.Envelope, load.senders)
			each := (b.N + load.senders - 1) / load.senders
			data := append([]byte{1}, make([]byte, 3300)...) // the smallest bucket and its key
			for i, a := range n.agencies {
				to := n.agencies[(i+1)%load.senders]
				g, c := a.grant(to), a.thread(to)
				for range each {
					e := c.next(g)
					e.Data = data
					e = e.Signed(a.key)
					c.took(e)
					envelopes[i] = append(envelopes[i], e)
				}
			}
			headers := make([][]map[string][]string, load.senders)
			for i := range headers {
				for _, e := range envelopes[i] {
					headers[i] = append(headers[i], e.Header())
				}
			}
			var mu sync.Mutex
			var took []time.Duration
			b.ResetTimer()
			var senders sync.WaitGroup
			for i, a := range n.agencies {
				senders.Go(func() {
					free := make(chan struct{}, load.outstanding)
					for j := range envelopes[i] {
						free <- struct{}{}
						start := time.Now()
						n.gate.Submit(a.account, headers[i][j], data, func(r schemas.SubmitReply) {
							if r.Result != schemas.ResultAccepted {
								b.Errorf("got %s %s", r.Result, r.Code)
							}
							mu.Lock()
							took = append(took, time.Since(start))
							mu.Unlock()
							<-free
						})
					}
					for range load.outstanding {
						free <- struct{}{}
					}
				})
			}
			senders.Wait()
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "envelopes/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
