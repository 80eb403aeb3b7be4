package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// ours is the family of our own engines.
const ours = "ours"

// entrant is one way to search: a library and how it is set up.
type entrant struct {
	family string   // faiss, hnswlib, usearch, tantivy, bm25s, bleve or ours
	name   string   // family and set-up
	argv   []string // its program
	grid   []map[string]int
	exact  bool // looks at every row
	docs   int  // of a keyword library that is too slow for all of them; else 0
}

// entry is an entrant whose index is built and loaded.
type entry struct {
	*entrant
	*peer
	built, loaded reply
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9]+`)

// place is the folder of an entrant's index of a set.
func (b *bench) place(e *entrant, set string) string {
	return filepath.Join(b.cache, "indexes", set, unfit.ReplaceAllString(e.name, "-"))
}

// enter builds the index of an entrant, unless that was done before, and loads it in
// a process of its own.
func (b *bench) enter(ctx context.Context, e *entrant, set string, r request) (*entry, error) {
	built, err := b.build(ctx, e, set, r)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, e.name, e.argv)
	if err != nil {
		return nil, err
	}
	r.Op, r.Index = "load", filepath.Join(b.place(e, set), "index")
	loaded, err := p.ask(r)
	if err != nil {
		p.close()
		return nil, err
	}
	b.say("%s, %s: built in %.1f s (%.1f s of processor time), %.0f MB, %.0f MB in memory", set, e.name, built.Wall, built.CPU, built.Bytes/1e6, loaded.Resident/1e6)
	return &entry{e, p, built, loaded}, nil
}

// build makes an index in a process of its own, or finds what an earlier run has made
// and measured. Our own engines are always built anew.
func (b *bench) build(ctx context.Context, e *entrant, set string, r request) (reply, error) {
	var built reply
	dir := b.place(e, set)
	note := filepath.Join(dir, "built.json")
	if data, err := os.ReadFile(note); err == nil && !b.rebuild && e.family != ours {
		return built, json.Unmarshal(data, &built)
	}
	if err := cmp.Or(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return built, err
	}
	p, err := start(ctx, e.name, e.argv)
	if err != nil {
		return built, err
	}
	defer p.close()
	r.Op, r.Index, r.Threads = "build", filepath.Join(dir, "index"), cmp.Or(r.Threads, b.threads)
	b.say("%s, %s: building with %d threads", set, e.name, r.Threads)
	if built, err = p.ask(r); err != nil {
		return built, err
	}
	data, err := json.Marshal(built)
	if err != nil {
		return built, err
	}
	return built, os.WriteFile(note, data, 0o644)
}

// enterAll enters all that were chosen. Who fails is named and left out: a rival that
// breaks must not end a run of an hour.
func (b *bench) enterAll(ctx context.Context, entrants []*entrant, set string, r request) ([]*entry, error) {
	var all []*entry
	for _, e := range entrants {
		if b.chosen != nil && !b.chosen.MatchString(e.name) {
			continue
		}
		r := r
		r.Rows = cmp.Or(e.docs, r.Rows)
		got, err := b.enter(ctx, e, set, r)
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		if err != nil {
			b.say("LEFT OUT of %s: %v", set, err)
			continue
		}
		all = append(all, got)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: nobody entered", set)
	}
	return all, nil
}

func closeAll(entries []*entry) {
	for _, e := range entries {
		e.close()
	}
}
