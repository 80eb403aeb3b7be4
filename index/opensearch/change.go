package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// table is an index, through its alias.
type table struct {
	db         *Database
	product    string
	alias      string
	dimensions int
}

var _ external.Table = (*table)(nil)

func (t *table) path(call string) string { return "/" + url.PathEscape(t.alias) + call }

// fits checks a vector before it is sent, as a batch is refused in the middle.
func (t *table) fits(v []float32) error {
	if len(v) != t.dimensions {
		return rag.Errorf(rag.KindInvalid, "%s: a vector has %d dimensions, and the index of %s has %d", t.product, len(v), t.alias, t.dimensions)
	}
	return nil
}

// maxBody is where a bulk request is divided, in bytes: the smallest bound of hosted servers is 10 MiB.
const maxBody = 8 << 20

// bulk collects the lines of bulk requests and sends them.
type bulk struct {
	t     *table
	body  bytes.Buffer
	lines int // actions
}

// action is the line that begins an item of a bulk request.
func action(verb string, id rag.ChunkID) []byte {
	return []byte(`{"` + verb + `":{"_id":"` + strconv.FormatInt(int64(id), 10) + "\"}}\n")
}

// add adds an action and its document, and sends what there is if it would become too large.
func (b *bulk) add(ctx context.Context, action, document []byte) error {
	if b.lines > 0 && b.body.Len()+len(action)+len(document)+1 > maxBody {
		if err := b.send(ctx); err != nil {
			return err
		}
	}
	b.body.Write(action)
	if document != nil {
		b.body.Write(document)
		b.body.WriteByte('\n')
	}
	b.lines++
	return nil
}

// send sends what has been collected. One item that failed is an error of all, the gravest.
func (b *bulk) send(ctx context.Context) error {
	if b.lines == 0 {
		return nil
	}
	// An alias that is gone is not made an index by being written to.
	query := url.Values{"refresh": {"true"}, "require_alias": {"true"}}
	if b.t.db.cfg.WaitForRefresh {
		query.Set("refresh", "wait_for")
	}
	var answer struct {
		Errors bool
		Items  []map[string]struct { // by the verb
			Status int
			Error  *fault
		}
	}
	r := rest.Request{Method: http.MethodPost, Path: b.t.path("/_bulk"), Query: query, Body: b.body.Bytes(), ContentType: "application/x-ndjson", Private: true}
	if err := b.t.db.do(ctx, r, &answer); err != nil {
		return err
	}
	if len(answer.Items) != b.lines {
		return rag.Errorf(rag.KindUnavailable, "%s: a bulk request of %d items is answered for %d", b.t.product, b.lines, len(answer.Items))
	}
	var faults faults
	for _, item := range answer.Items {
		for verb, it := range item {
			gone := verb == "delete" && it.Status == http.StatusNotFound && it.Error == nil // there was none
			if it.Status < 300 && it.Error == nil || gone {
				continue
			}
			faults.add(it.Status, it.Error)
		}
	}
	b.body.Reset()
	b.lines = 0
	return faults.err(b.t.product, len(answer.Items))
}

// faults counts the items of a bulk request that failed, and keeps the gravest: what is final comes before what may pass.
type faults struct {
	n      int
	kind   rag.Kind
	code   string
	status int
}

func (f *faults) add(status int, why *fault) {
	code := ""
	if why != nil {
		code = why.Type
	}
	kind := kindOf(status, code)
	passing := func(k rag.Kind) bool { return k == rag.KindUnavailable || k == rag.KindExhausted }
	if f.n == 0 || passing(f.kind) && !passing(kind) {
		f.kind, f.code, f.status = kind, code, status
	}
	f.n++
}

func (f *faults) err(product string, of int) error {
	if f.n == 0 {
		return nil
	}
	return rag.Errorf(f.kind, "%s: %d of %d items of a bulk request failed: status %d, %s", product, f.n, of, f.status, f.code)
}

// Upsert implements external.Table.
func (t *table) Upsert(ctx context.Context, items []external.Item) error {
	for _, it := range items {
		if err := t.fits(it.Vector); err != nil {
			return err
		}
	}
	b := &bulk{t: t}
	for _, it := range items {
		document, err := json.Marshal(documentOf(it))
		if err != nil {
			return rag.Errorf(rag.KindInvalid, "%s: the vector of chunk %d holds a number that is not finite", t.product, it.ID)
		}
		if err := b.add(ctx, action("index", it.ID), document); err != nil {
			return err
		}
	}
	return b.send(ctx)
}

// Delete implements external.Table.
func (t *table) Delete(ctx context.Context, ids []rag.ChunkID) error {
	b := &bulk{t: t}
	for _, id := range ids {
		if err := b.add(ctx, action("delete", id), nil); err != nil {
			return err
		}
	}
	return b.send(ctx)
}

// DeleteWhere implements external.Table. The server takes out so many at a time that each call is answered in time. What another process changes at the same
// moment stays: that change comes after the deletion.
func (t *table) DeleteWhere(ctx context.Context, where external.Condition) error {
	query := url.Values{"refresh": {"true"}, "conflicts": {"proceed"}, "max_docs": {strconv.Itoa(maxWindow)}}
	for {
		var answer struct {
			TimedOut  bool `json:"timed_out"`
			Total     int
			Deleted   int
			Conflicts int `json:"version_conflicts"`
			Failures  []struct {
				Status int
				Cause  *fault
				Reason *fault
			}
		}
		r := rest.Request{Method: http.MethodPost, Path: t.path("/_delete_by_query"), Query: query, Body: object{"query": filter(where)}, Private: true}
		if err := t.db.do(ctx, r, &answer); err != nil {
			return err
		}
		var faults faults
		for _, f := range answer.Failures {
			why := f.Cause // of a document, Reason of a shard
			if why == nil {
				why = f.Reason
			}
			faults.add(max(f.Status, http.StatusBadRequest), why)
		}
		if err := faults.err(t.product, answer.Total); err != nil {
			return err
		}
		if answer.TimedOut {
			return rag.Errorf(rag.KindUnavailable, "%s: the deletion took too long", t.product)
		}
		if answer.Deleted == 0 || answer.Deleted+answer.Conflicts < maxWindow {
			return nil
		}
	}
}
