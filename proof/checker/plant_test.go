package checker_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/schemas"
)

// plant is a fault in otherwise good data. It returns what the evidence must
// name.
type plant struct {
	promise string
	plant   func(t *testing.T, c capture) (named string)
}

const shelter, lead, clinic, probation = "harbor-shelter", "northside-case-management", "hilltop-clinic", "county-probation"

// the four gravest come first: missing, doubled, foreign, after a revocation.
var plants = map[string]plant{
	"1 a missing event": {"R1 nothing is lost", func(t *testing.T, c capture) string {
		e := anArrival(t, c, shelter)
		drop(c.member(shelter), "events", doc{"number": e["number"]})
		return id(e)
	}},
	"2 a doubled event": {"R2 nothing has its effect twice", func(t *testing.T, c capture) string {
		e := clone(t, anArrival(t, c, shelter))
		e["number"] = json.Number("9999")
		add(c.member(shelter), "events", e)
		return id(e)
	}},
	"3 a foreign event": {"S3 nothing is foreign", func(t *testing.T, c capture) string {
		e := clone(t, anArrival(t, c, shelter))
		inner(e)["id"], e["number"] = string(schemas.NewEventID()), json.Number("9999")
		add(c.member(shelter), "events", e)
		return id(e)
	}},
	"4 an event after the revocation": {"S1 nothing after a revocation", func(t *testing.T, c capture) string {
		ended := pick(t, c.hub, "records", doc{"kind": "grant-revoked"})
		taken := clone(t, pick(t, c.hub, "records", doc{"kind": "accepted", "grant": ended["grant"]}))
		taken["position"], taken["envelope"] = next(c), string(schemas.NewEventID())
		add(c.hub, "records", taken)
		e := clone(t, anArrival(t, c, shelter))
		inner(e)["id"], e["number"], e["grant"], e["envelope"] = string(schemas.NewEventID()), json.Number("9999"), ended["grant"], taken["envelope"]
		add(c.member(shelter), "events", e)
		return id(e)
	}},

	"a revocation without effect when it returned": {"S1 nothing after a revocation", func(t *testing.T, c capture) string {
		ended := pick(t, c.hub, "records", doc{"kind": "grant-revoked"})
		at, _ := ended["position"].(json.Number)
		n, _ := at.Int64()
		add(c.manifest, "returned", doc{"grant": ended["grant"], "epoch": c.hub["epoch"], "position": json.Number(strconv.FormatInt(n-1, 10))})
		return text(ended, "grant")
	}},

	"an event that its sender lost": {"R1 nothing is lost", func(t *testing.T, c capture) string {
		e := anArrival(t, c, shelter)
		put(c.member(lead), "events", slices.DeleteFunc(items(c.member(lead), "events"), func(x doc) bool { return id(x) == id(e) }))
		return id(e)
	}},
	"an event without a delivery": {"R1 nothing is lost", func(t *testing.T, c capture) string {
		e := anArrival(t, c, shelter)
		drop(c.member(lead), "deliveries", doc{"eventid": id(e)})
		return id(e)
	}},
	"an envelope taken twice": {"R2 nothing has its effect twice", func(t *testing.T, c capture) string {
		taken := clone(t, pick(t, c.hub, "records", doc{"kind": "accepted"}))
		taken["position"] = next(c)
		add(c.hub, "records", taken)
		return text(taken, "envelope")
	}},
	"an event in a third one's store": {"S3 nothing is foreign", func(t *testing.T, c capture) string {
		e := clone(t, anArrival(t, c, shelter))
		e["number"] = json.Number("9999")
		add(c.member(clinic), "events", e)
		return id(e)
	}},
	"a name that is not the sender's": {"S3 nothing is foreign", func(t *testing.T, c capture) string {
		e := anArrival(t, c, shelter)
		inner(e)["source"] = "/agencies/" + clinic
		return id(e)
	}},
	"a refused event that arrived": {"S3 nothing is foreign", func(t *testing.T, c capture) string {
		absent := items(c.manifest, "absent")[0]
		e := clone(t, anArrival(t, c, text(absent, "at")))
		inner(e)["id"], e["number"] = absent["event"], json.Number("9999")
		add(c.member(text(absent, "at")), "events", e)
		return text(absent, "event")
	}},
	"an event that nobody permitted": {"S1 nothing crosses without a permission", func(t *testing.T, c capture) string {
		e := anArrival(t, c, shelter)
		drop(c.manifest, "permitted", doc{"grant": e["grant"]})
		return id(e)
	}},
	"an event for another purpose": {"S1 nothing crosses without a permission", func(t *testing.T, c capture) string {
		e := anArrival(t, c, shelter)
		e["purpose"] = "payment"
		return id(e)
	}},
	"a field too many": {"S1 nothing more than the permission covers", func(t *testing.T, c capture) string {
		e := anArrival(t, c, probation)
		data, _ := inner(e)["data"].(doc)
		data["topic"] = "Triggers at work."
		return id(e)
	}},
	"a withdrawn event that arrived": {"S1 nothing after a revocation", func(t *testing.T, c capture) string {
		back := pick(t, c.hub, "records", doc{"kind": "withdrawn"})
		e := clone(t, anArrival(t, c, shelter))
		inner(e)["id"], e["number"], e["envelope"] = string(schemas.NewEventID()), json.Number("9999"), back["envelope"]
		add(c.member(shelter), "events", e)
		return id(e)
	}},
	"a revocation that the broker forgot": {"S1 nothing after a revocation", func(t *testing.T, c capture) string {
		ended := pick(t, c.hub, "records", doc{"kind": "grant-revoked"})
		ended["kind"] = "noticed"
		return text(ended, "grant")
	}},
	"mail for a suspended member": {"S5 a suspended member gets nothing", func(t *testing.T, c capture) string {
		inside := between(t, c, "member-suspended", "member-readmitted", "handed-over")
		inside["recipient"], inside["through"] = clinic, json.Number(strconv.Itoa(math.MaxInt32))
		return clinic
	}},
	"mail from a suspended member": {"S5 a suspended member gets nothing", func(t *testing.T, c capture) string {
		inside := between(t, c, "member-suspended", "member-readmitted", "accepted")
		inside["sender"] = clinic
		return text(inside, "envelope")
	}},
	"a suspension that the broker forgot": {"S5 a suspended member gets nothing", func(t *testing.T, c capture) string {
		pick(t, c.hub, "records", doc{"kind": "member-suspended"})["kind"] = "roll-published"
		return clinic
	}},
	"a chain with another history": {"no chain is broken", func(t *testing.T, c capture) string {
		taken := pick(t, c.hub, "records", doc{"kind": "accepted", "sequence": json.Number("2")})
		taken["previous"] = strings.Repeat("ab", 32)
		return text(taken, "envelope")
	}},
	"a chain with a gap": {"no chain is broken", func(t *testing.T, c capture) string {
		taken := pick(t, c.hub, "records", doc{"kind": "accepted", "sequence": json.Number("2")})
		taken["sequence"] = json.Number("3")
		return text(taken, "envelope")
	}},
	"a hole at the recipient": {"no chain is broken", func(_ *testing.T, c capture) string {
		c.member(shelter)["holes"] = doc{lead: json.Number("2")}
		return lead
	}},
	"a withdrawal of the sender's own": {"both sides and the broker agree", func(t *testing.T, c capture) string {
		d := pick(t, c.member(lead), "deliveries", doc{"recipient": shelter, "state": "stored"})
		d["state"] = "withdrawn"
		return text(d, "eventid")
	}},
	"a grant that reads differently": {"both sides and the broker agree", func(t *testing.T, c capture) string {
		g := anArrival(t, c, shelter)["grant"]
		for _, held := range items(c.member(shelter), "grants") {
			if public, _ := held["grant"].(doc); public["id"] == g {
				public["notafter"] = "2099-12-31"
			}
		}
		return fmt.Sprint(g)
	}},
	"an arrival that nobody signed for": {"every arrival is signed for", func(_ *testing.T, c capture) string {
		drop(c.hub, "records", doc{"kind": "stored", "sender": shelter, "recipient": lead})
		return shelter
	}},
	"an alarm": {"no side saw another break a rule", func(_ *testing.T, c capture) string {
		add(c.member(shelter), "alarms", doc{"code": "bad-signature", "about": clinic, "text": "an envelope was refused here"})
		return "bad-signature"
	}},
}

