package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// PutDocuments stores documents, versions, texts, chunks, new embeddings and feed
// rows in one transaction. A document whose external id is that of a live one of
// its collection replaces it: it keeps the id, gets the next version, and its
// chunks get new ids. An empty external id becomes the document's id. All
// collections are of one tenant, or the documents of each tenant are a transaction
// of their own.
//
// A fault of one document is its PutResult.Err and leaves the others: KindInvalid
// for what cannot be stored, KindNotFound for a collection that is not there,
// KindConflict where an embedding that was in the store when it was asked for has
// been purged meanwhile, or the collection has moved to another generation, so that
// the document has to be handed in again. A fault of the whole is the error, and
// then nothing was stored.
func (s *Store) PutDocuments(ctx context.Context, puts []rag.Put) ([]rag.PutResult, error) {
	results := make([]rag.PutResult, len(puts))
	byTenant := map[string][]int{}
	var tenants []string
	owners := map[int64]owner{}
	for i := range puts {
		of, asked := owners[puts[i].CollectionID]
		if !asked {
			of.tenant, of.err = s.tenantOf(ctx, puts[i].CollectionID)
			if of.err != nil && rag.KindOf(of.err) != rag.KindNotFound {
				return nil, wrap(of.err, "store documents")
			}
			owners[puts[i].CollectionID] = of
		}
		if err := earlier(checkPut(&puts[i]), of.err); err != nil {
			results[i] = store.Failed(puts[i].Document, err)
			continue
		}
		if byTenant[of.tenant] == nil {
			tenants = append(tenants, of.tenant)
		}
		byTenant[of.tenant] = append(byTenant[of.tenant], i)
	}
	for n, tenant := range tenants {
		err := s.update(ctx, inTenant(tenant), func(ctx context.Context, tx pgx.Tx) error {
			return s.putAll(ctx, tx, tenant, puts, byTenant[tenant], results)
		})
		if err != nil && n == 0 {
			return nil, wrap(err, "store documents")
		}
		if err != nil { // those of another tenant are stored
			for _, i := range byTenant[tenant] {
				results[i] = store.Failed(puts[i].Document, wrap(err, "store document"))
			}
		}
	}
	return results, nil
}

// owner is the tenant of a collection, or why there is none.
type owner struct {
	tenant string
	err    error
}

// maxText is the most bytes of a text: a quarter of what PostgreSQL has for a
// value, so that the statement that brings it is within its bounds too.
const maxText = 256 << 20

// checkPut is store.CheckPut with what PostgreSQL asks besides.
func checkPut(p *rag.Put) error {
	if err := store.CheckPut(p); err != nil {
		return err
	}
	if len(p.Text.Content) > maxText {
		return rag.Errorf(rag.KindInvalid, "a text of %d bytes is too long to be stored", len(p.Text.Content))
	}
	d := &p.Document
	for what, text := range map[string]string{"media type": d.MediaType, "digest": d.SHA256, "input hash": d.InputHash, "language": d.Language} {
		if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			return rag.Errorf(rag.KindInvalid, "the document's %s %.80q is not text", what, text)
		}
	}
	return p.Text.Metadata.Validate()
}

// putAll stores those of puts whose places are given.
func (s *Store) putAll(ctx context.Context, tx pgx.Tx, tenant string, puts []rag.Put, places []int, results []rag.PutResult) error {
	b := batch{store: s, tx: tx, tenant: tenant, held: map[embeddingKey]bool{}}
	wanted := make([]*rag.Put, len(places))
	for i, place := range places {
		wanted[i] = &puts[place]
	}
	if err := b.begin(ctx, wanted); err != nil {
		return err
	}
	for len(places) > 0 {
		n := distinct(puts, places)
		if err := b.wave(ctx, puts, places[:n], results); err != nil {
			return err
		}
		places = places[n:]
	}
	return b.end(ctx)
}

// distinct is how many of the first places name documents that differ: one that
// is handed in twice replaces itself, which is for another wave.
func distinct(puts []rag.Put, places []int) int {
	type key struct {
		collection int64
		id         string
	}
	seen := map[key]bool{}
	for n, place := range places {
		k := key{puts[place].CollectionID, puts[place].Document.ExternalID}
		if k.id != "" && seen[k] {
			return n
		}
		seen[k] = true
	}
	return len(places)
}

// batch is the documents of one tenant in one call of PutDocuments.
type batch struct {
	store       *Store
	tx          pgx.Tx
	tenant      string
	now         time.Time
	collections map[int64]*lockedCollection
	held        map[embeddingKey]bool // embeddings that are in the store, or will be
	rows        putRows               // of the wave
}

// lockedCollection is a collection whose row is locked.
type lockedCollection struct {
	generation
	seq     int64
	added   count
	changed bool
}

