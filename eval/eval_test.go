package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
)

// TestReference compares with pytrec_eval on rankings full of ties, gaps, graded and
// negative judgements. testdata/reference.sh makes the values.
func TestReference(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Package  string                        `json:"package"`
		Mean     map[string]float64            `json:"mean"`
		PerQuery map[string]map[string]float64 `json:"per_query"`
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	qrels := Qrels{}
	for j, err := range loader.Judgements(filepath.Join("testdata", "qrels.tsv")) {
		if err != nil {
			t.Fatal(err)
		}
		if qrels[j.QueryID] == nil {
			qrels[j.QueryID] = map[string]int{}
		}
		qrels[j.QueryID][j.DocumentID] = j.Relevance
	}
	run, err := ReadTREC(filepath.Join("testdata", "run.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var opt Options
	for name := range want.Mean {
		m, err := ParseMeasure(name)
		if err != nil {
			t.Fatal(err)
		}
		opt.Measures = append(opt.Measures, m)
	}
	opt.Resamples = 100
	report, err := Score(qrels, run, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Queries) != len(want.PerQuery) {
		t.Fatalf("%d queries count, %s has %d", len(report.Queries), want.Package, len(want.PerQuery))
	}
	for _, m := range report.Measures {
		if name := m.Measure.String(); math.Abs(m.Value-want.Mean[name]) > 5e-5 {
			t.Errorf("%s is %.6f, %s says %.6f", name, m.Value, want.Package, want.Mean[name])
		}
		for _, q := range report.Queries {
			if got, w := report.Of(q, m.Measure), want.PerQuery[q.ID][m.Measure.String()]; math.Abs(got-w) > 5e-5 {
				t.Errorf("query %s: %s is %.6f, %s says %.6f", q.ID, m.Measure, got, want.Package, w)
			}
		}
	}
}

func TestMeasures(t *testing.T) {
	judged := map[string]int{"a": 2, "b": 1, "c": 0}
	ranking := []Ranked{{"x", 9}, {"a", 8}, {"a", 3}, {"c", 7}, {"b", 6}}
	for name, want := range map[string]float64{
		"ndcg@10":     (2/math.Log2(3) + 1/math.Log2(5)) / (2 + 1/math.Log2(3)),
		"ndcg@1":      0,
		"recall@2":    .5,
		"recall":      1,
		"precision@2": .5,
		"precision@8": .25,
		"mrr":         .5,
		"mrr@1":       0,
		"map":         (1./2 + 2./4) / 2,
	} {
		m, err := ParseMeasure(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := scores([]Measure{m}, judged, ranking)[0]; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for _, bad := range []string{"", "ndgc", "ndcg@", "ndcg@0", "ndcg@-1", "precision", "map@x"} {
		if _, err := ParseMeasure(bad); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("ParseMeasure(%q): %v", bad, err)
		}
	}
}

// small is a dataset of three queries; the last one has only a document judged 0.
func small() *Dataset {
	return &Dataset{
		Name: "small", Split: "test",
		Queries: []loader.Query{{ID: "1", Text: "one"}, {ID: "2", Text: "two"}, {ID: "3", Text: "three"}},
		Qrels:   Qrels{"1": {"a": 1}, "2": {"b": 1, "c": 1}, "3": {"a": 0}},
	}
}

func TestRun(t *testing.T) {
	clock := time.Unix(0, 0)
	opt := Options{Measures: []Measure{{"recall", 10}, {"mrr", 0}}, Now: func() time.Time { clock = clock.Add(time.Millisecond); return clock }}
	search := func(_ context.Context, q string, k int) ([]Ranked, error) {
		if k != 100 {
			t.Errorf("asked for %d, want 100", k)
		}
		return map[string][]Ranked{
			"one": {{"x", .5}, {"a", .4}, {"x", .3}},
			"two": {{"b", .5}},
		}[q], nil
	}
	r, err := Run(t.Context(), small(), search, opt)
	if err != nil {
		t.Fatal(err)
	}
	recall, _ := r.Value(Measure{"recall", 10})
	mrr, _ := r.Value(Measure{"mrr", 0})
	if recall.Value != .5 || mrr.Value != .5 || r.Empty != 1 || r.Latency.P50 != time.Millisecond {
		t.Errorf("recall %v, mrr %v, empty %d, p50 %v; want .5, .5, 1, 1ms", recall.Value, mrr.Value, r.Empty, r.Latency.P50)
	}
	if recall.Low > recall.Value || recall.High < recall.Value || recall.Low < 0 || recall.High > 1 {
		t.Errorf("interval %v to %v around %v", recall.Low, recall.High, recall.Value)
	}
	var table bytes.Buffer
	if err := r.Print(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"small (test), 3 queries, 1 without a hit", "recall@10  0.5000", "p50"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &table)
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Measures map[string]struct{ Mean float64 }
		PerQuery []struct{ Values map[string]float64 } `json:"per_query"`
	}
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if back.Measures["mrr"].Mean != .5 || back.PerQuery[1].Values["recall@10"] != .5 {
		t.Errorf("JSON is %s", data)
	}
}

func TestRunFails(t *testing.T) {
	down := rag.Errorf(rag.KindUnavailable, "index is down")
	search := func(_ context.Context, q string, _ int) ([]Ranked, error) {
		if q == "two" {
			return nil, down
		}
		return nil, nil
	}
	if _, err := Run(t.Context(), small(), search, Options{Workers: 3}); !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), "query 2") {
		t.Errorf("error %v, want one that is unavailable and names query 2", err)
	}
	nan := func(context.Context, string, int) ([]Ranked, error) { return []Ranked{{"a", math.NaN()}}, nil }
	if _, err := Run(t.Context(), small(), nan, Options{}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a score that is no number: %v", err)
	}
	if _, err := Run(t.Context(), small(), search, Options{K: -1, Workers: -1}); !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), "workers") {
		t.Errorf("bad options: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, small(), search, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestCompare has b better on two of three queries out of 30, always: certain. The
// same difference drawn as noise is not.
func TestCompare(t *testing.T) {
	var a, b, noise Report
	m := Measure{"map", 0}
	for _, r := range []*Report{&a, &b, &noise} {
		r.Measures = []Mean{{Measure: m}}
	}
	for i := range 30 {
		id := string(rune('A' + i))
		base := float64(i%7) / 10
		a.Queries = append(a.Queries, QueryResult{ID: id, values: []float64{base}})
		gain := .1 * float64(min(1, i%3))
		b.Queries = append(b.Queries, QueryResult{ID: id, values: []float64{base + gain}})
		noise.Queries = append(noise.Queries, QueryResult{ID: id, values: []float64{base + .1*float64(i%3-1)}})
	}
	c, err := Compare(a, b, m, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Certain() || c.Better != 20 || c.Worse != 0 || math.Abs(c.Diff-2./30) > 1e-9 {
		t.Errorf("%+v: want a certain gain of 0.0667 on 20 queries", c)
	}
	again, err := Compare(a, b, m, Options{Seed: 1})
	if err != nil || again != c {
		t.Errorf("the same seed gives %+v and %+v (%v)", c, again, err)
	}
	if c, err := Compare(a, noise, m, Options{}); err != nil || c.Certain() {
		t.Errorf("noise: %+v, %v", c, err)
	}
	b.Queries[3].ID = "other"
	if _, err := Compare(a, b, m, Options{}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("different queries: %v", err)
	}
}

func TestTRECRoundTrip(t *testing.T) {
	r := Ranking{"q2": {{"a", .25}, {"b", 1e-9}}, "q1": {{"a", 3}, {"b", 3}}}
	var b bytes.Buffer
	if err := r.WriteTREC(&b, "x"); err != nil {
		t.Fatal(err)
	}
	want := "q1 Q0 b 1 3 x\nq1 Q0 a 2 3 x\nq2 Q0 a 1 0.25 x\nq2 Q0 b 2 1e-09 x\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	path := filepath.Join(t.TempDir(), "run.txt")
	for text, fault := range map[string]string{
		b.String():                       "",
		"q Q0 d 1 2":                     ":1: 5 columns",
		"q Q0 d 1 high x":                ":1: the score",
		"q Q0 d 1 2 x\n\nq Q0 d 2 1 x\n": ":3: document \"d\" occurs twice",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadTREC(path)
		if fault == "" && err != nil || fault != "" && (err == nil || !strings.Contains(err.Error(), fault)) {
			t.Errorf("%q: error %v, want %q", text, err, fault)
		}
	}
}

func TestLoad(t *testing.T) {
	good := map[string]string{
		"queries.jsonl":  `{"_id":"1","text":"one"}` + "\n\n" + `{"_id":"2","text":"two"}`,
		"qrels/test.tsv": "query-id\tcorpus-id\tscore\n1\ta\t1\n1\tb\t0\n",
	}
	for _, tt := range []struct {
		name, file, text, want string
	}{
		{"good", "", "", ""},
		{"trec columns", "qrels/test.tsv", "1 0 a 1\n2 0 b 1\n", ""},
		{"no qrels", "qrels/test.tsv", "-", "there are dev"},
		{"no queries", "queries.jsonl", "-", "queries.jsonl"},
		{"not JSON", "queries.jsonl", "{\"_id\":\"1\"}\n{", "queries.jsonl:2: not a JSON record"},
		{"no id", "queries.jsonl", "\n{\"text\":\"x\"}", "queries.jsonl:2: \"_id\""},
		{"twice", "queries.jsonl", "{\"_id\":\"1\"}\n{\"_id\":\"1\"}", "occurs twice"},
		{"missing query", "qrels/test.tsv", "7\ta\t1\n8\ta\t1", "2 judged queries are not there, the first is \"7\""},
		{"columns", "qrels/test.tsv", "1\ta\t1\n1\tb", "test.tsv:2: 2 columns"},
		{"score", "qrels/test.tsv", "1\ta\t1\n1\tb\tx", "test.tsv:2: the score"},
		{"contradiction", "qrels/test.tsv", "1\ta\t1\n1\ta\t0", "is judged 1 and 0"},
		{"empty", "qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "no judgements"},
		{"long line", "queries.jsonl", strings.Repeat("x", loader.MaxLine+1), "queries.jsonl:1: the line is longer than 16 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "qrels"), 0o700); err != nil {
				t.Fatal(err)
			}
			files := map[string]string{"qrels/dev.tsv": "1\ta\t1\n"}
			for name, text := range good {
				files[name] = text
			}
			if tt.file != "" {
				files[tt.file] = tt.text
			}
			for name, text := range files {
				if text == "-" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d, err := Load(dir, "")
			switch {
			case tt.want == "" && (err != nil || len(d.Queries) != len(d.Qrels)):
				t.Errorf("error %v, dataset %+v", err, d)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestRealData(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "data", "retrieval")
	if _, err := os.Stat(root); err != nil {
		t.Skip("needs the data in ../shared/data")
	}
	for name, want := range map[string][3]int{ // documents, judged queries, judgements
		"adi": {82, 35, 170}, "cacm": {3204, 52, 796}, "cranfield": {1400, 225, 1837}, "scifact": {5183, 300, 339},
	} {
		d, err := Load(filepath.Join(root, name), "")
		if err != nil {
			t.Error(err)
			continue
		}
		var got [3]int
		for _, err := range loader.Corpus(d.Corpus) {
			if err != nil {
				t.Fatal(err)
			}
			got[0]++
		}
		got[1] = len(d.Queries)
		for _, docs := range d.Qrels {
			got[2] += len(docs)
		}
		if got != want {
			t.Errorf("%s has %v documents, queries and judgements, want %v", name, got, want)
		}
	}
}

func FuzzJudgements(f *testing.F) {
	f.Add("query-id\tcorpus-id\tscore\n1\ta\t1\n")
	f.Add("1 0 a 1\r\n\n2 0 b -1")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "qrels.tsv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for j, err := range loader.Judgements(path) {
			if err == nil && (j.QueryID == "" || j.DocumentID == "") {
				t.Errorf("%q gives %+v", text, j)
			}
		}
	})
}