// anArrival is an event that an agency heard under a grant.
func anArrival(t *testing.T, c capture, agency string) doc {
	t.Helper()
	for _, e := range items(c.member(agency), "events") {
		if e["direction"] == "heard" && e["grant"] != string(schemas.CharterGrant) && (agency != shelter || e["from"] == lead) {
			return e
		}
	}
	t.Fatalf("%s heard nothing under a grant", agency)
	return nil
}

// next is a position after every record of the hub.
func next(c capture) json.Number {
	records := items(c.hub, "records")
	last, _ := records[len(records)-1]["position"].(json.Number)
	n, _ := last.Int64()
	return json.Number(strconv.FormatInt(n+1, 10))
}

// between is a record of a kind after one record and before another.
func between(t *testing.T, c capture, after, before, kind string) doc {
	t.Helper()
	inside := false
	for _, r := range items(c.hub, "records") {
		switch {
		case r["kind"] == after:
			inside = true
		case r["kind"] == before:
			inside = false
		case inside && r["kind"] == kind && r["recipient"] != clinic:
			return r
		}
	}
	t.Fatalf("no %s between %s and %s", kind, after, before)
	return nil
}

const consortium = "testdata/consortium"

func TestACapturedRunKeptEveryPromise(t *testing.T) {
	for _, p := range readCapture(t, consortium).check(t) {
		if !p.Held {
			t.Errorf("%s: %s", p.Name, p.Evidence)
		}
	}
}

