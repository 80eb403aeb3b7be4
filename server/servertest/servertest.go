// Package servertest holds a Service that keeps everything in memory, for tests
// of what stands in front of it. It finds chunks by shared words and answers with
// the first sentence of the best one; apart from that it keeps the promises that
// the real one makes: scopes, access lists, conflict, not found, cursors.
package servertest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// Fake is the Service. The zero value is not ready; use New. Goroutine-safe.
type Fake struct {
	// Fail, when set, is asked before every call; its error is the call's.
	Fail func(method string) error
	// Checks is what Health returns.
	Checks []rag.Health
	// Presigned, when set, begins the addresses that OriginalURL gives out.
	Presigned string
	// OnUsage, when set, is told what Usage is asked for.
	OnUsage func(q rag.UsageQuery)
	// BeforeAnswer, when set, is called in QueryStream after the hits.
	BeforeAnswer func(ctx context.Context) error

	mu      sync.Mutex
	now     time.Time
	seq     int64
	nextID  int
	tenants map[string]map[string]*collection
	queries int64
	jobs    []*job
}

type collection struct {
	rag.Collection
	docs    []*document // oldest first
	sources []rag.Source
}

type document struct {
	rag.Document
	original []byte
	texts    map[int]rag.Text
	chunks   []rag.Chunk
}

// New returns an empty Fake whose clock stands at one moment and goes on by a
// second with every change.
func New() *Fake {
	return &Fake{
		now:     time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		tenants: map[string]map[string]*collection{},
		Checks:  []rag.Health{{Name: "store", OK: true, Needed: true, Took: time.Millisecond}},
	}
}

