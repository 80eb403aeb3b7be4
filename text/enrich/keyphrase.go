package enrich

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

// KeyKeyphrases is the key that Keyphrases writes: a list of strings in lower case, the
// best first.
const KeyKeyphrases = "keyphrases"

// Bounds on keyphrases: words in one, and words of a document that are looked at. What
// a document is about stands in its first 20,000 words.
const (
	maxPhrase      = 3
	maxPhraseWords = 20_000
)

// KeyphraseOptions are settings of Keyphrases.
type KeyphraseOptions struct {
	Method string // "yake" (also "") or "textrank"
	Most   int    // phrases a document; 0 is 10, at most 50
}

type keyphrases struct{ opt KeyphraseOptions }

// Keyphrases finds the phrases of up to three words that say what a text is about.
//
// YAKE (Campos, Mangaravite, Pasquali, Jorge, Nunes, Jatowt: YAKE! Keyword extraction
// from single documents using multiple local features, Information Sciences 509, 2020)
// weighs a word by where it stands, how often, with how many different neighbours, in
// how many sentences and how often in capitals. TextRank (Mihalcea and Tarau 2004) walks
// the graph of words that stand next to each other.
func Keyphrases(opt KeyphraseOptions) (Stage, error) {
	if opt.Method == "" {
		opt.Method = "yake"
	}
	if opt.Method != "yake" && opt.Method != "textrank" {
		return nil, rag.Errorf(rag.KindInvalid, "method %q of keyphrases is unknown; use yake or textrank", opt.Method)
	}
	if opt.Most == 0 {
		opt.Most = 10
	}
	if opt.Most < 1 || opt.Most > 50 {
		return nil, rag.Errorf(rag.KindInvalid, "%d keyphrases are out of range 1 to 50", opt.Most)
	}
	return keyphrases{opt}, nil
}

func (k keyphrases) Name() string     { return "keyphrases" }
func (k keyphrases) Cost() Cost       { return Rules }
func (k keyphrases) Settings() string { return "1 " + k.opt.Method + " " + itoa(k.opt.Most) }

func (k keyphrases) Enrich(_ context.Context, d *Document) (Result, error) {
	tokens := phraseTokens(d.Prose(), d.wordList(), d.Text.Language)
	rank := yake
	if k.opt.Method == "textrank" {
		rank = textrank
	}
	found := distinct(rank(tokens), d.Text.Language, k.opt.Most)
	if len(found) == 0 {
		return Result{}, nil
	}
	return Result{Metadata: rag.Metadata{KeyKeyphrases: rag.Strs(found...)}}, nil
}

// token is a word as phrases are made of it.
type token struct {
	id       int    // of lower
	lower    string //
	sentence int
	stop     bool // carries no meaning: may stand within a phrase
	bad      bool // a number or a code: stands in none
	capital  bool // begins with a capital, not as the first of its sentence
	acronym  bool
	joined   bool // only white space stands between it and the word before, in one sentence
}

func phraseTokens(prose string, words []word, language string) []token {
	words = words[:min(len(words), maxPhraseWords)]
	out := make([]token, 0, len(words))
	ids := map[string]int{}
	sentence, first := 0, true
	for i, w := range words {
		lower := strings.ToLower(w.text)
		id, ok := ids[lower]
		if !ok {
			id = len(ids)
			ids[lower] = id
		}
		t := token{id: id, lower: lower, sentence: sentence}
		t.bad = !spoken(w.text) && letters(w.text) < 2 || len(w.text) > 64
		t.stop = !t.bad && stop(language, lower)
		r, _ := utf8.DecodeRuneInString(w.text)
		t.acronym = utf8.RuneCountInString(w.text) > 1 && w.text == strings.ToUpper(w.text) && unicode.IsUpper(r)
		t.capital = unicode.IsUpper(r) && !first && !t.acronym
		if i > 0 && !first {
			between := prose[words[i-1].end():w.start]
			t.joined = between == "-" || strings.TrimSpace(between) == ""
		}
		out = append(out, t)
		first = w.last
		if w.last {
			sentence++
		}
	}
	return out
}

// phrase is a candidate with its score, the greater the better.
type phrase struct {
	words []string
	score float64
	tf    float64 // how often it occurs
	at    int
}