func TestPlantedFaultsAreFound(t *testing.T) {
	for name, fault := range plants {
		t.Run(name, func(t *testing.T) {
			c := readCapture(t, consortium)
			named := fault.plant(t, c)
			fault.found(t, c, named)
		})
	}
}

// A broker that began anew holds what is open, or the checker says what it lacks.
func TestEpochs(t *testing.T) {
	c := readCapture(t, consortium)
	older, newer := clone(t, c.hub), clone(t, c.hub)
	older["epoch"], older["records"] = "01AAAAAAAAAAAAAAAAAAAAAAAA", []any{}
	newer["epoch"], newer["records"] = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", []any{}
	for _, p := range c.with(older).check(t) {
		if !p.Held {
			t.Errorf("an epoch before in which nothing happened: %s: %s", p.Name, p.Evidence)
		}
	}
	for _, p := range c.with(newer).check(t) {
		agree := p.Name == "both sides and the broker agree"
		if agree && !strings.Contains(p.Evidence, "was not brought to the broker of the present epoch") {
			t.Errorf("an epoch to which nothing was brought: %s", p.Evidence)
		}
		if p.Held == agree {
			t.Errorf("an epoch to which nothing was brought: %s held %v: %s", p.Name, p.Held, p.Evidence)
		}
	}
}

// found fails the test unless the checker reports the fault under its promise
// and names it.
func (p plant) found(t *testing.T, c capture, named string) {
	t.Helper()
	for _, promise := range c.check(t) {
		if promise.Name != p.promise {
			continue
		}
		if promise.Held || !strings.Contains(promise.Evidence, named) {
			t.Errorf("held %v, evidence %q; want %q in it", promise.Held, promise.Evidence, named)
		}
		return
	}
	t.Errorf("there is no promise %q", p.promise)
}
