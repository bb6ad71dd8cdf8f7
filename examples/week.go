package examples

import (
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/linkage-exchange/linkage/schemas"
)

// Week is what happens.
type Week struct {
	Begins time.Time `yaml:"begins"`
	Days   []Day     `yaml:"days"`
}

// Day is one day of it.
type Day struct {
	Name  string `yaml:"name"`
	Say   string `yaml:"say"`
	Steps []Step `yaml:"steps"`
}

// Broker is the process that [Step.Kill] and [Step.Start] name besides
// agencies.
const Broker = "broker"

// Step says what happens in a sentence, and does exactly one thing.
type Step struct {
	Say string `yaml:"say"`

	// Permit records a permission.
	Permit *Permission `yaml:"permit"`
	// Send hands in events.
	Send []Sending `yaml:"send"`
	// Refuse hands in an event that must be refused.
	Refuse *Sending `yaml:"refuse"`
	// Revoke ends a permission.
	Revoke *Ending `yaml:"revoke"`
	// Settle waits until everything that can arrive has arrived.
	Settle bool `yaml:"settle"`
	// Stop ends an agency's process, Kill the broker's without a warning; Start
	// starts either again.
	Stop  schemas.AgencyID `yaml:"stop"`
	Kill  string           `yaml:"kill"`
	Start string           `yaml:"start"`
	// Suspend and Readmit change a member's standing.
	Suspend schemas.AgencyID `yaml:"suspend"`
	Readmit schemas.AgencyID `yaml:"readmit"`

	line int
}

// Line is where the step stands in week.yaml.
func (s Step) Line() int { return s.line }

// Sending is an event and whom it is for.
type Sending struct {
	Event string             `yaml:"event"`
	To    []schemas.AgencyID `yaml:"to"`
}

// Permission is what an agency may tell another about a client: a grant.
type Permission struct {
	Name   string           `yaml:"name"`
	From   schemas.AgencyID `yaml:"from"`
	To     schemas.AgencyID `yaml:"to"`
	Client string           `yaml:"client"` // a person's key
	Basis  schemas.Basis    `yaml:"basis"`
	Days   int              `yaml:"days"` // how long it lasts, from today
	Cells  []Cell           `yaml:"cells"`
}

// Ending revokes a permission.
type Ending struct {
	Permission string `yaml:"permission"`
	// Withdrawn are the events that wait for the recipient at that moment.
	Withdrawn []string `yaml:"withdrawn"`
}

// Cell is a category and a purpose, written category:purpose.
type Cell schemas.Cell

func (c Cell) String() string { return string(c.Category) + ":" + string(c.Purpose) }

// UnmarshalYAML reads category:purpose.
func (c *Cell) UnmarshalYAML(n *yaml.Node) error {
	category, purpose, _ := strings.Cut(n.Value, ":")
	c.Category, c.Purpose = schemas.Category(category), schemas.Purpose(purpose)
	if !c.Category.Valid() || !c.Purpose.Valid() {
		return fmt.Errorf("line %d: %q must be category:purpose, both of the catalogue", n.Line, n.Value)
	}
	return nil
}

// number notes the line of each step, for whoever has to mend one.
func (w *Week) number(b []byte) error {
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return fmt.Errorf("week.yaml: %w", err)
	}
	days := member(root.Content[0], "days")
	for i := range w.Days {
		steps := member(days.Content[i], "steps")
		for j := range w.Days[i].Steps {
			w.Days[i].Steps[j].line = steps.Content[j].Line
		}
	}
	return nil
}

// member is the value of a key in a YAML mapping that has it.
func member(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return &yaml.Node{}
}
