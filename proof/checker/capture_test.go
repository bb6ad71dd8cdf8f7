package checker_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/proof/checker"
)

// capture is what a network left behind, as the inspect commands print it, so
// that a test can plant a fault in it.
type capture struct {
	manifest, hub doc
	stores        map[string]doc // by agency
	further       []doc          // hubs of other epochs
}

// with adds the hub of another epoch.
func (c capture) with(hub doc) capture {
	c.further = []doc{hub}
	return c
}

// doc is a JSON object.
type doc = map[string]any

// readCapture reads a directory with manifest.json, broker.json and a file for
// each agency.
func readCapture(t *testing.T, dir string) capture {
	t.Helper()
	c := capture{stores: map[string]doc{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch name := strings.TrimSuffix(filepath.Base(file), ".json"); name {
		case "manifest":
			c.manifest = decode(t, b)
		case "broker":
			c.hub = decode(t, b)
		default:
			c.stores[name] = decode(t, b)
		}
	}
	return c
}

func decode(t *testing.T, b []byte) doc {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var d doc
	if err := dec.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

func encode(t *testing.T, d doc) []byte {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// files are the capture's files by name.
func (c capture) files(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{"manifest.json": encode(t, c.manifest), "broker.json": encode(t, c.hub)}
	for a, s := range c.stores {
		all[a+".json"] = encode(t, s)
	}
	return all
}

// write puts the capture into a directory.
func (c capture) write(t *testing.T, dir string) {
	t.Helper()
	for name, b := range c.files(t) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// check lets the checker look at the capture.
func (c capture) check(t *testing.T) []checker.Promise {
	t.Helper()
	m, err := checker.ReadManifest(bytes.NewReader(encode(t, c.manifest)))
	if err != nil {
		t.Fatal(err)
	}
	in := checker.Input{Manifest: m}
	for name, b := range c.files(t) {
		if name == "manifest.json" {
			continue
		}
		if err := in.Read(bytes.NewReader(b)); err != nil {
			t.Fatal(name, err)
		}
	}
	for _, hub := range c.further {
		if err := in.Read(bytes.NewReader(encode(t, hub))); err != nil {
			t.Fatal(err)
		}
	}
	promises, err := checker.Check(in)
	if err != nil {
		t.Fatal(err)
	}
	return promises
}

// member is an agency's part of its store.
func (c capture) member(agency string) doc { return items(c.stores[agency], "networks")[0] }

// items is a list of objects in an object.
func items(d doc, key string) []doc {
	list, _ := d[key].([]any)
	all := make([]doc, len(list))
	for i, e := range list {
		all[i], _ = e.(doc)
	}
	return all
}

// put replaces a list of objects.
func put(d doc, key string, all []doc) {
	list := make([]any, len(all))
	for i, e := range all {
		list[i] = e
	}
	d[key] = list
}

// pick returns the first object of a list that has these values.
func pick(t *testing.T, d doc, key string, want doc) doc {
	t.Helper()
	for _, e := range items(d, key) {
		if has(e, want) {
			return e
		}
	}
	t.Fatalf("no %s has %v", key, want)
	return nil
}

func has(e, want doc) bool {
	for k, v := range want {
		if e[k] != v {
			return false
		}
	}
	return true
}

// drop removes every object of a list that has these values.
func drop(d doc, key string, want doc) {
	put(d, key, slices.DeleteFunc(items(d, key), func(e doc) bool { return has(e, want) }))
}

// add appends an object to a list.
func add(d doc, key string, e doc) { put(d, key, append(items(d, key), e)) }

// clone copies an object deeply.
func clone(t *testing.T, d doc) doc {
	t.Helper()
	return decode(t, encode(t, d))
}

// inner is the CloudEvent of a store's entry.
func inner(e doc) doc {
	event, _ := e["event"].(doc)
	return event
}

// id is the id of an entry's CloudEvent.
func id(e doc) string {
	s, _ := inner(e)["id"].(string)
	return s
}

// text is a string of an object, "" if it is not there.
func text(d doc, key string) string {
	s, _ := d[key].(string)
	return s
}
