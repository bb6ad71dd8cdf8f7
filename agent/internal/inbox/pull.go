package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// pulled is the broker's answer to one pull.
type pulled struct {
	items []schemas.Item
	end   schemas.PullEnd
	err   error
	took  time.Duration
}

// request pulls the page that begins after a position, while others are stored.
// The cursor tells the broker what is.
func (in *Inbox) request(ctx context.Context, c cursor, from uint64) <-chan pulled {
	answer := make(chan pulled, 1) // so that nobody waits for one that is not wanted any more
	size := int(in.page)
	go func() {
		var p pulled
		begun := time.Now()
		p.items, p.end, p.err = in.opts.Line.Pull(ctx, schemas.PullRequest{
			V: 1, Epoch: c.Epoch, After: c.Position, From: from, Max: schemas.MaxPullItems, MaxBytes: size,
		})
		p.took = time.Since(begun)
		answer <- p
	}()
	return answer
}

// pullAll takes in everything that waits. While one page is stored, the next is
// on its way.
func (in *Inbox) pullAll(ctx context.Context) error {
	var c cursor
	err := in.opts.Store.View(func(tx durable.Tx) (err error) {
		c, _, err = durable.GetJSON[cursor](tx.Map(mapCursor), keyCursor)
		return err
	})
	if err != nil {
		return fmt.Errorf("read cursor: %w", err)
	}
	asking, cancel := context.WithCancel(ctx)
	coming := in.request(asking, c, 0)
	defer func() {
		cancel()
		if coming != nil {
			<-coming
		}
	}()
	for {
		p := <-coming
		coming = nil
		in.page.took(p.took, p.end.More, p.err)
		if p.err != nil {
			return in.pullFailed(ctx, errors.Join(p.err, in.takeRest(ctx, c, p.items)))
		}
		crash.Point(crash.AgentPulled)
		in.mu.Lock()
		in.pulled, in.clock = in.opts.Now(), p.end.Time.Sub(in.opts.Now()).Truncate(time.Second)
		in.mu.Unlock()
		if p.end.More && p.end.Epoch == c.Epoch {
			coming = in.request(asking, c, p.end.Next)
		}
		if err := in.takeIn(ctx, c, p.items, p.end); err != nil {
			return in.pullFailed(ctx, err)
		}
		if !p.end.More {
			return nil
		}
		c = cursor{p.end.Epoch, p.end.Next}
		if coming == nil { // the first page of an epoch has to be stored first
			coming = in.request(asking, c, 0)
		}
	}
}

// takeRest stores what came of a page before the line broke. A page's items
// come in order, so they are all that there is up to the last of them: a line
// that is cut before every page's end still gets on.
func (in *Inbox) takeRest(ctx context.Context, c cursor, items []schemas.Item) error {
	if len(items) == 0 || c.Epoch == "" {
		return nil
	}
	end := schemas.PullEnd{Epoch: c.Epoch, Next: items[len(items)-1].Position, More: true}
	return in.takeIn(context.WithoutCancel(ctx), c, items, end)
}

// pullFailed makes what a person must know of a refused pull visible.
func (in *Inbox) pullFailed(ctx context.Context, err error) error {
	code := schemas.CodeOf(err)
	if code != schemas.CodeEpochChanged && code != schemas.CodeHistoryForked {
		return err
	}
	raised := in.opts.Store.Update(ctx, func(tx durable.Tx) error {
		return in.opts.Effects.Raise(tx, code, "", "the broker's history is not the one that we know: it was replaced or restored from an old copy; ask its operator")
	})
	return errors.Join(err, raised)
}

// checkPage holds a page against where this agency stands. The broker's word
// moves no cursor backwards, and into no other history.
func checkPage(c cursor, items []schemas.Item, end schemas.PullEnd) error {
	if c.Epoch != "" && end.Epoch != c.Epoch {
		return schemas.Refuse(schemas.CodeEpochChanged, "epoch", "must be the one that was asked for", "ask the broker's operator")
	}
	last := c.Position
	for _, item := range items {
		if item.Position <= last {
			return schemas.Malformed("page", "must hold rising positions after the one that was asked for")
		}
		last = item.Position
	}
	return nil
}

// sameEpoch makes sure that no other epoch began here since a page was asked
// for.
func sameEpoch(tx durable.Tx, c cursor) error {
	now, ok, err := durable.GetJSON[cursor](tx.Map(mapCursor), keyCursor)
	if err == nil && ok && now.Epoch != "" && now.Epoch != c.Epoch {
		err = fmt.Errorf("page of epoch %s came too late", c.Epoch)
	}
	return err
}

// takeIn stores a page, a chunk a transaction.
func (in *Inbox) takeIn(ctx context.Context, c cursor, items []schemas.Item, end schemas.PullEnd) error {
	if err := checkPage(c, items, end); err != nil {
		return err
	}
	c.Epoch = end.Epoch
	for part := range in.chunks(items) {
		if part.err != nil {
			return part.err
		}
		c.Position = part.items[len(part.items)-1].Position
		if err := in.store(ctx, c, part); err != nil {
			return err
		}
		if in.owed += len(part.items); in.owed >= owing || !end.More {
			in.owed = 0
			signal(in.answers)
		}
	}
	if !end.More && in.owed > 0 { // of pages before, if the last is empty
		in.owed = 0
		signal(in.answers)
	}
	c.Position = max(c.Position, end.Next)
	if err := in.advance(ctx, c); err != nil || end.More {
		return err
	}
	if err := in.opts.Effects.CaughtUp(ctx); err != nil {
		return err
	}
	return in.askForHoles(ctx)
}

// store takes in one chunk and sets the cursor behind it.
func (in *Inbox) store(ctx context.Context, c cursor, p part) error {
	err := in.opts.Store.Update(ctx, func(tx durable.Tx) error {
		if err := sameEpoch(tx, c); err != nil {
			return err
		}
		k := in.known()
		for i, item := range p.items {
			if err := in.take(tx, k, item, p.opened[i]); err != nil {
				return fmt.Errorf("take in position %d: %w", item.Position, err)
			}
		}
		return durable.PutJSON(tx.Map(mapCursor), keyCursor, c)
	})
	if err != nil {
		return err
	}
	crash.Point(crash.AgentStored)
	in.opts.Effects.Committed()
	return nil
}

// advance sets the cursor to the end of a page.
func (in *Inbox) advance(ctx context.Context, c cursor) error {
	return in.opts.Store.Update(ctx, func(tx durable.Tx) error {
		if err := sameEpoch(tx, c); err != nil {
			return err
		}
		old, _, err := durable.GetJSON[cursor](tx.Map(mapCursor), keyCursor)
		if err != nil || old == c {
			return err
		}
		return durable.PutJSON(tx.Map(mapCursor), keyCursor, c)
	})
}
