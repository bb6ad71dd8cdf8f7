package attachments_test

import (
	"slices"
	"testing"

	"github.com/linkage-exchange/linkage/agent/internal/attachments"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

func (o *office) queue(_ durable.Tx, out attachments.Outgoing, index int) error {
	o.queued = append(o.queued, attachments.Moved{Delivery: out.Delivery, Attachment: out.Attachment, Index: index})
	return nil
}

func (o *office) begin(delivery uint64, grant schemas.GrantID, parts int) {
	o.t.Helper()
	o.do(func(tx durable.Tx) error {
		return attachments.Begin(tx, attachments.Outgoing{
			Delivery: delivery, Event: delivery, Recipient: partner, Grant: grant, Attachment: schemas.Hash{byte(delivery)}, Bytes: parts * schemas.PartSize,
		}, "", o.now, o.queue)
	})
}

func (o *office) moved(m attachments.Moved, change func(*attachments.Moved)) {
	o.t.Helper()
	change(&m)
	o.do(func(tx durable.Tx) error { return attachments.PartMoved(tx, m, o.now, o.queue) })
}

func stored(m *attachments.Moved) { m.Stored = true }

func (o *office) wantQueued(want ...int) {
	o.t.Helper()
	var got []int
	for _, m := range o.queued {
		got = append(got, int(m.Delivery)*100+m.Index)
	}
	if !slices.Equal(got, want) {
		o.t.Errorf("queued %v, want %v", got, want)
	}
}

func (o *office) wantState(delivery uint64, s attachments.State, c schemas.Code, there int) {
	o.t.Helper()
	for _, p := range o.all() {
		if p.Event == delivery && (p.State != s || p.Code != c || p.There != there) {
			o.t.Errorf("document %d: %s %s with %d there, want %s %s with %d", delivery, p.State, p.Code, p.There, s, c, there)
		}
	}
}

// No more than a window is under way to a recipient, documents one after the
// other, and what a recipient signs for lets the next part go.
func TestR6Window(t *testing.T) {
	o := newOffice(t)
	o.begin(1, "G1", 5)
	o.begin(2, "G1", 2)
	o.wantQueued(100, 101, 102, 103)
	o.moved(o.queued[2], stored)
	o.wantQueued(100, 101, 102, 103, 104)
	o.moved(o.queued[2], stored) // again
	o.moved(o.queued[0], stored)
	o.wantQueued(100, 101, 102, 103, 104, 200)
	for _, i := range []int{1, 3, 4} {
		o.moved(o.queued[i], stored)
	}
	o.wantState(1, attachments.Complete, "", 5)
	o.wantQueued(100, 101, 102, 103, 104, 200, 201)
	o.moved(o.queued[5], stored)
	o.moved(o.queued[6], stored)
	o.wantState(2, attachments.Complete, "", 2)
	if got := o.inSight(); len(got) != 0 {
		t.Errorf("still in sight: %+v", got)
	}
}

// A part that cannot go stops its document and no other, and a person lets it
// go on or ends it.
func TestStopped(t *testing.T) {
	o := newOffice(t)
	o.begin(1, "G1", 6)
	o.begin(2, "G1", 1)
	o.moved(o.queued[0], func(m *attachments.Moved) { m.Code = schemas.CodeInvalidEvent })
	o.wantState(1, attachments.Stopped, schemas.CodeInvalidEvent, 0)
	o.wantQueued(100, 101, 102, 103, 200)
	o.moved(o.queued[1], stored) // it stays stopped
	o.wantQueued(100, 101, 102, 103, 200)
	o.moved(o.queued[0], func(m *attachments.Moved) { m.Again = true })
	o.wantState(1, attachments.UnderWay, "", 1)
	o.moved(o.queued[0], stored)
	o.wantQueued(100, 101, 102, 103, 200, 104)
	o.moved(o.queued[2], func(m *attachments.Moved) { m.Ended = true })
	o.wantState(1, attachments.Ended, "", 2)
	o.moved(o.queued[3], stored)
	o.wantQueued(100, 101, 102, 103, 200, 104)
}

// A revocation stops what goes under its grant, whatever is signed for after
// that.
func TestS1NothingFollowsARevocation(t *testing.T) {
	o := newOffice(t)
	o.begin(1, "G1", 9)
	o.do(func(tx durable.Tx) error { return attachments.Stop(tx, partner, "G1", o.now) })
	o.moved(o.queued[0], stored)
	o.wantQueued(100, 101, 102, 103)
	o.wantState(1, attachments.Stopped, schemas.CodeGrantRevoked, 1)
	o.begin(2, "G2", 1)
	o.wantQueued(100, 101, 102, 103, 200)
	if got := o.inSight(); len(got) != 2 {
		t.Errorf("in sight: %+v", got)
	}
}
