package llm

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Link is one model of a Chain.
type Link struct {
	Name  string // for Result.Answered and Result.Skipped; unique in its chain
	Model Model
}

// ChainConfig says what a chain is made of.
type ChainConfig struct {
	Links  []Link                       // in the order in which they are tried; at least one
	OnSkip func(name string, err error) // is told why a link was left for the next; nil tells nobody
}

// Chain returns a Model that asks the first link, and the next one when a link
// fails with KindUnavailable or KindExhausted before its first piece of text. After
// that, and for any other error, the chain does not go on: the reader has seen text,
// or another model is not the remedy. Result.Answered names the link that answered
// and Result.Skipped those before it.
//
// The links share the caller's time: where ctx has a deadline, each link but the
// last has an equal part of what is left to begin its answer, so that one that is
// silent does not take the time of those behind it. Retry and Breaker belong around
// the links, not around the chain.
//
// Chain panics without links, which is a mistake in the program.
func Chain(cfg ChainConfig) Model {
	if len(cfg.Links) == 0 {
		panic("llm: a chain without links")
	}
	return &chain{cfg}
}

type chain struct{ cfg ChainConfig }

// Chat implements Model.
func (c *chain) Chat(ctx context.Context, req Request, onDelta func(string) error) (Result, error) {
	var skipped, failures []string
	for i, l := range c.cfg.Links {
		last := i == len(c.cfg.Links)-1
		res, begun, err := l.begin(ctx, len(c.cfg.Links)-i, req, onDelta)
		if err == nil || begun || last || ctx.Err() != nil || !passes(err) {
			res.Answered, res.Skipped = l.Name, skipped
			return res, tell(failures, err)
		}
		skipped = append(skipped, l.Name)
		failures = append(failures, l.Name+": "+err.Error())
		if c.cfg.OnSkip != nil {
			c.cfg.OnSkip(l.Name, err)
		}
	}
	panic("unreachable")
}

// passes reports whether another model may be the remedy.
func passes(err error) bool {
	kind := rag.KindOf(err)
	return kind == rag.KindUnavailable || kind == rag.KindExhausted
}

// tell adds to the error of the last link what was wrong with those before it.
func tell(failures []string, err error) error {
	if err == nil || len(failures) == 0 || !passes(err) {
		return err
	}
	return rag.Errorf(rag.KindOf(err), "%w (before it: %s)", err, strings.Join(failures, "; "))
}

// errShare ends the call of a link that used up its part of the time. It is a
// deadline, so that a breaker around the link counts it.
var errShare = fmt.Errorf("llm: the model did not begin within its part of the time: %w", context.DeadlineExceeded)

// begin asks the link, the first of so many that are left, and reports whether text
// was handed out.
func (l Link) begin(ctx context.Context, left int, req Request, onDelta func(string) error) (res Result, begun bool, err error) {
	own, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := func() bool { return true }
	if end, ok := ctx.Deadline(); ok && left > 1 {
		stop = time.AfterFunc(time.Until(end)/time.Duration(left), func() { cancel(errShare) }).Stop
	}
	defer stop()
	res, err = l.Model.Chat(own, req, func(piece string) error {
		if !begun {
			if !stop() {
				return errShare // too late by a hair
			}
			begun = true
		}
		return onDelta(piece)
	})
	if err != nil && !begun && ctx.Err() == nil && context.Cause(own) == errShare {
		err = rag.Wrap(rag.KindUnavailable, errShare, l.Name)
	}
	return res, begun, err
}
