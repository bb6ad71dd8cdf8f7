package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

// attach hands files to the agent and says how an event names them. A file's
// name may say who a client is, so it is left behind.
func (c *cli) attach(ctx context.Context, reach *agent.Client, network string, files, titles []string) ([]schemas.Attachment, error) {
	if len(titles) > len(files) {
		return nil, misuse{errors.New("there are more --title than --attach"), "give each title after the --attach that it belongs to"}
	}
	var all []schemas.Attachment
	for i, name := range files {
		a, err := attachFile(ctx, reach, network, name)
		if err != nil {
			return nil, err
		}
		if i < len(titles) {
			a.Title = titles[i]
		}
		all = append(all, a)
	}
	return all, nil
}

func attachFile(ctx context.Context, reach *agent.Client, network, name string) (schemas.Attachment, error) {
	var a schemas.Attachment
	f, err := os.Open(name) // #nosec G304 -- the person's own file
	if err != nil {
		return a, misuse{fmt.Errorf("open attachment: %w", bare(err)), "name a file to attach"}
	}
	defer func() { _ = f.Close() }() // only read from
	info, err := f.Stat()
	if err != nil {
		return a, fmt.Errorf("open attachment: %w", bare(err))
	}
	if !info.Mode().IsRegular() {
		return a, misuse{fmt.Errorf("open attachment: %s is no file", name), "name a file to attach"}
	}
	up, err := reach.Attach(ctx, schemas.NetworkID(network), f, info.Size())
	if err != nil {
		return a, err
	}
	return schemas.Attachment{ID: up.ID.String(), MediaType: mediaType(name), Bytes: up.Bytes, SHA256: up.ID}, nil
}

func mediaType(name string) string {
	if t := mime.TypeByExtension(filepath.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func eventsAttachments(c *cli) *cobra.Command {
	var flags *agentFlags
	var network string
	cmd := c.command("attachments", "List the documents that go with events, and how far each has come", c.arguments(), func(ctx context.Context, _ []string) error {
		reach, err := flags.client()
		if err != nil {
			return err
		}
		all, err := reach.Attachments(ctx, schemas.NetworkID(network))
		if err != nil {
			return err
		}
		return c.print(all, func() { c.sayAttachments(all) })
	})
	flags = forAgent(cmd)
	withNetwork(cmd, &network)
	return cmd
}

func (c *cli) sayAttachments(all []agent.Progress) {
	rows := [][]string{{"ATTACHMENT", "EVENT", "PARTNER", "SIZE", "STATE"}}
	for _, p := range all {
		event := "-"
		if p.Event > 0 {
			event = fmt.Sprint(p.Event)
		}
		rows = append(rows, []string{p.ID.String(), event, partner(p), size(p.Bytes), progress(p)})
	}
	c.table(rows)
}

func partner(p agent.Progress) string {
	switch {
	case p.To != "":
		return "to " + string(p.To)
	case p.From != "":
		return "from " + string(p.From)
	default:
		return "-"
	}
}

func size(bytes int) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%d KiB", (bytes+1<<10-1)>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}

// progress says in a few words how far a document has come.
func progress(p agent.Progress) string {
	parts := fmt.Sprintf("%d of %s", p.There, count(p.Parts, "part", "parts"))
	switch p.State {
	case "":
		return "handed in, no event names it yet"
	case "complete":
		return "complete"
	case "under-way":
		return parts
	case "withdrawn":
		return "withdrawn before complete (" + string(p.Code) + "), after " + parts
	default:
		return strings.TrimSpace(string(p.State)+" ("+string(p.Code)+")") + ", after " + parts
	}
}

func eventsAttachment(c *cli) *cobra.Command {
	var flags *agentFlags
	var network, out string
	cmd := c.command("attachment ID", "Write a document that came with an event, or was sent with one, to a file", c.arguments("ID"), func(ctx context.Context, args []string) error {
		if err := required("out", out); err != nil {
			return err
		}
		id, ok := schemas.ParseHash(args[0])
		if !ok {
			return misuse{errors.New("ID must be 64 lower-case hexadecimal digits"), "see `linkage events attachments`"}
		}
		reach, err := flags.client()
		if err != nil {
			return err
		}
		return c.saveAttachment(ctx, reach, schemas.NetworkID(network), id, out)
	})
	flags = forAgent(cmd)
	cmd.Flags().StringVar(&out, "out", "", "the file to write, which must not be there yet; - for standard output")
	withNetwork(cmd, &network)
	return cmd
}

// saveAttachment writes a document to a file that only its owner may read. A
// file that did not become whole is removed.
func (c *cli) saveAttachment(ctx context.Context, reach *agent.Client, network schemas.NetworkID, id schemas.Hash, out string) (err error) {
	if out == "-" {
		return reach.Attachment(ctx, network, id, c.out)
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- the person's own file
	if err != nil {
		remedy := "name a file in a directory that is there"
		if errors.Is(err, fs.ErrExist) {
			remedy = "name another file, or remove that one"
		}
		return misuse{fmt.Errorf("write attachment: %w", bare(err)), remedy}
	}
	defer func() {
		if err != nil {
			_ = os.Remove(out) // it is ours, and not whole
		}
	}()
	if err := reach.Attachment(ctx, network, id, f); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write attachment: %w", bare(err))
	}
	written := struct {
		ID   schemas.Hash `json:"id"`
		File string       `json:"file"`
	}{id, out}
	return c.print(written, func() { c.say("%s", out) })
}
