// Package config fills a process's options from its YAML file and environment.
//
// The file is strict: a setting that does not exist, stands twice or has the
// wrong form is refused with its line. What a person gave on the command line
// goes on top, by the caller; what nobody gave keeps its default.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/linkage-exchange/linkage/schemas"
)

// maxFile is more than any configuration needs.
const maxFile = 256 << 10

// Load fills options, a pointer to a struct with yaml tags, from a file ("" for
// none) and then from environment variables named LINKAGE_ and the setting in
// capitals. Fields without a tag, or tagged "-", are left alone.
func Load(path string, env func(string) (string, bool), options any) (File, error) {
	file := File{}
	if path != "" {
		content, err := read(path)
		if err != nil {
			return nil, err
		}
		if file, err = Parse(content, options); err != nil {
			return nil, err
		}
	}
	var faults Faults
	for _, s := range settings(options) {
		name := Variable(s.name)
		text, ok := env(name)
		if !ok {
			continue
		}
		node := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
		if s.value.Kind() == reflect.String {
			node.Tag = "!!str"
		}
		if rule := s.set(node); rule != "" {
			faults = append(faults, Fault{Where: name, Rule: rule})
		}
	}
	if faults != nil {
		return nil, faults
	}
	return file, nil
}

// Variable is the environment variable of a setting.
func Variable(field string) string { return "LINKAGE_" + strings.ToUpper(field) }

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, schemas.Refuse(schemas.CodeNotFound, "config", "must be a file that can be read", "name the right file with --config")
	}
	defer func() { _ = f.Close() }() // only read from
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(b) > maxFile {
		return nil, schemas.Refuse(schemas.CodeTooLarge, "config", fmt.Sprintf("must be at most %d bytes", maxFile), "name the right file with --config")
	}
	return b, nil
}

// Parse fills options from the content of a file.
func Parse(content []byte, options any) (File, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF): // nothing but comments
		return File{}, nil
	case err != nil:
		return nil, Faults{syntax(err)}
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, Faults{{Where: "the file", Rule: "must hold one document"}}
	}
	return fill(document.Content[0], options)
}

// syntax turns yaml's error, which names a line and no value, into a fault.
func syntax(err error) Fault {
	where, rule, ok := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), ": ")
	if !ok || !strings.HasPrefix(where, "line ") {
		return Fault{Where: "the file", Rule: "must be YAML"}
	}
	return Fault{Where: where, Rule: "must be YAML: " + rule}
}

func fill(root *yaml.Node, options any) (File, error) {
	if root.ShortTag() == "!!null" { // nothing but the sign that a document begins
		return File{}, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, Faults{{Where: line(root), Rule: "must be settings, one a line, such as data_dir: /var/lib/linkage"}}
	}
	file, all := File{}, settings(options)
	var faults Faults
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		at := slices.IndexFunc(all, func(s setting) bool { return s.name == key.Value })
		_, twice := file[key.Value]
		switch {
		case at < 0:
			faults = append(faults, Fault{line(key), "", unknown(key.Value, all)})
			continue
		case twice:
			faults = append(faults, Fault{line(key), key.Value, fmt.Sprintf("stands on line %d already", file[key.Value])})
			continue
		}
		file[key.Value] = key.Line
		if rule := all[at].set(value); rule != "" {
			faults = append(faults, Fault{line(value), key.Value, rule})
		}
	}
	if faults != nil {
		return file, faults
	}
	return file, nil
}

func line(n *yaml.Node) string { return fmt.Sprintf("line %d", n.Line) }

// setting is one field of the options.
type setting struct {
	name  string
	value reflect.Value
}

func settings(options any) []setting {
	v := reflect.ValueOf(options).Elem()
	var all []setting
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			all = append(all, setting{name, v.Field(i)})
		}
	}
	return all
}

// Names lists the settings of options, in order.
func Names(options any) []string {
	var names []string
	for _, s := range settings(options) {
		names = append(names, s.name)
	}
	return names
}

// set takes a value over, or says what form it must have.
func (s setting) set(n *yaml.Node) string {
	// yaml would make a whole number of 1.5.
	cut := s.value.Kind() == reflect.Int && n.ShortTag() != "!!int"
	if n.Kind == yaml.ScalarNode && !cut && n.Decode(s.value.Addr().Interface()) == nil {
		return ""
	}
	switch s.value.Interface().(type) {
	case time.Duration:
		return "must be a duration such as 90s or 72h"
	case bool:
		return "must be true or false"
	case int, int64, uint64:
		return "must be a whole number"
	case float64:
		return "must be a number"
	case string:
		return "must be text"
	default:
		return "must have another form"
	}
}
