package ingest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// Config holds a pipeline's parts and limits.
type Config struct {
	Store    Store
	Blobs    Blobs
	Extract  Extractor
	Embed    func(ctx context.Context, col rag.Collection) (Embedder, error)      // finds the model of a collection's live generation
	Chunker  func(opt rag.ChunkerOptions, e Embedder, leave int) (Chunker, error) // makes the chunker of a generation, which leaves so many tokens of the model to what enrichment writes before a chunk
	Enrich   *enrich.Set                                                          // what is found out about documents; nil is nothing
	MaxBytes int64                                                                // of one input; 0 is 100 MiB
	Workers  int                                                                  // documents read at once; 0 is one a core, at least 2
	Batch    int                                                                  // chunks that make a batch full; 0 is 128
	Clock    func() time.Time                                                     // nil is time.Now
	Done     func(rag.AddResult)                                                  // told of every result, from one goroutine a run; may be nil
}

// WithDefaults returns the configuration with its zero fields filled in.
func (c Config) WithDefaults() Config {
	if c.MaxBytes <= 0 {
		c.MaxBytes = 100 << 20
	}
	if c.Workers <= 0 {
		c.Workers = max(2, runtime.GOMAXPROCS(0))
	}
	if c.Batch <= 0 {
		c.Batch = 128
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Done == nil {
		c.Done = func(rag.AddResult) {}
	}
	return c
}

// Pipeline ingests documents. It is goroutine-safe; runs do not disturb each other.
type Pipeline struct{ cfg Config }

// New returns a pipeline over the parts in cfg.
func New(cfg Config) *Pipeline { return &Pipeline{cfg.WithDefaults()} }

// originalsAtOnce is how many originals are written to disk at a time.
const originalsAtOnce = 8

// maxBatchBytes closes a batch of few but large documents.
const maxBatchBytes = 32 << 20

// numbered is an input with its place in the order in which inputs came.
type numbered struct {
	index int
	in    rag.Input

	from    *parcel // the archive it is a member of, nil for an input
	content []byte  // of a member
	err     error   // why a member could not be unpacked
}

// prepared is an input that has been read and cut: either a result that is final
// already, or a put that waits for its embeddings and its transaction.
type prepared struct {
	index   int
	from    *parcel // the archive that it is a member of, nil for an input
	end     bool    // it is the end of the archive, which had total members
	total   int
	result  rag.AddResult
	final   bool
	put     rag.Put
	texts   []string // EmbedText of each chunk
	content []byte   // the original, until it is known to be kept
	settled bool     // what became of the put is in result, and the original is there
	stop    bool     // result.Err ends the run
}

// plan is what a run does with its inputs. A collection that moves to another
// generation while they come gives it another one.
type plan struct {
	col     rag.Collection
	embed   Embedder
	chunker Chunker
	enrich  *enrich.Set
}

// plan returns what is to be done for a collection. A model that cannot be had, or
// is not the collection's, is KindConflict or the error of Config.Embed.
func (p *Pipeline) plan(ctx context.Context, col rag.Collection) (*plan, error) {
	embed, err := p.cfg.Embed(ctx, col)
	if err != nil {
		return nil, err
	}
	if m := embed.Model(); m.ID != col.Generation.Model {
		return nil, rag.Errorf(rag.KindConflict, "collection %q was embedded by %s, but %s is configured: use that model, or a new collection",
			col.Name, col.Generation.Model, m.ID)
	}
	chunker, err := p.cfg.Chunker(col.Generation.Chunker, embed, p.leave())
	return &plan{col, embed, chunker, p.cfg.Enrich}, err
}

// Run ingests every input into the collection. inputs is drawn as workers come
// free, from one goroutine; report is called once a document, one call at a time, in
// order of completion, with the index of the input: once an input, and for an archive
// once for each of its files, with More set in all results but the last. A document's
// own fault is in its result. The error is what
// stopped the run: the store, the embedder, or ctx; inputs not yet reported then
// are not stored, unless it is that error that leaves it open, such as a connection
// lost during a commit. They can be given again: what is stored already is unchanged.
func (p *Pipeline) Run(ctx context.Context, col rag.Collection, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error {
	begun, err := p.plan(ctx, col)
	if err != nil {
		return err
	}
	var current atomic.Pointer[plan]
	current.Store(begun)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	ready := make(chan prepared, p.cfg.Workers)
	go func() { // ends with the work, which ends soon after ctx is done
		p.work(ctx, current.Load, inputs, func(d prepared) { ready <- d })
		close(ready)
	}()

	err = p.commitAll(ctx, &current, ready, report)
	if err != nil {
		cancel(err)
		for range ready { // let the workers finish what they hold
		}
		return err
	}
	return context.Cause(ctx)
}

// commitAll gathers prepared documents and commits them batch by batch. A batch
// is closed when it is full or when no further document is ready: a lone
// document does not wait for company.
func (p *Pipeline) commitAll(ctx context.Context, current *atomic.Pointer[plan], ready <-chan prepared, report func(int, rag.AddResult)) error {
	results := newSeries(func(index int, res rag.AddResult, more bool) {
		res.More = more
		p.cfg.Done(res)
		report(index, res)
	})
	defer results.flush() // what is stored is reported though its archive is not complete
	tell := func(d *prepared) error {
		if !d.end {
			results.take(d.index, d.from, d.result)
		}
		return p.count(ctx, current.Load().col, d, results)
	}
	for open := true; open; {
		var batch []prepared
		for chunks, size := 0, 0; chunks < p.cfg.Batch && size < maxBatchBytes; {
			var d prepared
			if d, open = next(ready, len(batch) == 0); !open || d.index < 0 {
				break
			}
			if !d.final {
				batch = append(batch, d)
				chunks += max(1, len(d.texts))
				size += len(d.content) + len(d.put.Text.Content)
				continue
			}
			if ctx.Err() != nil && errors.Is(d.result.Err, ctx.Err()) {
				return context.Cause(ctx) // not a verdict on the document
			}
			if d.stop {
				return d.result.Err
			}
			if err := tell(&d); err != nil {
				return err
			}
		}
		if len(batch) == 0 {
			continue
		}
		err := p.commit(ctx, current, batch)
		for i := range batch {
			if !batch[i].settled {
				continue
			}
			if tellErr := tell(&batch[i]); err == nil {
				err = tellErr
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// count notes a result with the archive that it came from, and settles the archive
// when it was the last: with what is gone from it, and its own verdict if there is one.
func (p *Pipeline) count(ctx context.Context, col rag.Collection, d *prepared, results *series[rag.AddResult]) error {
	box := d.from
	switch {
	case box == nil:
		return nil
	case d.end:
		box.ended, box.total, box.own = true, d.total, d.result
	default:
		box.took(d.result.State, d.result.Err)
	}
	if !box.complete() {
		return nil
	}
	defer results.end(box)
	if box.own.Err == nil { // else nobody knows what the rest of it holds
		err := p.gone(ctx, col, box, func(r rag.AddResult) { results.take(d.index, box, r) })
		if err != nil {
			return err
		}
	}
	if !box.verdict(&box.own) {
		results.take(d.index, box, box.own)
	}
	return nil
}

// next receives from ready. Without wait it returns at once, with index -1 when
// nothing is there; open is false once ready is closed and empty.
func next(ready <-chan prepared, wait bool) (d prepared, open bool) {
	if wait {
		d, open = <-ready
		return d, open
	}
	select {
	case d, open = <-ready:
		return d, open
	default:
		return prepared{index: -1}, true
	}
}

// commitTries is how often a document is handed to the store that says that an
// embedding it counted on has been purged, or the generation changed, meanwhile.
const commitTries = 3

// commit embeds what is new in a batch and stores the batch in one transaction.
// Documents that lost an embedding to a clean-up in between, or were embedded for a
// generation that is not live any more, are embedded and stored once more. Also after
// an error, what is known to be stored is settled, and the caller tells of it.
func (p *Pipeline) commit(ctx context.Context, current *atomic.Pointer[plan], batch []prepared) error {
	left := make([]*prepared, len(batch))
	for i := range batch {
		left[i] = &batch[i]
	}
	for try := 1; len(left) > 0; try++ {
		at := current.Load()
		if err := p.embed(ctx, at, left); err != nil {
			return err
		}
		if err := p.storeOriginals(ctx, left); err != nil {
			return err
		}
		puts := make([]rag.Put, len(left))
		for i, d := range left {
			puts[i] = d.put
			puts[i].Generation = at.col.Generation.Number
		}
		results, err := p.cfg.Store.PutDocuments(ctx, puts)
		if err != nil {
			return err
		}
		var failed error
		if slices.ContainsFunc(results, turnedBack) {
			moved, err := p.follow(ctx, current)
			failed = err
			if moved {
				try = 0 // they are counted for one generation
			}
		}
		var again []*prepared
		for i, res := range results {
			if turnedBack(res) && try < commitTries {
				clear(left[i].put.Vectors)
				again = append(again, left[i])
				continue
			}
			// Whoever cancels now is too late for these.
			if err := p.settle(context.WithoutCancel(ctx), left[i], res); err != nil && failed == nil {
				failed = err
			}
		}
		if failed != nil {
			return failed
		}
		left = again
	}
	return nil
}

// turnedBack reports whether a document has to be embedded and stored again.
func turnedBack(res rag.PutResult) bool { return errors.Is(res.Err, rag.ErrConflict) }

// follow makes the plan that of the collection as it is now, and reports whether it
// has another generation.
func (p *Pipeline) follow(ctx context.Context, current *atomic.Pointer[plan]) (moved bool, err error) {
	at := current.Load()
	col, err := p.cfg.Store.CollectionByID(ctx, at.col.ID)
	if err != nil || col.Generation == at.col.Generation {
		return false, err
	}
	next, err := p.plan(ctx, col)
	if err == nil {
		current.Store(next)
	}
	return err == nil, err
}

// storeOriginals puts the originals of a batch, several at once since each waits
// for the disk. They are there before the transaction that refers to them.
func (p *Pipeline) storeOriginals(ctx context.Context, batch []*prepared) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(originalsAtOnce)
	for _, d := range batch {
		group.Go(func() error {
			_, _, err := p.cfg.Blobs.Put(ctx, bytes.NewReader(d.content), p.cfg.MaxBytes)
			return err
		})
	}
	return group.Wait()
}

// settle completes a document's result with what the store said.
func (p *Pipeline) settle(ctx context.Context, d *prepared, res rag.PutResult) error {
	r := &d.result
	r.State, r.Err, r.Seq = res.State, res.Err, res.Seq
	r.Took = p.cfg.Clock().Sub(d.put.Document.UpdatedAt)
	if res.Err != nil {
		r.State = rag.Failed
		d.settled = true
		return nil
	}
	r.ID, r.ExternalID, r.Version = res.Document.ID, res.Document.ExternalID, res.Document.Version
	err := p.keepBlob(ctx, d)
	d.settled = err == nil
	return err
}

// keepBlob makes sure, now that a committed document refers to it, that the
// original is there. It was put before the transaction; a clean-up that found it
// without a document just then may have taken it away.
func (p *Pipeline) keepBlob(ctx context.Context, d *prepared) error {
	there, err := p.cfg.Blobs.Keep(ctx, d.put.Document.SHA256, int64(len(d.content)))
	if err != nil || there {
		return err
	}
	_, _, err = p.cfg.Blobs.Put(ctx, bytes.NewReader(d.content), p.cfg.MaxBytes)
	return err
}

// embed computes, for a whole batch at once, the vectors that the store lacks,
// each distinct text once.
func (p *Pipeline) embed(ctx context.Context, at *plan, batch []*prepared) error {
	embed := at.embed
	where := map[rag.Hash]int{} // index into texts
	var hashes []rag.Hash
	var texts []string
	for _, d := range batch {
		for i, c := range d.put.Chunks {
			if _, seen := where[c.Hash]; !seen {
				where[c.Hash] = len(texts)
				hashes = append(hashes, c.Hash)
				texts = append(texts, d.texts[i])
			}
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	missing, err := p.cfg.Store.MissingEmbeddings(ctx, at.col.Tenant, embed.Model().ID, hashes)
	if err != nil {
		return err
	}
	need := make([]string, len(missing))
	for i, h := range missing {
		need[i] = texts[where[h]]
	}
	spared(ctx, embed, texts, need)
	var vectors [][]float32
	if len(need) > 0 {
		if vectors, err = embed.Embed(ctx, rag.PassageText, need); err != nil {
			return rag.Wrap(rag.KindOf(err), err, "embed")
		}
		if len(vectors) != len(need) {
			return rag.Errorf(rag.KindInternal, "embed: %d vectors for %d texts", len(vectors), len(need))
		}
	}
	fresh := make(map[rag.Hash][]float32, len(missing))
	for i, h := range missing {
		fresh[h] = vectors[i]
	}
	paid := make(map[rag.Hash]bool, len(fresh))
	for _, d := range batch {
		for _, c := range d.put.Chunks {
			v, ok := fresh[c.Hash]
			if !ok {
				continue
			}
			// Every document brings its own vectors along, in case the one before
			// it fails; only the first is said to have paid.
			d.put.Vectors[c.Hash] = v
			if !paid[c.Hash] {
				paid[c.Hash] = true
				d.result.Embedded++
				d.result.EmbeddedTokens += c.Tokens
			}
		}
	}
	return nil
}
