package opensearchtest

import (
	"encoding/json"
	"slices"
)

// compile returns what a query asks of a document, where no score is wanted.
func (ix *index) compile(raw json.RawMessage) (func(*document) bool, *failure) {
	var q map[string]json.RawMessage
	if err := json.Unmarshal(raw, &q); err != nil || len(q) != 1 {
		return nil, fail(400, "parsing_exception", "[_na] query malformed, must start with start_object and have one member")
	}
	for name, body := range q {
		switch name {
		case "match_all":
			if err := strict(body, &struct{}{}); err != nil {
				return nil, fail(400, "parsing_exception", "[match_all] %v", err)
			}
			return func(*document) bool { return true }, nil
		case "terms":
			return ix.terms(body)
		case "bool":
			return ix.boolean(body)
		case "match":
			words, bad := ix.match(body)
			if bad != nil {
				return nil, bad
			}
			return func(d *document) bool {
				return slices.ContainsFunc(tokens(d.text), func(w string) bool { return slices.Contains(words, w) })
			}, nil
		}
		return nil, fail(400, "parsing_exception", "unknown query [%s]", name)
	}
	return nil, nil
}

// maxTerms is index.max_terms_count.
const maxTerms = 65_536

func (ix *index) terms(body json.RawMessage) (func(*document) bool, *failure) {
	var q map[string][]json.RawMessage
	if err := json.Unmarshal(body, &q); err != nil || len(q) != 1 {
		return nil, fail(400, "parsing_exception", "[terms] query requires one field and an array")
	}
	for name, values := range q {
		if len(values) > maxTerms {
			return nil, fail(400, "illegal_argument_exception", "The number of terms [%d] used in the Terms Query request has exceeded the allowed maximum of [%d].", len(values), maxTerms)
		}
		switch ix.mapping.Properties[name].Type {
		case "long":
			wanted := map[int64]bool{}
			for _, v := range values {
				var n int64
				if err := json.Unmarshal(v, &n); err != nil {
					return nil, fail(400, "query_shard_exception", "failed to create query: For input string: %s", v)
				}
				wanted[n] = true
			}
			return func(d *document) bool { return wanted[d.id] }, nil
		case "keyword":
			wanted := map[string]bool{}
			for _, v := range values {
				var s string
				if err := json.Unmarshal(v, &s); err != nil {
					return nil, fail(400, "parsing_exception", "[terms] %v", err)
				}
				wanted[s] = true
			}
			if name != "tags" { // one value
				return func(d *document) bool {
					var v string
					return json.Unmarshal(d.source[name], &v) == nil && wanted[v]
				}, nil
			}
			return func(d *document) bool { return slices.ContainsFunc(d.tags, func(t string) bool { return wanted[t] }) }, nil
		}
		return func(*document) bool { return false }, nil // of a field that is not mapped there are no values
	}
	return nil, nil
}

func (ix *index) boolean(body json.RawMessage) (func(*document) bool, *failure) {
	var q struct {
		Must, Filter, Should []json.RawMessage
		MustNot              []json.RawMessage `json:"must_not"`
		Least                *int              `json:"minimum_should_match"`
	}
	if err := strict(body, &q); err != nil {
		return nil, fail(400, "parsing_exception", "[bool] %v", err)
	}
	compileAll := func(list []json.RawMessage) (out []func(*document) bool, bad *failure) {
		for _, raw := range list {
			is, bad := ix.compile(raw)
			if bad != nil {
				return nil, bad
			}
			out = append(out, is)
		}
		return out, nil
	}
	all, bad := compileAll(slices.Concat(q.Must, q.Filter))
	if bad != nil {
		return nil, bad
	}
	some, bad := compileAll(q.Should)
	if bad != nil {
		return nil, bad
	}
	none, bad := compileAll(q.MustNot)
	if bad != nil {
		return nil, bad
	}
	least := 0
	if len(all) == 0 && len(some) > 0 {
		least = 1
	}
	if q.Least != nil {
		least = *q.Least
	}
	return func(d *document) bool {
		met := 0
		for _, is := range some {
			if is(d) {
				met++
			}
		}
		return met >= least && !slices.ContainsFunc(none, func(is func(*document) bool) bool { return is(d) }) &&
			!slices.ContainsFunc(all, func(is func(*document) bool) bool { return !is(d) })
	}, nil
}

// match reads a match query and returns its words.
func (ix *index) match(body json.RawMessage) ([]string, *failure) {
	var q map[string]struct{ Query string }
	if err := strict(body, &q); err != nil || len(q) != 1 {
		return nil, fail(400, "parsing_exception", "[match] query doesn't support this form")
	}
	for name, m := range q {
		if ix.mapping.Properties[name].Type == "text" {
			return tokens(m.Query), nil
		}
	}
	return nil, nil
}
