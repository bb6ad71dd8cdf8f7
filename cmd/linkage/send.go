package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/linkage-exchange/linkage/agent"
	"github.com/linkage-exchange/linkage/schemas"
)

func sendCommand(c *cli) *cobra.Command {
	var flags *agentFlags
	var to, attach, titles []string
	var client, network string
	cmd := c.command("send FILE", "Send an event from a file (- reads it from standard input), and print its id", c.arguments("FILE"), func(ctx context.Context, args []string) error {
		recipients, err := agencies(to)
		if err != nil {
			return err
		}
		reach, err := flags.client()
		if err != nil {
			return err
		}
		event, err := c.event(args[0])
		if err != nil {
			return err
		}
		draft := agent.Draft{To: recipients, Client: client, Network: schemas.NetworkID(network), Source: "/cli", Time: time.Now()}
		if draft.Attachments, err = c.attach(ctx, reach, network, attach, titles); err != nil {
			return err
		}
		if event, err = draft.Complete(event); err != nil {
			return err
		}
		accepted, err := reach.Accept(ctx, event)
		if err != nil {
			return err
		}
		return c.print(accepted, func() {
			c.say("%s", accepted.ID)
			if accepted.Known {
				fmt.Fprintln(c.err, "linkage: this event was accepted before; nothing more happened")
			}
			if len(accepted.To) == 0 {
				fmt.Fprintln(c.err, "linkage: recorded here and sent to nobody; --to names the partners who are to hear it")
			}
		})
	})
	flags = forAgent(cmd)
	cmd.Flags().StringSliceVar(&to, "to", nil, "the partners who are to hear it; may stand several times")
	cmd.Flags().StringVar(&client, "client", "", "the client, by this agency's own id")
	cmd.Flags().StringArrayVar(&attach, "attach", nil, "a file that goes with it, at most 25 MiB; may stand several times")
	cmd.Flags().StringArrayVar(&titles, "title", nil, "what an attached file is, for the partner alone; the first is the first file's. Files' own names are not sent")
	withNetwork(cmd, &network)
	return cmd
}

// event reads a file, or standard input, no further than an event may be long.
func (c *cli) event(name string) ([]byte, error) {
	from := c.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, misuse{fmt.Errorf("open event: %w", bare(err)), "name a file with one event, or - for standard input"}
		}
		defer func() { _ = f.Close() }() // only read from
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, schemas.MaxEvent+1))
	if err != nil {
		return nil, misuse{fmt.Errorf("read event: %w", bare(err)), "name a file with one event, or - for standard input"}
	}
	if len(b) > schemas.MaxEvent {
		return nil, schemas.Refuse(schemas.CodeTooLarge, "event", fmt.Sprintf("must be at most %d bytes", schemas.MaxEvent), "send large content as attachments")
	}
	return b, wellFormed(name, b)
}

// wellFormed says at which line a text stops being JSON, and shows nothing of it.
func wellFormed(name string, text []byte) error {
	var any json.RawMessage
	wrong, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(text, &any))
	if !ok {
		return nil
	}
	if name == "-" {
		name = "standard input"
	}
	const remedy = "compare it with examples/by-hand/attendance.json"
	if len(bytes.TrimSpace(text)) == 0 {
		return schemas.Refuse(schemas.CodeInvalidEvent, name, "is empty; it must be one event as JSON", remedy)
	}
	line := 1 + bytes.Count(text[:max(min(int(wrong.Offset), len(text))-1, 0)], []byte("\n"))
	return schemas.Refuse(schemas.CodeInvalidEvent, name, fmt.Sprintf("must be one event as JSON; line %d is where it goes wrong", line), remedy)
}

// bare is an error of the file system without the name of the system call.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}