// begin locks the collections and reads what of the embeddings is there.
func (b *batch) begin(ctx context.Context, puts []*rag.Put) (err error) {
	var ids []int64
	hashes := map[string][]rag.Hash{}
	for _, p := range puts {
		ids = append(ids, p.CollectionID)
	}
	slices.Sort(ids)
	if b.collections, err = b.store.lockForPut(ctx, b.tx, b.tenant, slices.Compact(ids)); err != nil {
		return err
	}
	if b.now, err = b.store.clock(ctx, b.tx); err != nil {
		return err
	}
	for _, p := range puts {
		if c := b.collections[p.CollectionID]; c != nil && c.model != 0 {
			for i := range p.Chunks {
				hashes[c.name] = append(hashes[c.name], p.Chunks[i].Hash)
			}
		}
	}
	for name, of := range hashes {
		found, model, err := storedHashes(ctx, b.tx, b.tenant, name, of)
		if err != nil {
			return err
		}
		for h := range found {
			b.held[embeddingKey{model, h}] = true
		}
	}
	return nil
}

// lockForPut locks rows of collections in the order of their ids, and keeps purges
// from the tenant's embeddings (see keepEmbeddings). It returns those that there are,
// with their live generations.
func (s *Store) lockForPut(ctx context.Context, tx pgx.Tx, tenant string, ids []int64) (map[int64]*lockedCollection, error) {
	var batch pgx.Batch
	batch.Queue("SELECT 1 FROM collections WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", ids)
	batch.Queue("SELECT pg_advisory_xact_lock_shared($1)", s.embeddingsLock(tenant))
	batch.Queue(`
		SELECT c.id, c.seq, g.number, g.model, g.dimensions, coalesce(m.id, 0), coalesce(m.dimensions, 0)
		FROM collections c JOIN generations g ON g.collection = c.id AND g.number = c.generation LEFT JOIN models m ON m.name = g.model
		WHERE c.id = ANY($1::bigint[])`, ids)
	r := tx.SendBatch(ctx, &batch)
	for range 2 {
		if _, err := r.Exec(); err != nil {
			return nil, earlier(err, r.Close())
		}
	}
	locked := map[int64]*lockedCollection{}
	var known int
	rows, err := r.Query()
	if err != nil {
		return nil, earlier(err, r.Close())
	}
	for rows.Next() {
		var id int64
		c := &lockedCollection{generation: generation{live: true}}
		if err := rows.Scan(&id, &c.seq, &c.number, &c.name, &c.dimensions, &c.model, &known); err != nil {
			return nil, earlier(err, r.Close())
		}
		locked[id] = c
		if c.model != 0 && known != c.dimensions {
			c.bad = store.OtherDimensions(c.name, c.dimensions, known)
		}
	}
	if err := earlier(rows.Err(), r.Close()); err != nil {
		return nil, err
	}
	for _, c := range locked {
		if c.name != "" && c.model == 0 {
			if c.model, c.bad = modelRow(ctx, tx, c.name, c.dimensions); c.bad != nil && rag.KindOf(c.bad) != rag.KindInvalid {
				return nil, c.bad
			}
		}
	}
	return locked, nil
}

// replaced is the document that a put takes the place of.
type replaced struct {
	document
	chunkIDs []int64
}

// wave stores documents that differ from each other.
func (b *batch) wave(ctx context.Context, puts []rag.Put, places []int, results []rag.PutResult) error {
	old, numbers, err := b.look(ctx, puts, places)
	if err != nil {
		return err
	}
	b.rows = putRows{}
	for _, place := range places {
		p := &puts[place]
		err := b.acceptable(p)
		if err == nil {
			results[place], err = b.put(p, old[place], numbers)
		}
		if err != nil {
			var mine *rag.Error
			if !errors.As(err, &mine) {
				return err
			}
			results[place] = store.Failed(p.Document, err)
		}
	}
	return b.write(ctx)
}

// look reads the documents that are replaced, by the places of those that replace
// them, and draws numbers for new rows.
func (b *batch) look(ctx context.Context, puts []rag.Put, places []int) (map[int]*replaced, *numbers, error) {
	var at, collections []int64
	var keys, rests [][]byte
	chunks := 0
	for _, place := range places {
		key, rest := externalKey(puts[place].Document.ExternalID)
		at, collections = append(at, int64(place)), append(collections, puts[place].CollectionID)
		keys, rests = append(keys, key), append(rests, rest)
		chunks += len(puts[place].Chunks)
	}
	var batch pgx.Batch
	batch.Queue(`
		SELECT `+documentColumns+`, w.place, array(SELECT k.id FROM chunks k WHERE k.document = d.id ORDER BY k.ordinal)
		FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[]) w (place, collection, key, rest)
		CROSS JOIN LATERAL (SELECT * FROM documents WHERE collection = w.collection AND external_key = w.key AND external_rest = w.rest AND deleted_at IS NULL OFFSET 0) d`,
		at, collections, keys, rests)
	drawn := &numbers{}
	drawn.queue(&batch, len(places), chunks)
	r := b.tx.SendBatch(ctx, &batch)
	rows, err := r.Query()
	if err != nil {
		return nil, nil, earlier(err, r.Close())
	}
	old := map[int]*replaced{}
	for rows.Next() {
		var o replaced
		var place int
		if o.document, err = scanDocument(rows, &place, &o.chunkIDs); err != nil {
			return nil, nil, earlier(err, r.Close())
		}
		old[place] = &o
	}
	if err := rows.Err(); err != nil {
		return nil, nil, earlier(err, r.Close())
	}
	return old, drawn, earlier(drawn.read(r), r.Close())
}

