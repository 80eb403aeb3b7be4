package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// rebuild fills indexes from a large collection in the store, without the embedding model.
func (b *bench) rebuild(ctx context.Context) error {
	if _, err := server("PG_URL"); err != nil {
		return err
	}
	in := newSchema()
	defer in.drop()
	if _, err := b.filled(ctx, in, b.big); err != nil {
		return err
	}
	names := b.targets
	if len(names) == 0 {
		for _, t := range targets {
			if t.here() {
				names = append(names, t.name)
			}
		}
	}
	for _, name := range names {
		i := slices.IndexFunc(targets, func(t target) bool { return t.name == name })
		if i < 0 {
			return fmt.Errorf("no index is called %q", name)
		}
		t := targets[i]
		if !b.graphs {
			t.built = nil
		}
		if err := b.rebuildInto(ctx, t, in); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.report.now.Note = "from the store on PostgreSQL into an index that is empty, words with it"
	return nil
}

func (b *bench) rebuildInto(ctx context.Context, t target, in schema) error {
	l, err := b.load(ctx, t, in, b.big)
	if err != nil {
		return err
	}
	defer l.Close()
	name := fmt.Sprintf("%d chunks rebuilt into %s", b.big, t.name)
	b.report.note(name, "texts embedded", float64(l.calls)).atMost(0).say("%s", l.server)
	b.report.note(name, "s until all is searched", l.took.Seconds())
	if b.graphs {
		b.report.note(name, "s until its graph is built", l.built.Seconds())
	}
	began := time.Now()
	check, err := l.VerifyIndex(ctx, scope)
	if err != nil {
		return err
	}
	if check.Damage != "" {
		return fmt.Errorf("it differs from the store: %s", check.Damage)
	}
	b.report.note(name, "s to verify against the store", time.Since(began).Seconds())
	return nil
}
