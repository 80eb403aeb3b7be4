package pinecone

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// idName returns the id of a record: a letter for the number of digits, and the digits, so that the order of texts is that of numbers.
func idName(id rag.ChunkID) string {
	digits := strconv.FormatInt(int64(id), 10)
	return string(rune('a'+len(digits)-1)) + digits
}

// parseID returns the chunk of a record's id.
func parseID(name string) (rag.ChunkID, error) {
	if len(name) > 1 {
		if id, err := strconv.ParseInt(name[1:], 10, 64); err == nil && id > 0 && idName(rag.ChunkID(id)) == name {
			return rag.ChunkID(id), nil
		}
	}
	return 0, rag.Errorf(rag.KindInternal, "pinecone: there is a record that is no chunk")
}

func names(ids []rag.ChunkID) []string {
	out := make([]string, len(ids))
	for n, id := range ids {
		out[n] = idName(id)
	}
	return out
}

// prefixesFrom returns prefixes of ids, ascending, that all ids above after have one of. Ids that begin with the first one may be up to 99 below: Pinecone lists from the
// beginning or from a token of an earlier list, and not from an id.
func prefixesFrom(after rag.ChunkID) []string {
	if after <= 0 {
		return []string{""}
	}
	const longest = 's' // of 19 digits
	name := idName(after)
	alike := max(1, len(name)-2)
	out := []string{name[:alike]}
	for p := alike - 1; p > 0; p-- {
		for c := name[p] + 1; c <= '9'; c++ {
			out = append(out, name[:p]+string(rune(c)))
		}
	}
	for c := name[0] + 1; c <= longest; c++ {
		out = append(out, string(rune(c)))
	}
	return out
}

// IDs lists, prefix by prefix, what Pinecone lists in the order of texts.
func (t *table) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	if err := t.await(ctx); err != nil {
		return nil, err
	}
	var ids []rag.ChunkID
	for _, prefix := range prefixesFrom(after) {
		if len(ids) >= limit {
			break
		}
		var err error
		if ids, err = t.list(ctx, ids, prefix, after, limit); err != nil {
			return nil, err
		}
	}
	if !slices.IsSorted(ids) {
		return nil, rag.Errorf(rag.KindInternal, "pinecone: ids are not listed in their order")
	}
	return ids, nil
}

// list appends the ids with a prefix that are above after, until there are limit of them.
func (t *table) list(ctx context.Context, ids []rag.ChunkID, prefix string, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	query := url.Values{"namespace": {t.namespace}, "limit": {"100"}}
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	for {
		var page struct {
			Vectors []struct {
				ID string `json:"id"`
			} `json:"vectors"`
			Pagination pagination `json:"pagination"`
		}
		if _, err := t.ix.http.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/vectors/list", Query: query}, &page); err != nil {
			return nil, err
		}
		for _, v := range page.Vectors {
			id, err := parseID(v.ID)
			if err != nil {
				return nil, err
			}
			if id > after && len(ids) < limit {
				ids = append(ids, id)
			}
		}
		if page.Pagination.Next == "" || len(ids) >= limit {
			return ids, nil
		}
		query.Set("paginationToken", page.Pagination.Next)
	}
}
