package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/linkage-exchange/linkage/examples"
	"github.com/linkage-exchange/linkage/schemas"
)

func (p *player) send(ctx context.Context, all []examples.Sending) error {
	for _, s := range all {
		if _, err := p.offer(ctx, s); err != nil {
			return err
		}
		e := p.example.Events[s.Event]
		p.manifest.accept(e, s.To)
		var to []string
		for _, a := range s.To {
			name := p.plain(a)
			if p.course.Away(a) {
				name += " (away)"
			}
			to = append(to, name)
		}
		p.tell.detail("%s to %s: %s", p.plain(e.From), strings.Join(to, ", "), eventWords(e.Type))
	}
	return nil
}

// eventWords names an event type for a person.
func eventWords(t schemas.EventType) string {
	return t.Noun() + " " + strings.ReplaceAll(t.Verb(), "-", " ")
}

// offer hands an event to its sender's agent and returns the exit status.
func (p *player) offer(ctx context.Context, s examples.Sending) (code int, err error) {
	e := p.example.Events[s.Event]
	client := ""
	if e.Client != "" {
		if client, err = p.name(ctx, e.From, e.Client); err != nil {
			return 0, err
		}
	}
	body, err := e.For(client)
	if err != nil {
		return 0, err
	}
	args := []string{"send", "--data", p.net.agentDir(e.From)}
	for _, to := range s.To {
		args = append(args, "--to", string(to))
	}
	_, code, err = p.net.Run(ctx, body, append(args, "-")...)
	return code, err
}

func (p *player) refuse(ctx context.Context, s examples.Sending) error {
	code, err := p.offer(ctx, s)
	if code != exitRefused {
		if err == nil {
			return fmt.Errorf("%s was taken; it had to be refused with exit status %d", s.Event, exitRefused)
		}
		return err
	}
	p.manifest.absent(p.example.Events[s.Event], s.To, "refused: no permission covered it")
	p.tell.detail("refused: %s", firstProblem(err))
	return nil
}

// firstProblem is the first line of what a command wrote about a problem.
func firstProblem(err error) string {
	_, problem, _ := strings.Cut(err.Error(), "\n")
	first, _, _ := strings.Cut(problem, "\n")
	return strings.TrimPrefix(first, "linkage: ")
}
