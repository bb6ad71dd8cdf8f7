package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/examples"
	"github.com/linkage-exchange/linkage/proof/checker"
)

// narrator tells a person what happens.
type narrator struct{ out io.Writer }

// narrowness is how wide a line of narration may be.
const narrowness = 96

func (n *narrator) line(format string, args ...any) {
	fmt.Fprint(n.out, wrap(fmt.Sprintf(format, args...), "", narrowness))
}

func (n *narrator) day(date time.Time, d examples.Day) {
	fmt.Fprintf(n.out, "\n%s\n", date.Format("Monday, 2 January"))
	fmt.Fprint(n.out, wrap(d.Say, "  ", narrowness))
	fmt.Fprintln(n.out)
}

func (n *narrator) step(say string) { fmt.Fprint(n.out, wrap(say, "  ", narrowness)) }

func (n *narrator) detail(format string, args ...any) {
	fmt.Fprint(n.out, wrap(fmt.Sprintf(format, args...), "      ", narrowness))
}

// table shows what was promised and what happened.
func (n *narrator) table(promises []checker.Promise) {
	fmt.Fprintf(n.out, "\nWhat was promised, and what the stores and the broker's record say\n\n")
	for _, p := range promises {
		word := "kept"
		if !p.Held {
			word = "BROKEN"
		}
		fmt.Fprintf(n.out, "  %-7s %s\n", word, p.Name)
		fmt.Fprint(n.out, wrap(p.Evidence, "          ", narrowness))
	}
	fmt.Fprintln(n.out)
}

// wrap breaks a text into lines, each behind the indent.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	length := 0
	for word := range strings.FieldsSeq(text) {
		size := len([]rune(word))
		switch {
		case length == 0:
			b.WriteString(indent)
			length = len(indent)
		case length+1+size > width:
			b.WriteString("\n" + indent)
			length = len(indent)
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += size
	}
	b.WriteByte('\n')
	return b.String()
}

// running says where everything is, and what to try.
func (n *narrator) running(d *demoNetwork) {
	fmt.Fprintf(n.out, "\nThe network runs on until Ctrl-C.\n\n  %-28s https://%s\n  %-28s http://%[4]s/readyz and http://%[4]s/metrics\n",
		"broker", d.address[examples.Broker], "its health and figures", d.address[demoStatus])
	for _, a := range d.network.Agencies {
		fmt.Fprintf(n.out, "  %-28s http://%s\n", a.ID, d.address[string(a.ID)])
	}
	fmt.Fprintf(n.out, "\nTo try:\n\n  %s agent status --data %s\n  %s events --data %s\n\n",
		d.program(), d.agentDir(d.network.Lead), d.program(), d.agentDir(d.network.Lead))
}

// kept says how to repeat the proof by hand.
func (n *narrator) kept(d *demoNetwork) {
	fmt.Fprintf(n.out, "\nEverything is in %s. The same proof by hand:\n\n  cd %s && %s check manifest.json broker logs agents/*/\n",
		d.dir, d.dir, d.program())
}
