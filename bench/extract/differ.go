package main

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/text/extract/extracttest"
)

// Why a file differs from what was expected of it is looked for in its words: one that is
// only on one side is missing or extra, unless two neighbours of the other side make it.
// Whether a change helps more than the files that it was made for, the means of two halves
// of the files tell, which are parted by a hash of their names.

// difference is how a file's words differ from those expected.
type difference struct {
	path    string
	f1      float64
	tokens  int
	missing []string // only expected
	extra   []string // only found
	split   []string // expected, and found as two or three words
	joined  []string // found, and expected as two or three words
}

// half tells to which half of the files one belongs, 0 or 1.
func half(path string) int {
	h := fnv.New32a()
	h.Write([]byte(filepath.Base(path)))
	return int(h.Sum32() >> 16 & 1)
}

func differ(path, got, want string, f1 float64) difference {
	g, w := extracttest.Tokens(got), extracttest.Tokens(want)
	d := difference{path: path, f1: f1, tokens: len(w)}
	ofGot, ofWant := neighbours(g), neighbours(w)
	for _, t := range beyond(w, g) {
		if ofGot[t] {
			d.split = append(d.split, t)
		} else {
			d.missing = append(d.missing, t)
		}
	}
	for _, t := range beyond(g, w) {
		if ofWant[t] {
			d.joined = append(d.joined, t)
		} else {
			d.extra = append(d.extra, t)
		}
	}
	return d
}

// beyond returns the tokens of a that b has less often.
func beyond(a, b []string) []string {
	count := map[string]int{}
	for _, t := range b {
		count[t]++
	}
	var out []string
	for _, t := range a {
		if count[t]--; count[t] < 0 {
			out = append(out, t)
		}
	}
	return out
}

// neighbours is what two or three tokens in a row make when written as one.
func neighbours(tokens []string) map[string]bool {
	out := map[string]bool{}
	for i := 1; i < len(tokens); i++ {
		two := tokens[i-1] + tokens[i]
		out[two] = true
		if i > 1 {
			out[tokens[i-2]+two] = true
		}
	}
	return out
}

// printWorst prints the files that differ most, the worst first, with their words.
func printWorst(all []difference, most, words int) {
	slices.SortStableFunc(all, func(a, b difference) int { return cmp.Compare(a.f1, b.f1) })
	for _, d := range all[:min(most, len(all))] {
		fmt.Printf("%.4f  half %d  %5d words  %s\n", d.f1, half(d.path), d.tokens, d.path)
		for _, part := range []struct {
			name  string
			words []string
		}{{"missing", d.missing}, {"extra", d.extra}, {"split", d.split}, {"joined", d.joined}} {
			if n := len(part.words); n > 0 {
				fmt.Printf("    %-7s %5d  %s\n", part.name, n, strings.Join(part.words[:min(words, n)], " "))
			}
		}
	}
}
