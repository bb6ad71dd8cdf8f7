package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// The annotations of a property in a schema that narrow its audience. An
// annotated property is never required, so that what is left is always valid.
const (
	// annotatePurposes lists the purposes for which the property travels.
	annotatePurposes = "x-purposes"
	// annotateCategory names the category that a grant must cover besides the
	// event's own.
	annotateCategory = "x-category"
)

// projectPayload cuts the data of an event down to the minimum necessary for a
// purpose: a field stays only when the schema of its type knows it and every
// annotation on it allows it. covered says which categories the grant covers
// for the purpose. removed lists the paths of what was cut, in order, names
// only, such as data.client.phone.
//
// Data that breaks the schema, and a type that has none, is refused: nothing
// travels that no rule covers.
func projectPayload(t EventType, data json.RawMessage, purpose Purpose, covered func(Category) bool) (out json.RawMessage, removed []string, err error) {
	schema := documents()[t.Schema()]
	if _, known := LookUp(t); !known || schema == nil {
		return nil, nil, Refuse(CodeInvalidEvent, "type", "must be a type of the catalogue", "upgrade, or send a type that both sides know")
	}
	if err := ValidatePayload(t, data); err != nil {
		return nil, nil, err
	}
	v, err := decodePayload(data)
	if err != nil {
		return nil, nil, err
	}
	p := projection{purpose: purpose, covered: covered}
	v = p.value(schema, v, "data")
	out, err = json.Marshal(v)
	if err != nil {
		return nil, nil, fmt.Errorf("encode projection of %s: %w", t, err)
	}
	return out, p.removed, nil
}

type projection struct {
	purpose Purpose
	covered func(Category) bool
	removed []string
}

// value returns what stays of v, to which node of a schema applies. It does not
// change v.
func (p *projection) value(node map[string]any, v any, path string) any {
	node = dereference(node)
	switch v := v.(type) {
	case map[string]any:
		properties, _ := node["properties"].(map[string]any)
		kept := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := path + "." + name
			property, known := properties[name].(map[string]any)
			if !known || !p.allows(property) {
				p.removed = append(p.removed, at)
				continue
			}
			kept[name] = p.value(property, v[name], at)
		}
		return kept
	case []any:
		items, known := node["items"].(map[string]any)
		if !known {
			p.removed = append(p.removed, path+".*")
			return []any{}
		}
		kept := make([]any, len(v))
		for i, e := range v {
			kept[i] = p.value(items, e, path+"."+strconv.Itoa(i))
		}
		return kept
	}
	return v
}

// allows reports whether the annotations of a property, and of whatever it
// refers to, let it travel.
func (p *projection) allows(property map[string]any) bool {
	for node := property; node != nil; node = referred(node) {
		if purposes, ok := node[annotatePurposes].([]any); ok && !slices.Contains(purposes, any(string(p.purpose))) {
			return false
		}
		if category, ok := node[annotateCategory].(string); ok && !p.covered(Category(category)) {
			return false
		}
	}
	return true
}

// dereference follows a node's references to where its properties stand.
func dereference(node map[string]any) map[string]any {
	for next := referred(node); next != nil; next = referred(node) {
		node = next
	}
	return node
}

// referred is the node that a $ref names, nil without one.
func referred(node map[string]any) map[string]any {
	ref, ok := node["$ref"].(string)
	if !ok {
		return nil
	}
	return schemaAt(ref)
}
