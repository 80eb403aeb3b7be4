package opensearchtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// Plugin stands before a real OpenSearch without the k-NN plugin, and in for it. An index that is asked for with a field of vectors is made with one that is
// kept in the documents' source and not indexed; a search by a vector becomes one, by its filter, for all that meet it, whose vectors are compared here. All else is
// handed on as it is.
type Plugin struct {
	server string
	proxy  *httputil.ReverseProxy
	http   *httptest.Server
}

// NewPlugin returns one before the server at an address, http://HOST:PORT. It ends with the test.
func NewPlugin(t testing.TB, server string) *Plugin {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &Plugin{server: server, proxy: httputil.NewSingleHostReverseProxy(u)}
	p.proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	p.http = httptest.NewServer(p)
	t.Cleanup(p.http.Close)
	return p
}

// Address is HOST:PORT.
func (p *Plugin) Address() string { return strings.TrimPrefix(p.http.URL, "http://") }

// ServeHTTP implements http.Handler.
func (p *Plugin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodPut && len(path) == 1:
		p.change(w, r, withoutVectors)
	case r.URL.Path == "/_msearch":
		p.multiSearch(w, r)
	case len(path) == 2 && path[1] == "_mapping":
		p.mapping(w, r)
	default:
		p.proxy.ServeHTTP(w, r)
	}
}

// change hands a request on with another body.
func (p *Plugin) change(w http.ResponseWriter, r *http.Request, to func([]byte) ([]byte, error)) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		body, err = to(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	p.proxy.ServeHTTP(w, r)
}

// withoutVectors takes what the plugin knows out of a request for an index, and keeps it aside in the mapping's _meta.
func withoutVectors(body []byte) ([]byte, error) {
	var req object
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, err
	}
	if settings, ok := req["settings"].(object); ok {
		if ix, ok := settings["index"].(object); ok {
			delete(ix, "knn")
		}
	}
	if mappings, ok := req["mappings"].(object); ok {
		if properties, ok := mappings["properties"].(object); ok {
			mappings["_meta"] = object{"vector": properties["vector"]}
			properties["vector"] = object{"type": "object", "enabled": false}
		}
		if source, ok := mappings["_source"].(object); ok {
			source["excludes"] = []string{"text"} // vectors have to stay
		}
	}
	return json.Marshal(req)
}

// mapping puts back what withoutVectors took.
func (p *Plugin) mapping(w http.ResponseWriter, r *http.Request) {
	var answer map[string]struct {
		Mappings object `json:"mappings"`
	}
	raw, status, err := p.call(r, http.MethodGet, r.URL.Path, nil)
	if err == nil && status == http.StatusOK {
		if err = json.Unmarshal(raw, &answer); err == nil {
			for _, ix := range answer {
				if meta, ok := ix.Mappings["_meta"].(object); ok {
					ix.Mappings["properties"].(object)["vector"] = meta["vector"]
				}
			}
			raw, err = json.Marshal(answer)
		}
	}
	reply(w, raw, status, err)
}

func reply(w http.ResponseWriter, body []byte, status int, err error) {
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// call asks the server.
func (p *Plugin) call(r *http.Request, method, path string, body []byte) (answer []byte, status int, err error) {
	req, err := http.NewRequestWithContext(r.Context(), method, p.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.HasSuffix(path, "_msearch") {
		req.Header.Set("Content-Type", "application/x-ndjson")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return answer, resp.StatusCode, err
}

// multiSearch answers the searches by a vector itself and has the server answer the others.
func (p *Plugin) multiSearch(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	list := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	var responses []json.RawMessage
	for i := 0; i+1 < len(list); i += 2 {
		one, status, err := p.one(r, list[i], list[i+1])
		if err != nil || status != http.StatusOK {
			reply(w, one, status, err)
			return
		}
		responses = append(responses, one)
	}
	raw, err := json.Marshal(object{"responses": responses})
	reply(w, raw, http.StatusOK, err)
}

// one answers one search of a multi-search.
func (p *Plugin) one(r *http.Request, head, search []byte) (json.RawMessage, int, error) {
	var req struct {
		Size  int
		Query json.RawMessage
	}
	if err := json.Unmarshal(search, &req); err != nil {
		return nil, 0, err
	}
	n, is, err := knn(req.Query)
	if err != nil {
		return nil, 0, err
	}
	if is { // all that meet the filter
		if n.filter == nil {
			n.filter = json.RawMessage(`{"match_all":{}}`)
		}
		search, err = json.Marshal(object{"size": window, "_source": []string{"vector", "document"}, "query": object{"bool": object{"filter": []json.RawMessage{n.filter}}}})
		if err != nil {
			return nil, 0, err
		}
	}
	raw, status, err := p.call(r, http.MethodPost, "/_msearch", bytes.Join([][]byte{head, search, nil}, []byte("\n")))
	if err != nil || status != http.StatusOK {
		return raw, status, err
	}
	var answer struct{ Responses []json.RawMessage }
	if err := json.Unmarshal(raw, &answer); err != nil || len(answer.Responses) != 1 {
		return nil, 0, err
	}
	if !is {
		return answer.Responses[0], status, nil
	}
	raw, err = compared(answer.Responses[0], n, req.Size)
	return raw, status, err
}

// compared is the answer of a search with its hits scored by a vector.
func compared(answer json.RawMessage, n nearest, size int) (json.RawMessage, error) {
	var found struct {
		Error json.RawMessage
		Hits  struct {
			Hits []struct {
				ID     string `json:"_id"`
				Source struct {
					Vector   []float32
					Document string
				} `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal(answer, &found); err != nil || found.Error != nil {
		return answer, err
	}
	var hits []hit
	documents := map[*document]string{}
	for _, h := range found.Hits.Hits {
		id, err := strconv.ParseInt(h.ID, 10, 64)
		if err != nil {
			return nil, err
		}
		var product float32
		for i, x := range h.Source.Vector {
			product += x * n.vector[i]
		}
		d := &document{id: id}
		documents[d] = h.Source.Document
		hits = append(hits, hit{d, openSearchScore(product)})
	}
	rank(hits)
	out := []object{}
	for _, h := range hits[:min(n.k, size, len(hits))] {
		out = append(out, object{"_id": strconv.FormatInt(h.document.id, 10), "_score": h.score, "_source": object{"document": documents[h.document]}})
	}
	return json.Marshal(object{"timed_out": false, "status": 200, "_shards": object{"failed": 0}, "hits": object{"hits": out}})
}
