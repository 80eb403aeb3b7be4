package query

import (
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/index/postings"
)

// similar walks a sorted dictionary beside the Levenshtein automaton of a word (Schulz and Mihov, 2002): its states are rows of the matrix of
// edit distances, one for each character of the term so far. A term shares the states of its beginning with the term before it,
// and where no state can lead to a match any more, all terms with that beginning are skipped.
type similar struct {
	word  []rune
	most  int
	rows  [][]int // row i: distances of the first i characters of the term from each beginning of the word
	ends  []int   // ends[i]: bytes of the first i characters
	chars []rune
}

// walkSimilar calls visit with the distance of every term that is at most that far from word.
func walkSimilar(terms *postings.Terms, word string, most int, visit func(distance int)) {
	s := &similar{word: []rune(word), most: most}
	first := make([]int, len(s.word)+1)
	for i := range first {
		first[i] = i
	}
	s.rows, s.ends = append(s.rows, first), append(s.ends, 0)
	for ok := terms.Seek(nil); ok; {
		dead := s.read(terms.Key())
		if dead < 0 {
			if d := s.rows[len(s.chars)][len(s.word)]; d <= s.most {
				visit(d)
			}
			ok = terms.Next()
			continue
		}
		// The first term that does not begin with the characters that led nowhere.
		next := after(append([]byte(nil), terms.Key()[:dead]...))
		if next == nil {
			return
		}
		ok = terms.Seek(next)
	}
}

// read brings the automaton to the end of a term, and returns -1, or the number of bytes after which no match is possible.
func (s *similar) read(term []byte) (dead int) {
	kept := 0
	for kept < len(s.chars) && s.ends[kept+1] <= len(term) {
		r, n := utf8.DecodeRune(term[s.ends[kept]:])
		if r != s.chars[kept] || s.ends[kept]+n != s.ends[kept+1] {
			break
		}
		kept++
	}
	s.chars, s.ends, s.rows = s.chars[:kept], s.ends[:kept+1], s.rows[:kept+1]
	for at := s.ends[kept]; at < len(term); {
		r, n := utf8.DecodeRune(term[at:])
		at += n
		if s.step(r, at) > s.most {
			return at
		}
	}
	return -1
}

// step adds a character and returns the smallest distance in its row.
func (s *similar) step(r rune, end int) (least int) {
	before := s.rows[len(s.rows)-1]
	var row []int
	if len(s.rows) < cap(s.rows) {
		row = s.rows[:len(s.rows)+1][len(s.rows)]
	}
	if cap(row) < len(before) {
		row = make([]int, len(before))
	}
	row = row[:len(before)]
	row[0] = before[0] + 1
	least = row[0]
	for i := 1; i < len(row); i++ {
		cost := 1
		if s.word[i-1] == r {
			cost = 0
		}
		row[i] = min(before[i]+1, row[i-1]+1, before[i-1]+cost)
		least = min(least, row[i])
	}
	s.rows, s.chars, s.ends = append(s.rows, row), append(s.chars, r), append(s.ends, end)
	return least
}

// after returns the first string behind all that begin with prefix, nil if there is none. It changes prefix.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			prefix[i]++
			return prefix[:i+1]
		}
	}
	return nil
}
