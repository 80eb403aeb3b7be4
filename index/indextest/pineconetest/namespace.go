package pineconetest

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// record is a vector with its metadata.
type record struct {
	ID       string         `json:"id"`
	Values   []float32      `json:"values"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// namespace holds what queries see, and the writes that they do not see yet, in their order.
type namespace struct {
	seen    map[string]record
	indexed int64 // sequence number of the last write that is seen
	last    int64 // and of the last write
	unseen  []write
}

type write struct {
	apply func(map[string]record)
	left  int // queries that do not see it yet
}

func newNamespace() *namespace { return &namespace{seen: map[string]record{}} }

// write logs a change and tells its number.
func (n *namespace) write(r dataRequest, apply func(map[string]record)) {
	n.last++
	n.unseen = append(n.unseen, write{apply, r.s.cfg.Lag})
	n.index()
	if !r.s.cfg.Silent {
		r.w.Header().Set("x-pinecone-request-lsn", strconv.FormatInt(n.last, 10))
	}
}

// index makes the writes seen whose time has come, in their order.
func (n *namespace) index() {
	for len(n.unseen) > 0 && n.unseen[0].left <= 0 {
		n.unseen[0].apply(n.seen)
		n.unseen = n.unseen[1:]
		n.indexed++
	}
}

// query returns what a query sees now, and lets the time of writes come nearer.
func (n *namespace) query(r dataRequest) map[string]record {
	view := maps.Clone(n.seen)
	if !r.s.cfg.Silent {
		r.w.Header().Set("x-pinecone-max-indexed-lsn", strconv.FormatInt(n.indexed, 10))
	}
	for i := range n.unseen {
		n.unseen[i].left--
	}
	n.index()
	return view
}

func describeStats(r dataRequest) (any, error) {
	if err := read(r.Request, 1<<20, &struct{}{}); err != nil {
		return nil, err
	}
	total, namespaces := 0, map[string]any{}
	for name, n := range r.ix.namespaces {
		namespaces[name] = map[string]any{"vectorCount": len(n.seen)}
		total += len(n.seen)
	}
	return map[string]any{"dimension": r.ix.dimension, "metric": "cosine", "vectorType": "dense", "totalVectorCount": total, "namespaces": namespaces}, nil
}

func (n *namespace) model(name string) map[string]any {
	return map[string]any{"name": name, "record_count": strconv.Itoa(len(n.seen))} // an int64 of protobuf in JSON
}

func listNamespaces(r dataRequest) (any, error) {
	names, next, err := page(slices.Sorted(maps.Keys(r.ix.namespaces)), r.URL.Query(), "limit", "prefix", "paginationToken")
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, name := range names {
		out = append(out, r.ix.namespaces[name].model(name))
	}
	return map[string]any{"namespaces": out, "pagination": next}, nil
}

// page returns the names with a prefix that come after a token, and the token of the next page.
func page(sorted []string, q url.Values, known ...string) (names []string, next map[string]any, err error) {
	for name := range q {
		if !slices.Contains(known, name) {
			return nil, nil, refuse(400, "there is no parameter %s", name)
		}
	}
	limit := 100
	if v := q.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > 100 {
			return nil, nil, refuse(400, "limit must be 1 to 100")
		}
	}
	for _, name := range sorted {
		if strings.HasPrefix(name, q.Get("prefix")) && name > q.Get("paginationToken") {
			names = append(names, name)
		}
	}
	if len(names) > limit {
		names = names[:limit]
		next = map[string]any{"next": names[limit-1]}
	}
	return names, next, nil
}

func createNamespace(r dataRequest) (any, error) {
	var req struct {
		Name   string `json:"name"`
		Schema *struct {
			Fields map[string]struct {
				Filterable bool `json:"filterable"`
			} `json:"fields"`
		} `json:"schema"`
	}
	if err := read(r.Request, 1<<20, &req); err != nil {
		return nil, err
	}
	if req.Name == "" || len(req.Name) > 512 {
		return nil, refuse(400, "a namespace has a name of 1 to 512 bytes")
	}
	if req.Schema != nil {
		for _, f := range req.Schema.Fields {
			if !f.Filterable {
				return nil, refuse(400, "only true values are allowed for filterable")
			}
		}
	}
	if r.ix.namespaces[req.Name] != nil {
		return nil, refuse(409, "Namespace of the given name already exists on the index.")
	}
	n := newNamespace()
	r.ix.namespaces[req.Name] = n
	return n.model(req.Name), nil
}

func describeNamespace(r dataRequest) (any, error) {
	name := r.PathValue("namespace")
	if n := r.ix.namespaces[name]; n != nil {
		return n.model(name), nil
	}
	return nil, refuse(404, "Namespace not found")
}

func deleteNamespace(r dataRequest) (any, error) {
	name := r.PathValue("namespace")
	if r.ix.namespaces[name] == nil {
		return nil, refuse(404, "Namespace not found")
	}
	delete(r.ix.namespaces, name)
	return struct{}{}, nil
}
