package eval

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
)

// ReadTREC reads a ranking in the format of trec_eval: query id, an unused column,
// document id, rank (ignored), score, name of the run. Errors name file and line.
func ReadTREC(path string) (Ranking, error) {
	ranking := Ranking{}
	seen := make(map[[2]string]bool)
	for line, err := range loader.Lines(path) {
		if err != nil {
			return nil, err
		}
		cols := strings.Fields(line.Text)
		if len(cols) != 6 {
			return nil, rag.Errorf(rag.KindInvalid, "%s:%d: %d columns; a line of a TREC run has 6", path, line.Number, len(cols))
		}
		score, err := strconv.ParseFloat(cols[4], 64)
		if err != nil {
			return nil, rag.Errorf(rag.KindInvalid, "%s:%d: the score %q is not a number", path, line.Number, cols[4])
		}
		key := [2]string{cols[0], cols[2]}
		if seen[key] {
			return nil, rag.Errorf(rag.KindInvalid, "%s:%d: document %q occurs twice for query %q", path, line.Number, cols[2], cols[0])
		}
		seen[key] = true
		ranking[cols[0]] = append(ranking[cols[0]], Ranked{DocumentID: cols[2], Score: score})
	}
	return ranking, nil
}

// WriteTREC writes the ranking in the format that ReadTREC reads, queries by id,
// documents from the best, each once. name is that of the run, without spaces.
func (r Ranking) WriteTREC(w io.Writer, name string) error {
	for _, id := range slices.Sorted(maps.Keys(r)) {
		for i, d := range BestChunk(r[id]) {
			score := strconv.FormatFloat(d.Score, 'g', -1, 64)
			if _, err := fmt.Fprintf(w, "%s Q0 %s %d %s %s\n", id, d.DocumentID, i+1, score, name); err != nil {
				return err
			}
		}
	}
	return nil
}
