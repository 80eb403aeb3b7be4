package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	Where   string // file:line, "environment NAME" or "flag --NAME"; "" when it concerns none of these
	Setting string // dotted name, "" when the fault concerns the source as a whole
	Message string
}

// String returns the fault on one line.
func (f Fault) String() string {
	s := f.Message
	if f.Setting != "" {
		s = f.Setting + ": " + s
	}
	if f.Where != "" {
		s = f.Where + ": " + s
	}
	return s
}

// Faults is everything that is wrong with a configuration, in the order of the
// sources. It is an error of kind rag.KindInvalid.
type Faults []Fault

// Error lists the faults, a line each.
func (fs Faults) Error() string {
	if len(fs) == 1 {
		return "configuration: " + fs[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "configuration: %d faults", len(fs))
	for _, f := range fs {
		b.WriteString("\n  " + f.String())
	}
	return b.String()
}

// Unwrap makes errors.Is(err, rag.ErrInvalid) hold.
func (fs Faults) Unwrap() error { return rag.ErrInvalid }

// err returns fs as an error, nil when there is no fault.
func (fs Faults) err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// nearest returns the candidate closest to word by edit distance, "" when none
// is close enough to be meant: within a third of the word's length, at least 2.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", max(2, len(word)/3)+1
	for _, c := range candidates {
		if d := editDistance(word, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions and replacements of bytes that
// turn a into b (Levenshtein, with one row of the table kept).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// didYouMean completes the message about an unknown name.
func didYouMean(unknown string, known []string) string {
	// A bare last part ("base_url") is meant as a setting that ends in it.
	var ending []string
	for _, k := range known {
		if strings.HasSuffix(k, "."+unknown) {
			ending = append(ending, k)
		}
	}
	if len(ending) > 0 {
		return fmt.Sprintf("; did you mean %s?", strings.Join(ending[:min(3, len(ending))], " or "))
	}
	if n := nearest(unknown, known); n != "" {
		return fmt.Sprintf("; did you mean %s?", n)
	}
	if len(known) <= 16 {
		sorted := slices.Sorted(slices.Values(known))
		return "; known here: " + strings.Join(sorted, ", ")
	}
	return ""
}
