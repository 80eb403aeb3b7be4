package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
)

// scrape returns the lines of the metrics page that hold values.
func scrape(t *testing.T, o *observe.Observer) string {
	t.Helper()
	w := httptest.NewRecorder()
	o.MetricsHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("GET /metrics: %d", w.Code)
	}
	return w.Body.String()
}

func wantLine(t *testing.T, page, line string) {
	t.Helper()
	if !strings.Contains(page, "\n"+line+"\n") {
		t.Errorf("no line %q", line)
	}
}

func plain() *observe.Observer {
	return observe.New(observe.Config{Registry: prometheus.NewRegistry(), Version: "1.2.3"})
}

func TestNilObserverDoesNothing(t *testing.T) {
	var o *observe.Observer
	o.Stage("answer", "fuse", time.Second)
	o.Cache("answer", true)
	o.Document(rag.AddResult{State: rag.Added})
	o.Query("query", time.Second, true, true, true)
	o.Error(rag.KindInternal, "x")
	o.Tokens("prompt", 1)
	o.Cost(1, "EUR")
	o.CitationsDropped(1)
	o.ModelLoad("llm", "m", 1, 2, 3)
	o.ModelWaited("llm", time.Second)
	o.ModelLimited("llm", "refused")
	o.Hedged("hedge")
	o.Source("folder", rag.SyncReport{}, nil)
	o.HTTPRequest("GET", "/x", 200, 1, time.Second)
	o.Totals(func(context.Context) (rag.Stats, error) { t.Error("called"); return rag.Stats{}, nil })
	o.Replicas(func(context.Context) ([]rag.ReplicaState, error) { t.Error("called"); return nil, nil })
	o.CacheServer(observe.CacheServer{})
	o.CacheNode("a:6379", false)
	o.CacheNodeGone("a:6379")
	o.CacheFault("full")
	o.Logger().Info("nothing")
	w := httptest.NewRecorder()
	o.MetricsHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("got %d, want 404", w.Code)
	}
}

func TestEventsBecomeNumbers(t *testing.T) {
	o := plain()
	o.Stage("answer", "fuse", 2*time.Millisecond)
	o.Cache("answer", true)
	o.Cache("answer", false)
	o.Cache("answer", false)
	o.Document(rag.AddResult{State: rag.Added, Chunks: 7, Embedded: 5, Bytes: 100})
	o.Document(rag.AddResult{State: rag.Unchanged, Chunks: 9, Bytes: 10})
	o.Document(rag.AddResult{State: rag.Failed, Err: rag.ErrInvalid})
	o.Query("query", time.Second, true, false, false)
	o.Error(rag.KindNotFound, "http")
	o.Tokens("prompt", 12)
	o.Tokens("prompt", -4)
	o.Cost(.25, "EUR")
	o.Cost(math.NaN(), "EUR")
	o.Cost(math.Inf(1), "EUR")
	o.CitationsDropped(2)
	o.ModelLoad("llm", "m", 3, 2, 60)
	o.ModelWaited("llm", time.Second)
	o.ModelLimited("llm", "refused")
	o.ModelLimited("llm", "something")
	o.Hedged("hedge")
	o.Source("folder", rag.SyncReport{Added: 3, Deleted: 2, Took: time.Second}, nil)
	o.Source("web", rag.SyncReport{Failed: 1}, rag.Errorf(rag.KindUnavailable, "down"))
	o.HTTPRequest("GET", "/api/v1/stats", 200, 50, time.Millisecond)
	o.HTTPRequest("BREW", "", 9999, 0, time.Millisecond)
	page := scrape(t, o)
	for _, line := range []string{
		`smartretriever_stage_duration_seconds_count{pipeline="answer",stage="fuse"} 1`,
		`smartretriever_cache_requests_total{layer="answer",result="hit"} 1`,
		`smartretriever_cache_requests_total{layer="answer",result="miss"} 2`,
		`smartretriever_documents_processed_total{state="added"} 1`,
		`smartretriever_documents_processed_total{state="unchanged"} 1`,
		`smartretriever_documents_processed_total{state="failed"} 1`,
		`smartretriever_document_bytes_total 110`,
		`smartretriever_chunks_stored_total 7`,
		`smartretriever_chunks_embedded_total 5`,
		`smartretriever_document_duration_seconds_count 3`,
		`smartretriever_queries_total{cached="false",degraded="false",kind="query",refused="true"} 1`,
		`smartretriever_errors_total{kind="not_found",where="http"} 1`,
		`smartretriever_tokens_total{kind="prompt"} 12`,
		`smartretriever_cost_total{currency="EUR"} 0.25`,
		`smartretriever_citations_dropped_total 2`,
		`smartretriever_source_readings_total{kind="folder",result="ok"} 1`,
		`smartretriever_source_readings_total{kind="web",result="unavailable"} 1`,
		`smartretriever_source_documents_total{kind="folder",state="added"} 3`,
		`smartretriever_source_documents_total{kind="folder",state="removed"} 2`,
		`smartretriever_source_reading_duration_seconds_count{kind="folder"} 1`,
		`smartretriever_model_requests_waiting{model="m",part="llm"} 3`,
		`smartretriever_model_requests_in_flight{model="m",part="llm"} 2`,
		`smartretriever_model_requests_per_minute{model="m",part="llm"} 60`,
		`smartretriever_model_wait_seconds_count{part="llm"} 1`,
		`smartretriever_model_limited_total{part="llm",what="refused"} 1`,
		`smartretriever_model_limited_total{part="llm",what="other"} 1`,
		`smartretriever_hedged_requests_total{first="hedge"} 1`,
		`smartretriever_http_requests_total{method="GET",route="/api/v1/stats",status="200"} 1`,
		`smartretriever_http_requests_total{method="other",route="unmatched",status="other"} 1`,
		`smartretriever_http_response_bytes_total{route="/api/v1/stats"} 50`,
	} {
		wantLine(t, page, line)
	}
	if !strings.Contains(page, `smartretriever_build_info{go_version="go`) || !strings.Contains(page, `version="1.2.3"} 1`) {
		t.Error("no build_info with the version")
	}
}

