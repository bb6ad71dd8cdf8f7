package schemas

import "encoding/json"

// Violation is a rule that a payload breaks, as the tests name it.
type Violation struct{ Pointer, Keyword string }

// Violations lists every rule that data breaks.
func Violations(t EventType, data json.RawMessage) ([]Violation, error) {
	found, err := violations(t, data)
	out := make([]Violation, len(found))
	for i, v := range found {
		out[i] = Violation{v.pointer(), v.keyword}
	}
	return out, err
}

// ProjectPayload is projectPayload.
var ProjectPayload = projectPayload
