package opensearch

import (
	"encoding/json"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// maxWindow is the most results of a search: index.max_result_window as servers have it, and the bound of k and num_candidates of k-NN.
const maxWindow = 10_000

// document is what is kept of an item. Tags are their hexadecimal digits: what is looked up and has no order is a keyword in these products.
type document struct {
	ID       rag.ChunkID    `json:"id"`
	Document rag.DocumentID `json:"document"`
	Tags     []string       `json:"tags"`
	Vector   []float32      `json:"vector"`
	Text     string         `json:"text,omitempty"`
}

func documentOf(it external.Item) document {
	return document{it.ID, it.Document, hex(it.Tags), it.Vector, it.Text}
}

func hex(tags []external.Tag) []string {
	out := make([]string, len(tags))
	for i, t := range tags {
		out[i] = t.String()
	}
	return out
}

type object = map[string]any

// index is the body of a request that makes an index for a space. What is sent is not kept again beside the fields (_source), but for ids and tags.
func (c Config) index(product string, s external.Space, alias string) object {
	settings := object{"number_of_shards": c.Shards, "max_result_window": maxWindow}
	switch {
	case c.Replicas > 0:
		settings["number_of_replicas"] = c.Replicas
	case c.Replicas < 0:
		settings["number_of_replicas"] = 0
	}
	if product == OpenSearch {
		settings["knn"] = true
	}
	return object{
		"settings": object{"index": settings},
		"mappings": object{
			"dynamic": "strict",
			"_source": object{"excludes": []string{"vector", "text"}},
			"properties": object{
				"id":       object{"type": "long"},
				"document": object{"type": "keyword", "index": false},
				"tags":     object{"type": "keyword", "doc_values": false},
				"text":     object{"type": "text", "analyzer": c.Analyzer, "index_options": "freqs"},
				"vector":   c.vector(product, s.Dimensions),
			},
		},
		"aliases": object{alias: object{}},
	}
}

// vector is the mapping of the field of the vectors.
func (c Config) vector(product string, dimensions int) object {
	parameters := object{}
	if c.M > 0 {
		parameters["m"] = c.M
	}
	if c.EfConstruct > 0 {
		parameters["ef_construction"] = c.EfConstruct
	}
	if product == Elasticsearch {
		parameters["type"] = "hnsw" // the default quantises, and so do its scores
		return object{"type": "dense_vector", "dims": dimensions, "index": true, "similarity": "cosine", "index_options": parameters}
	}
	method := object{"name": "hnsw", "engine": c.Engine, "space_type": "innerproduct"}
	if len(parameters) > 0 {
		method["parameters"] = parameters
	}
	return object{"type": "knn_vector", "dimension": dimensions, "method": method}
}

// cosine returns the cosine that a score of a product stands for.
func cosine(product string, score float32) float32 {
	var cos float32
	switch {
	case product == Elasticsearch:
		cos = 2*score - 1
	case score >= 1:
		cos = score - 1
	case score > 0:
		cos = 1 - 1/score
	default:
		cos = -1
	}
	return max(-1, min(1, cos)) // rounding leads a little beyond
}

// mapped is what is to be known of an index.
type mapped struct {
	Mappings struct {
		Properties struct {
			Vector struct {
				Type       string
				Dimension  int             // OpenSearch
				Dims       int             // Elasticsearch
				Similarity string          // Elasticsearch
				Method     json.RawMessage // OpenSearch
				SpaceType  string          `json:"space_type"` // OpenSearch, where it is not in the method
			}
		}
	}
}

// fits reports whether an index has the vectors of a space.
func (m mapped) fits(product string, s external.Space) error {
	v := m.Mappings.Properties.Vector
	dimensions, space, kind, want := v.Dims, v.Similarity, "dense_vector", "cosine"
	if product == OpenSearch {
		var method struct {
			SpaceType string `json:"space_type"`
		}
		_ = json.Unmarshal(v.Method, &method) // there may be none
		dimensions, space, kind, want = v.Dimension, method.SpaceType, "knn_vector", "innerproduct"
		if space == "" {
			space = v.SpaceType
		}
	}
	if v.Type != kind || dimensions != s.Dimensions || space != want {
		return rag.Errorf(rag.KindConflict, "%s: the index of the space %s is there with vectors of type %q, %d dimensions and similarity %q, not with %q, %d and %q",
			product, s.Name, v.Type, dimensions, space, kind, s.Dimensions, want)
	}
	return nil
}
