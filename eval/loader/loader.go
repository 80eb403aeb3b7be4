// Package loader reads evaluation collections in BEIR layout, a line at a time:
//
//	corpus.jsonl       {"_id": "...", "title": "...", "text": "..."}
//	queries.jsonl      {"_id": "...", "text": "..."}
//	qrels/<split>.tsv  query-id <tab> corpus-id <tab> score, with a header line
//
// Nothing is held beyond the current line, so a corpus of any size can be piped
// into ingestion. Lines are bounded by MaxLine. Every error is of kind invalid (or
// not found, when a file is missing) and names the file and the line.
package loader

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// MaxLine is the longest line, in bytes.
const MaxLine = 16 << 20

// Document is a line of corpus.jsonl.
type Document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Query is a line of queries.jsonl.
type Query struct {
	ID   string `json:"_id"`
	Text string `json:"text"`
}

// Judgement is a line of qrels: how relevant a document is to a query. Zero and
// below is not relevant.
type Judgement struct {
	QueryID    string
	DocumentID string
	Relevance  int
}

// Corpus yields the documents of a corpus file in order. It stops after the first
// error; an id that is missing or empty is one.
func Corpus(path string) iter.Seq2[Document, error] {
	return records(path, func(d Document) string { return d.ID })
}

// Queries yields the queries of a file, as Corpus does documents.
func Queries(path string) iter.Seq2[Query, error] {
	return records(path, func(q Query) string { return q.ID })
}

func records[T any](path string, id func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for line, err := range Lines(path) {
			if err != nil {
				yield(none, err)
				return
			}
			var rec T
			if err := json.Unmarshal([]byte(line.Text), &rec); err != nil {
				yield(none, rag.Errorf(rag.KindInvalid, "%s:%d: not a JSON record: %w", path, line.Number, err))
				return
			}
			if id(rec) == "" {
				yield(none, rag.Errorf(rag.KindInvalid, `%s:%d: "_id" is missing or empty`, path, line.Number))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// Judgements yields the lines of a qrels file. Both the three columns of BEIR and
// the four of TREC (with an unused second one) are read; a first line whose score
// is not a number is taken to be the header.
func Judgements(path string) iter.Seq2[Judgement, error] {
	return func(yield func(Judgement, error) bool) {
		first := true
		for line, err := range Lines(path) {
			if err != nil {
				yield(Judgement{}, err)
				return
			}
			cols := strings.Split(line.Text, "\t")
			if len(cols) == 1 {
				cols = strings.Fields(line.Text)
			}
			if len(cols) == 4 {
				cols = []string{cols[0], cols[2], cols[3]}
			}
			if len(cols) != 3 {
				yield(Judgement{}, rag.Errorf(rag.KindInvalid, "%s:%d: %d columns; a judgement has a query id, a document id and a score, with tabs between", path, line.Number, len(cols)))
				return
			}
			rel, err := strconv.Atoi(strings.TrimSpace(cols[2]))
			if err != nil && first {
				first = false
				continue
			}
			first = false
			j := Judgement{QueryID: strings.TrimSpace(cols[0]), DocumentID: strings.TrimSpace(cols[1]), Relevance: rel}
			switch {
			case err != nil:
				yield(Judgement{}, rag.Errorf(rag.KindInvalid, "%s:%d: the score %q is not a whole number", path, line.Number, cols[2]))
				return
			case j.QueryID == "" || j.DocumentID == "":
				yield(Judgement{}, rag.Errorf(rag.KindInvalid, "%s:%d: the query id or the document id is empty", path, line.Number))
				return
			}
			if !yield(j, nil) {
				return
			}
		}
	}
}

// Line is a line of a file without its line end. Number counts from 1.
type Line struct {
	Number int
	Text   string
}

// Lines yields the lines of a file that are not blank. It stops after the first
// error: the file is missing, cannot be read, or has a line longer than MaxLine.
func Lines(path string) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			kind := rag.KindInvalid
			if errors.Is(err, fs.ErrNotExist) {
				kind = rag.KindNotFound
			}
			yield(Line{}, rag.Wrap(kind, err, "read evaluation data"))
			return
		}
		defer f.Close()
		r := bufio.NewReaderSize(f, 64<<10)
		var buf []byte
		for number := 1; ; number++ {
			buf, err = readLine(r, buf[:0])
			if err != nil && err != io.EOF {
				yield(Line{}, rag.Errorf(rag.KindInvalid, "%s:%d: %w", path, number, err))
				return
			}
			if text := strings.TrimSpace(string(buf)); text != "" {
				if !yield(Line{number, text}, nil) {
					return
				}
			}
			if err == io.EOF {
				return
			}
		}
	}
}

var errLong = errors.New("the line is longer than " + strconv.Itoa(MaxLine>>20) + " MiB")

// readLine appends a line to buf. It returns io.EOF with the last one.
func readLine(r *bufio.Reader, buf []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(buf)+len(part) > MaxLine {
			return buf, errLong
		}
		buf = append(buf, part...)
		if err != bufio.ErrBufferFull {
			return buf, err
		}
	}
}
