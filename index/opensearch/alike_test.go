//go:build servers

package opensearch_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/index/indextest/opensearchtest"
)

// reply is what is compared of an answer: what it says of what was done or found, not how long it took or on how many shards.
type reply struct {
	Status  int
	Type    string // of an error
	Items   []string
	Hits    []string // id and document
	Scores  []float64
	Parts   []reply // of a multi-search
	Count   *int
	Deleted *int
	Names   string // of indexes with their aliases
}

func (r reply) String() string {
	out, _ := json.Marshal(r)
	return string(out)
}

// asked sends a request and returns its answer for comparison.
func asked(t *testing.T, server, method, path, body string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, server+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.Contains(path, "_bulk") || strings.Contains(path, "_msearch") {
		req.Header.Set("Content-Type", "application/x-ndjson")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var raw answer
	if err := json.Unmarshal(data, &raw); err != nil {
		var names map[string]struct{ Aliases map[string]any }
		if err := json.Unmarshal(data, &names); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, data)
		}
	}
	out := raw.reply()
	out.Status = resp.StatusCode
	if strings.HasSuffix(path, "_alias") {
		var names map[string]struct{ Aliases map[string]any }
		if err := json.Unmarshal(data, &names); err == nil {
			out.Names = fmt.Sprint(names)
		}
	}
	return out
}

type answer struct {
	Status int
	Error  struct{ Type string }
	Items  []map[string]struct {
		ID     string `json:"_id"`
		Status int
		Result string
		Error  struct{ Type string }
	}
	Hits struct {
		Hits []struct {
			ID     string                    `json:"_id"`
			Score  *float64                  `json:"_score"`
			Source struct{ Document string } `json:"_source"`
		}
	}
	Responses []answer
	Count     *int
	Deleted   *int
}

func (a answer) reply() reply {
	out := reply{Status: a.Status, Type: a.Error.Type, Count: a.Count, Deleted: a.Deleted}
	for _, it := range a.Items {
		for verb, is := range it {
			out.Items = append(out.Items, fmt.Sprint(verb, " ", is.ID, " ", is.Status, " ", is.Result, " ", is.Error.Type))
		}
	}
	for _, h := range a.Hits.Hits {
		out.Hits = append(out.Hits, h.ID+" "+h.Source.Document)
		if h.Score != nil {
			out.Scores = append(out.Scores, *h.Score)
		}
	}
	for _, r := range a.Responses {
		out.Parts = append(out.Parts, r.reply())
	}
	return out
}

// alike compares two answers: scores to five digits, and documents of one score in any order.
func alike(a, b reply) bool {
	if len(a.Parts) != len(b.Parts) || len(a.Scores) != len(b.Scores) || len(a.Hits) != len(b.Hits) {
		return false
	}
	for i := range a.Parts {
		if !alike(a.Parts[i], b.Parts[i]) {
			return false
		}
	}
	for i := range a.Scores {
		if math.Abs(a.Scores[i]-b.Scores[i]) > 1e-5*math.Max(1, b.Scores[i]) {
			return false
		}
	}
	at := func(r reply) map[string]float64 {
		out := map[string]float64{}
		for i, h := range r.Hits {
			if i < len(r.Scores) {
				out[h] = r.Scores[i]
			} else {
				out[h] = float64(i)
			}
		}
		return out
	}
	in := at(b)
	for h, score := range at(a) {
		if other, ok := in[h]; !ok || math.Abs(score-other) > 1e-5*math.Max(1, other) {
			return false
		}
	}
	a.Parts, b.Parts, a.Scores, b.Scores, a.Hits, b.Hits = nil, nil, nil, nil, nil, nil
	return a.String() == b.String()
}

// indexBody asks for an index as the adapter does, without vectors.
const indexBody = `{"settings":{"index":{"number_of_shards":1,"number_of_replicas":0,"max_result_window":10000}},"mappings":{"dynamic":"strict",
	"_source":{"excludes":["text"]},"properties":{"id":{"type":"long"},"document":{"type":"keyword","index":false},"tags":{"type":"keyword","doc_values":false},
	"text":{"type":"text","analyzer":"standard","index_options":"freqs"}}},"aliases":{"alike_%s-w":{}}}`

