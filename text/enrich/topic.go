package enrich

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/sentence"
)

// Keys that topic stages write: lists of the names that the user gave, the best first.
const (
	KeyTopics = "topics" // of Topics, by words
	KeyLabels = "labels" // of Labels, by meaning
)

// Topic is a subject and words that tell of it.
type Topic struct {
	Name  string
	Words []string // words and phrases; matched by their stems
	Least int      // how often they have to occur together; 0 is 2
}

// digest is a short text for settings of any length: plain values, which can be encoded.
func digest(settings any) string {
	text, _ := json.Marshal(settings)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

type topics struct {
	topics []Topic
}

// Topics says which of the user's topics a text is about: those whose words occur often
// enough. Words are compared by their stems in the language of the text, and phrases by
// those of all their words in a row.
func Topics(list []Topic) (Stage, error) {
	t := topics{slices.Clone(list)}
	seen := map[string]bool{}
	for i := range t.topics {
		p := &t.topics[i]
		if p.Name == "" || len(p.Name) > 256 {
			return nil, rag.Errorf(rag.KindInvalid, "topic %.40q must have a name of 1 to 256 bytes", p.Name)
		}
		if seen[p.Name] {
			return nil, rag.Errorf(rag.KindInvalid, "topic %q is given twice", p.Name)
		}
		seen[p.Name] = true
		if len(p.Words) == 0 {
			return nil, rag.Errorf(rag.KindInvalid, "topic %q has no words", p.Name)
		}
		if p.Least == 0 {
			p.Least = 2
		}
		if p.Least < 1 {
			return nil, rag.Errorf(rag.KindInvalid, "topic %q: its words have to occur at least once, not %d times", p.Name, p.Least)
		}
	}
	return t, nil
}

func (t topics) Name() string     { return "topics" }
func (t topics) Cost() Cost       { return Rules }
func (t topics) Settings() string { return "1 " + digest(t.topics) }

func (t topics) Enrich(_ context.Context, d *Document) (Result, error) {
	analyzer := analyze.For(d.Text.Language)
	// Each phrase is found by its first stem, so that the text is walked once.
	type wanted struct {
		topic int
		stems []string
	}
	by := map[string][]wanted{}
	for i, topic := range t.topics {
		taken := map[string]bool{}
		for _, w := range topic.Words {
			stems := analyzer.Append(nil, w)
			key := strings.Join(stems, " ")
			if len(stems) == 0 || taken[key] { // a stop word, or another form of a word before
				continue
			}
			taken[key] = true
			by[stems[0]] = append(by[stems[0]], wanted{i, stems})
		}
	}
	counts := make([]int, len(t.topics))
	terms := analyzer.Append(analyzer.Append(nil, d.Title), d.Text.Content)
	for i, term := range terms {
		for _, w := range by[term] {
			if len(w.stems) <= len(terms)-i && slices.Equal(terms[i:i+len(w.stems)], w.stems) {
				counts[w.topic]++
			}
		}
	}
	var found []int
	for i, n := range counts {
		if n >= t.topics[i].Least {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return Result{}, nil
	}
	slices.SortStableFunc(found, func(a, b int) int { return counts[b] - counts[a] })
	names := make([]string, len(found))
	for i, f := range found {
		names[i] = t.topics[f].Name
	}
	return Result{Metadata: rag.Metadata{KeyTopics: rag.Strs(names...)}}, nil
}

// Label is a subject told by meaning: by a description of it, by examples of texts that
// bear it, or by both.
type Label struct {
	Name        string
	Description string   // what the label is about, in a sentence
	Examples    []string // texts that bear it, some sentences each
}

// LabelOptions are settings of Labels.
type LabelOptions struct {
	Labels []Label
	// Threshold is the least similarity, (0,1]. It depends on the embedding model: try it
	// on documents whose labels are known. 0 is what was measured with the built-in one:
	// ByDescription for a label without examples, ByExamples for one with some.
	Threshold float64
	Most      int // labels a document; 0 is 3
}

// Least similarities with the built-in model, chosen on one half of 1,421 documents and
// tried on the other (docs/enrichment.md).
const (
	ByDescription = .58
	ByExamples    = .64
)

// threshold is the least similarity of a text that bears the label.
func (o LabelOptions) threshold(l Label) float64 {
	switch {
	case o.Threshold > 0:
		return o.Threshold
	case len(l.Examples) > 0:
		return ByExamples
	}
	return ByDescription
}

// Bounds on what is embedded of a document to label it: pieces spread over the text.
const (
	labelPieces = 8
	pieceBytes  = 1200
)

type labels struct {
	opt      LabelOptions
	settings string

	mu      sync.Mutex
	byModel map[string]*labelVectors
}

// labelVectors are the vectors of what the user wrote, made once for a model.
type labelVectors struct {
	mu    sync.Mutex // held while they are made
	of    [][]float32
	owner []int // label of each
}

// Labels says which labels fit a text, by the embedding model: those of which the
// description, or the nearest example, is at least as similar to the text as the
// threshold. What is compared is the mean of up to eight pieces that are spread over the
// text; they are embedded for this alone.
func Labels(opt LabelOptions) (Stage, error) {
	if opt.Most == 0 {
		opt.Most = 3
	}
	if !(opt.Threshold >= 0 && opt.Threshold <= 1) || opt.Most < 1 {
		return nil, rag.Errorf(rag.KindInvalid, "the threshold of labels must be 0 to 1, and at least one label be allowed")
	}
	seen := map[string]bool{}
	for _, l := range opt.Labels {
		switch {
		case l.Name == "" || len(l.Name) > 256:
			return nil, rag.Errorf(rag.KindInvalid, "label %.40q must have a name of 1 to 256 bytes", l.Name)
		case seen[l.Name]:
			return nil, rag.Errorf(rag.KindInvalid, "label %q is given twice", l.Name)
		case l.Description == "" && len(l.Examples) == 0:
			return nil, rag.Errorf(rag.KindInvalid, "label %q has neither a description nor an example", l.Name)
		}
		seen[l.Name] = true
	}
	settings := "1 " + digest(opt.Labels) + " " + strconv.FormatFloat(opt.Threshold, 'g', -1, 64) + " " + itoa(opt.Most)
	return &labels{opt: opt, settings: settings, byModel: map[string]*labelVectors{}}, nil
}

func (l *labels) Name() string     { return "labels" }
func (l *labels) Cost() Cost       { return Embedding }
func (l *labels) Settings() string { return l.settings }

// Scorer tells how similar labels are to a text, as Labels does: for whoever looks for the
// threshold that suits an embedding model. Goroutine-safe for different documents.
type Scorer struct{ labels *labels }

// NewScorer returns a Scorer. Errors are those of Labels.
func NewScorer(list []Label) (*Scorer, error) {
	st, err := Labels(LabelOptions{Labels: list})
	if err != nil {
		return nil, err
	}
	return &Scorer{st.(*labels)}, nil
}

// Scores returns the similarity of each label, from -1 to 1; nil for a text without
// prose.
func (s *Scorer) Scores(ctx context.Context, d *Document) ([]float64, error) {
	return s.labels.scores(ctx, d)
}

// scores returns how similar each label is to a text, nil where there is nothing to
// compare.
func (l *labels) scores(ctx context.Context, d *Document) ([]float64, error) {
	if d.Embed == nil {
		return nil, rag.Errorf(rag.KindInvalid, "needs an embedding model")
	}
	parts := pieces(d)
	if len(parts) == 0 || len(l.opt.Labels) == 0 {
		return nil, nil
	}
	known, err := l.vectors(ctx, d)
	if err != nil {
		return nil, err
	}
	vectors, err := d.Embed(ctx, rag.PassageText, parts)
	if err != nil {
		return nil, err
	}
	if len(vectors) != len(parts) {
		return nil, rag.Errorf(rag.KindInternal, "%d vectors for %d texts", len(vectors), len(parts))
	}
	scores := make([]float64, len(l.opt.Labels))
	for i := range scores {
		scores[i] = -1
	}
	mean := meanOf(vectors)
	for i, v := range known.of {
		scores[known.owner[i]] = max(scores[known.owner[i]], cosine(mean, v))
	}
	return scores, nil
}

func (l *labels) Enrich(ctx context.Context, d *Document) (Result, error) {
	scores, err := l.scores(ctx, d)
	if err != nil {
		return Result{}, err
	}
	var found []int
	for i := range scores {
		if scores[i] -= l.opt.threshold(l.opt.Labels[i]); scores[i] >= 0 { // by how much it passes
			found = append(found, i)
		}
	}
	slices.SortStableFunc(found, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	if len(found) == 0 {
		return Result{}, nil
	}
	var names []string
	for _, i := range found[:min(len(found), l.opt.Most)] {
		names = append(names, l.opt.Labels[i].Name)
	}
	return Result{Metadata: rag.Metadata{KeyLabels: rag.Strs(names...)}}, nil
}

// vectors returns those of descriptions and examples. One that failed is tried again
// with the next document.
func (l *labels) vectors(ctx context.Context, d *Document) (*labelVectors, error) {
	l.mu.Lock()
	v := l.byModel[d.Model]
	if v == nil {
		v = &labelVectors{}
		l.byModel[d.Model] = v
	}
	l.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of != nil {
		return v, nil
	}
	var texts []string
	var owner []int
	for i, label := range l.opt.Labels {
		for _, t := range append([]string{label.Description}, label.Examples...) {
			if t = strings.TrimSpace(t); t != "" {
				texts, owner = append(texts, t), append(owner, i)
			}
		}
	}
	of, err := d.Embed(ctx, rag.PassageText, texts)
	if err != nil {
		return nil, err
	}
	if len(of) != len(texts) {
		return nil, rag.Errorf(rag.KindInternal, "%d vectors for %d texts", len(of), len(texts))
	}
	v.of, v.owner = of, owner
	return v, nil
}

// pieces returns up to labelPieces parts of the prose, spread over it, that begin with a
// sentence where there is one near, each with the title before it.
func pieces(d *Document) []string {
	prose := d.Prose()
	var out []string
	n := min(labelPieces, (len(prose)+pieceBytes-1)/pieceBytes)
	for i := range n {
		at := len(prose) / n * i
		window := strings.ToValidUTF8(prose[at:min(len(prose), at+2*pieceBytes)], "")
		from := 0
		if i > 0 { // in the middle of a sentence; a long one is begun with its next word
			for s := range sentence.All(window) {
				from = s.End
				break
			}
			if from > pieceBytes {
				from = strings.IndexByte(window, ' ') + 1
			}
		}
		if text := strings.TrimSpace(clean.Cut(window[from:], pieceBytes)); text != "" {
			out = append(out, strings.TrimSpace(d.Title+"\n"+text))
		}
	}
	return out
}

// meanOf returns the sum of vectors, whose direction is that of their mean.
func meanOf(vectors [][]float32) []float32 {
	sum := make([]float32, len(vectors[0]))
	for _, v := range vectors {
		for i := range min(len(v), len(sum)) {
			sum[i] += v[i]
		}
	}
	return sum
}
