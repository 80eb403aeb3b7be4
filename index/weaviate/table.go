package weaviate

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/call"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// table is a class.
type table struct {
	db    *Database
	space external.Space
	class string
}

// call calls a method of gRPC. Weaviate gives nearly all errors there the same status, "unknown".
func (t *table) call(ctx context.Context, method string, message []byte) ([]byte, error) {
	answer, err := t.db.rpc.Call(ctx, "weaviate.v1.Weaviate/"+method, message)
	if s, refused := rpc.StatusOf(err); !refused || s.Code != rpc.Unknown && s.Code != rpc.NotFound && s.Code != rpc.InvalidArgument {
		return answer, err
	}
	if gone := t.db.there(ctx, t.class); gone != nil {
		return nil, gone
	}
	if s, _ := rpc.StatusOf(err); s.Code == rpc.Unknown {
		return nil, rag.Wrap(rag.KindUnavailable, &s, product+": the server failed")
	}
	return nil, err
}

// Upsert implements external.Table.
func (t *table) Upsert(ctx context.Context, items []external.Item) error {
	for _, i := range items {
		if len(i.Vector) != t.space.Dimensions {
			return rag.Errorf(rag.KindInvalid, "weaviate: item %d has a vector of %d dimensions, the space has %d", i.ID, len(i.Vector), t.space.Dimensions)
		}
	}
	if len(items) == 0 {
		return nil
	}
	release, err := t.db.alone(ctx, t.class)
	if err != nil {
		return err
	}
	defer release()
	if err := t.db.there(ctx, t.class); err != nil {
		return err
	}
	for len(items) > 0 {
		n, err := t.put(ctx, items)
		if err != nil {
			return err
		}
		items = items[n:]
	}
	return t.indexed(ctx)
}

// indexed waits until the vectors that were written can be found. That is at once, unless the server indexes asynchronously; whether it does so it tells by
// the length of its queues only.
func (t *table) indexed(ctx context.Context) error {
	for waited, pause := time.Duration(0), 5*time.Millisecond; waited < t.db.cfg.Timeout; waited, pause = waited+pause, min(2*pause, 250*time.Millisecond) {
		n, err := t.queued(ctx)
		if n == 0 || err != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("weaviate: %w", ctx.Err())
		case <-timer.C:
		}
	}
	return rag.Errorf(rag.KindUnavailable, "weaviate: vectors of space %s are not indexed after %s", t.space.Name, t.db.cfg.Timeout)
}

// queued returns how many vectors of the class wait to be indexed, 0 where the key must not know.
func (t *table) queued(ctx context.Context) (int64, error) {
	var answer struct {
		Nodes []struct {
			Shards []struct {
				Queue int64 `json:"vectorQueueLength"`
			} `json:"shards"`
		} `json:"nodes"`
	}
	_, err := t.db.rest.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/v1/nodes/" + url.PathEscape(t.class), Query: url.Values{"output": {"verbose"}}}, &answer)
	if rest.Status(err) == http.StatusForbidden {
		return 0, nil
	}
	n := int64(0)
	for _, node := range answer.Nodes {
		for _, s := range node.Shards {
			n += s.Queue
		}
	}
	return n, err
}

// put writes as many of the items as go into a message, all of them but where they have thousands of tags, and returns how many these are.
func (t *table) put(ctx context.Context, items []external.Item) (int, error) {
	var b []byte
	n := 0
	for _, i := range items {
		i.Text = strings.ToValidUTF8(i.Text, "\uFFFD")
		o := object(t.class, t.space.Text, i)
		if n > 0 && len(b)+len(o) > maxMessage {
			break
		}
		b = rpc.AppendMessage(b, 1, o)
		n++
	}
	answer, err := t.call(ctx, "BatchObjects", rpc.AppendUint(b, 2, consistencyAll))
	if err != nil {
		return 0, err
	}
	failures, err := readFailures(answer)
	if err != nil {
		return 0, malformed(err)
	}
	if len(failures) > 0 {
		return 0, t.failed(items[:n], failures)
	}
	return n, nil
}

// failed is the error of a batch of which objects were not stored. The server's words on the first are told, unless they repeat its text.
func (t *table) failed(items []external.Item, failures []failure) error {
	first := failures[0]
	id := rag.ChunkID(0)
	if first.index >= 0 && first.index < len(items) {
		id = items[first.index].ID
		if text := items[first.index].Text; text != "" && strings.Contains(first.text, text) {
			first.text = "it was refused"
		}
	}
	return rag.Errorf(rag.KindUnavailable, "weaviate: %d of %d items were not stored; item %d: %s", len(failures), len(items), id, call.Clean(first.text))
}

// Delete implements external.Table.
func (t *table) Delete(ctx context.Context, ids []rag.ChunkID) error {
	if len(ids) == 0 {
		return nil
	}
	return t.DeleteWhere(ctx, external.Condition{IDs: ids})
}

