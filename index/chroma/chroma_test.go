package chroma

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

func TestValidate(t *testing.T) {
	_, err := New(Config{Address: "chroma:8000", Token: "sesame\n", TokenHeader: "a b", Prefix: "no dots.", MaxNeighbors: -1, EfSearch: 20_000})
	if !errors.Is(err, rag.ErrInvalid) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"the address", "line break", "header", "prefix", "neighbours", "search"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell of %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "built") {
		t.Errorf("the error tells too much: %v", err)
	}
}

// double answers requests to Chroma's records as it is told, and keeps what it was sent.
func double(t *testing.T, answer string) (external.Table, *[]map[string]json.RawMessage) {
	t.Helper()
	var sent []map[string]json.RawMessage
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if strings.HasSuffix(r.URL.Path, "/collections") {
			_, _ = io.WriteString(w, `{"id": "c1", "metadata": {"smartretriever_layout": 1, "dimensions": 2}}`)
			return
		}
		sent = append(sent, body)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	db, err := New(Config{Address: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	table, err := db.Open(t.Context(), external.Space{Name: "a", Dimensions: 2})
	if err != nil {
		t.Fatal(err)
	}
	return table, &sent
}

// TestTagsDivideRequests: a batch whose tags would make a request larger than servers take is sent in several, every item once and in order.
func TestTagsDivideRequests(t *testing.T) {
	table, sent := double(t, `{}`)
	tags := make([]external.Tag, 500)
	for n := range tags {
		tags[n] = external.Tag(1<<62 + n)
	}
	var items []external.Item
	var want, got []string
	for id := rag.ChunkID(1); id <= 5000; id++ {
		items = append(items, external.Item{ID: id, Vector: []float32{1, 0}, Tags: tags})
		want = append(want, decimal(id))
	}
	if err := table.Upsert(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	for _, body := range *sent {
		size := 0
		for _, part := range body {
			size += len(part)
		}
		if size > 40_000_000 {
			t.Errorf("a request has %d bytes", size)
		}
		var ids []string
		if err := json.Unmarshal(body["ids"], &ids); err != nil {
			t.Fatal(err)
		}
		got = append(got, ids...)
	}
	if len(*sent) < 2 || !slices.Equal(got, want) {
		t.Errorf("%d items came in %d requests, want %d in more than one", len(got), len(*sent), len(want))
	}
}

// TestStrangeAnswers: what is not a list of records with distances and documents is an error, not a result.
func TestStrangeAnswers(t *testing.T) {
	for _, answer := range []string{
		``, `{}`, `[]`, `{"ids": [["1"]]}`, `{"ids": [["1"]], "distances": [[0.5]], "uris": null}`, `{"ids": [["1", "2"]], "distances": [[0.5]], "uris": [["d", "d"]]}`,
		`{"ids": [["one"]], "distances": [[0.5]], "uris": [["d"]]}`, `{"ids": [["1"]], "distances": [[null]], "uris": [["d"]]}`,
		`{"ids": [["1"]], "distances": [[0.5]], "uris": [[null]]}`, `{"ids": [["1"], ["2"]], "distances": [[0.5], [0.5]], "uris": [["d"], ["d"]]}`,
	} {
		table, _ := double(t, answer)
		if res, err := table.Search(t.Context(), external.Query{Vector: []float32{1, 0}, K: 3}); !errors.Is(err, rag.ErrInternal) || len(res.Vector) > 0 {
			t.Errorf("search, answered with %s: %v, %v", answer, res, err)
		}
		if err := table.DeleteWhere(t.Context(), external.Condition{Has: []external.Tag{1}}); !errors.Is(err, rag.ErrInternal) {
			t.Errorf("delete, answered with %s: %v", answer, err)
		}
	}
	table, _ := double(t, `{"ids": ["1", "a stranger's"]}`)
	if ids, err := table.IDs(t.Context(), 0, 3); !errors.Is(err, rag.ErrInternal) {
		t.Errorf("ids: %v, %v", ids, err)
	}
}