// phraseRuns calls f with each run of up to maxPhrase joined tokens that begins and ends with
// a word that carries meaning.
func phraseRuns(tokens []token, f func(from, to int)) {
	for i, t := range tokens {
		if t.stop || t.bad {
			continue
		}
		for j := i; j < len(tokens) && j < i+maxPhrase; j++ {
			if j > i && (!tokens[j].joined || tokens[j].bad) {
				break
			}
			if !tokens[j].stop {
				f(i, j+1)
			}
		}
	}
}

// yake scores candidates by the formulas of section 3 of the paper. It calls the best
// the lowest; here the sign is turned.
func yake(tokens []token) []phrase {
	type term struct {
		tf, upper, acronym float64
		sentences          []int
		left, right        map[int]int
		leftSum, rightSum  float64
		score              float64
	}
	n := 0
	for _, t := range tokens {
		n = max(n, t.id+1)
	}
	terms := make([]term, n)
	sentences := 0
	for i, t := range tokens {
		x := &terms[t.id]
		x.tf++
		if t.capital {
			x.upper++
		}
		if t.acronym {
			x.acronym++
		}
		if len(x.sentences) == 0 || x.sentences[len(x.sentences)-1] != t.sentence {
			x.sentences = append(x.sentences, t.sentence)
		}
		sentences = t.sentence + 1
		if i > 0 && t.joined && !t.bad && !tokens[i-1].bad {
			before := &terms[tokens[i-1].id]
			if x.left == nil {
				x.left = map[int]int{}
			}
			if before.right == nil {
				before.right = map[int]int{}
			}
			x.left[tokens[i-1].id]++
			x.leftSum++
			before.right[t.id]++
			before.rightSum++
		}
	}
	// Mean and deviation of the frequencies of words that carry meaning.
	var sum, square, most, count float64
	counted := make([]bool, n)
	for _, t := range tokens {
		most = max(most, terms[t.id].tf)
		if t.stop || t.bad || counted[t.id] {
			continue
		}
		counted[t.id] = true
		tf := terms[t.id].tf
		sum, square, count = sum+tf, square+tf*tf, count+1
	}
	if count == 0 {
		return nil
	}
	mean := sum / count
	deviation := math.Sqrt(max(0, square/count-mean*mean))
	share := func(different int, all float64) float64 {
		if all == 0 {
			return 0
		}
		return float64(different) / all
	}
	for i := range terms {
		x := &terms[i]
		if x.tf == 0 {
			continue
		}
		casing := max(x.upper, x.acronym) / (1 + math.Log(x.tf))
		position := math.Log(math.Log(3 + median(x.sentences)))
		frequency := x.tf / (mean + deviation)
		relatedness := 1 + (share(len(x.left), x.leftSum)+share(len(x.right), x.rightSum))*x.tf/most
		different := float64(len(x.sentences)) / float64(sentences)
		x.score = relatedness * position / (casing + frequency/relatedness + different/relatedness)
	}
	type candidate struct {
		from, to int
		tf       float64
	}
	found := map[[maxPhrase]int]*candidate{}
	var order []*candidate
	phraseRuns(tokens, func(from, to int) {
		key := [maxPhrase]int{-1, -1, -1}
		for i := from; i < to; i++ {
			key[i-from] = tokens[i].id
		}
		c := found[key]
		if c == nil {
			c = &candidate{from: from, to: to}
			found[key] = c
			order = append(order, c)
		}
		c.tf++
	})
	out := make([]phrase, 0, len(order))
	for _, c := range order {
		product, total := 1., 0.
		p := phrase{at: c.from, tf: c.tf}
		for i := c.from; i < c.to; i++ {
			t := tokens[i]
			p.words = append(p.words, t.lower)
			if !t.stop {
				product *= terms[t.id].score
				total += terms[t.id].score
				continue
			}
			// A stop word within counts by how firmly it belongs to its neighbours.
			before, after := tokens[i-1].id, tokens[i+1].id
			firm := float64(terms[before].right[t.id]) / terms[before].tf * float64(terms[t.id].right[after]) / terms[after].tf
			product *= 2 - firm
			total -= 1 - firm
		}
		p.score = -product / (c.tf * (1 + total))
		if 1+total <= 0 { // a stop word that belongs to nothing
			continue
		}
		out = append(out, p)
	}
	return out
}

func median(sorted []int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	m := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return float64(sorted[m])
	}
	return float64(sorted[m-1]+sorted[m]) / 2
}

