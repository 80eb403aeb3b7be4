package server_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/servertest"
)

type object struct {
	ID         string
	Object     string
	Status     string
	Name       string
	Filename   string
	Bytes      int64
	Attributes map[string]any
	Metadata   map[string]any
	FileCounts struct{ Completed, Failed, Total int } `json:"file_counts"`
	Data       []struct {
		ID    string
		Score float64
		File  string `json:"file_id"`
	}
	FirstID string `json:"first_id"`
	LastID  string `json:"last_id"`
	HasMore bool   `json:"has_more"`
	Error   struct {
		Message, Type, Code, Param string
	}
	Chunking struct {
		Type   string
		Static struct {
			Size    int `json:"max_chunk_size_tokens"`
			Overlap int `json:"chunk_overlap_tokens"`
		}
	} `json:"chunking_strategy"`
}

func (c client) get(status int, method, path string, body any, headers ...string) object {
	c.t.Helper()
	var o object
	c.want(status, c.do(method, path, body, headers...), &o)
	return o
}

func (c client) uploadFile(name, content string) string {
	c.t.Helper()
	body, contentType := form(c.t, map[string]string{name: content}, map[string]string{"purpose": "assistants"})
	o := c.get(200, "POST", "/v1/files", body, "Content-Type", contentType)
	if !strings.HasPrefix(o.ID, "file-") || o.Filename != name || o.Status != "processed" || o.Bytes != int64(len(content)) {
		c.t.Fatalf("uploaded %+v", o)
	}
	return o.ID
}

