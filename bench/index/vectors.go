package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/smartretriever/smartretriever/bench/index/data"
)

// Settings that are tried, from the least effort up.
var (
	efs    = []int{10, 14, 20, 28, 36, 48, 64, 80, 96, 128, 160, 200, 256, 320, 400, 512, 640, 800, 1024}
	probes = []int{1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768}
)

// vectorRivals are the entrants of other libraries for a set.
func (b *bench) vectorRivals(v *data.Vectors) []*entrant {
	script := b.rivals + "/vectors.py"
	faiss := func(name, factory string, grid []map[string]int) *entrant {
		return &entrant{family: "faiss", name: "faiss " + name, argv: []string{b.python, script, "faiss", factory}, grid: grid}
	}
	lists := 1024
	if v.Rows > 500_000 {
		lists = 4096
	}
	ef, probe := grid("ef", efs, nil), grid("nprobe", probes, nil)
	refined := func(few, many int) []map[string]int { // of how many times k the scores are computed anew
		return append(grid("nprobe", probes, map[string]int{"refine": few}), grid("nprobe", probes, map[string]int{"refine": many})...)
	}
	ivf := fmt.Sprintf("IVF%d,", lists)
	flat := faiss("Flat", "Flat", []map[string]int{{}})
	flat.exact = true
	all := []*entrant{
		flat,
		faiss("HNSW M16", "HNSW16,Flat", ef),
		faiss("HNSW M32", "HNSW32,Flat", ef),
		faiss("HNSW M32 SQ8", "HNSW32_SQ8", ef),
		faiss("HNSW M32 SQ8, refined", "HNSW32_SQ8,RFlat", grid("ef", efs, map[string]int{"refine": 3})),
		faiss("IVF Flat", ivf+"Flat", probe),
		faiss("IVF PQ fast scan, refined", fmt.Sprintf("%sPQ%dx4fsr,Refine(SQfp16)", ivf, v.Dims/2), refined(4, 10)),
		faiss("IVF RaBitQ fast scan, refined", ivf+"RaBitQfs,Refine(SQfp16)", refined(10, 40)),
		{family: "hnswlib", name: "hnswlib M16", argv: []string{b.python, script, "hnswlib", "16"}, grid: ef},
		{family: "usearch", name: "usearch M16 f32", argv: []string{b.python, script, "usearch", "16 f32"}, grid: ef},
		{family: "usearch", name: "usearch M16 i8", argv: []string{b.python, script, "usearch", "16 i8"}, grid: ef},
	}
	if v.Name == data.Large384 { // of which memory is the question
		all = []*entrant{all[0], all[3], all[6], all[7]}
	}
	return all
}

