package opensearchtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
)

// strict decodes one JSON value and refuses members that it does not know.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more behind the value")
	}
	return nil
}

// lines returns the lines of a body of newline-delimited JSON, the last of which has to end.
func lines(body []byte) ([][]byte, *failure) {
	if len(body) == 0 || body[len(body)-1] != '\n' {
		return nil, fail(400, "illegal_argument_exception", "The bulk request must be terminated by a newline [\\n]")
	}
	return bytes.Split(body[:len(body)-1], []byte("\n")), nil
}

// bulk applies a bulk request: every item for itself.
func (s *Server) bulk(c call) (any, *failure) {
	list, bad := lines(c.body)
	if bad != nil {
		return nil, bad
	}
	refresh := c.param("refresh")
	if refresh != "" && refresh != "true" && refresh != "false" && refresh != "wait_for" {
		return nil, fail(400, "illegal_argument_exception", "Unknown value for refresh: [%s].", refresh)
	}
	var items []object
	failed := false
	for len(list) > 0 {
		var action map[string]struct {
			ID string `json:"_id"`
		}
		if err := strict(list[0], &action); err != nil || len(action) != 1 {
			return nil, fail(400, "illegal_argument_exception", "Malformed action/metadata line [%d]", len(items)+1)
		}
		list = list[1:]
		for verb, meta := range action {
			var source []byte
			if verb == "index" {
				if len(list) == 0 {
					return nil, fail(400, "illegal_argument_exception", "Validation Failed: 1: no source")
				}
				source, list = list[0], list[1:]
			}
			result, bad := s.item(c, verb, meta.ID, source, len(items))
			if bad != nil {
				failed = true
				result = object{"_index": c.target, "_id": meta.ID, "status": bad.status, "error": object{"type": bad.kind, "reason": bad.reason}}
			}
			items = append(items, object{verb: result})
		}
	}
	if ix, _ := s.find(c.target); ix != nil && (refresh == "true" || refresh == "wait_for") {
		ix.refresh()
	}
	if c.fault == Short && len(items) > 0 {
		items = items[1:]
	}
	return object{"took": 1, "errors": failed, "items": items}, nil
}

// item applies one item of a bulk request.
func (s *Server) item(c call, verb, id string, source []byte, place int) (object, *failure) {
	switch {
	case c.fault == Half && place%2 == 1:
		return nil, fail(429, "rejected_execution_exception", "rejected execution of primary operation, write queue is full")
	case c.fault == Blocked:
		return nil, fail(403, "cluster_block_exception", "index [%s] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];", c.target)
	}
	ix, alias := s.find(c.target)
	switch {
	case verb == "index" && c.param("require_alias") == "true" && !alias:
		return nil, fail(404, "index_not_found_exception", "no such index [%s] and [require_alias] request flag is [true] and [%s] is not an alias", c.target, c.target)
	case ix == nil && verb == "delete":
		return nil, missing(c.target)
	case ix == nil: // action.auto_create_index
		ix = &index{name: c.target, product: s.opts.Product, live: map[string]*document{}, mapping: mapping{Dynamic: "true"}, source: json.RawMessage("{}")}
		s.indexes[c.target] = ix
	}
	switch verb {
	case "delete":
		if _, there := ix.live[id]; !there {
			return object{"_index": ix.name, "_id": id, "result": "not_found", "status": 404}, nil
		}
		delete(ix.live, id)
		return object{"_index": ix.name, "_id": id, "result": "deleted", "status": 200}, nil
	case "index":
		d, err := ix.read(source)
		if errors.Is(err, errStrict) {
			return nil, fail(400, "strict_dynamic_mapping_exception", "%v", err)
		}
		if err != nil {
			return nil, fail(400, "mapper_parsing_exception", "failed to parse: %v in document with id '%s'. Preview of field's value: '%.200s'", err, id, source)
		}
		status, result := 201, "created"
		if _, there := ix.live[id]; there {
			status, result = 200, "updated"
		}
		ix.live[id] = d
		return object{"_index": ix.name, "_id": id, "result": result, "status": status}, nil
	}
	return nil, fail(400, "illegal_argument_exception", "this double does not know the action [%s]", verb)
}

var errStrict = errors.New("mapping set to strict")

// read reads a document by the mapping of its index.
func (ix *index) read(source []byte) (*document, error) {
	d := &document{}
	if err := json.Unmarshal(source, &d.source); err != nil {
		return nil, err
	}
	var err error
	for name, raw := range d.source {
		f, mapped := ix.mapping.Properties[name]
		if !mapped && ix.mapping.Dynamic == "strict" {
			return nil, fmt.Errorf("%w: dynamic introduction of [%s] within [_doc] is not allowed", errStrict, name)
		}
		switch {
		case f.Type == "long":
			err = json.Unmarshal(raw, &d.id)
		case f.Type == "text":
			err = json.Unmarshal(raw, &d.text)
		case f.Type == "keyword" && name == "tags":
			err = json.Unmarshal(raw, &d.tags)
		case f.Type == "keyword":
			err = json.Unmarshal(raw, new(string))
		case f.Type == "knn_vector", f.Type == "dense_vector":
			err = json.Unmarshal(raw, &d.vector)
			if err == nil && len(d.vector) != ix.mapping.dimensions() {
				err = fmt.Errorf("vector dimension mismatch: expected %d, given %d", ix.mapping.dimensions(), len(d.vector))
			}
			if err == nil && f.Type == "dense_vector" && length(d.vector) == 0 {
				err = errors.New("the [cosine] similarity does not support vectors with zero magnitude")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("field [%s]: %w", name, err)
		}
	}
	maps.DeleteFunc(d.source, func(name string, _ json.RawMessage) bool { return slices.Contains(ix.mapping.Source.Excludes, name) })
	return d, nil
}

func length(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// deleteByQuery takes out what is visible and meets a query, up to max_docs.
func (s *Server) deleteByQuery(c call) (any, *failure) {
	ix, _ := s.find(c.target)
	if ix == nil {
		return nil, missing(c.target)
	}
	var req struct{ Query json.RawMessage }
	if err := strict(c.body, &req); err != nil || req.Query == nil {
		return nil, fail(400, "action_request_validation_exception", "Validation Failed: 1: query is missing;")
	}
	is, bad := ix.compile(req.Query)
	if bad != nil {
		return nil, bad
	}
	most := len(ix.visible)
	if v := c.param("max_docs"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return nil, fail(400, "illegal_argument_exception", "[max_docs] parameter must be a positive number")
		}
		most = n
	}
	deleted := 0
	for id, d := range ix.visible {
		if deleted == most || c.fault == Failing || c.fault == Late {
			break
		}
		if is(d) {
			delete(ix.live, id)
			deleted++
		}
	}
	if c.param("refresh") == "true" {
		ix.refresh()
	}
	failures := []object{}
	if c.fault == Failing {
		failures = append(failures, object{"index": ix.name, "id": "1", "status": 503, "cause": object{"type": "unavailable_shards_exception", "reason": "primary shard is not active"}})
	}
	return object{"took": 1, "timed_out": c.fault == Late, "total": deleted, "deleted": deleted, "version_conflicts": 0, "failures": failures}, nil
}