func TestLabelValuesAreBounded(t *testing.T) {
	o := plain()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 500 {
				o.HTTPRequest("GET", fmt.Sprintf("/route/%d", i), 200, 1, 0)
				o.Stage("answer", fmt.Sprintf("stage %d.%d", w, i), 0)
				o.Cost(1, strings.Repeat("x", 200+i))
			}
		})
	}
	wg.Wait()
	page := scrape(t, o)
	if n := strings.Count(page, "smartretriever_http_requests_total{"); n != 257 {
		t.Errorf("%d routes, want 256 and other", n)
	}
	if n := strings.Count(page, "smartretriever_stage_duration_seconds_count{"); n != 65 {
		t.Errorf("%d stages, want 64 and other", n)
	}
	wantLine(t, page, `smartretriever_cost_total{currency="other"} 2000`)
}

func TestTotalsAreReadAtEachScrape(t *testing.T) {
	o := plain()
	n, fail := 0, false
	o.Totals(func(ctx context.Context) (rag.Stats, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("reading totals has no deadline")
		}
		if fail {
			return rag.Stats{}, errors.New("closed")
		}
		n++
		return rag.Stats{Documents: n, Chunks: 10 * n, Collections: 1, StoreBytes: 99}, nil
	})
	scrape(t, o)
	page := scrape(t, o)
	wantLine(t, page, "smartretriever_documents 2")
	wantLine(t, page, "smartretriever_chunks 20")
	wantLine(t, page, "smartretriever_collections 1")
	wantLine(t, page, "smartretriever_store_bytes 99")
	fail = true
	scrape(t, o)
	page = scrape(t, o) // the failure itself is seen by the next scrape at the latest
	if strings.Contains(page, "smartretriever_documents ") {
		t.Error("totals are shown although they could not be read")
	}
	if !strings.Contains(page, `smartretriever_errors_total{kind="unavailable",where="metrics"}`) {
		t.Error("the failed reading is not counted")
	}
	o.Totals(nil)
	scrape(t, o)
}

func TestReplicasAreReadAtEachScrape(t *testing.T) {
	o := plain()
	var fail error
	o.Replicas(func(ctx context.Context) ([]rag.ReplicaState, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("reading replicas has no deadline")
		}
		return []rag.ReplicaState{
			{Name: "a:5432", Bytes: 42, Delay: 1500 * time.Millisecond},
			{Name: "b:5432", Bytes: -1, Err: errors.New("gone")},
			{Name: "c:5432", Aside: true},
			{Name: "a:5432", Bytes: 43},
		}, fail
	})
	page := scrape(t, o)
	for _, line := range []string{`up{replica="a:5432"} 1`, `up{replica="b:5432"} 0`, `up{replica="c:5432"} 0`, `lag_seconds{replica="a:5432"} 1.5`, `lag_bytes{replica="a:5432"} 42`, `lag_bytes{replica="c:5432"} 0`} {
		wantLine(t, page, "smartretriever_store_replica_"+line)
	}
	if strings.Contains(page, `lag_bytes{replica="b:5432"}`) {
		t.Error("the lag of a replica that does not answer is shown")
	}
	fail = errors.New("closed")
	scrape(t, o)
	if page = scrape(t, o); strings.Contains(page, "store_replica_up{") || !strings.Contains(page, `smartretriever_errors_total{kind="unavailable",where="metrics"}`) {
		t.Error("a failed reading of replicas is shown, or not counted")
	}
	o.Replicas(nil)
	scrape(t, o)
}