// Constants of TextRank: the damping of the walk, and how many rounds are enough for the
// order to stand.
const (
	damping = .85
	rounds  = 30
)

// textrank scores words by a walk over the graph of those that stand next to each other
// (a window of two words, stop words left out), and phrases by the sum of their words
// divided by the number of words plus one, so that a longer phrase has to earn its length.
func textrank(tokens []token) []phrase {
	n := 0
	for _, t := range tokens {
		n = max(n, t.id+1)
	}
	edges := make([]map[int]float64, n)
	link := func(a, b int) {
		if edges[a] == nil {
			edges[a] = map[int]float64{}
		}
		edges[a][b]++
	}
	last := -1
	for i, t := range tokens {
		if i > 0 && tokens[i-1].sentence != t.sentence {
			last = -1
		}
		if t.stop || t.bad {
			continue
		}
		if last >= 0 && last != t.id {
			link(last, t.id)
			link(t.id, last)
		}
		last = t.id
	}
	rank := pagerank(edges)
	best := map[string]phrase{}
	var order []string
	phraseRuns(tokens, func(from, to int) {
		p := phrase{at: from}
		for i := from; i < to; i++ {
			if tokens[i].stop {
				return
			}
			p.words = append(p.words, tokens[i].lower)
			p.score += rank[tokens[i].id]
		}
		p.score *= 2 / float64(len(p.words)+1)
		key := strings.Join(p.words, " ")
		first, before := best[key]
		if before {
			p = first
		} else {
			order = append(order, key)
		}
		p.tf++
		best[key] = p
	})
	out := make([]phrase, len(order))
	for i, key := range order {
		out[i] = best[key]
	}
	return out
}

// pagerank walks a weighted graph. The order of the neighbours is fixed, so that sums of
// floating-point numbers, and with them the ranks, are the same each time.
func pagerank(edges []map[int]float64) []float64 {
	type arc struct {
		to     int
		weight float64
	}
	arcs := make([][]arc, len(edges))
	for i, m := range edges {
		total := 0.
		for to, w := range m {
			arcs[i] = append(arcs[i], arc{to, w})
		}
		slices.SortFunc(arcs[i], func(a, b arc) int { return cmp.Compare(a.to, b.to) })
		for _, a := range arcs[i] {
			total += a.weight
		}
		for j := range arcs[i] {
			arcs[i][j].weight /= total
		}
	}
	rank, next := make([]float64, len(edges)), make([]float64, len(edges))
	for i := range rank {
		rank[i] = 1
	}
	for range rounds {
		for i := range next {
			next[i] = 1 - damping
		}
		for i, list := range arcs {
			for _, a := range list {
				next[a.to] += damping * rank[i] * a.weight
			}
		}
		rank, next = next, rank
	}
	return rank
}

// distinct returns the best phrases, leaving out those whose words are, by their stems,
// all in a better one or hold all of a better one. A part of a better one that occurs
// more often by itself takes its place.
func distinct(phrases []phrase, language string, most int) []string {
	slices.SortStableFunc(phrases, func(a, b phrase) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.at, b.at))
	})
	analyzer := analyze.For(language)
	type taken struct {
		text  string
		stems map[string]bool
		tf    float64
	}
	var out []taken
next:
	for _, p := range phrases {
		if len(out) == most {
			break
		}
		one := taken{strings.Join(p.words, " "), map[string]bool{}, p.tf}
		for _, s := range analyzer.Append(nil, one.text) {
			one.stems[s] = true
		}
		if len(one.stems) == 0 {
			continue
		}
		for i, k := range out {
			switch {
			case within(one.stems, k.stems):
				if one.tf > k.tf && len(one.stems) < len(k.stems) && (len(one.stems) > 1 || k.tf == 1 && one.tf > 2 && len(k.stems) == maxPhrase) {
					out[i] = one
				}
				continue next
			case within(k.stems, one.stems) && len(k.stems) > 1:
				continue next
			}
		}
		out = append(out, one)
	}
	texts := make([]string, 0, len(out))
	for i, o := range out {
		if !slices.ContainsFunc(out[:i], func(k taken) bool { return within(o.stems, k.stems) }) {
			texts = append(texts, o.text)
		}
	}
	return texts
}

// within reports whether all of a is in b.
func within(a, b map[string]bool) bool {
	for s := range a {
		if !b[s] {
			return false
		}
	}
	return true
}