func (f *Fake) enter(method string) (func(), error) {
	if f.Fail != nil {
		if err := f.Fail(method); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	return f.mu.Unlock, nil
}

func (f *Fake) tick() time.Time {
	f.now = f.now.Add(time.Second)
	f.seq++
	return f.now
}

func (f *Fake) find(s rag.Scope) (*collection, error) {
	s = s.WithDefaults()
	if c := f.tenants[s.Tenant][s.Collection]; c != nil {
		return c, nil
	}
	return nil, rag.Errorf(rag.KindNotFound, "collection %q does not exist", s.Collection)
}

func (f *Fake) create(s rag.Scope, spec rag.Collection) (*collection, error) {
	s = s.WithDefaults()
	if spec.Name == "" {
		spec.Name = s.Collection
	}
	if strings.HasPrefix(spec.Name, ".") || strings.ContainsAny(spec.Name, "/ \t") {
		return nil, rag.Errorf(rag.KindInvalid, "collection name %q: use letters, digits, dots, dashes and underscores", spec.Name)
	}
	if f.tenants[s.Tenant] == nil {
		f.tenants[s.Tenant] = map[string]*collection{}
	}
	if f.tenants[s.Tenant][spec.Name] != nil {
		return nil, rag.Errorf(rag.KindConflict, "collection %q exists already", spec.Name)
	}
	spec.Tenant, spec.CreatedAt = s.Tenant, f.tick()
	spec.Generation.Number, spec.Generation.Model, spec.Generation.Dimensions = 1, f.Model().ID, f.Model().Dimensions
	if spec.Generation.Chunker.Name == "" {
		spec.Generation.Chunker.Name = "structure"
	}
	c := &collection{Collection: spec}
	f.tenants[s.Tenant][spec.Name] = c
	return c, nil
}

func (c *collection) counted() rag.Collection {
	out := c.Collection
	for _, d := range c.docs {
		out.Documents++
		out.Chunks += d.Chunks
		out.Bytes += d.Bytes
	}
	return out
}

func (f *Fake) CreateCollection(_ context.Context, s rag.Scope, spec rag.Collection) (rag.Collection, error) {
	leave, err := f.enter("CreateCollection")
	if err != nil {
		return rag.Collection{}, err
	}
	defer leave()
	c, err := f.create(s, spec)
	if err != nil {
		return rag.Collection{}, err
	}
	return c.counted(), nil
}

func (f *Fake) Collection(_ context.Context, s rag.Scope) (rag.Collection, error) {
	leave, err := f.enter("Collection")
	if err != nil {
		return rag.Collection{}, err
	}
	defer leave()
	c, err := f.find(s)
	if err != nil {
		return rag.Collection{}, err
	}
	return c.counted(), nil
}

func (f *Fake) Collections(_ context.Context, s rag.Scope, opt rag.ListOptions) (rag.Page[rag.Collection], error) {
	leave, err := f.enter("Collections")
	if err != nil {
		return rag.Page[rag.Collection]{}, err
	}
	defer leave()
	all := f.tenants[s.WithDefaults().Tenant]
	names := slices.Sorted(maps.Keys(all))
	var out []rag.Collection
	for _, n := range names {
		out = append(out, all[n].counted())
	}
	return paged(out, opt, func(c rag.Collection) string { return c.Name })
}

func (f *Fake) UpdateCollection(_ context.Context, s rag.Scope, change rag.CollectionChange) (rag.Collection, error) {
	leave, err := f.enter("UpdateCollection")
	if err != nil {
		return rag.Collection{}, err
	}
	defer leave()
	c, err := f.find(s)
	if err != nil {
		return rag.Collection{}, err
	}
	if change.Description != nil {
		c.Description = *change.Description
	}
	if change.Metadata != nil {
		c.Metadata = *change.Metadata
	}
	f.tick()
	return c.counted(), nil
}

func (f *Fake) DeleteCollection(_ context.Context, s rag.Scope) error {
	leave, err := f.enter("DeleteCollection")
	if err != nil {
		return err
	}
	defer leave()
	c, err := f.find(s)
	if err != nil {
		return err
	}
	delete(f.tenants[c.Tenant], c.Name)
	return nil
}

func (f *Fake) AddDocument(ctx context.Context, s rag.Scope, in rag.Input) (rag.AddResult, error) {
	res := rag.AddResult{State: rag.Failed}
	in.Whole = true
	err := f.AddDocuments(ctx, s, func(yield func(rag.Input) bool) { yield(in) }, func(_ int, r rag.AddResult) { res = r })
	return res, cmp.Or(err, res.Err)
}

func (f *Fake) AddDocuments(_ context.Context, s rag.Scope, inputs iter.Seq[rag.Input], report func(index int, res rag.AddResult)) error {
	read := readAll(inputs) // unlocked: a content may come from this very Fake
	leave, err := f.enter("AddDocuments")
	if err != nil {
		return err
	}
	defer leave()
	c, err := f.find(s)
	if err != nil {
		if c, err = f.create(s, rag.Collection{}); err != nil {
			return err
		}
	}
	for i, in := range read {
		members := f.members(c, in)
		for n, in := range members {
			res, err := f.put(c, in)
			if err != nil {
				res.Err = err
				if res.State == "" {
					res.State = rag.Failed
				}
			}
			res.More = n < len(members)-1
			report(i, res)
		}
	}
	return nil
}

// members takes a zip file apart, which here is a file of that name: each of its
// lines is a document.
func (f *Fake) members(c *collection, in content) []content {
	if in.Whole || in.err != nil || !strings.HasSuffix(in.Name, ".zip") {
		return []content{in}
	}
	var out []content
	for i, line := range strings.Split(strings.TrimSpace(string(in.bytes)), "\n") {
		member := in
		member.ExternalID = rag.ArchiveMember(cmp.Or(in.ExternalID, in.Source), fmt.Sprint(i+1))
		member.bytes = []byte(line)
		if d := f.byExternalID(c, member.ExternalID); d != nil && in.MayReplace != nil {
			member.err = in.MayReplace(d.Document)
		}
		out = append(out, member)
	}
	return out
}

// content is an input's bytes, or why they could not be read.
type content struct {
	rag.Input
	bytes []byte
	err   error
}

func readAll(inputs iter.Seq[rag.Input]) []content {
	var out []content
	for in := range inputs {
		c := content{Input: in, bytes: []byte(in.Text)}
		if in.Content != nil {
			c.bytes, c.err = io.ReadAll(in.Content)
			if closer, ok := in.Content.(io.Closer); ok {
				c.err = cmp.Or(c.err, closer.Close())
			}
		}
		out = append(out, c)
	}
	return out
}

func (f *Fake) put(c *collection, in content) (rag.AddResult, error) {
	res := rag.AddResult{ExternalID: cmp.Or(in.ExternalID, in.Source), Source: in.Source, Title: in.Title}
	content, mediaType := in.bytes, cmp.Or(in.MediaType, "text/plain")
	if in.err != nil {
		return res, in.err
	}
	if strings.HasSuffix(in.Name, ".md") {
		mediaType = "text/markdown"
	}
	switch {
	case len(content) == 0:
		res.State = rag.Skipped
		return res, rag.Errorf(rag.KindInvalid, "is empty (0 bytes)")
	case strings.HasPrefix(string(content), "%PDF") && in.Password == "":
		return res, rag.Errorf(rag.KindUnauthorized, "is encrypted; give its password")
	case strings.ContainsRune(string(content), 0):
		return res, rag.Errorf(rag.KindInvalid, "is of a kind that is not supported")
	}
	if err := in.Metadata.Validate(); err != nil {
		return res, err
	}
	sum := sha256.Sum256(content)
	d := f.byExternalID(c, res.ExternalID)
	res.State = rag.Updated
	if d == nil {
		f.nextID++
		d = &document{texts: map[int]rag.Text{}}
		d.ID = rag.DocumentID(fmt.Sprintf("0190a000-0000-7000-8000-%012d", f.nextID))
		d.ExternalID = cmp.Or(res.ExternalID, string(d.ID))
		d.CreatedAt = f.tick()
		c.docs = append(c.docs, d)
		res.State = rag.Added
	} else if d.SHA256 == hex.EncodeToString(sum[:]) {
		res.ID, res.State, res.Version, res.Chunks, res.Title = d.ID, rag.Unchanged, d.Version, d.Chunks, d.Title
		return res, nil
	}
	d.Version++
	d.Title = cmp.Or(in.Title, in.Name, d.ExternalID)
	d.Source, d.MediaType, d.Metadata, d.ACL = in.Source, mediaType, in.Metadata, in.ACL
	d.SHA256, d.Bytes, d.State, d.UpdatedAt = hex.EncodeToString(sum[:]), int64(len(content)), rag.StateReady, f.tick()
	d.original = content
	text := rag.Text{Content: string(content), MediaType: mediaType, Title: d.Title}
	d.chunks = f.cut(d, &text)
	d.Chunks = len(d.chunks)
	d.texts[d.Version] = text
	c.Seq = f.seq
	res.ID, res.Version, res.Chunks, res.Seq, res.ExternalID, res.Title = d.ID, d.Version, d.Chunks, f.seq, d.ExternalID, d.Title
	return res, nil
}

// cut makes a chunk of each paragraph.
func (f *Fake) cut(d *document, text *rag.Text) []rag.Chunk {
	var chunks []rag.Chunk
	var heading []string
	at := 0
	for _, p := range strings.SplitAfter(text.Content, "\n\n") {
		body := strings.TrimSpace(p)
		start := at + strings.Index(p, body)
		at += len(p)
		if body == "" {
			continue
		}
		span := rag.Span{Start: start, End: start + len(body)}
		if strings.HasPrefix(body, "# ") && !strings.Contains(body, "\n") {
			heading = []string{strings.TrimPrefix(body, "# ")}
			text.Blocks = append(text.Blocks, rag.Block{Kind: rag.Heading, Level: 1, Span: span})
			continue
		}
		text.Blocks = append(text.Blocks, rag.Block{Kind: rag.Paragraph, Span: span})
		f.nextID++
		chunks = append(chunks, rag.Chunk{
			ID: rag.ChunkID(f.nextID), DocumentID: d.ID, Version: d.Version, Ordinal: len(chunks), Span: span,
			Text: body, Heading: heading, Tokens: len(strings.Fields(body)),
		})
	}
	return chunks
}

func (f *Fake) byExternalID(c *collection, id string) *document {
	for _, d := range c.docs {
		if id != "" && d.ExternalID == id {
			return d
		}
	}
	return nil
}

// paged cuts a page out of all; the cursor is the key of the last entry before it.
func paged[T any](all []T, opt rag.ListOptions, key func(T) string) (rag.Page[T], error) {
	if opt.Descending {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	if opt.Cursor != "" {
		i := slices.IndexFunc(all, func(v T) bool { return key(v) == opt.Cursor })
		if i < 0 {
			return rag.Page[T]{}, rag.Errorf(rag.KindInvalid, "cursor %q is not known", opt.Cursor)
		}
		all = all[i+1:]
	}
	limit := cmp.Or(opt.Limit, 100)
	if len(all) <= limit {
		return rag.Page[T]{Items: all}, nil
	}
	return rag.Page[T]{Items: all[:limit], Next: key(all[limit-1])}, nil
}
