package pineconetest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// index is a serverless index of dense vectors.
type index struct {
	name       string
	dimension  int
	described  int // how often, of which the first times it is not ready
	namespaces map[string]*namespace
}

func strictly(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return refuse(422, "Failed to deserialize the JSON body into the target type: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return refuse(422, "there is more than one JSON value")
	}
	return nil
}

const describesUntilReady = 2

// model describes an index, with a host at the address by which the double was called.
func model(r *http.Request, ix *index) map[string]any {
	ready := ix.described > describesUntilReady
	return map[string]any{
		"name": ix.name, "dimension": ix.dimension, "metric": "cosine", "vector_type": "dense", "host": "http://" + r.Host + "/host/" + ix.name,
		"spec":   map[string]any{"serverless": map[string]any{"cloud": "aws", "region": "us-east-1"}},
		"status": map[string]any{"ready": ready, "state": map[bool]string{true: "Ready", false: "Initializing"}[ready]},
	}
}

func (s *Server) listIndexes(_ http.ResponseWriter, r *http.Request) (any, error) {
	out := []any{}
	for _, name := range slices.Sorted(maps.Keys(s.indexes)) {
		out = append(out, model(r, s.indexes[name]))
	}
	return map[string]any{"indexes": out}, nil
}

var indexForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?$`)

func (s *Server) createIndex(w http.ResponseWriter, r *http.Request) (any, error) {
	var req struct {
		Name       string `json:"name"`
		Dimension  int    `json:"dimension"`
		Metric     string `json:"metric"`
		VectorType string `json:"vector_type"`
		Spec       struct {
			Serverless *struct {
				Cloud  string `json:"cloud"`
				Region string `json:"region"`
			} `json:"serverless"`
		} `json:"spec"`
	}
	if err := read(r, 1<<20, &req); err != nil {
		return nil, err
	}
	switch {
	case !indexForm.MatchString(req.Name):
		return nil, refuse(400, "Name must consist of lower case alphanumeric characters or '-'")
	case req.Dimension < 1 || req.Dimension > 20_000:
		return nil, refuse(400, "Dimension must be 1 to 20,000")
	case req.Metric != "cosine" || req.VectorType != "dense":
		return nil, refuse(400, "this double has dense vectors and the metric cosine only")
	case req.Spec.Serverless == nil || req.Spec.Serverless.Cloud == "" || req.Spec.Serverless.Region == "":
		return nil, refuse(422, "missing field `spec`")
	case req.Spec.Serverless.Cloud != "aws" || req.Spec.Serverless.Region != "us-east-1":
		return nil, refuse(404, "Resource cloud: %s region: %s not found.", req.Spec.Serverless.Cloud, req.Spec.Serverless.Region)
	case s.indexes[req.Name] != nil:
		return nil, refuse(409, "Resource already exists.")
	}
	ix := &index{name: req.Name, dimension: req.Dimension, namespaces: map[string]*namespace{}}
	s.indexes[req.Name] = ix
	w.WriteHeader(http.StatusCreated)
	return model(r, ix), nil
}

func (s *Server) describeIndex(_ http.ResponseWriter, r *http.Request) (any, error) {
	ix := s.indexes[r.PathValue("index")]
	if ix == nil {
		return nil, refuse(404, "Resource %s not found", r.PathValue("index"))
	}
	ix.described++
	return model(r, ix), nil
}

// dataRequest is a request to an index.
type dataRequest struct {
	*http.Request
	s  *Server
	ix *index
	w  http.ResponseWriter
}

func (s *Server) data(handle func(dataRequest) (any, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		ix := s.indexes[r.PathValue("index")]
		if ix == nil {
			return nil, refuse(404, "there is no such host")
		}
		path := strings.TrimPrefix(r.URL.Path, "/host/"+ix.name)
		if name := r.PathValue("namespace"); name != "" {
			path = "/namespaces/"
		}
		s.asked[r.Method+" "+path]++
		return handle(dataRequest{r, s, ix, w})
	}
}
