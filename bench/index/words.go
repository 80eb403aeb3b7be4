package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/bench/index/data"
)

// wordRivals are the entrants of other libraries. That with positions is built for its
// time and size alone. bleve gets a tenth of the documents: it takes too long for all.
func (b *bench) wordRivals() []*entrant {
	script := b.rivals + "/words.py"
	return []*entrant{
		{family: "tantivy", name: "tantivy", argv: []string{b.tantivy}},
		{family: "bm25s", name: "bm25s", argv: []string{b.python, script}},
		{family: "bleve", name: "bleve, 100,000 documents", argv: []string{b.bv}, docs: 100_000},
	}
}

// wordBar holds the least ratios to tantivy's p50 and p99 for the ten best.
type wordBar struct{ p50, p99 float64 }

var wordBars = map[[2]string]wordBar{
	{data.RandomWords, data.FullQuestions}:       {6, 15},
	{data.RandomWords, data.ContentQuestions}:    {3, 10},
	{data.ClusteredWords, data.FullQuestions}:    {2, 8},
	{data.ClusteredWords, data.ContentQuestions}: {2, 8},
}

// wordPart measures a set of words: building with and without the places of words, and
// searches for the ten and the hundred best, with and without stop words.
func wordPart(set string) func(*bench, context.Context) error {
	return func(b *bench, ctx context.Context) error {
		w, err := b.data.Words(set)
		if err != nil {
			return err
		}
		entrants := append(b.wordRivals(), b.ownWords()...)
		ask := request{Docs: w.File(), Rows: w.Docs, Threads: 1}
		if set == data.RandomWords {
			if err := b.placed(ctx, entrants, set, ask); err != nil {
				return err
			}
		}
		entries, err := b.enterAll(ctx, entrants, set, ask)
		if err != nil || b.rounds == 0 {
			closeAll(entries)
			return err
		}
		defer closeAll(entries)
		b.indexRows(set, "", builtOf(entries))
		for _, form := range data.Forms {
			for _, k := range []int{10, 100} {
				if err := b.wordContest(ctx, w, form, k, entries); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// made is an index that was built.
type made struct {
	*entrant
	reply
}

func builtOf(entries []*entry) (all []made) {
	for _, e := range entries {
		all = append(all, made{e.entrant, e.built})
	}
	return all
}

// placed builds indexes with the places of words.
func (b *bench) placed(ctx context.Context, entrants []*entrant, set string, ask request) error {
	ask.Words = true
	var all []made
	for _, e := range entrants {
		if e.family != ours && e.family != "tantivy" || b.chosen != nil && !b.chosen.MatchString(e.name) {
			continue
		}
		built, err := b.build(ctx, e, set+"-positions", ask)
		if err != nil {
			return err
		}
		all = append(all, made{e, built})
	}
	b.indexRows(set, ", with positions", all)
	return nil
}

// indexRows compares the time of building, and size, for each document.
func (b *bench) indexRows(set, with string, all []made) {
	mine := made{reply: reply{Wall: math.NaN(), CPU: math.NaN(), Bytes: math.NaN(), Docs: 1}}
	for _, m := range all {
		if m.family == ours {
			mine = m
		}
	}
	for _, m := range all {
		if m.family == ours {
			continue
		}
		each := func(r reply, x float64) float64 { return x / float64(max(r.Docs, 1)) }
		time := row{Case: set, Metric: "documents/s indexed" + with, Rival: m.name}
		size := row{Case: set, Metric: "bytes a document" + with, Rival: m.name}
		if m.family == "tantivy" && with != "" { // ours always keep them
			time.Bar, time.Limit, size.Bar, size.Limit = bar(2), atRatio, bar(1), atRatio
		}
		b.report.add(time, 1/each(mine.reply, mine.Wall), 1/each(m.reply, m.Wall), 1)
		b.report.add(row{Case: set, Metric: "documents/processor s" + with, Rival: m.name}, 1/each(mine.reply, mine.CPU), 1/each(m.reply, m.CPU), 1)
		b.report.add(size, each(mine.reply, mine.Bytes), each(m.reply, m.Bytes), -1)
	}
}

// spell is what an entry took for the queries of a form.
type spell struct {
	*entry
	wall, processor times
	replies
	scores []float32
}

type replies []reply

// times are those of all questions, in µs.
type times struct {
	rounds [][]float64 // by round and question
	each   []float64   // by question, median of the rounds
}

// read adds a round.
func (t *times) read(path string) error {
	nanoseconds, err := readNumbers(path)
	all := make([]float64, len(nanoseconds))
	for i, n := range nanoseconds {
		all[i] = float64(n) / 1000
	}
	t.rounds = append(t.rounds, all)
	return err
}

func (t *times) settle() {
	if len(t.rounds) == 0 {
		return
	}
	all := make([]float64, len(t.rounds))
	for q := range t.rounds[0] {
		for i, r := range t.rounds {
			all[i] = r[q]
		}
		t.each = append(t.each, median(all))
	}
}

// over returns a percentile over the questions. Each counts with the median of its
// rounds, so that a moment in which the machine was busy with something else is no
// slow question.
func (t *times) over(share float64) float64 { return percentile(slices.Clone(t.each), share) }

// wordContest has the entries answer all questions of a form in turns.
func (b *bench) wordContest(ctx context.Context, w *data.Words, form string, k int, entries []*entry) error {
	title := fmt.Sprintf("%s, %s questions, top %d", w.Name, form, k)
	ask := request{Op: "search", Queries: w.Questions(form), K: k, Threads: 1,
		Answers: b.scratch("answers"), Scores: b.scratch("scores"), Times: b.scratch("times"), Spent: b.scratch("spent")}
	spells := make([]*spell, len(entries))
	for i, e := range entries {
		spells[i] = &spell{entry: e}
	}
	for range b.rounds {
		for i, s := range spells {
			if err := ctx.Err(); err != nil {
				return err
			}
			if s == nil {
				continue
			}
			if err := s.round(ask); err != nil {
				b.say("LEFT OUT of %s: %v", title, err)
				spells[i] = nil
			}
		}
	}
	spells = slices.DeleteFunc(spells, func(s *spell) bool { return s == nil })
	lengths, err := lengthsOf(ask.Queries)
	if err != nil {
		return err
	}
	var mine *spell
	for _, s := range spells {
		s.wall.settle()
		s.processor.settle()
		if s.family == ours {
			mine = s
		}
		b.report.Points = append(b.report.Points, &point{Part: b.report.part, Case: title, Entrant: s.name, P50: s.wall.over(.5), P99: s.wall.over(.99), Rounds: b.rounds,
			CPU:  medianOf(s.replies, func(a reply) float64 { return a.CPUEach }),
			Wall: medianOf(s.replies, func(a reply) float64 { return a.WallEach }), Resident: s.loaded.Resident, Bytes: s.built.Bytes})
	}
	for _, s := range spells {
		if s.family != ours {
			b.wordRows(title, [2]string{w.Name, form}, k, mine, s, lengths)
		}
	}
	return nil
}

// round asks once.
func (s *spell) round(ask request) error {
	a, err := s.ask(ask)
	if err != nil {
		return err
	}
	if err := cmp.Or(s.wall.read(ask.Times), s.processor.read(ask.Spent)); err != nil {
		return err
	}
	s.replies = append(s.replies, a)
	s.scores, err = readScores(ask.Scores)
	return err
}

// lengthGroups are the largest numbers of words of the groups of questions.
var lengthGroups = []int{2, 4, 7, 12, 20, math.MaxInt}

// lengthsOf returns the number of words of each question.
func lengthsOf(path string) ([]int, error) {
	text, err := os.ReadFile(path)
	var all []int
	for line := range bytes.Lines(text) {
		all = append(all, len(strings.Fields(string(line))))
	}
	return all, err
}

func (b *bench) wordRows(title string, key [2]string, k int, mine, s *spell, lengths []int) {
	nothing := &spell{}
	us := cmp.Or(mine, nothing)
	p50, p99 := row{Case: title, Metric: "p50 µs", Rival: s.name}, row{Case: title, Metric: "p99 µs", Rival: s.name}
	if bars, ok := wordBars[key]; ok && k == 10 && s.family == "tantivy" {
		p50.Bar, p50.Limit, p99.Bar, p99.Limit = bar(bars.p50), atRatio, bar(bars.p99), atRatio
	}
	b.report.add(p50, us.wall.over(.5), s.wall.over(.5), -1)
	b.report.add(p99, us.wall.over(.99), s.wall.over(.99), -1)
	b.report.add(row{Case: title, Metric: "p50 processor µs", Rival: s.name}, us.processor.over(.5), s.processor.over(.5), -1)
	b.report.add(row{Case: title, Metric: "p99 processor µs", Rival: s.name}, us.processor.over(.99), s.processor.over(.99), -1)
	cpu := func(a reply) float64 { return a.CPUEach }
	b.report.add(row{Case: title, Metric: "mean processor µs", Rival: s.name}, medianOf(us.replies, cpu), medianOf(s.replies, cpu), -1)
	if s.family != "tantivy" {
		return
	}
	shortest := 1
	for _, longest := range lengthGroups {
		var ratios, ownTimes, theirTimes []float64
		for q, n := range lengths {
			if n < shortest || n > longest {
				continue
			}
			theirTimes = append(theirTimes, s.processor.each[q])
			if mine != nil {
				ownTimes, ratios = append(ownTimes, mine.processor.each[q]), append(ratios, s.processor.each[q]/mine.processor.each[q])
			}
		}
		name := fmt.Sprintf("%d to %d words", shortest, longest)
		if longest == math.MaxInt {
			name = fmt.Sprintf("%d words and more", shortest)
		}
		if len(theirTimes) > 0 {
			x := row{Case: title, Metric: "p50 processor µs, " + name, Rival: s.name, Note: fmt.Sprintf("%d questions; median of their own ratios %.2f", len(theirTimes), median(ratios))}
			if k == 10 {
				x.Bar, x.Limit = bar(1), atRatio
			}
			b.report.add(x, median(ownTimes), median(theirTimes), -1)
		}
		shortest = longest + 1
	}
	if mine != nil && len(mine.scores) == len(s.scores) {
		b.report.add(row{Case: title, Metric: "lists with the same scores", Rival: s.name}, agreement(mine.scores, s.scores, k), math.NaN(), 1)
	}
}

// agreement returns the share of queries for which two lists of scores are alike up to
// a constant factor, the one of BM25 that orders nothing, and rounding.
func agreement(a, b []float32, k int) float64 {
	alike, n := 0, len(a)/k
	for i := range n {
		x, y := a[i*k:][:k], b[i*k:][:k]
		same := true
		for j := range x {
			if x[0] == 0 || y[0] == 0 {
				same = same && x[j] == y[j]
			} else if math.Abs(float64(x[j]/x[0]-y[j]/y[0])) > 2e-5 {
				same = false
			}
		}
		if same {
			alike++
		}
	}
	return float64(alike) / float64(max(n, 1))
}
