package schemas_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/schemas"
)

const eventsPage = "../docs/events.md"

// TestEventsPage holds docs/events.md against the catalogue and the schemas.
// With -update it writes the page.
func TestEventsPage(t *testing.T) {
	want := renderEvents(t)
	if *update {
		if err := os.WriteFile(eventsPage, want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(eventsPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/events.md is not what the catalogue says; write it with: go test ./schemas -run EventsPage -update")
	}
}

const eventsHead = `# Events

Made from the catalogue and the schemas by ` + "`go test ./schemas -run EventsPage -update`" + `; do not edit it by hand.

An event says what happened. Each type has one category, and a grant must name that category for a purpose before an event of
the type may travel. The category ` + "`charter`" + ` marks types that concern no client; they travel without a grant. A type marked *local*
never leaves the agency that recorded it. The JSON Schema of a type, with every field, is ` + "`schemas/json/<type>.schema.json`" + `.

The last column lists the fields that only some recipients see. Such a field stays in the event only if the purpose of the disclosure is
one of its audience's, and, where a category stands behind *and*, if the grant also names that category for the same purpose. Otherwise
` + "`Project`" + ` removes it before the event is sealed. All other fields that the schema knows go wherever the event goes. A field that the
schema does not know does not travel under a grant.

Types are written without the prefix ` + "`org.linkage.`" + `, fields without ` + "`data.`" + `; ` + "`[]`" + ` is each entry of a list.
`

// audience is who sees a field: the purposes, in the order of the forms, and
// the category that a grant has to name besides the event's own.
type audience struct{ purposes, category string }

func renderEvents(t *testing.T) []byte {
	t.Helper()
	set := schemaSet(t)
	fields := map[schemas.EventType]map[audience][]string{}
	used := map[string]int{}
	for _, info := range schemas.Catalogue() {
		marked := map[audience][]string{}
		markedFields(t, set, info.Type.Schema(), set[info.Type.Schema()], "", marked)
		fields[info.Type] = marked
		for a, names := range marked {
			used[a.purposes] += len(names)
		}
	}
	delete(used, "")
	sets := slices.SortedFunc(maps.Keys(used), func(a, b string) int { return cmp.Or(cmp.Compare(used[b], used[a]), cmp.Compare(a, b)) })

	var b bytes.Buffer
	b.WriteString(eventsHead)
	b.WriteString("\n## Audiences\n\n| audience | purposes |\n| --- | --- |\n")
	for i, purposes := range sets {
		fmt.Fprintf(&b, "| A%d | %s |\n", i+1, purposes)
	}
	noun := ""
	for _, info := range schemas.Catalogue() {
		if info.Type.Noun() != noun {
			noun = info.Type.Noun()
			fmt.Fprintf(&b, "\n## %s\n\n| type | what it says | category | fields that only some purposes see |\n| --- | --- | --- | --- |\n", noun)
		}
		category := string(info.Category)
		if info.Local {
			category += ", local"
		}
		says, _ := set[info.Type.Schema()]["description"].(string)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", info.Type.Short(), cell(says), category, audiences(fields[info.Type], sets))
	}
	return b.Bytes()
}

// cell keeps a text within one cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// audiences renders the marked fields of one type, each audience's together.
func audiences(marked map[audience][]string, sets []string) string {
	var parts []string
	for i, purposes := range append([]string{""}, sets...) {
		for _, category := range append([]schemas.Category{""}, schemas.Categories...) {
			names := marked[audience{purposes, string(category)}]
			if len(names) == 0 {
				continue
			}
			slices.Sort(names)
			who := fmt.Sprintf("A%d", i)
			switch {
			case purposes == "":
				who = "*" + string(category) + "*"
			case category != "":
				who += " and *" + string(category) + "*"
			}
			parts = append(parts, who+": `"+strings.Join(names, "`, `")+"`")
		}
	}
	return cmp.Or(strings.Join(parts, "; "), "–")
}

// markedFields collects the annotated properties below a node. Below one it
// goes on: what stands there may be narrower still.
func markedFields(t *testing.T, set map[string]map[string]any, base string, node map[string]any, path string, found map[audience][]string) {
	t.Helper()
	base, node = resolve(t, set, base, node)
	properties, _ := node["properties"].(map[string]any)
	for name, p := range properties {
		property, _ := p.(map[string]any)
		at := strings.TrimPrefix(path+"."+name, ".")
		if a := audienceOf(t, set, base, property); a != (audience{}) {
			found[a] = append(found[a], at)
		}
		markedFields(t, set, base, property, at, found)
	}
	if items, ok := node["items"].(map[string]any); ok {
		markedFields(t, set, base, items, path+"[]", found)
	}
}

// audienceOf reads the annotations of a property and of whatever it refers to.
func audienceOf(t *testing.T, set map[string]map[string]any, base string, property map[string]any) audience {
	t.Helper()
	_, target := resolve(t, set, base, property)
	var a audience
	var purposes []string
	for _, p := range schemas.Purposes {
		if allowed(property, p) && allowed(target, p) {
			purposes = append(purposes, string(p))
		}
	}
	if len(purposes) < len(schemas.Purposes) {
		a.purposes = strings.Join(purposes, ", ")
	}
	for _, node := range []map[string]any{target, property} {
		if c, ok := node["x-category"].(string); ok {
			a.category = c
		}
	}
	return a
}

// allowed reports whether a node's own annotation lets it travel for a purpose.
func allowed(node map[string]any, p schemas.Purpose) bool {
	list, ok := node["x-purposes"].([]any)
	return !ok || slices.Contains(list, any(string(p)))
}
