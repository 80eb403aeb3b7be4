package answer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/answer/fuse"
	"github.com/smartretriever/smartretriever/index/query"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/rag"
)

// MaxText bounds the text of a query or question, in bytes.
const MaxText = 32 << 10

// candidates is how many each side of the index is asked for at least: the
// fusion rule is defined over the first 100 of a list.
const candidates = 100

// Search finds the chunks that answer q best. Errors: KindInvalid for a faulty
// query, KindUnavailable or KindExhausted when the index or, in vector mode, the
// embedder cannot answer in time.
func (p *Pipeline) Search(ctx context.Context, scope rag.Scope, col rag.Collection, q rag.Query) (rag.SearchResult, error) {
	r := p.begin("search")
	res, err := p.search(ctx, r, scope, col, q)
	rec := rag.QueryRecord{ID: r.trace.ID, Scope: scope, Kind: "search", Text: q.Text, At: r.begun, Cached: res.Cached, Took: p.cfg.Clock().Sub(r.begun)}
	if err != nil {
		rec.Err = err.Error()
		p.cfg.Observe.Error(rag.KindOf(err), "search")
	}
	rec.Hits = ids(res.Hits)
	p.record(ctx, rec, len(res.Degraded) > 0)
	return res, err
}

// search is the pipeline itself; Ask runs it as one of its stages.
func (p *Pipeline) search(ctx context.Context, r *run, scope rag.Scope, col rag.Collection, q rag.Query) (rag.SearchResult, error) {
	q, err := p.checkQuery(q)
	if err != nil {
		return rag.SearchResult{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, q.Timeout)
	defer cancel()

	asked := q
	asked.MinSeq = 0 // the collection's own number is in the key
	key := p.key("retrieval", scope, col, q.MinSeq, asked)
	res, joined, err := p.searches.join(ctx, together(ctx, key, q.NoCache), nil, func(ctx context.Context, _ func(rag.Event) error) (made[rag.SearchResult], error) {
		if res, ok := lookup[rag.SearchResult](ctx, p, "retrieval", key, q.NoCache); ok {
			return res, nil
		}
		return p.find(ctx, r, scope, col, q, key)
	})
	if err != nil {
		return rag.SearchResult{}, err
	}
	out := res.Value
	out.Hits = slices.Clone(out.Hits) // others have them, too
	if joined {
		p.joined(ctx, "retrieval", res.Charges)
		r.degraded, out.Warnings = append(r.degraded, out.Degraded...), nil
	}
	if joined || res.found {
		out.Cached, out.Trace = true, r.end()
	}
	return out, nil
}

// joined counts a result that another call made.
func (p *Pipeline) joined(ctx context.Context, layer string, charges []rag.Charge) {
	p.cfg.Observe.Cache(layer+"_in_flight", true)
	p.cfg.Meter.Saved(ctx, charges)
}

// find is what a search does that has no result yet.
func (p *Pipeline) find(ctx context.Context, r *run, scope rag.Scope, col rag.Collection, q rag.Query, key string) (made[rag.SearchResult], error) {
	var none made[rag.SearchResult]
	ctx, bill := meter.Track(ctx)
	vector, err := p.embedQuery(ctx, r, q)
	if err != nil {
		return none, err
	}
	ranked, found, err := p.rank(ctx, r, scope, col, q, vector)
	if err != nil {
		return none, err
	}
	hits, err := p.readBack(ctx, r, scope, col, q, ranked)
	if err != nil {
		return none, err
	}
	hits = p.rerank(ctx, r, q, hits, found.Terms)
	if q.Context {
		if err := p.readContext(ctx, col, hits); err != nil {
			return none, err
		}
	}
	seq := found.Seq
	res := rag.SearchResult{Hits: hits, Seq: seq, Degraded: r.degraded, Trace: r.end()}
	if len(res.Degraded) == 0 && p.lasts(col, seq) {
		keep(ctx, p, "retrieval", key, res, bill.Charges(), p.cfg.RetrievalTTL)
	}
	res.Warnings = bill.Warnings()
	return made[rag.SearchResult]{kept: kept[rag.SearchResult]{res, bill.Charges()}}, nil
}

// checkQuery fills in defaults and refuses what is out of range.
func (p *Pipeline) checkQuery(q rag.Query) (rag.Query, error) {
	q.Text = strings.TrimSpace(q.Text)
	switch {
	case q.Text == "":
		return q, rag.Errorf(rag.KindInvalid, "query: is empty")
	case len(q.Text) > MaxText:
		return q, rag.Errorf(rag.KindInvalid, "query: has %d bytes; at most %d are taken", len(q.Text), MaxText)
	case !utf8.ValidString(q.Text):
		return q, rag.Errorf(rag.KindInvalid, "query: is not valid UTF-8")
	case q.Operators && query.Wanted(q.Text) == "":
		return q, rag.Errorf(rag.KindInvalid, "query: says only what must not be there")
	case q.K < 0 || q.K > rag.MaxK:
		return q, rag.Errorf(rag.KindInvalid, "k: %d is out of range 1 to %d", q.K, rag.MaxK)
	case q.GroupBy != "" && q.GroupBy != "document":
		return q, rag.Errorf(rag.KindInvalid, "group_by: %q is unknown; use \"document\" or leave it out", q.GroupBy)
	}
	if q.K == 0 {
		q.K = 10
	}
	switch q.Mode {
	case "":
		q.Mode = rag.ModeHybrid
	case rag.ModeHybrid, rag.ModeVector, rag.ModeKeyword:
	default:
		return q, rag.Errorf(rag.KindInvalid, "mode: %q is unknown; use hybrid, vector or keyword", q.Mode)
	}
	if q.Fusion == (rag.Fusion{}) {
		q.Fusion = p.cfg.Fusion
	}
	if q.Fusion.Method == "" {
		q.Fusion.Method = "zscore"
	}
	if q.Fusion.Alpha == 0 {
		q.Fusion.Alpha = .5
	}
	if q.Fusion.RRFK == 0 {
		q.Fusion.RRFK = 60
	}
	switch {
	case q.Fusion.Method != "zscore" && q.Fusion.Method != "rrf":
		return q, rag.Errorf(rag.KindInvalid, "fusion: method %q is unknown; use zscore or rrf", q.Fusion.Method)
	case !(q.Fusion.Alpha >= 0 && q.Fusion.Alpha <= 1): // so that NaN is refused
		return q, rag.Errorf(rag.KindInvalid, "fusion: alpha %g is out of range 0 to 1", q.Fusion.Alpha)
	case q.Fusion.RRFK < 1:
		return q, rag.Errorf(rag.KindInvalid, "fusion: rrf_k %d must be positive", q.Fusion.RRFK)
	}
	if q.Timeout <= 0 {
		q.Timeout = p.cfg.SearchTimeout
	}
	return q, q.Filter.Validate()
}

// embedQuery returns the query's vector, nil in keyword mode. In hybrid mode an
// embedder that is down costs the vector side, not the search.
func (p *Pipeline) embedQuery(ctx context.Context, r *run, q rag.Query) ([]float32, error) {
	if q.Mode == rag.ModeKeyword {
		return nil, nil
	}
	text := q.Text
	if q.Operators {
		text = query.Wanted(text)
	}
	begun := p.cfg.Clock()
	vectors, err := p.cfg.Embed.Embed(ctx, rag.QuestionText, []string{text})
	if err == nil && len(vectors) != 1 {
		err = rag.Errorf(rag.KindInternal, "the embedder returned %d vectors for one text", len(vectors))
	}
	if err != nil {
		if q.Mode == rag.ModeVector || ctx.Err() != nil {
			return nil, rag.Wrap(rag.KindOf(err), err, "embed the query")
		}
		r.degrade("embedder", err)
		return nil, nil
	}
	r.stage("embed", begun, 1, 1, "")
	return vectors[0], nil
}

// rank asks the index and fuses its two lists. With grouping, it asks again for
// more when too few documents came out of lists that were cut off.
func (p *Pipeline) rank(ctx context.Context, r *run, scope rag.Scope, col rag.Collection, q rag.Query, vector []float32) ([]fuse.Fused, rag.IndexResult, error) {
	want := p.wanted(q)
	iq := rag.IndexQuery{Vector: vector, K: max(candidates, want), Filter: q.Filter, Scope: scope, Terms: p.reranks(q)}
	if q.Mode != rag.ModeVector {
		iq.Text = q.Text
	}
	if q.Operators {
		iq.Operators = q.Text
	}
	for {
		begun := p.cfg.Clock()
		found, err := p.cfg.Index.Search(ctx, col, iq, max(q.MinSeq, col.Seq))
		if err != nil {
			return nil, found, err
		}
		r.stage("index", begun, iq.K, len(found.Vector)+len(found.Keyword), "")
		r.lacking(found)
		r.trace.Stages = append(r.trace.Stages, found.Stages...)

		begun = p.cfg.Clock()
		fused := combine(q, found)
		ranked := fused
		if q.GroupBy == "document" {
			ranked = bestOfDocument(fused)
		}
		r.stage("fuse", begun, len(found.Vector)+len(found.Keyword), len(ranked), q.Fusion.Method)
		cutOff := len(found.Vector) == iq.K || len(found.Keyword) == iq.K
		if len(ranked) >= want || !cutOff || iq.K >= 16*rag.MaxK {
			return ranked, found, nil
		}
		iq.K *= 4
	}
}

func combine(q rag.Query, found rag.IndexResult) []fuse.Fused {
	if q.Fusion.Method == "rrf" {
		return fuse.RRF(found.Vector, found.Keyword, q.Fusion.RRFK, q.Fusion.Alpha)
	}
	return fuse.ZScore(found.Vector, found.Keyword, q.Fusion.Alpha)
}

// bestOfDocument keeps the first, and so the best, chunk of each document.
func bestOfDocument(fused []fuse.Fused) []fuse.Fused {
	seen := make(map[rag.DocumentID]bool, len(fused))
	out := fused[:0:0]
	for _, f := range fused {
		if !seen[f.DocumentID] {
			seen[f.DocumentID] = true
			out = append(out, f)
		}
	}
	return out
}

// readBack turns the best candidates into hits as the store has them now. What
// has been deleted since the index read it is left out, and the access list and
// the filter are checked once more on the store's own rows. Near-duplicates are
// folded into the best of them while reading, so that there are as many hits as are
// wanted if there are enough candidates.
func (p *Pipeline) readBack(ctx context.Context, r *run, scope rag.Scope, col rag.Collection, q rag.Query, ranked []fuse.Fused) ([]rag.Hit, error) {
	begun := p.cfg.Clock()
	wanted := p.wanted(q)
	kept := folding{off: q.KeepDuplicates || p.cfg.KeepDuplicates, hits: make([]rag.Hit, 0, min(wanted, len(ranked)))}
	read, most := 0, wanted
	if !kept.off {
		most += wanted/4 + 1 // some are folded: a few more rows cost less than asking the store again
	}
	for rest := ranked; len(rest) > 0 && len(kept.hits) < wanted; most *= 4 {
		n := min(len(rest), most)
		batch := rest[:n]
		rest = rest[n:]
		want := make([]rag.ChunkID, n)
		for i, f := range batch {
			want[i] = f.ChunkID
		}
		chunks, docs, err := p.cfg.Chunks.Chunks(ctx, col.ID, want)
		if err != nil {
			return nil, err
		}
		byID := make(map[rag.ChunkID]rag.Chunk, len(chunks))
		for _, c := range chunks {
			byID[c.ID] = c
		}
		for _, f := range batch {
			if len(kept.hits) == wanted {
				break
			}
			c, there := byID[f.ChunkID]
			doc := docs[c.DocumentID]
			if !there || !scope.May(doc.ACL) || !q.Filter.Match(doc.Lookup) {
				continue
			}
			h := hit(f, c, doc)
			if q.Highlight && p.cfg.Highlight != nil {
				h.Highlights = p.cfg.Highlight(q, h.Text)
			}
			kept.take(h)
			read++
		}
	}
	r.stage("read", begun, len(ranked), read, "")
	if !kept.off {
		r.stage("duplicates", p.cfg.Clock(), read, len(kept.hits), "")
	}
	return kept.hits, nil
}

func hit(f fuse.Fused, c rag.Chunk, doc rag.Document) rag.Hit {
	return rag.Hit{
		ChunkID: c.ID, Score: f.Score, Text: c.Text, Prefix: c.Prefix, Span: c.Span, Page: c.Page,
		Heading: c.Heading, Version: c.Version, Tokens: c.Tokens, Parent: c.Parent, Document: doc,
		Vector: float64(f.Vector), Keyword: float64(f.Keyword), VectorRank: f.VectorRank, KeywordRank: f.KeywordRank,
	}
}

func ids(hits []rag.Hit) []rag.ChunkID {
	out := make([]rag.ChunkID, len(hits))
	for i, h := range hits {
		out[i] = h.ChunkID
	}
	return out
}

// isDown reports whether err means that a part cannot answer now, so that the
// pipeline may go on without it.
func isDown(err error) bool {
	return errors.Is(err, rag.ErrUnavailable) || errors.Is(err, rag.ErrExhausted) || errors.Is(err, context.DeadlineExceeded)
}
