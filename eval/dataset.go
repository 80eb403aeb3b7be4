package eval

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
)

// Dataset is what a search is measured with. The corpus stays on disk.
type Dataset struct {
	Name    string // of its folder
	Split   string
	Corpus  string // path of corpus.jsonl, for loader.Corpus
	Queries []loader.Query
	Qrels   Qrels
}

// Qrels holds the judgements: query id, document id, relevance.
type Qrels map[string]map[string]int

// Load reads the queries and judgements of a folder in BEIR layout. An empty split
// is "test". Only judged queries are kept, in the order of the file. A judgement
// that contradicts an earlier one, a judged query that does not exist, and a second
// query of the same id are errors that name the place.
func Load(dir, split string) (*Dataset, error) {
	if split == "" {
		split = "test"
	}
	d := &Dataset{Name: filepath.Base(dir), Split: split, Corpus: filepath.Join(dir, "corpus.jsonl"), Qrels: Qrels{}}
	path := filepath.Join(dir, "qrels", split+".tsv")
	if _, err := os.Stat(path); err != nil {
		return nil, rag.Errorf(rag.KindNotFound, "%s: no judgements for split %q%s", path, split, splits(dir))
	}
	if err := d.readQrels(path); err != nil {
		return nil, err
	}
	if err := d.readQueries(filepath.Join(dir, "queries.jsonl")); err != nil {
		return nil, err
	}
	return d, nil
}

// splits says which splits a folder has, as the end of an error message.
func splits(dir string) string {
	files, err := filepath.Glob(filepath.Join(dir, "qrels", "*.tsv"))
	if err != nil || len(files) == 0 {
		return "; a folder in BEIR layout has corpus.jsonl, queries.jsonl and qrels/<split>.tsv"
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".tsv")
	}
	return "; there are " + strings.Join(files, ", ")
}

func (d *Dataset) readQrels(path string) error {
	for j, err := range loader.Judgements(path) {
		if err != nil {
			return err
		}
		docs := d.Qrels[j.QueryID]
		if docs == nil {
			docs = map[string]int{}
			d.Qrels[j.QueryID] = docs
		}
		if rel, judged := docs[j.DocumentID]; judged && rel != j.Relevance {
			return rag.Errorf(rag.KindInvalid, "%s: document %q is judged %d and %d for query %q", path, j.DocumentID, rel, j.Relevance, j.QueryID)
		}
		docs[j.DocumentID] = j.Relevance
	}
	if len(d.Qrels) == 0 {
		return rag.Errorf(rag.KindInvalid, "%s: holds no judgements", path)
	}
	return nil
}

func (d *Dataset) readQueries(path string) error {
	seen := make(map[string]bool)
	for q, err := range loader.Queries(path) {
		if err != nil {
			return err
		}
		if seen[q.ID] {
			return rag.Errorf(rag.KindInvalid, "%s: query id %q occurs twice", path, q.ID)
		}
		seen[q.ID] = true
		if _, judged := d.Qrels[q.ID]; judged {
			d.Queries = append(d.Queries, q)
		}
	}
	if len(d.Queries) == len(d.Qrels) {
		return nil
	}
	var missing []string
	for id := range d.Qrels {
		if !seen[id] {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	return rag.Errorf(rag.KindInvalid, "%s: %d judged queries are not there, the first is %q", path, len(missing), missing[0])
}
