package main

import (
	"context"
	"html/template"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
)

func agentRecoverySheet(c *cli) *cobra.Command {
	var flags *agentFlags
	var codeFile, backup string
	var check, renew, html bool
	cmd := c.command("recovery-sheet", "Print the page that opens the backups, or --check that a code does; asks for the code", c.arguments(), func(ctx context.Context, _ []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		if renew {
			code, err := agent.RenewCode(opts)
			if err != nil {
				return err
			}
			return c.printSheet(ctx, opts, code, html)
		}
		code, err := c.recoveryCode(codeFile)
		if err != nil {
			return err
		}
		sheet, err := agent.CheckCode(opts, backup, code)
		if err != nil {
			return err
		}
		if !check {
			return c.printSheet(ctx, opts, code, html)
		}
		return c.print(map[string]any{"sheet": sheet, "opens": true}, func() {
			what := "this agent"
			if backup != "" {
				what = backup
			}
			c.say("The code opens %s. It is the one on recovery sheet %s.", what, sheet)
		})
	})
	flags = forAgent(cmd).unlocking()
	cmd.Flags().BoolVar(&check, "check", false, "only say whether the code opens this agent, or the backup that --backup names")
	cmd.Flags().StringVar(&backup, "backup", "", "check the code against a backup `file`")
	cmd.Flags().BoolVar(&renew, "renew", false, "make a new code, when the sheet is lost or was seen; backups made before still open with the old one")
	cmd.Flags().BoolVar(&html, "html", false, "as a page for a browser to print")
	withCodeFile(cmd, &codeFile)
	cmd.MarkFlagsMutuallyExclusive("renew", "check")
	cmd.MarkFlagsMutuallyExclusive("renew", "backup")
	return cmd
}

func agentUnlock(c *cli) *cobra.Command {
	var flags *agentFlags
	var codeFile string
	cmd := c.command("unlock", "Make a new secret for the store with the recovery code, when the old one is lost", c.arguments(), func(_ context.Context, _ []string) error {
		opts, err := flags.options()
		if err != nil {
			return err
		}
		code, err := c.recoveryCode(codeFile)
		if err != nil {
			return err
		}
		if err := agent.Unlock(opts, code); err != nil {
			return err
		}
		return c.print(map[string]any{"data": opts.DataDir, "unlocked": true}, func() { c.say("The records open with the new secret.") })
	})
	flags = forAgent(cmd).unlocking()
	withCodeFile(cmd, &codeFile)
	return cmd
}

// printSheet prints a sheet with a code that is known to open this agent.
func (c *cli) printSheet(ctx context.Context, opts agent.Options, code string, html bool) error {
	s := agent.Sheet{Code: code, Printed: time.Now()}
	var err error
	if s.Sheet, err = agent.SheetName(opts); err != nil {
		return err
	}
	if client := agent.OpenClient(opts.DataDir); client.Running(ctx) {
		status, err := client.Status(ctx)
		if err != nil {
			return err
		}
		s.Name, s.Memberships = status.Name, status.Lines()
	} else if s.Name, s.Memberships, err = agent.Lines(opts); err != nil {
		return err
	}
	if html && !c.json {
		return sheetPage.Execute(c.out, sheetView{s})
	}
	return c.print(s, func() { c.saySheet(sheetView{s}) })
}

// sheetView is a sheet as the page and the text show it.
type sheetView struct{ agent.Sheet }

// Groups is the code in rows of three groups, as a person copies it.
func (v sheetView) Groups() []string {
	groups := strings.FieldsFunc(strings.ToUpper(v.Code), func(r rune) bool { return r == '-' || r == ' ' })
	var rows []string
	for len(groups) > 0 {
		n := min(3, len(groups))
		rows = append(rows, strings.Join(groups[:n], " - "))
		groups = groups[n:]
	}
	return rows
}

// Day is when it was printed.
func (v sheetView) Day() string { return v.Printed.Local().Format("2 January 2006") }

// Steps say what to do, to a person who has never seen this.
func (v sheetView) Steps() []string {
	return []string{
		"You need this page and the newest backup: a file whose name ends in .backup, kept on another machine or disk. A backup says which sheet opens it; this one is " + v.Sheet.Sheet + ".",
		"Make sure that the old machine is gone or switched off for good. Two machines must never run as the same agency.",
		"On the new machine, install the program: copy the one file called linkage to /usr/local/bin.",
		"Copy the backup to the new machine. Then type: linkage agent restore THE-BACKUP-FILE",
		"It asks for the code on this page. Capital or small letters, spaces and dashes do not matter.",
		"It makes the records anew, fetches from the exchange and the partners what came since the backup, and says what needs a telephone call.",
		"Then type: linkage agent run (or start the service, as docs/operations.md says), and make a new backup.",
		"If something does not work: linkage agent doctor says what, and the network's lead agency can help. Nobody can open the backup without this page.",
	}
}

func (c *cli) saySheet(v sheetView) {
	c.say("RECOVERY SHEET %s\n", v.Sheet.Sheet)
	c.say("Keep this page in a safe, away from the computer. Whoever has it and a backup can read")
	c.say("everything in the records. Without it nobody can open a backup, not even the makers of Linkage.\n")
	c.table([][]string{{"Agency", v.Name}, {"Printed", v.Day()}})
	for _, m := range v.Memberships {
		c.say("%s in the network %s, fingerprint %s", m.Agency, m.Network, m.Fingerprint)
	}
	c.say("\nThe recovery code:\n")
	for _, row := range v.Groups() {
		c.say("    %s", row)
	}
	c.say("\nTo bring the agency back on a new machine:\n")
	for i, step := range v.Steps() {
		for j, line := range wrapped(step, 90) {
			if j == 0 {
				c.say("%2d. %s", i+1, line)
			} else {
				c.say("    %s", line)
			}
		}
	}
}

// wrapped breaks text into lines of at most so many characters.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

var sheetPage = template.Must(template.New("sheet").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Recovery sheet {{.Sheet.Sheet}}</title>
<style>
body { font-family: sans-serif; max-width: 42em; margin: 2em auto; line-height: 1.45; }
.code { font: bold 1.5em monospace; border: 2px solid; padding: 0.6em 1em; text-align: center; }
.code div { margin: 0.2em 0; }
td { padding-right: 1.5em; vertical-align: top; }
li { margin-bottom: 0.4em; }
@page { margin: 2cm; }
</style>
</head>
<body>
<h1>Recovery sheet {{.Sheet.Sheet}}</h1>
<p><strong>Keep this page in a safe, away from the computer.</strong> Whoever has it and a backup can read everything in the records.
Without it nobody can open a backup, not even the makers of Linkage.</p>
<table>
<tr><td>Agency</td><td>{{.Name}}</td></tr>
<tr><td>Printed</td><td>{{.Day}}</td></tr>
{{range .Memberships}}<tr><td>Network {{.Network}}</td><td>{{.Agency}}, fingerprint {{.Fingerprint}}</td></tr>
{{end}}</table>
<h2>The recovery code</h2>
<div class="code">{{range .Groups}}<div>{{.}}</div>{{end}}</div>
<h2>To bring the agency back on a new machine</h2>
<ol>
{{range .Steps}}<li>{{.}}</li>
{{end}}</ol>
</body>
</html>
`))