// vectorPart measures a set of vectors: time at two recalls for two kinds of queries, exact
// search, building, memory, and two threads.
func vectorPart(set string) func(*bench, context.Context) error {
	return func(b *bench, ctx context.Context) error {
		v, err := b.data.Vectors(ctx, set)
		if err != nil {
			return err
		}
		ask := request{Base: v.Base(), Dims: v.Dims, Rows: v.Rows, K: 10, Count: data.QueryCount, Threads: b.threads}
		entries, err := b.enterAll(ctx, append(b.vectorRivals(v), b.ownVectors(v)...), set, ask)
		if err != nil || b.rounds == 0 {
			closeAll(entries)
			return err
		}
		defer closeAll(entries)
		b.buildRows(set, entries)
		ask.Threads = 1
		for _, kind := range data.Kinds {
			judge, err := v.Judge(kind, "")
			if err != nil {
				return err
			}
			title := set + ", " + kind
			ask.Queries = v.Queries(kind)
			points, err := b.contest(ctx, title, entries, judge, ask)
			if err != nil {
				return err
			}
			b.report.Points = append(b.report.Points, points...)
			b.speedRows(v, kind, points, entries)
			if kind == data.HeldOut {
				b.memoryRows(v, points, entries)
				if err := b.threadRows(ctx, set, points, entries, ask); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func family(name string) func(*entry) bool {
	return func(e *entry) bool { return e.family == name && !e.exact }
}

// speedRows compares queries a second of one thread at the target recalls: our best
// set-up with each rival's set-up, and with the best of FAISS, to which the bar applies.
func (b *bench) speedRows(v *data.Vectors, kind string, points []*point, entries []*entry) {
	title := v.Name + ", " + kind
	for _, target := range targets {
		metric := fmt.Sprintf("queries/s at recall %.2f", target)
		us, mine := best(points, entries, target, family(ours))
		with := ""
		if us != nil {
			with = "ours: " + us.name
		}
		winner, theirs := best(points, entries, target, family("faiss"))
		x := row{Case: title, Metric: metric, Rival: "best of FAISS", Note: with}
		if winner != nil {
			x.Note = strings.TrimPrefix(with+"; FAISS: "+winner.name, "; ")
		}
		if kind == data.HeldOut && v.Name != data.Large384 {
			x.Bar, x.Limit = bar(2.5), atRatio
		}
		b.report.add(x, 1e6/mine, 1e6/theirs, 1)
		for _, e := range entries {
			if e.family != ours && !e.exact {
				b.report.add(row{Case: title, Metric: metric, Rival: e.name, Note: with}, 1e6/mine, 1e6/timeAt(points, e, target), 1)
			}
		}
		for _, e := range entries {
			if e.family == ours && !e.exact {
				b.report.add(row{Case: title, Metric: metric, Rival: "best of FAISS", Note: e.name}, 1e6/timeAt(points, e, target), 1e6/theirs, 1)
			}
		}
	}
	exactly := func(name string) *point {
		for _, p := range points {
			if p.entry.exact && p.entry.family == name {
				return p
			}
		}
		return &point{CPU: math.NaN(), Recall: math.NaN()}
	}
	x := row{Case: title, Metric: "exact search, µs", Rival: "faiss Flat", Note: fmt.Sprintf("recall of ours %.4f", exactly(ours).Recall)}
	if kind == data.HeldOut {
		x.Bar, x.Limit = bar(3), atRatio
		if v.Rows > 500_000 {
			x.Bar = bar(5)
		}
	}
	b.report.add(x, exactly(ours).CPU, exactly("faiss").CPU, -1)
}

// buildRows compares the time of building graphs with that of graphs, and of lists with
// that of lists.
func (b *bench) buildRows(set string, entries []*entry) {
	lists := func(e *entry) bool { return strings.Contains(e.name, "IVF") }
	for _, us := range entries {
		if us.family != ours || us.exact {
			continue
		}
		for _, e := range entries {
			if e.family == ours || e.exact || lists(e) != lists(us) {
				continue
			}
			x := row{Case: set, Metric: "processor seconds of building", Rival: e.name, Note: us.name}
			if strings.HasPrefix(us.name, "ours HNSW M16") && e.name == "faiss HNSW M16" {
				x.Bar, x.Limit = bar(4), atRatio
			}
			b.report.add(x, us.built.CPU, e.built.CPU, -1)
		}
	}
}

// memoryRows compares bytes in memory for a vector, of the set-ups that reach a recall
// of .95, with the least that FAISS needs for that.
func (b *bench) memoryRows(v *data.Vectors, points []*point, entries []*entry) {
	rows := float64(v.Rows)
	rival, theirs := "none", math.NaN()
	for _, e := range entries {
		if each := e.loaded.Resident / rows; e.family == "faiss" && !e.exact && settingAt(points, e, .95) != nil && !(each > theirs) {
			rival, theirs = e.name, each
		}
	}
	for _, us := range entries {
		if us.family != ours || us.exact {
			continue
		}
		x := row{Case: v.Name, Metric: "bytes in memory a vector", Rival: rival, Note: us.name}
		if v.Rows > 500_000 {
			x.Limit, x.Bar = atMost, bar(400)
			if v.Dims > 128 {
				x.Bar = bar(700)
			}
		}
		mine := us.loaded.Resident / rows
		if settingAt(points, us, .95) == nil {
			x.Note += ": does not reach a recall of .95"
			mine = math.NaN()
		}
		b.report.add(x, mine, theirs, -1)
		b.report.add(row{Case: v.Name, Metric: "bytes of the file a vector", Rival: "none", Note: us.name}, us.built.Bytes/rows, math.NaN(), -1)
	}
}

// threadRows compares the queries a second of two threads with those of one, at the
// settings that reach a recall of .95.
func (b *bench) threadRows(ctx context.Context, set string, points []*point, entries []*entry, ask request) error {
	ask.Op, ask.Answers = "search", b.scratch("answers")
	gain := map[*entry]float64{}
	for _, e := range entries {
		p := settingAt(points, e, .95)
		if p == nil || e.family == "hnswlib" || e.family == "usearch" {
			continue
		}
		ask.Param = p.Param
		if e.exact {
			ask.Count = b.exactQueries
		}
		var one, two []float64
		for range max(b.rounds, 3) {
			if err := ctx.Err(); err != nil {
				return err
			}
			for threads, all := range map[int]*[]float64{1: &one, 2: &two} {
				ask.Threads = threads
				a, err := e.ask(ask)
				if err != nil {
					return err
				}
				*all = append(*all, a.WallEach)
			}
		}
		gain[e] = median(one) / median(two)
		ask.Count = data.QueryCount
	}
	winner, _ := best(points, entries, .95, family("faiss"))
	theirs := math.NaN()
	if winner != nil {
		theirs = gain[winner]
	}
	for _, e := range entries {
		if e.family == ours && gain[e] > 0 {
			b.report.add(row{Case: set, Metric: "two threads over one", Rival: "best of FAISS", Bar: bar(1.7), Limit: atLeast, Note: e.name}, gain[e], theirs, 1)
		}
	}
	return nil
}
