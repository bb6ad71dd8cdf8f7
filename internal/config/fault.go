package config

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with a file or the environment.
type Fault struct {
	// Where is the line of the file, such as line 7, or the name of the
	// environment variable.
	Where string `json:"where"`
	Field string `json:"field,omitempty"`
	Rule  string `json:"rule"`
}

// Faults is the error that lists everything that is wrong, in order.
type Faults []Fault

// Error renders one line for each fault. None holds a value.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// String renders the fault on one line.
func (f Fault) String() string {
	if f.Field == "" {
		return f.Where + ": " + f.Rule
	}
	return f.Where + ": " + f.Field + " " + f.Rule
}

// File is where a file's settings stand.
type File map[string]int

// Where names the place of a setting for a [Fault].
func (f File) Where(field string) string {
	if line, ok := f[field]; ok {
		return fmt.Sprintf("line %d", line)
	}
	return "defaults"
}
