package openai

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/rag"
)

// listing is a page as OpenAI's lists are.
type listing[T any] struct {
	Object  string  `json:"object"`
	Data    []T     `json:"data"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}

func listed[T any](data []T, more bool, id func(T) string) listing[T] {
	l := listing[T]{Object: "list", Data: data, HasMore: more}
	if len(data) == 0 {
		l.Data = []T{}
		return l
	}
	first, last := id(data[0]), id(data[len(data)-1])
	l.FirstID, l.LastID = &first, &last
	return l
}

// page says which part of a list is wanted: limit entries after or before the
// entry with an id.
type page struct {
	limit         int
	descending    bool
	after, before string
}

func pageOf(r *http.Request, defaultLimit, maxLimit int) (page, error) {
	q := r.URL.Query()
	p := page{limit: defaultLimit, descending: true, after: q.Get("after"), before: q.Get("before")}
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxLimit {
			return p, invalid("limit", "limit must be a number from 1 to %d", maxLimit)
		}
		p.limit = n
	}
	switch q.Get("order") {
	case "", "desc":
	case "asc":
		p.descending = false
	default:
		return p, invalid("order", "order must be asc or desc")
	}
	if p.after != "" && p.before != "" {
		return p, invalid("before", "after and before cannot be given together")
	}
	return p, nil
}

// cut takes the page out of a list that is whole and in ascending order.
func cut[T any](all []T, p page, id func(T) string) (out []T, more bool, err error) {
	all = slices.Clone(all)
	if p.descending != (p.before != "") { // what is before an entry is after it, seen from the other end
		slices.Reverse(all)
	}
	if anchor := p.after + p.before; anchor != "" {
		i := slices.IndexFunc(all, func(v T) bool { return id(v) == anchor })
		if i < 0 {
			return nil, false, invalid("after", "%.80q is not in this list", anchor)
		}
		all = all[i+1:]
	}
	if more = len(all) > p.limit; more {
		all = all[:p.limit]
	}
	if p.before != "" {
		slices.Reverse(all)
	}
	return all, more, nil
}

// documents lists a page of scope's documents. The store's cursors are not the
// ids that clients page by, so the entries that share the anchor's second are
// read and passed over.
func (h *handlers) documents(ctx context.Context, scope rag.Scope, p page, filter rag.Filter) (out []rag.Document, more bool, err error) {
	opt := rag.ListOptions{Filter: filter, Descending: p.descending != (p.before != "")}
	anchor := p.after + p.before
	passed := anchor == ""
	if !passed {
		doc, err := h.document(ctx, scope, anchor)
		if err != nil {
			return nil, false, err
		}
		anchor = string(doc.ID)
		from := rag.Filter{Type: rag.OpGte, Key: rag.KeyCreatedAt, Value: rag.Num(float64(doc.CreatedAt.Unix()))}
		if opt.Descending {
			from.Type = rag.OpLte
		}
		opt.Filter = both(filter, from)
	}
	for {
		opt.Limit = min(p.limit+2, 1000)
		batch, err := h.svc.Documents(ctx, scope, opt)
		if err != nil {
			return nil, false, err
		}
		for _, d := range batch.Items {
			if !passed {
				passed = string(d.ID) == anchor
				continue
			}
			if len(out) == p.limit {
				return ordered(out, p), true, nil
			}
			out = append(out, d)
		}
		if batch.Next == "" {
			return ordered(out, p), false, nil
		}
		opt.Cursor = batch.Next
	}
}

func ordered(docs []rag.Document, p page) []rag.Document {
	if p.before != "" {
		slices.Reverse(docs)
	}
	return docs
}

func both(a, b rag.Filter) rag.Filter {
	if a.IsZero() {
		return b
	}
	return rag.And(a, b)
}
