package opensearchtest

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
)

// index is one of an index of the server.
type index struct {
	name    string
	aliases []string
	product string
	mapping mapping
	source  json.RawMessage // the mappings as they were asked for
	live    map[string]*document
	visible map[string]*document // as of the last refresh
}

// document is what is kept of one.
type document struct {
	id     int64
	tags   []string
	vector []float32
	text   string
	source map[string]json.RawMessage // what _source keeps
}

// refresh makes visible what was written.
func (ix *index) refresh() { ix.visible = maps.Clone(ix.live) }

// mapping is the part of an index's mapping that the double knows.
type mapping struct {
	Dynamic    string                      `json:"dynamic"`
	Source     struct{ Excludes []string } `json:"_source"`
	Properties map[string]field            `json:"properties"`
}

type field struct {
	Type         string          `json:"type"`
	Index        *bool           `json:"index"`
	DocValues    *bool           `json:"doc_values"`
	Analyzer     string          `json:"analyzer"`
	IndexOptions json.RawMessage `json:"index_options"`

	Dimension int `json:"dimension"` // OpenSearch
	Method    *struct {
		Name       string         `json:"name"`
		Engine     string         `json:"engine"`
		SpaceType  string         `json:"space_type"`
		Parameters map[string]int `json:"parameters"`
	} `json:"method"`

	Dims       int    `json:"dims"` // Elasticsearch
	Similarity string `json:"similarity"`
}

// dimensions of the field of vectors.
func (m mapping) dimensions() int {
	return max(m.Properties["vector"].Dimension, m.Properties["vector"].Dims)
}

func missing(name string) *failure {
	return fail(404, "index_not_found_exception", "no such index [%s]", name)
}

// find returns an index by its name or alias, and whether it was an alias. s.mu is held.
func (s *Server) find(target string) (ix *index, alias bool) {
	if ix := s.indexes[target]; ix != nil {
		return ix, false
	}
	for _, ix := range s.indexes {
		if slices.Contains(ix.aliases, target) {
			return ix, true
		}
	}
	return nil, false
}

// create makes an index.
func (s *Server) create(c call) (any, *failure) {
	name := c.target
	if name != strings.ToLower(name) || name == "" || len(name) > 255 || strings.ContainsAny(name[:1], "_-+") || strings.ContainsAny(name, `\/*?"<>| ,#:`) {
		return nil, fail(400, "invalid_index_name_exception", "Invalid index name [%s]", name)
	}
	if ix, _ := s.find(name); ix != nil {
		return nil, fail(400, "resource_already_exists_exception", "index [%s/uuid] already exists", name)
	}
	var req struct {
		Settings struct{ Index map[string]json.RawMessage }
		Mappings json.RawMessage
		Aliases  map[string]struct{}
	}
	if err := strict(c.body, &req); err != nil {
		return nil, fail(400, "parse_exception", "failed to parse the request: %v", err)
	}
	known := []string{"number_of_shards", "number_of_replicas", "max_result_window"}
	if s.opts.Product == OpenSearch {
		known = append(known, "knn")
	}
	for setting := range req.Settings.Index {
		if !slices.Contains(known, setting) {
			return nil, fail(400, "illegal_argument_exception", "unknown setting [index.%s] please check that any required plugins are installed", setting)
		}
	}
	m, bad := s.readMapping(req.Mappings)
	if bad != nil {
		return nil, bad
	}
	if v := m.Properties["vector"]; v.Type == "knn_vector" && string(req.Settings.Index["knn"]) != "true" {
		return nil, fail(400, "mapper_parsing_exception", "Cannot set modelId or method parameters when index.knn setting is false")
	}
	for alias := range req.Aliases {
		if ix, _ := s.find(alias); ix != nil {
			return nil, fail(400, "invalid_alias_name_exception", "Invalid alias name [%s]: an index or data stream exists with the same name as the alias", alias)
		}
	}
	s.indexes[name] = &index{name: name, aliases: slices.Sorted(maps.Keys(req.Aliases)), product: s.opts.Product, mapping: m, source: req.Mappings, live: map[string]*document{}}
	return object{"acknowledged": true, "shards_acknowledged": true, "index": name}, nil
}

// readMapping checks mappings for what the product knows.
func (s *Server) readMapping(raw json.RawMessage) (m mapping, bad *failure) {
	if err := strict(raw, &m); err != nil {
		return m, fail(400, "mapper_parsing_exception", "Failed to parse mapping [_doc]: %v", err)
	}
	refuse := func(format string, args ...any) (mapping, *failure) {
		return m, fail(400, "mapper_parsing_exception", "Failed to parse mapping [_doc]: "+format, args...)
	}
	for name, f := range m.Properties {
		switch f.Type {
		case "long", "keyword":
			continue
		case "text":
			if f.Analyzer != "standard" {
				return refuse("analyzer [%s] has not been configured in mappings", f.Analyzer)
			}
			continue
		}
		switch {
		case f.Type == "knn_vector" && s.opts.Product == OpenSearch:
			switch {
			case f.Dimension < 1 || f.Dimension > 16_000:
				return refuse("Dimension value must be greater than 0 and less than 16000 for vector: %s", name)
			case f.Method == nil || f.Method.Name != "hnsw" || f.Method.Engine != "faiss" && f.Method.Engine != "lucene" || f.Method.SpaceType != "innerproduct":
				return refuse("this double knows hnsw of faiss and lucene with innerproduct only")
			}
			for p := range f.Method.Parameters {
				if p != "m" && p != "ef_construction" {
					return refuse("Invalid parameter for method \"hnsw\": %s", p)
				}
			}
		case f.Type == "dense_vector" && s.opts.Product == Elasticsearch:
			var options struct {
				Type string `json:"type"`
				M    int    `json:"m"`
				Ef   int    `json:"ef_construction"`
			}
			switch err := strict(f.IndexOptions, &options); {
			case f.Dims < 1 || f.Dims > 4096:
				return refuse("The number of dimensions should be in the range [1, 4096] but was [%d]", f.Dims)
			case f.Similarity != "cosine" || f.Index == nil || !*f.Index:
				return refuse("this double knows indexed vectors with cosine only")
			case err != nil || options.Type != "hnsw":
				return refuse("this double knows index_options of type hnsw only")
			}
		default:
			return refuse("No handler for type [%s] declared on field [%s]", f.Type, name)
		}
	}
	return m, nil
}

func (s *Server) remove(c call) (any, *failure) {
	ix, alias := s.find(c.target)
	switch {
	case ix == nil:
		return nil, missing(c.target)
	case alias:
		return nil, fail(400, "illegal_argument_exception", "The provided expression [%s] matches an alias, specify the corresponding concrete indices instead.", c.target)
	}
	delete(s.indexes, c.target)
	return object{"acknowledged": true}, nil
}

func (s *Server) mapping(c call) (any, *failure) {
	ix, _ := s.find(c.target)
	if ix == nil {
		return nil, missing(c.target)
	}
	return object{ix.name: object{"mappings": ix.source}}, nil
}

func (s *Server) aliases(c call) (any, *failure) {
	out := object{}
	for name, ix := range s.indexes {
		if ok, _ := path.Match(c.target, name); ok {
			of := object{}
			for _, a := range ix.aliases {
				of[a] = object{}
			}
			out[name] = object{"aliases": of}
		}
	}
	return out, nil
}
