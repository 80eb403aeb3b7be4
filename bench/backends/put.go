package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/config"
)

// put measures chunks with vectors on their way into the store, one writer.
func (b *bench) put(ctx context.Context) error {
	if _, err := server("PG_URL"); err != nil {
		return err
	}
	in := newSchema()
	defer in.drop()
	postgres, err := b.open(ctx, func(c *config.Config) { in.onPostgres(c) }, nil)
	if err != nil {
		return err
	}
	defer postgres.Close()
	embedded, err := b.open(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer embedded.Close()
	setups := []*setup{postgres, embedded}
	for _, s := range setups {
		if _, err := s.collection(ctx); err != nil {
			return err
		}
	}
	var speeds, spent [2][]float64 // chunks a second, and a second of processor time
	for round := range putRounds {
		for i, s := range setups {
			col, err := s.store.Collection(ctx, scope.Tenant, scope.Collection)
			if err != nil {
				return err
			}
			puts := b.corpus.documents(col.ID, round*b.put1, (round+1)*b.put1)
			used := processorTime()
			began := time.Now()
			for part := range slices.Chunk(puts, putDocuments) {
				if err := put(ctx, s.store, part); err != nil {
					return err
				}
			}
			speeds[i] = append(speeds[i], float64(b.put1)/time.Since(began).Seconds())
			spent[i] = append(spent[i], float64(b.put1)/(processorTime()-used).Seconds())
		}
	}
	for i := range setups {
		slices.Sort(speeds[i])
		slices.Sort(spent[i])
	}
	durable, err := superuser(ctx, "SELECT (current_setting('fsync')::bool AND current_setting('synchronous_commit')::bool)::int")
	if err != nil {
		return err
	}
	b.report.now.Note = fmt.Sprintf("PostgreSQL over TLS, with a replica that follows, fsync and synchronous_commit %t; real passages of 10 a document, 640 a call, one writer; %d rounds of %d chunks, each store in turn", durable == 1, putRounds, b.put1)
	name := fmt.Sprintf("chunks with %d-dim vectors into PostgreSQL", dims)
	const middle, last = putRounds / 2, putRounds - 1
	b.report.note(name, "chunks/s, median", speeds[0][middle]).beside("SQLite", speeds[1][middle], false).atLeast(putBar)
	b.report.note(name, "chunks/s, fastest round", speeds[0][last]).beside("SQLite", speeds[1][last], false).atLeast(putBar)
	b.report.note(name, "chunks/s, slowest round", speeds[0][0]).beside("SQLite", speeds[1][0], false).atLeast(putBar)
	b.report.note(name, "chunks a second of processor time, median", spent[0][middle]).beside("SQLite", spent[1][middle], false).atLeast(putBar).
		say("client and server together, so that what one core does alone is counted, whatever else the machine is busy with")
	return nil
}

const (
	putRounds = 9
	putBar    = 5000 // chunks a second on two cores
)

// processorTime is what this process and PostgreSQL's have used; the part of the server is missing where the system does not tell.
func processorTime() time.Duration {
	total := machine.CPUTime()
	content, err := os.ReadFile(filepath.Join(os.Getenv("PG_DATA"), "postmaster.pid"))
	if err != nil {
		return total
	}
	postmaster, _, _ := strings.Cut(string(content), "\n")
	all, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is ours
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // the name, which may hold anything, ends here
		f := strings.Fields(rest)                     // from the third field on, the state
		if len(f) < 13 || f[1] != postmaster {
			continue
		}
		const tick = 10 * time.Millisecond
		for _, field := range f[11:13] { // in the program, and in the system
			n, _ := strconv.ParseInt(field, 10, 64)
			total += time.Duration(n) * tick
		}
	}
	return total
}