func TestSharedCacheIsShown(t *testing.T) {
	o := plain()
	o.CacheServer(observe.CacheServer{Servers: 2, Used: 300, Max: 400, Full: .8, Keys: 7, Evicted: 5, Expired: 3})
	for _, what := range []string{"failed", "away", "full", "full", "damaged"} {
		o.CacheFault(what)
	}
	// Nodes of a cluster come and go under other addresses: each has its line as long as there is something to say.
	for i := range 100 {
		node := fmt.Sprintf("10.0.0.%d:6379", i)
		o.CacheNode(node, false)
		wantLine(t, scrape(t, o), fmt.Sprintf("smartretriever_cache_node_up{node=%q} 0", node))
		o.CacheNodeGone(node)
	}
	o.CacheNode("10.0.0.1:6379", true)
	page := scrape(t, o)
	for _, line := range []string{"server_memory_bytes 300", "server_memory_max_bytes 400", "server_full_ratio 0.8", "server_keys 7", "server_evicted_keys 5", "server_expired_keys 3",
		`faults_total{what="failed"} 1`, `faults_total{what="away"} 1`, `faults_total{what="full"} 2`, `faults_total{what="damaged"} 1`, `node_up{node="10.0.0.1:6379"} 1`} {
		wantLine(t, page, "smartretriever_cache_"+line)
	}
	if n := strings.Count(page, "smartretriever_cache_node_up{"); n != 1 {
		t.Errorf("%d nodes are shown of one", n)
	}
}

func TestDefaultRegistryHasRuntimeMetrics(t *testing.T) {
	page := scrape(t, observe.New(observe.Config{}))
	for _, name := range []string{"go_goroutines", "process_"} {
		if !strings.Contains(page, name) {
			t.Errorf("no metric %s", name)
		}
	}
}

func TestDocumentLine(t *testing.T) {
	tests := []struct {
		name  string
		res   rag.AddResult
		level string
		want  map[string]any
	}{
		{"added", rag.AddResult{ID: "d1", ExternalID: "/a.pdf", State: rag.Added, Version: 1, Chunks: 3, Embedded: 2, Bytes: 9, Warnings: []string{"page 2 has no text"}},
			"INFO", map[string]any{"state": "added", "external_id": "/a.pdf", "chunks": 3.0, "embedded": 2.0, "warning": "page 2 has no text"}},
		{"failed", rag.AddResult{ExternalID: "/b.pdf", State: rag.Failed, Err: rag.Errorf(rag.KindUnauthorized, "the file is encrypted")},
			"WARN", map[string]any{"state": "failed", "kind": "unauthorized", "error": "the file is encrypted"}},
		{"unchanged", rag.AddResult{ExternalID: "/c.pdf", State: rag.Unchanged}, "DEBUG", map[string]any{"state": "unchanged"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var buf bytes.Buffer
			log := slog.New(slog.NewJSONHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))
			observe.New(observe.Config{Logger: log, Registry: prometheus.NewRegistry()}).Document(tt.res)
			if n := strings.Count(buf.String(), "\n"); n != 1 {
				t.Fatalf("%d lines, want 1: %s", n, buf.String())
			}
			var line map[string]any
			if err := json.Unmarshal(buf.Bytes(), &line); err != nil {
				t.Fatal(err)
			}
			if line["level"] != tt.level || line["msg"] != "document" {
				t.Errorf("level %v, message %v", line["level"], line["msg"])
			}
			for k, v := range tt.want {
				if line[k] != v {
					t.Errorf("%s = %v, want %v", k, line[k], v)
				}
			}
		})
	}
}

func BenchmarkStage(b *testing.B) {
	o := plain()
	b.ReportAllocs()
	for b.Loop() {
		o.Stage("answer", "fuse", time.Millisecond)
	}
}
