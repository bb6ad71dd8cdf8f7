package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// print answers with a document, or with text for a person.
func (c *cli) print(document any, text func()) error {
	if !c.json {
		text()
		return nil
	}
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	return e.Encode(document)
}

func (c *cli) say(format string, args ...any) {
	fmt.Fprintf(c.out, format+"\n", args...)
}

// table prints rows in columns.
func (c *cli) table(rows [][]string) {
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		for i := range row {
			row[i] = plain(row[i])
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = w.Flush() // like any other print: if nobody reads it, it does not matter
}

// where repeats the flags that say which directory a command is about.
func where(cmd *cobra.Command) string {
	text := ""
	for _, name := range []string{"config", "data", "lead"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			value := f.Value.String()
			if strings.ContainsAny(value, " '\"$&;()") {
				value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
			}
			text += " --" + name + " " + value
		}
	}
	return text
}

// advised is a command between backticks in an advice.
var advised = regexp.MustCompile("`linkage (agent|grant|broker) [^`]*`")

// here completes the commands in an advice, so that they can be copied as they
// stand: they are about the same directory.
func (c *cli) here(advice string) string {
	return advised.ReplaceAllStringFunc(advice, func(command string) string {
		ofBroker := strings.HasPrefix(command, "`linkage broker ")
		if strings.Contains(command, "--") || ofBroker != strings.HasPrefix(c.path, "linkage broker ") {
			return command
		}
		return strings.TrimSuffix(command, "`") + c.where + "`"
	})
}

// plain makes text of others safe for a terminal: no control characters.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// clock is a time as a person at this machine reads it: the day only if it is
// not today.
func clock(t time.Time) string {
	local, now := t.Local(), time.Now()
	if local.YearDay() == now.YearDay() && local.Year() == now.Year() {
		return local.Format("15:04")
	}
	return local.Format("2006-01-02 15:04")
}

// age says how long ago something was, in one unit.
func age(t time.Time) string {
	d := time.Since(t)
	switch {
	case t.IsZero():
		return "never"
	case d < 2*time.Minute:
		return count(max(int(d.Seconds()), 0), "second", "seconds")
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// count says how many there are of something, in the singular or plural.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