// TestDoubleIsLikeTheServer makes the same requests of the real server and of the double.
func TestDoubleIsLikeTheServer(t *testing.T) {
	real, double := serverURL(t), opensearchtest.New(t, opensearchtest.Options{}).URL()
	both := func(method, path, body string) reply {
		t.Helper()
		a, b := asked(t, real, method, path, body), asked(t, double, method, path, body)
		if !alike(a, b) {
			t.Errorf("%s %s %.300s:\nthe server: %.600s\nthe double: %.600s", method, path, body, a, b)
		}
		return a
	}
	for _, name := range []string{"alike_a", "alike_b"} {
		asked(t, real, "DELETE", "/"+name, "")
	}
	t.Cleanup(func() {
		for _, name := range []string{"alike_a", "alike_b"} {
			req, _ := http.NewRequest("DELETE", real+"/"+name, nil)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}
	})
	make := fmt.Sprintf(indexBody, "a")
	const all = `{"size":10000,"_source":["document"],"query":{"match_all":{}}}`
	both("GET", "/alike_*/_alias", "")
	both("PUT", "/alike_a", make)
	both("PUT", "/alike_a", make)
	both("PUT", "/Alike", make)
	both("PUT", "/alike_b", `{"settings":{"index":{"kmm":true}}}`)
	both("PUT", "/alike_b", `{"mappings":{"properties":{"vector":{"type":"nearly_vector","dims":3}}}}`)
	both("GET", "/alike_*/_alias", "")
	both("GET", "/alike_b/_mapping", "")
	both("DELETE", "/alike_b", "")
	both("DELETE", "/alike_a-w", "")

	// Bulk requests, each item for itself, invisible until they are refreshed.
	both("POST", "/alike_a-w/_bulk?require_alias=true", lines(
		`{"index":{"_id":"1"}}`, `{"id":1,"document":"d1","tags":["0a","0b"],"text":"one two three"}`,
		`{"index":{"_id":"2"}}`, `{"id":"what","document":"d1","tags":[],"text":"secret"}`,
		`{"index":{"_id":"3"}}`, `{"id":3,"document":"d1","tags":[],"more":1}`,
		`{"delete":{"_id":"7"}}`, `{"index":{"_id":"9223372036854775807"}}`, `{"id":9223372036854775807,"document":"d2","tags":["0b"]}`))
	both("POST", "/alike_a-w/_search", all)
	both("POST", "/alike_a-w/_bulk?require_alias=true&refresh=true", lines(`{"delete":{"_id":"8"}}`))
	both("POST", "/alike_a-w/_search", all)
	both("POST", "/alike_a/_bulk?require_alias=true&refresh=true", lines(`{"index":{"_id":"4"}}`, `{"id":4}`, `{"delete":{"_id":"8"}}`))
	both("POST", "/alike_b-w/_bulk?require_alias=true&refresh=true", lines(`{"index":{"_id":"4"}}`, `{"id":4}`, `{"delete":{"_id":"8"}}`))
	both("POST", "/alike_a-w/_bulk?refresh=soon", lines(`{"delete":{"_id":"8"}}`))
	both("POST", "/alike_a-w/_bulk", `{"delete":{"_id":"8"}}`)
	both("POST", "/alike_a-w/_bulk?refresh=true", lines(`{"delete":{"_id":"1"}}`, `{"delete":{"_id":"9223372036854775807"}}`, `{"delete":{"_id":"1"}}`))
	both("GET", "/alike_a-w/_count", "")

	// Many documents of random words, of up to 150: lengths are kept exactly to 39.
	r := rand.New(rand.NewPCG(1, 2))
	text := func(most int) string {
		words := []string{}
		for range 1 + r.IntN(most) {
			words = append(words, fmt.Sprint("w", int(math.Abs(r.NormFloat64()*12))))
		}
		return strings.Join(words, " ")
	}
	tags := func() string {
		out := []string{}
		for range r.IntN(4) {
			out = append(out, fmt.Sprintf(`"%02x"`, r.IntN(8)))
		}
		return "[" + strings.Join(out, ",") + "]"
	}
	var body []string
	for id := 1; id <= 400; id++ {
		body = append(body, fmt.Sprintf(`{"index":{"_id":"%d"}}`, id*7), fmt.Sprintf(`{"id":%d,"document":"d%d","tags":%s,"text":"%s"}`, id*7, id%50, tags(), text(150)))
	}
	asked(t, real, "DELETE", "/alike_a", "") // what was deleted counts in the server's statistics of words until segments are merged
	asked(t, double, "DELETE", "/alike_a", "")
	both("PUT", "/alike_a", make)
	both("POST", "/alike_a-w/_bulk?require_alias=true&refresh=true", lines(body...))
	filters := []string{
		`{"match_all":{}}`, `{"terms":{"tags":["00","03"]}}`, `{"terms":{"id":[7,14,9223372036854775807,350]}}`, `{"terms":{"tags":[]}}`,
		`{"bool":{"must_not":[{"terms":{"tags":["01"]}}]}}`, `{"bool":{"filter":[{"terms":{"tags":["01"]}},{"terms":{"tags":["02"]}}]}}`,
		`{"bool":{"should":[{"terms":{"tags":["01"]}},{"terms":{"id":[21,28]}}],"minimum_should_match":1}}`,
		`{"bool":{"must_not":[{"match_all":{}}]}}`, `{"bool":{"filter":[]}}`,
		`{"bool":{"filter":[{"bool":{"should":[{"match_all":{}},{"terms":{"tags":["05"]}}],"minimum_should_match":1}},{"bool":{"must_not":[{"bool":{"filter":[{"terms":{"tags":["06"]}}]}}]}}]}}`,
	}
	const head = `{"index":"alike_a-w","allow_partial_search_results":false}`
	for _, f := range filters {
		both("POST", "/_msearch", lines(head, `{"size":1000,"_source":["document"],"query":{"bool":{"filter":[`+f+`]}}}`))
		for _, q := range []string{"w1", "W1, w2; w30", "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9", "absent", "w1 w1 w1", ""} {
			search := fmt.Sprintf(`{"size":1000,"_source":["document"],"track_total_hits":false,"query":{"bool":{"must":[{"match":{"text":{"query":%q}}}],"filter":[%s]}}}`, q, f)
			both("POST", "/_msearch", lines(head, search, `{"index":"alike_b-w"}`, `{"size":1}`, head, `{"size":20000}`))
		}
	}
	for _, page := range []string{`"size":7,"search_after":[0]`, `"size":100,"search_after":[693]`, `"size":1000,"search_after":[2000]`, `"size":5,"search_after":[9223372036854775806]`, `"size":10001,"search_after":[0]`} {
		both("POST", "/alike_a-w/_search", `{`+page+`,"sort":[{"id":"asc"}],"_source":false,"track_total_hits":false}`)
	}
	both("POST", "/alike_a-w/_search", `{"size":100,"_source":["document"],"query":{"bool":{"filter":[{"terms":{"document":["d1","d7"]}}]}}}`) // it has values, and no index of them
	for _, wrong := range []string{`{"query":{"near":{}}}`, `{"query":{"bool":{"mus":[]}}}`, `{"query":{"terms":{"id":["x"]}}}`, `{"sizes":1}`} {
		if a, b := asked(t, real, "POST", "/alike_a-w/_search", wrong), asked(t, double, "POST", "/alike_a-w/_search", wrong); a.Status != 400 || b.Status != 400 {
			t.Errorf("%s: the server answers %d, the double %d", wrong, a.Status, b.Status)
		}
	}
	for _, f := range filters[1:7] {
		both("POST", "/alike_a-w/_delete_by_query?refresh=true&conflicts=proceed&max_docs=10000", `{"query":`+f+`}`)
		both("GET", "/alike_a-w/_count", "")
	}
	both("POST", "/alike_a-w/_delete_by_query?max_docs=0", `{"query":{"match_all":{}}}`)
	both("POST", "/alike_a-w/_delete_by_query?refresh=true&max_docs=3", `{"query":{"match_all":{}}}`)
	both("GET", "/alike_a-w/_count", "")
	both("POST", "/alike_b-w/_delete_by_query", `{"query":{"match_all":{}}}`)
	both("DELETE", "/alike_a", "")
	both("POST", "/alike_a-w/_search", all)
	// Without require_alias a write makes an index of the name.
	both("POST", "/alike_b/_bulk?refresh=true", lines(`{"index":{"_id":"1"}}`, `{"id":1}`))
	both("GET", "/alike_*/_alias", "")
}

// lines joins lines, each with its end.
func lines(list ...string) string { return strings.Join(list, "\n") + "\n" }
