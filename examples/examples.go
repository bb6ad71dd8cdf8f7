package examples

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/linkage-exchange/linkage/schemas"
)

//go:embed formal-consortium/*.yaml formal-consortium/events/*.json
var files embed.FS

// Example is a network and a week of it.
type Example struct {
	Network Network
	People  []Person
	// Events are the week's events by the names of their files, without .json.
	Events map[string]Event
	Week   Week
}

// Load reads the example of a setup and checks it as a whole: what it refers to
// exists, and nothing crosses without a permission.
func Load(setup string) (*Example, error) {
	dir, err := fs.Sub(files, setup)
	if err == nil {
		_, err = fs.Stat(dir, "network.yaml")
	}
	if err != nil {
		return nil, schemas.Refuse(schemas.CodeNotFound, "setup", "must be one that has an example: "+strings.Join(Setups(), ", "), "choose one of them")
	}
	return load(dir)
}

// Setups lists the setups that have an example.
func Setups() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // embedded
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

func load(dir fs.FS) (*Example, error) {
	e := &Example{Events: map[string]Event{}}
	var people struct {
		People []Person `yaml:"people"`
	}
	for name, into := range map[string]any{"network.yaml": &e.Network, "people.yaml": &people, "week.yaml": &e.Week} {
		if err := decode(dir, name, into); err != nil {
			return nil, err
		}
	}
	e.People = people.People
	if err := e.loadEvents(dir); err != nil {
		return nil, err
	}
	return e, e.check()
}

func (e *Example) loadEvents(dir fs.FS) error {
	names, err := fs.Glob(dir, "events/*.json")
	if err != nil {
		return fmt.Errorf("list events: %w", err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		key := strings.TrimSuffix(path.Base(name), ".json")
		if e.Events[key], err = parseEvent(b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// decode reads a YAML file. A field that v does not have is an error, which
// names the line.
func decode(dir fs.FS, name string, v any) error {
	b, err := fs.ReadFile(dir, name)
	if err != nil {
		return fmt.Errorf("read example: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if w, ok := v.(*Week); ok {
		return w.number(b)
	}
	return nil
}

func (e *Example) check() error {
	if err := e.Network.check(); err != nil {
		return fmt.Errorf("network.yaml: %w", err)
	}
	for _, p := range e.People {
		if err := p.check(e.Network); err != nil {
			return fmt.Errorf("people.yaml: %s: %w", p.Key, err)
		}
	}
	_, err := e.Replay()
	return err
}

// Person returns a client by the key.
func (e *Example) Person(key string) (Person, bool) {
	for _, p := range e.People {
		if p.Key == key {
			return p, true
		}
	}
	return Person{}, false
}
