package data

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/words"

	"github.com/smartretriever/smartretriever/text/analyze"
)

// Words is a set of documents as terms, with questions as terms.
type Words struct {
	Name string
	Docs int
	dir  string
}

// names of the sets of words.
const (
	RandomWords    = "words-1m"
	ClusteredWords = "words-1m-clustered"
)

// Forms of the questions: all their words, or without stop words. The documents have all words.
const (
	FullQuestions    = "full"
	ContentQuestions = "content"
)

// Forms lists the forms of the questions.
var Forms = []string{FullQuestions, ContentQuestions}

// File is the file with the documents.
func (w *Words) File() string { return filepath.Join(w.dir, "docs.txt") }

// Questions is the file with the questions of a form.
func (w *Words) Questions(form string) string { return filepath.Join(w.dir, form+".txt") }

// near is how far apart, in the order of the documents, the passages of a clustered document may lie.
const near = 10

// Words makes or finds a set of a million documents, each of three real sentences or
// titles. In RandomWords the three are drawn from all; in ClusteredWords the
// first goes through all texts in their order and the others are drawn from those at
// most ten places away.
func (c *Cache) Words(name string) (*Words, error) {
	if err := c.read(); err != nil {
		return nil, err
	}
	a := analyze.For("en")
	w := &Words{Name: name, Docs: million}
	dir, err := c.part(name, func(dir string) error {
		w.dir = dir
		t := terms{analyzer: a, known: map[string]string{}}
		var parts []string
		for _, s := range sentencesOf(c.docs) {
			if p := t.all(s); p != "" {
				parts = append(parts, p)
			}
		}
		random := rand.New(rand.NewPCG(11, 13))
		err := writeLines(w.File(), func(line func(...string)) {
			for i := range w.Docs {
				if name == RandomWords {
					line(parts[random.IntN(len(parts))], parts[random.IntN(len(parts))], parts[random.IntN(len(parts))])
					continue
				}
				at := i * len(parts) / w.Docs
				from := min(max(at-near, 0), len(parts)-2*near-1)
				one, two := from+random.IntN(2*near), from+random.IntN(2*near-1)
				if one >= at {
					one++
				}
				for two == at || two == one {
					two++
				}
				line(parts[at], parts[one], parts[two])
			}
		})
		if err != nil {
			return err
		}
		questions := draw(c.questions, QueryCount)
		err = writeLines(w.Questions(FullQuestions), func(line func(...string)) {
			for _, q := range questions {
				line(t.all(q))
			}
		})
		if err != nil {
			return err
		}
		return writeLines(w.Questions(ContentQuestions), func(line func(...string)) {
			for _, q := range questions {
				line(a.Append(nil, q)...)
			}
		})
	}, "three sentences, 2", c.textsHash, a.Name())
	w.dir = dir
	return w, err
}

// terms makes terms that keep stop words: the analyzer sees one word at a time, and a
// word that it drops stands for itself in lower case.
type terms struct {
	analyzer *analyze.Analyzer
	known    map[string]string // word to its terms
}

func (t *terms) all(text string) string {
	var b strings.Builder
	for i := words.FromString(text); i.Next(); {
		word := i.Value()
		made, ok := t.known[word]
		if !ok {
			made = strings.Join(t.analyzer.Append(nil, word), " ")
			if made == "" && strings.ContainsFunc(word, unicode.IsLetter) {
				made = strings.ToLower(word)
			}
			t.known[word] = made
		}
		if made != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(made)
		}
	}
	return b.String()
}

// writeLines makes a file of lines; what line is given is joined by spaces.
func writeLines(path string, fill func(line func(parts ...string))) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fill(func(parts ...string) {
		for i, p := range parts {
			if i > 0 {
				w.WriteByte(' ')
			}
			w.WriteString(p)
		}
		w.WriteByte('\n')
	})
	if err := w.Flush(); err != nil { // the first error of the writer stays
		f.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.Close()
}