func TestVectorStoreLife(t *testing.T) {
	c := newClient(t, server.Config{})
	whale, otter := c.uploadFile("whale.txt", "The blue whale eats krill."), c.uploadFile("otter.md", "The sea otter holds hands.")

	vs := c.get(200, "POST", "/v1/vector_stores", map[string]any{
		"name": "My Séa – notes!", "file_ids": []string{whale}, "metadata": map[string]string{"team": "blue"},
		"chunking_strategy": map[string]any{"type": "static", "static": map[string]int{"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}},
	})
	if !strings.HasPrefix(vs.ID, "vs_my-s-a-notes-") || vs.Name != "My Séa – notes!" || vs.Status != "completed" || vs.FileCounts.Completed != 1 || vs.Metadata["team"] != "blue" || len(vs.Metadata) != 1 {
		t.Fatalf("created %+v", vs)
	}
	base := "/v1/vector_stores/" + vs.ID

	f := c.get(200, "POST", base+"/files", map[string]any{"file_id": otter, "attributes": map[string]any{"year": 2024, "tag": "x"}, "chunking_strategy": map[string]string{"type": "auto"}})
	if f.ID != otter || f.Status != "completed" || f.Attributes["year"] != 2024.0 || len(f.Attributes) != 2 {
		t.Errorf("attached %+v", f)
	}
	if f.Chunking.Type != "static" || f.Chunking.Static.Size != 512 || f.Chunking.Static.Overlap != 256 {
		t.Errorf("chunking %+v: a size over the model's 512 tokens must be held down", f.Chunking)
	}
	if f = c.get(200, "POST", base+"/files/"+otter, map[string]any{"attributes": map[string]any{"year": 2025}}); f.Attributes["year"] != 2025.0 || len(f.Attributes) != 1 {
		t.Errorf("attributes %+v", f)
	}
	// Attached again with other attributes: the content is the same, the attributes are new.
	if f = c.get(200, "POST", base+"/files", map[string]any{"file_id": otter, "attributes": map[string]any{"year": 2026}}); f.Attributes["year"] != 2026.0 {
		t.Errorf("attached again %+v", f)
	}
	c.get(404, "POST", base+"/files", map[string]any{"file_id": "file-00000000000000000000000000000000"})
	if e := c.get(400, "POST", base+"/files", map[string]any{"file_id": otter, "attributes": map[string]any{"openai_x": 1}}); e.Error.Param != "attributes" {
		t.Errorf("%+v", e)
	}

	found := c.get(200, "POST", base+"/search", map[string]any{"query": "otter hands", "filters": rag.Eq("year", rag.Num(2026))})
	if len(found.Data) != 1 || found.Data[0].File != otter || found.Data[0].Score <= 0 || found.Data[0].Score > 1 {
		t.Errorf("found %+v", found)
	}

	c.get(200, "DELETE", base+"/files/"+otter, nil)
	c.get(404, "GET", base+"/files/"+otter, nil)
	c.get(200, "GET", "/v1/files/"+otter, nil) // the file itself stays

	c.get(200, "DELETE", "/v1/files/"+whale, nil) // and a deleted file leaves its stores
	c.get(404, "GET", base+"/files/"+whale, nil)
	if vs = c.get(200, "GET", base, nil); vs.FileCounts.Total != 0 {
		t.Errorf("left %+v", vs)
	}
	if d := c.get(200, "DELETE", base, nil); d.Object != "vector_store.deleted" {
		t.Errorf("deleted %+v", d)
	}
	if e := c.get(404, "GET", base, nil); e.Error.Type != "invalid_request_error" || e.Error.Code != "not_found" {
		t.Errorf("%+v", e)
	}
}

func TestTheFilesAreaIsNoStore(t *testing.T) {
	c := newClient(t, server.Config{})
	c.uploadFile("a.txt", "words here")
	if l := c.get(200, "GET", "/v1/vector_stores", nil); len(l.Data) != 0 {
		t.Errorf("stores %+v", l)
	}
	if l := c.get(200, "GET", "/v1/models", nil); len(l.Data) != 2 {
		t.Errorf("models %+v", l)
	}
	c.get(404, "GET", "/v1/vector_stores/vs_openai-files", nil)
	c.get(404, "DELETE", "/v1/vector_stores/vs_openai-files", nil)
	c.get(404, "POST", "/v1/chat/completions", map[string]any{"model": "openai-files", "messages": []map[string]string{{"role": "user", "content": "words?"}}})
}

func TestPaging(t *testing.T) {
	c := newClient(t, server.Config{})
	var ids []string
	for i := range 5 {
		ids = append(ids, c.uploadFile(fmt.Sprintf("%d.txt", i), fmt.Sprintf("words %d", i)))
	}
	vs := c.get(200, "POST", "/v1/vector_stores", map[string]any{"name": "p", "file_ids": ids})
	for _, list := range []string{"/v1/files", "/v1/vector_stores/" + vs.ID + "/files"} {
		get := func(query string) string {
			l := c.get(200, "GET", list+"?"+query, nil)
			out := ""
			for _, d := range l.Data {
				for i, id := range ids {
					if id == d.ID {
						out += fmt.Sprint(i)
					}
				}
			}
			return fmt.Sprint(out, l.HasMore)
		}
		for query, want := range map[string]string{
			"":                                    "43210false",
			"order=asc":                           "01234false",
			"limit=2":                             "43true",
			"limit=2&after=" + ids[3]:             "21true",
			"limit=2&after=" + ids[1]:             "0false",
			"limit=2&order=asc&after=" + ids[1]:   "23true",
			"limit=2&order=asc&before=" + ids[3]:  "12true",
			"limit=2&order=desc&before=" + ids[1]: "32true",
			"limit=9&order=desc&before=" + ids[1]: "432false",
			"limit=2&order=asc&after=" + ids[4]:   "false",
			"limit=5&order=asc":                   "01234false",
		} {
			if got := get(query); got != want {
				t.Errorf("%s?%s: %s, want %s", list, query, got, want)
			}
		}
		for _, bad := range []string{"limit=0", "limit=x", "order=up", "after=a&before=b"} {
			c.get(400, "GET", list+"?"+bad, nil)
		}
		c.get(404, "GET", list+"?after=file-00000000000000000000000000000000", nil)
	}
	var stores []string
	for i := range 4 {
		stores = append(stores, c.get(200, "POST", "/v1/vector_stores", map[string]any{"name": fmt.Sprint(i)}).ID)
	}
	l := c.get(200, "GET", "/v1/vector_stores?limit=2&after="+stores[3], nil)
	if len(l.Data) != 2 || l.FirstID != stores[2] || l.LastID != stores[1] || !l.HasMore {
		t.Errorf("%+v", l)
	}
	l = c.get(200, "GET", "/v1/vector_stores?limit=2&order=asc&before="+stores[3], nil)
	if len(l.Data) != 2 || l.FirstID != stores[1] || l.LastID != stores[2] || !l.HasMore {
		t.Errorf("%+v", l)
	}
}

func TestFileBatches(t *testing.T) {
	fake := servertest.New()
	c := newClient(t, server.Config{Service: fake})
	a, b := c.uploadFile("a.txt", "alpha words"), c.uploadFile("b.txt", "beta words")
	vs := c.get(200, "POST", "/v1/vector_stores", nil)
	base := "/v1/vector_stores/" + vs.ID + "/file_batches"
	batch := c.get(200, "POST", base, map[string]any{"file_ids": []string{a, b}, "attributes": map[string]any{"k": "v"}})
	if batch.Status != "completed" || batch.FileCounts.Completed != 2 || batch.FileCounts.Total != 2 {
		t.Fatalf("batch %+v", batch)
	}
	// A restart is another server over the same store.
	c = newClient(t, server.Config{Service: fake})
	if again := c.get(200, "GET", base+"/"+batch.ID, nil); again.FileCounts != batch.FileCounts || again.Status != "completed" {
		t.Errorf("after a restart %+v", again)
	}
	if l := c.get(200, "GET", base+"/"+batch.ID+"/files", nil); len(l.Data) != 2 {
		t.Errorf("files %+v", l)
	}
	if f := c.get(200, "GET", "/v1/vector_stores/"+vs.ID+"/files/"+a, nil); len(f.Attributes) != 1 || f.Attributes["k"] != "v" {
		t.Errorf("attributes %+v", f)
	}
	c.get(200, "POST", base+"/"+batch.ID+"/cancel", nil)
	c.get(200, "DELETE", "/v1/vector_stores/"+vs.ID+"/files/"+a, nil)
	if again := c.get(200, "GET", base+"/"+batch.ID, nil); again.FileCounts.Completed != 1 || again.FileCounts.Failed != 1 {
		t.Errorf("after a removal %+v", again)
	}
	two := c.get(200, "POST", base, map[string]any{"files": []map[string]any{{"file_id": a, "attributes": map[string]any{"n": 1}}, {"file_id": b, "attributes": map[string]any{"n": 2}}}})
	if two.FileCounts.Completed != 2 {
		t.Errorf("batch of files %+v", two)
	}
	for _, bad := range []string{"x", "vsfb_1_2", "vsfb_00000000000000000000000000000000_2"} {
		c.get(404, "GET", base+"/"+bad, nil)
		c.get(404, "GET", base+"/"+bad+"/files", nil)
	}
	c.get(400, "POST", base, map[string]any{"file_ids": []string{}})
	c.get(404, "POST", base, map[string]any{"file_ids": []string{a, "file-x"}})
}

func TestNativeDocumentsAreFiles(t *testing.T) {
	c := newClient(t, server.Config{})
	c.want(200, c.do("POST", "/api/v1/collections/sea/documents", `{"documents":[{"external_id":"o","text":"The otter sleeps.","source":"dir/otter.txt","metadata":{"tags":["a","b"]}}]}`), nil)
	l := c.get(200, "GET", "/v1/vector_stores/vs_sea/files", nil)
	if len(l.Data) != 1 {
		t.Fatalf("%+v", l)
	}
	id := l.Data[0].ID
	f := c.get(200, "GET", "/v1/files/"+id, nil)
	if f.Filename != "otter.txt" || f.ID != id {
		t.Errorf("%+v", f)
	}
	if w := c.do("GET", "/v1/files/"+id+"/content", nil); w.Body.String() != "The otter sleeps." || !strings.Contains(w.Header().Get("Content-Disposition"), "otter.txt") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	if f = c.get(200, "GET", "/v1/vector_stores/vs_sea/files/"+id, nil); f.Attributes["tags"] != "a, b" {
		t.Errorf("%+v", f)
	}
	w := c.do("GET", "/v1/vector_stores/vs_sea/files/"+id+"/content", nil)
	if !strings.Contains(w.Body.String(), `"data":[{"type":"text","text":"The otter sleeps."}]`) {
		t.Errorf("%s", w.Body)
	}
	c.get(404, "DELETE", "/v1/files/"+id, nil) // it was not uploaded there
}

func TestEmbeddingEncodings(t *testing.T) {
	c := newClient(t, server.Config{})
	var floats struct {
		Data []struct{ Embedding []float32 }
	}
	var packed struct{ Data []struct{ Embedding string } }
	c.want(200, c.do("POST", "/v1/embeddings", `{"model":"default","input":"words"}`), &floats)
	c.want(200, c.do("POST", "/v1/embeddings", `{"model":"default","input":["words"],"encoding_format":"base64"}`), &packed)
	raw, err := base64.StdEncoding.DecodeString(packed.Data[0].Embedding)
	if err != nil || len(raw) != 4*len(floats.Data[0].Embedding) {
		t.Fatal(err, len(raw))
	}
	for i, want := range floats.Data[0].Embedding {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); got != want {
			t.Errorf("dimension %d: %v, want %v", i, got, want)
		}
	}
	many := make([]string, 2049)
	for i := range many {
		many[i] = "x"
	}
	c.get(400, "POST", "/v1/embeddings", map[string]any{"model": "default", "input": many})
	var question struct {
		Data []struct{ Embedding []float32 }
	}
	c.want(200, c.do("POST", "/v1/embeddings", `{"model":"default","input":"words","input_type":"query"}`), &question)
	if fmt.Sprint(question.Data) == fmt.Sprint(floats.Data) {
		t.Error("a question must be embedded as one")
	}
}

func TestChatStreamErrorAfterTheFirstChunk(t *testing.T) {
	fake := servertest.New()
	fake.BeforeAnswer = func(context.Context) error { return rag.Errorf(rag.KindUnavailable, "the model is down") }
	c := newClient(t, server.Config{Service: fake})
	c.want(200, c.do("POST", "/api/v1/collections/x/documents", `{"documents":[{"text":"some words here"}]}`), nil)
	w := c.do("POST", "/v1/chat/completions", `{"model":"x","stream":true,"messages":[{"role":"user","content":"some words?"}]}`)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `data: {"error":{"message":"the model is down","type":"server_error"`) || strings.Contains(w.Body.String(), "[DONE]") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOpenAIErrorsOfTheDoor(t *testing.T) {
	c := newClient(t, server.Config{Keys: testKeys})
	e := c.get(401, "GET", "/v1/models", nil)
	if e.Error.Type != "authentication_error" || e.Error.Code != "invalid_api_key" {
		t.Errorf("%+v", e)
	}
	if e = c.get(404, "GET", "/v1/nothing", nil, "Authorization", "Bearer boss-secret"); e.Error.Type != "invalid_request_error" {
		t.Errorf("%+v", e)
	}
	vs := c.get(200, "POST", "/v1/vector_stores", `{"name":"a"}`, "Authorization", "Bearer alice-secret")
	if e = c.get(403, "DELETE", "/v1/vector_stores/"+vs.ID, nil, "Authorization", "Bearer alice-secret"); e.Error.Type != "permission_error" {
		t.Errorf("%+v", e)
	}
	c.get(404, "GET", "/v1/vector_stores/"+vs.ID, nil, "Authorization", "Bearer other-secret")
	if w := c.do("DELETE", "/v1/vector_stores/"+vs.ID, nil, "Authorization", "Bearer boss-secret"); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// FuzzBodies sends arbitrary bodies to the endpoints that read a filter. Whatever
// comes, the answer is JSON with a status below 500.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		`{"query":"q","filter":{"type":"and","filters":[{"type":"eq","key":"a","value":1}]}}`,
		`{"query":"q","filters":{"type":"in","key":"a","value":["x",2,true]},"max_num_results":5}`,
		`{"query":["a","b"],"ranking_options":{"score_threshold":0.5,"hybrid_search":{"embedding_weight":1,"text_weight":0}}}`,
		`{"question":"q","k":3,"history":[{"role":"user","content":"x"}],"filter":{"type":"not","filters":[{"type":"exists","key":"b"}]}}`,
		`{"documents":[{"external_id":"a","text":"b","metadata":{"c":[1,"d"]},"acl":["e"]}]}`,
		`{"model":"x","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"filters":{"type":"prefix","key":"a","value":"b"}}`,
		`{"query":"q","filter":` + strings.Repeat(`{"type":"not","filters":[`, 40) + `{}` + strings.Repeat(`]}`, 40) + `}`,
		`{"query":null}`, `[]`, `null`, `"x"`, `{"query":1e999}`, "{\"query\":\"\xff\"}",
	} {
		f.Add([]byte(s))
	}
	h, err := server.New(server.Config{Service: servertest.New()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := client{t, h}
		c.want(200, c.do("POST", "/api/v1/collections/x/documents", `{"documents":[{"text":"some words here"}]}`), nil)
		for _, path := range []string{
			"/api/v1/collections/x/search", "/api/v1/collections/x/query", "/api/v1/collections/x/documents",
			"/v1/vector_stores/vs_x/search", "/v1/chat/completions",
		} {
			w := c.do("POST", path, string(body))
			if w.Code >= 500 || w.Body.Len() == 0 {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
		c.want(204, c.do("DELETE", "/api/v1/collections/x", nil), nil)
	})
}
