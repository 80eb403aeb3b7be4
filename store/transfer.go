package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// The neutral form of a store's contents: tables of rows that every backend reads and
// writes alike, so that package transfer can copy a store from one database to another
// with all its ids, numbers and times. How a backend lays them out is its own affair.
//
// What is not in it is what a store can do without: marks of what a purge has to look
// at, and embeddings that no passage has any more.

// Kind is the kind of the values of a column.
type Kind int

// What a value of each kind is in a Row. Any may be nil where the column says so.
const (
	Int   Kind = iota // int64
	Text              // string: UTF-8 without NUL, or what a caller gave that is not
	Bytes             // []byte
	Bool              // bool
	Float             // float64
	Time              // int64: microseconds since 1970, UTC
)

// Column is a column of a Table.
type Column struct {
	Name string
	Kind Kind
	Null bool // nil is a value
}

// Table is a table in neutral form.
type Table struct {
	Name string
	// Key is how many of the columns, from the first, are the key. Rows are read in its
	// order: numbers by size, texts and bytes by their bytes.
	Key     int
	Columns []Column
}

// Row is a row of a Table: a value for each column.
type Row []any

// Tables are all tables, in the order in which a store can be filled: what a row refers
// to is in a table before.
var Tables = []*Table{
	{"models", 1, columns("name text, dimensions int")},
	{"collections", 1, columns("id int, tenant text, name text, description text, metadata text, generation int, created_at time, seq int, feed_start int, documents int, chunks int, bytes int")},
	{"generations", 2, columns("collection int, number int, chunker text, model text, dimensions int, created_at time, live_at time?, comparison text")},
	{"documents", 1, columns("id int, uuid bytes, collection int, external_id text, title text, source text, media_type text, metadata text, acl text, version int, sha256 text, input_hash text, bytes int, pages int, chunks int, language text, state text, error text, created_at time, updated_at time, deleted_at time?")},
	{"versions", 1, columns("id int, document int, version int, sha256 text, blocks bytes, info text, created_at time, content bytes")},
	{"chunks", 1, columns("id int, collection int, document int, version int, ordinal int, start_at int, end_at int, parent_start int, parent_end int, page int, tokens int, hash bytes, heading text, prefix bytes")},
	{"embeddings", 3, columns("model text, hash bytes, tenant text, vector bytes")},
	{"changes", 2, columns("collection int, seq int, op int, chunk int, document bytes, at time")},
	{"loose_originals", 1, columns("sha256 text")},
	{"sources", 1, columns("id int, collection int, name text, kind text, settings text, metadata text, acl text, created_at time, last_run time?, last_success time?, last_error text, last_report text, cursor bytes?, reading int, holder text, held_until time?")},
	{"source_items", 3, columns("collection int, source int, id text, fingerprint text, external_id text, kind text, reason text, removed text, reading int, updated_at time")},
	{"jobs", 1, columns("id int, uuid bytes, collection int, kind text, name text, source text, again bool, allow_empty bool, force bool, principals text, admin bool, key text, state text, error text, cancelling bool, tries int, progress text, created_at time, started_at time?, updated_at time, ended_at time?, not_before time?, holder text, held_until time?")},
	{"job_items", 2, columns("job int, number int, input text, sha256 text, bytes int, state text, error text, kind text, tries int, document text, chunks int, warnings text")},
	{"queries", 1, columns("id int, collection int, uuid text, principals text, kind text, text text, answer text, hits text, citations text, confidence float, refused bool, cached bool, usage text, took int, at time, error text")},
	{"query_documents", 2, columns("query int, document bytes")},
	{"ledger", 7, columns("tenant text, day text, key text, operation text, provider text, model text, currency text, calls int, failed int, estimated int, unpriced int, input int, cached int, output int, searches int, cost int, saved_calls int, saved_input int, saved_cached int, saved_output int, saved_searches int, saved_cost int")},
	{"holds", 1, columns("id text, tenant text, day text, key text, operation text, provider text, model text, currency text, calls int, unpriced int, input int, cached int, output int, searches int, cost int, expires_at time, lapsed bool")},
	{"spaces", 1, columns("name text, collection int, generation int, seq int, epoch int, turn int, held_until time?")},
}

// Numbered are the tables whose ids a store gives, each once and never again.
var Numbered = []string{"collections", "documents", "versions", "chunks", "sources", "jobs", "queries"}

// columns reads "name kind" pairs; a kind that ends in a question mark can be nil.
func columns(list string) []Column {
	kinds := map[string]Kind{"int": Int, "text": Text, "bytes": Bytes, "bool": Bool, "float": Float, "time": Time}
	var out []Column
	for _, item := range strings.Split(list, ", ") {
		name, kind, _ := strings.Cut(item, " ")
		kind, null := strings.CutSuffix(kind, "?")
		out = append(out, Column{name, kinds[kind], null})
	}
	return out
}

// Transfer is what a store keeps about another store that is, or was, copied into it.
// The zero Transfer is that of a store which no other was copied into.
type Transfer struct {
	From  string    `json:"from"`          // id of that store, which this one has as well
	Begun time.Time `json:"begun"`         // when the copying began
	Done  time.Time `json:"done,omitzero"` // when everything had been compared; zero before that
}

// Unfinished reports whether the store holds a part of another only.
func (t Transfer) Unfinished() bool { return t.From != "" && t.Done.IsZero() }

// ErrUnfinished is why a store cannot be opened that holds a part of another only.
func (t Transfer) ErrUnfinished() error {
	return rag.Errorf(rag.KindUnavailable, "another store is being copied into this one since %s, which is not finished: end it with smartretriever migrate", t.Begun.UTC().Format(time.DateTime))
}

// String is the form in which a Transfer is kept.
func (t Transfer) String() string {
	if t.From == "" {
		return ""
	}
	data, err := json.Marshal(t)
	if err != nil {
		panic(err) // of two times and a text
	}
	return string(data)
}

// ParseTransfer reads what String wrote.
func ParseTransfer(text string) (t Transfer, err error) {
	if text == "" {
		return t, nil
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, rag.Errorf(rag.KindInternal, "what the store keeps about a copy is damaged: %v", err)
	}
	return t, nil
}

// TransferReader reads the contents of a store at one moment. It is for one goroutine.
type TransferReader interface {
	// Rows calls fn with each row of a table, in the order of its key. fn may keep the
	// row; its error ends the reading and is returned.
	Rows(ctx context.Context, t *Table, fn func(Row) error) error
	// Count returns how many rows a table has, or about how many where embeddings are
	// kept in another form.
	Count(ctx context.Context, t *Table) (int64, error)
	// Highest returns, by name of a Numbered table, the highest id that was ever given.
	Highest(ctx context.Context) (map[string]int64, error)
}
