package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// target is what can search vectors.
type target struct {
	name string
	need string // the variable that says where its server is; "" for none
	set  func(c *config.Config)
	// built waits until what is built after loading has been built; nil is nothing.
	built func(ctx context.Context, before int) error
	// count is what built starts from.
	count func(ctx context.Context) (int, error)
}

// targets are the index inside and the vector databases whose servers can be had, as the settings of the program make them.
var targets = []target{
	{name: "builtin", set: func(*config.Config) {}},
	{name: "pgvector", need: "PG_URL", set: func(*config.Config) {}, count: graphs, built: anotherGraph},
	{name: "weaviate", need: "WEAVIATE_URL", set: func(c *config.Config) {
		c.Index.Database.URL, c.Index.Database.GRPCURL, c.Index.Database.APIKey = os.Getenv("WEAVIATE_URL"), os.Getenv("WEAVIATE_GRPC"), config.NewSecret(os.Getenv("WEAVIATE_API_KEY"))
	}},
	{name: "milvus", need: "MILVUS_ADDR", set: func(c *config.Config) { c.Index.Database.URL = os.Getenv("MILVUS_ADDR") }},
	{name: "chroma", need: "CHROMA_URL", set: func(c *config.Config) { c.Index.Database.URL = os.Getenv("CHROMA_URL") }},
}

// here reports whether the target's server is there, and logs what is missing where it is not.
func (t target) here() bool {
	if t.need == "" || os.Getenv(t.need) != "" {
		return true
	}
	log.Printf("%s is left out: %s is not set", t.name, t.need)
	return false
}

// graphs counts the HNSW indexes of PostgreSQL that can be used.
func graphs(ctx context.Context) (int, error) {
	return superuser(ctx, "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw' AND i.indisvalid")
}

