// Package crash_test kills the processes of a network, at each named point
// between two writes and at random, and sees that nothing accepted is lost and
// nothing has its effect twice.
package crash_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/eventually"
)

const events = 4

// settle sends the named events again, which has no effect where they were
// accepted, and waits until every one is where it belongs, once, and the sender
// knows. total is how many there are by now.
func (w *world) settle(names []string, total int) {
	w.t.Helper()
	for _, name := range names {
		w.send(name)
	}
	eventually.True(w.t, "every event is at its recipient", func() bool { return len(w.heard("probation")) == total })
	eventually.True(w.t, "the sender has every receipt", func() bool { return w.open("riverside") == 0 })
	for id, times := range w.heard("probation") {
		if times != 1 {
			w.t.Errorf("%s has its effect %d times", id, times)
		}
	}
}

// named makes the names of n events.
func named(prefix string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("%s-%d", prefix, i))
	}
	return all
}

// Which process passes a point while events go from riverside to probation.
var onTheWay = map[string]string{
	crash.AgentAccepted: "riverside", crash.AgentFrozen: "riverside", crash.AgentSubmitted: "riverside",
	crash.GateDecided: "broker", crash.GateCommitted: "broker", crash.GateHandedOver: "broker", crash.GateReceipted: "broker", crash.LedgerTiled: "broker", crash.LedgerSigned: "broker",
	crash.AgentPulled: "probation", crash.AgentStored: "probation", crash.AgentReceipted: "probation",
}

func TestKilledAtEachPoint(t *testing.T) {
	w := newWorld(t)
	w.join("riverside")
	w.join("probation")
	w.grant()
	w.settle([]string{"first"}, 1)
	total := 1
	for point, who := range onTheWay {
		t.Logf("%s dies at %s", who, point)
		w.kill(who)
		w.start(who, point)
		names := named(point, events)
		for _, name := range names {
			w.send(name)
		}
		w.crashed(who)
		w.start(who, "")
		total += events
		w.settle(names, total)
	}
}

// A join that is cut off, on either side, is taken up by the same code.
func TestKilledWhileJoining(t *testing.T) {
	w := newWorld(t)
	w.join("riverside")
	code := w.invite("probation")
	w.kill("broker")
	w.start("broker", crash.EnrolAdmitted)
	if _, err := w.try("agent", "join", code, "--data", w.path("probation"), "--name", "Probation"); err == nil {
		t.Fatal("the join did not notice that the broker died")
	}
	w.crashed("broker")
	w.start("broker", "")
	t.Setenv("LINKAGE_CRASH", crash.AgentJoined)
	if _, err := w.try("agent", "join", code, "--data", w.path("probation")); err == nil {
		t.Fatal("the join did not die")
	}
	t.Setenv("LINKAGE_CRASH", "")
	w.must("agent", "join", code, "--data", w.path("probation"))
	w.start("probation", "")
	eventually.True(t, "riverside knows of probation", func() bool {
		_, err := w.try("grant", "issue", "--data", w.path("riverside"), "--to", "probation", "--client", "c-1",
			"--cell", "attendance:justice-monitoring", "--basis", "justice-consent", "--until", "2099-01-01")
		return err == nil
	})
	w.settle(named("event", 1), 1)
	if _, err := w.try("agent", "join", code, "--data", w.path("another"), "--name", "Another"); err == nil {
		t.Error("the code worked twice")
	}
}

// A grant that was recorded is in force after a crash, before which the broker
// had not heard of it.
func TestKilledWhileGranting(t *testing.T) {
	w := newWorld(t)
	w.join("riverside")
	w.join("probation")
	w.kill("riverside")
	w.start("riverside", crash.AgentGrantRecorded)
	if _, err := w.try("grant", "issue", "--data", w.path("riverside"), "--to", "probation", "--client", "c-1",
		"--cell", "attendance:justice-monitoring", "--basis", "justice-consent", "--until", "2099-01-01"); err == nil {
		t.Fatal("the agent did not die")
	}
	w.crashed("riverside")
	w.start("riverside", "")
	w.settle(named("event", 2), 2)
}

// A revocation whose broker dies before it wrote down what it withdraws
// withdraws it all the same, and never hands it over.
func TestKilledWhileRevoking(t *testing.T) {
	w := newWorld(t)
	w.join("riverside")
	w.join("probation")
	grant := w.grant()
	w.send("event-0")
	eventually.True(t, "the first event arrives", func() bool { return len(w.heard("probation")) == 1 })
	w.kill("probation")
	for i := range events {
		w.send(fmt.Sprintf("event-%d", i))
	}
	eventually.True(t, "the broker has the rest", func() bool {
		return w.state("accepted") == events-1
	})
	w.kill("broker")
	w.start("broker", crash.GateRevoked)
	out, err := w.try("grant", "revoke", grant, "--data", w.path("riverside"), "--wait", "5s")
	t.Log(out, err)
	w.crashed("broker")
	w.start("broker", "")
	w.start("probation", "")
	eventually.True(t, "everything is withdrawn", func() bool { return w.state("withdrawn") == events-1 })
	if got := w.heard("probation"); len(got) != 1 {
		t.Errorf("the recipient has %d events, want the one from before the revocation", len(got))
	}
}

// Processes die at random moments while events flow.
func TestKilledAtRandom(t *testing.T) {
	rounds, n := 12, 24
	if testing.Short() {
		rounds, n = 4, 8
	}
	seed := uint64(time.Now().UnixNano()) // #nosec G115 -- any number will do
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- a schedule
	w := newWorld(t)
	w.join("riverside")
	w.join("probation")
	w.grant()
	names := []string{"broker", "riverside", "probation"}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range n {
			w.send(fmt.Sprintf("event-%d", i))
		}
	}()
	for range rounds {
		who := names[random.IntN(len(names))]
		timer := time.NewTimer(time.Duration(random.IntN(300)) * time.Millisecond)
		<-timer.C
		w.kill(who)
		w.start(who, "")
	}
	<-sent
	w.settle(named("event", n), n)
}