// DeleteWhere implements external.Table. The server deletes as many at a time as a search may find.
func (t *table) DeleteWhere(ctx context.Context, where external.Condition) error {
	b := rpc.AppendString(nil, 1, t.class)
	b = rpc.AppendMessage(b, 2, filter(where))
	b = rpc.AppendUint(b, 5, consistencyAll)
	release, err := t.db.alone(ctx, t.class)
	if err != nil {
		return err
	}
	defer release()
	for {
		answer, err := t.call(ctx, "BatchDelete", b)
		if err != nil {
			return err
		}
		numbers, err := readNumbers(answer)
		if err != nil {
			return malformed(err)
		}
		failed, matches, deleted := numbers[2], numbers[3], numbers[4]
		switch {
		case failed > 0, matches > 0 && deleted == 0:
			return rag.Errorf(rag.KindUnavailable, "weaviate: of %d items %d were deleted, and %d could not be", matches, deleted, failed)
		case deleted >= matches:
			return nil
		}
	}
}

// Search implements external.Table.
func (t *table) Search(ctx context.Context, q external.Query) (external.Result, error) {
	if q.Vector != nil && len(q.Vector) != t.space.Dimensions {
		return external.Result{}, rag.Errorf(rag.KindInvalid, "weaviate: the query has a vector of %d dimensions, the space has %d", len(q.Vector), t.space.Dimensions)
	}
	if q.Text != "" && !t.space.Text {
		return external.Result{}, rag.Errorf(rag.KindInvalid, "weaviate: space %s keeps no texts", t.space.Name)
	}
	var r external.Result
	g, ctx := errgroup.WithContext(ctx)
	// The filter is there even where it is met by all: without one, versions of objects that were written by several at a time take places in the
	// list of the nearest and are left out of it then.
	base := rpc.AppendMessage(searchRequest(t.class, q.K), 40, filter(q.Where))
	base = rpc.AppendMessage(base, 20, rpc.AppendString(nil, 1, "document"))
	base = base[:len(base):len(base)] // two requests begin with it
	if q.Vector != nil {
		g.Go(func() (err error) {
			vector := rpc.AppendUint(rpc.AppendMessage(nil, 3, floatBytes(q.Vector)), 4, 1) // one of 32-bit numbers
			b := rpc.AppendMessage(base, 43, rpc.AppendMessage(nil, 9, vector))
			b = rpc.AppendMessage(b, 21, rpc.AppendBool(rpc.AppendBool(nil, 1, true), 5, true))
			r.Vector, err = t.search(ctx, b, func(r result) float32 { return min(max(1-r.distance, -1), 1) })
			return err
		})
	}
	if q.Text != "" {
		g.Go(func() (err error) {
			words := rpc.AppendString(nil, 1, strings.ToValidUTF8(q.Text, " "))
			b := rpc.AppendMessage(base, 42, rpc.AppendString(words, 2, "text"))
			b = rpc.AppendMessage(b, 21, rpc.AppendBool(rpc.AppendBool(nil, 1, true), 7, true))
			r.Keyword, err = t.search(ctx, b, func(r result) float32 { return r.score })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return external.Result{}, err
	}
	return r, nil
}

func (t *table) search(ctx context.Context, message []byte, score func(result) float32) ([]rag.Scored, error) {
	answer, err := t.call(ctx, "Search", message)
	if err != nil {
		return nil, err
	}
	results, err := readResults(answer)
	if err != nil {
		return nil, malformed(err)
	}
	hits := make([]rag.Scored, len(results))
	for i, r := range results {
		hits[i] = rag.Scored{ChunkID: r.id, DocumentID: r.document, Score: score(r)}
	}
	return hits, nil
}

// IDs implements external.Table. Weaviate lists by UUID.
func (t *table) IDs(ctx context.Context, after rag.ChunkID, limit int) ([]rag.ChunkID, error) {
	var ids []rag.ChunkID
	for len(ids) < limit {
		n := min(limit-len(ids), maxK)
		b := searchRequest(t.class, n)
		b = rpc.AppendString(b, 33, uuidOf(after).String())
		b = rpc.AppendMessage(b, 21, rpc.AppendBool(nil, 1, true))
		b = rpc.AppendMessage(b, 20, nil) // no properties
		answer, err := t.call(ctx, "Search", b)
		if err != nil {
			return nil, err
		}
		page, err := readResults(answer)
		if err != nil {
			return nil, malformed(err)
		}
		for _, r := range page {
			if r.id <= after {
				return nil, malformed(fmt.Errorf("the ids are not in order: %d comes after %d", r.id, after))
			}
			after = r.id
			ids = append(ids, r.id)
		}
		if len(page) < n {
			break
		}
	}
	return ids, nil
}

// Count implements external.Table.
func (t *table) Count(ctx context.Context) (int64, error) {
	answer, err := t.call(ctx, "Aggregate", rpc.AppendBool(rpc.AppendString(nil, 1, t.class), 20, true))
	if err != nil {
		return 0, err
	}
	n, err := readCount(answer)
	if err != nil {
		return 0, malformed(err)
	}
	return n, nil
}

func malformed(err error) error {
	return rag.Errorf(rag.KindInternal, product+": the answer is malformed: %w", err)
}