func anotherGraph(ctx context.Context, before int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for {
		if n, err := graphs(ctx); err != nil || n > before {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the index of pgvector is not built: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// loaded is a set-up whose index was filled from the store.
type loaded struct {
	*setup
	target string
	took   time.Duration // until all could be searched
	built  time.Duration // until nothing was built any more
	calls  int64         // of the embedding model
	server string
}

// load opens the store with a target as its index, which is empty, and fills that.
func (b *bench) load(ctx context.Context, t target, in schema, rows int) (*loaded, error) {
	before := 0
	var err error
	if t.count != nil {
		if before, err = t.count(ctx); err != nil {
			return nil, err
		}
	}
	l := &loaded{target: t.name}
	l.setup, err = b.open(ctx, func(c *config.Config) {
		in.onPostgres(c)
		c.Index.Vectors, c.Retrieval.KeepDuplicates = t.name, true
		c.Index.Database.Timeout, c.Retrieval.Timeout = time.Minute, time.Minute // slow is a figure, and no failure
		t.set(c)
	}, func(parts *root.Config) error {
		if parts.Index.Database == nil {
			return nil
		}
		s, err := parts.Index.Database.Describe(ctx)
		l.server = strings.TrimSpace(s.Product + " " + s.Version)
		return err
	})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := l.Warm(ctx, scope); err != nil {
		return nil, err
	}
	l.took = time.Since(began)
	if t.built != nil && rows >= 10_000 { // below that pgvector compares every vector
		if err := t.built(ctx, before); err != nil {
			return nil, err
		}
	}
	l.built, l.calls = time.Since(began), l.embedded.Load()
	d, err := l.Index(ctx, scope)
	if err == nil && d.Stats.Vectors != rows {
		err = fmt.Errorf("%s holds %d of %d vectors", t.name, d.Stats.Vectors, rows)
	}
	log.Printf("%s: %d chunks in %s, built after %s", t.name, rows, l.took.Round(time.Millisecond), l.built.Round(time.Millisecond))
	return l, err
}

// filled makes a store on PostgreSQL with rows passages, which has no index.
func (b *bench) filled(ctx context.Context, in schema, rows int) (*truth, error) {
	s, err := b.open(ctx, func(c *config.Config) { in.onPostgres(c) }, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.fill(ctx, b.corpus, rows); err != nil {
		return nil, err
	}
	return readTruth(ctx, s)
}

// measure is what searches of a target under one filter gave.
type measure struct {
	took, alone times
	judged
}

// vectors measures every vector database on the same data.
func (b *bench) vectors(ctx context.Context) error {
	if _, err := server("PG_URL"); err != nil {
		return err
	}
	in := newSchema()
	defer in.drop()
	right, err := b.filled(ctx, in, b.rows)
	if err != nil {
		return err
	}
	var all []*loaded
	for _, t := range targets {
		if !t.here() {
			continue
		}
		l, err := b.load(ctx, t, in, b.rows)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		defer l.Close()
		all = append(all, l)
	}
	b.report.now.Note = "vectors of real passages by the built-in model; the program's own settings; whole searches in mode vector, K 10, over the store on PostgreSQL, nothing cached, the question's embedding known; targets in turn"
	filters := []share{{"", 1}}
	filters = append(filters, shares...)
	const rounds = 4
	found := map[string][]*measure{}
	for range filters {
		for _, l := range all {
			found[l.target] = append(found[l.target], &measure{})
		}
	}
	for round := -1; round < rounds; round++ { // the first one warms up
		for f, filter := range filters {
			n := b.questions / 2 / rounds // some servers take a tenth of a second
			if filter.key != "" {
				n /= 2
			}
			from := max(round, 0) * n
			if round < 0 {
				n = 5
			}
			for _, l := range all {
				m := found[l.target][f]
				if round < 0 {
					m = &measure{}
				}
				if err := b.ask(ctx, l, right, filter, b.corpus.questions[from:from+n], m); err != nil {
					return fmt.Errorf("%s: %w", l.target, err)
				}
			}
		}
	}
	for _, l := range all {
		b.tell(l, filters, found[l.target], found["builtin"], all[0])
	}
	return nil
}

const k = 10

// turn is how long a target may take for the questions of a round under a filter; then the others are left out, but for the first few.
const (
	turn       = 3 * time.Second
	askedInAny = 5
)

// ask puts questions to a target under a filter.
func (b *bench) ask(ctx context.Context, l *loaded, right *truth, filter share, questions []string, m *measure) error {
	q := rag.Query{K: k, Mode: rag.ModeVector, NoCache: true}
	if filter.key != "" {
		q.Filter = rag.Eq(filter.key, rag.Str("in"))
	}
	first := time.Now()
	for i, question := range questions {
		if i >= askedInAny && time.Since(first) > turn {
			break
		}
		q.Text = question
		began := time.Now()
		res, err := l.Search(ctx, scope, q)
		if err != nil {
			return err
		}
		m.took = append(m.took, time.Since(began))
		if len(res.Degraded) > 0 {
			return fmt.Errorf("degraded: %v", res.Degraded)
		}
		if i := slices.IndexFunc(res.Trace.Stages, func(s rag.Stage) bool { return s.Name == "index: vectors" }); i >= 0 {
			m.alone = append(m.alone, res.Trace.Stages[i].Took)
		}
		j := right.judge(res.Hits, b.corpus.asked[q.Text], filter.key, k)
		m.right, m.wanted, m.lacking, m.strays = m.right+j.right, m.wanted+j.wanted, m.lacking+j.lacking, m.strays+j.strays
	}
	return nil
}

// tell makes the rows of a target; ours is always the index inside.
func (b *bench) tell(l *loaded, filters []share, theirs, ours []*measure, inside *loaded) {
	rival, note := l.target, l.server
	of := func(m *measure) string {
		return strings.TrimSpace(fmt.Sprintf("%s %d questions", l.server, len(m.took)))
	}
	data := fmt.Sprintf("%d vectors of %d dimensions", b.rows, dims)
	row := func(name, metric string, ours, theirs float64, less bool) {
		r := b.report.note(name, metric, ours).say("%s", note)
		if l != inside {
			r.beside(rival, theirs, less)
		}
	}
	row(data, "s to load from the store", inside.took.Seconds(), l.took.Seconds(), true)
	row(data, "s until its graph is built", inside.built.Seconds(), l.built.Seconds(), true)
	r := b.report.note(data, "texts embedded while loading", float64(l.calls)).atMost(0)
	r.Rival = rival
	for f, filter := range filters {
		name := data + ", no filter"
		if filter.key != "" {
			name = fmt.Sprintf("%s, filter of %g %%", data, 100*filter.part)
		}
		o, t := ours[f], theirs[f]
		note = of(t)
		recall := func(m *measure) float64 { return float64(m.right) / float64(m.wanted) }
		row(name, "recall@10", recall(o), recall(t), false)
		row(name, "ms p50", o.took.ms(50), t.took.ms(50), true)
		row(name, "ms p99", o.took.ms(99), t.took.ms(99), true)
		if len(t.alone) > 0 && len(o.alone) > 0 {
			row(name, "ms p50, vectors alone", o.alone.ms(50), t.alone.ms(50), true)
		}
		lost := b.report.note(name, "results that are lacking, or that the filter forbids", float64(t.lacking+t.strays)).atMost(0)
		lost.Rival = rival
	}
}