// numbers are ids for new rows, drawn in advance. They are drawn under the locks of
// the collections, so that those of one collection ascend in the order of commit.
type numbers struct{ documents, versions, chunks []int64 }

func (n *numbers) queue(b *pgx.Batch, documents, chunks int) {
	for _, draw := range []struct {
		table string
		count int
	}{{"documents", documents}, {"versions", documents}, {"chunks", chunks}} {
		b.Queue("SELECT array(SELECT nextval(pg_get_serial_sequence('"+draw.table+"', 'id')) FROM generate_series(1, $1::bigint))", draw.count)
	}
}

func (n *numbers) read(r pgx.BatchResults) error {
	for _, dest := range []*[]int64{&n.documents, &n.versions, &n.chunks} {
		if err := r.QueryRow().Scan(dest); err != nil {
			return err
		}
	}
	return nil
}

func take(list *[]int64) int64 {
	n := (*list)[0]
	*list = (*list)[1:]
	return n
}

// acceptable reports why a document cannot be stored now.
func (b *batch) acceptable(p *rag.Put) error {
	c := b.collections[p.CollectionID]
	switch {
	case c == nil:
		return store.NoCollection(p.CollectionID)
	case c.bad != nil:
		return c.bad
	}
	if err := store.CheckLive(p, c.number, c.name); err != nil || c.model == 0 {
		return err
	}
	for i := range p.Chunks {
		hash := p.Chunks[i].Hash
		if b.held[embeddingKey{c.model, hash}] {
			continue
		}
		if err := store.CheckNew(p.Vectors[hash], c.dimensions); err != nil {
			return err
		}
	}
	return nil
}

// put makes the rows of one document: its own, its version with the text, its
// chunks with their embeddings, and the feed.
func (b *batch) put(p *rag.Put, old *replaced, n *numbers) (rag.PutResult, error) {
	c := b.collections[p.CollectionID]
	d := document{Document: store.NewDocument(p, b.now), collection: p.CollectionID}
	d.Error = storable(d.Error)
	state := rag.Updated
	if old == nil {
		id, err := uuid.NewV7()
		if err != nil {
			return rag.PutResult{}, err
		}
		d.row, d.ID, d.Version, d.CreatedAt = take(&n.documents), rag.DocumentID(id.String()), 1, b.now
		if d.ExternalID == "" {
			d.ExternalID = string(d.ID)
		}
		state = rag.Added
		c.added.documents++
	} else {
		d.row, d.ID, d.CreatedAt, d.Version = old.row, old.ID, old.CreatedAt, old.Version+1
		c.added.chunks -= old.Chunks
		c.added.bytes -= old.Bytes
		b.rows.replace(old.row, d.Version-b.store.cfg.KeepVersions)
		for _, id := range old.chunkIDs {
			c.seq++
			b.rows.change(d, c.seq, rag.ChangeDelete, id)
		}
	}
	c.added.chunks += d.Chunks
	c.added.bytes += d.Bytes
	c.changed = true
	b.rows.document(d)
	version := take(&n.versions)
	b.rows.version(d, version, p)
	for i := range p.Chunks {
		k := &p.Chunks[i]
		id := take(&n.chunks)
		b.rows.chunk(d, version, i, id, k)
		c.seq++
		b.rows.change(d, c.seq, rag.ChangePut, id)
		if key := (embeddingKey{c.model, k.Hash}); c.model != 0 && !b.held[key] {
			b.held[key] = true
			b.rows.embeddings = append(b.rows.embeddings, embeddingRow{key, p.Vectors[k.Hash]})
		}
	}
	return rag.PutResult{Document: d.Document, State: state, Seq: c.seq}, nil
}

// end adds to the counters of the collections what was put into them.
func (b *batch) end(ctx context.Context) error {
	var batch pgx.Batch
	var changed []int64
	for id, c := range b.collections {
		if c.changed {
			changed = append(changed, id)
			batch.Queue("UPDATE collections SET seq = $2, documents = documents + $3, chunks = chunks + $4, bytes = bytes + $5 WHERE id = $1",
				id, c.seq, c.added.documents, c.added.chunks, c.added.bytes)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := b.tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	return b.store.touched(ctx, b.tx, changed...)
}
