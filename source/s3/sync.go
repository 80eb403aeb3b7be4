package s3

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/text/clean"
)

const (
	maxID = 1024
	batch = 1000 // objects that are looked at before they are told of
	// A list may hold so many keys for each that is wanted, and pages may be short.
	keysAnObject = 16
)

// Sync lists the bucket. The result is Complete if the list was read to its end. An
// object that is archived, or larger than MaxBytes, is Broken.
func (s *Source) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	defer s.client.CloseIdle()
	listing, end := context.WithCancel(context.WithValue(ctx, pagesKey{}, &pages{}))
	defer end()
	l := reading{s: s, have: have, tell: tell, seen: map[[16]byte]bool{}}
	keys, cut := 0, ""
	for o := range s.api.ListObjectsIter(listing, s.set.Bucket, minio.ListObjectsOptions{Prefix: s.set.Prefix, Recursive: true, FetchOwner: new(bool)}) {
		if o.Err != nil {
			return source.Result{}, s.explain(ctx, o.Err, s.name())
		}
		if keys++; keys > keysAnObject*(s.set.MaxObjects+batch) {
			cut = "the list has too many keys that are not wanted; choose by prefix"
			break
		}
		key := digest(o.Key)
		if !s.wants(o.Key) || l.seen[key] {
			continue
		}
		if len(l.seen) >= s.set.MaxObjects {
			cut = "the list has more objects than max_objects"
			break
		}
		l.seen[key] = true
		l.found = append(l.found, o)
		if len(l.found) == batch {
			if err := l.flush(ctx); err != nil {
				return source.Result{}, err
			}
		}
	}
	// The library ends a list without a word when the context ends.
	if err := ctx.Err(); err != nil {
		return source.Result{}, err
	}
	if err := l.flush(ctx); err != nil {
		return source.Result{}, err
	}
	if cut != "" {
		s.client.Deps().Logger.Warn("a source was not read to its end", "bucket", s.set.Bucket, "reason", cut, "objects", len(l.seen))
	}
	return source.Result{Complete: cut == ""}, nil
}

// wants reports whether an object is one to be read. Keys that end in a slash mark
// folders.
func (s *Source) wants(key string) bool {
	return strings.HasPrefix(key, s.set.Prefix) && !strings.HasSuffix(key, "/") && key != "" && s.filter.Wants(key)
}

// name is what the bucket is called in errors.
func (s *Source) name() string { return "bucket " + s.set.Bucket }

// reading is one Sync.
type reading struct {
	s     *Source
	have  source.State
	tell  func(source.Event) error
	seen  map[[16]byte]bool  // digests of keys, as a list may hold a million of 1 KiB
	found []minio.ObjectInfo // not told of yet
}

// result is what is to be told of an object, or the error that ends the Sync.
type result struct {
	ev  source.Event
	err error
}

func (l *reading) flush(ctx context.Context) error {
	err := fetch.InOrder(ctx, l.found, l.s.client.Settings().Concurrency,
		func(_ context.Context, o minio.ObjectInfo) result { return l.event(ctx, o) },
		func(_ minio.ObjectInfo, r result) error {
			if r.err != nil {
				return r.err
			}
			return l.tell(r.ev)
		})
	l.found = l.found[:0]
	return err
}

// digest stands for a key.
func digest(key string) (d [16]byte) {
	sum := sha256.Sum256([]byte(key))
	copy(d[:], sum[:])
	return d
}

// marked begins the IDs of objects whose key could be taken for a path of this machine or
// an address. Those name a document wherever it is found, and whoever writes to a bucket
// must not be able to stand in for one.
const marked = "key:"

// identity is the ID of an object: its key, with marked before it where it needs that, or
// where that is too long or no text, as much of it as fits and a digest.
func identity(key string) string {
	id := strings.ToValidUTF8(key, "\ufffd")
	if strings.HasPrefix(id, "/") || strings.Contains(id, "://") || strings.HasPrefix(id, marked) || filepath.IsAbs(id) {
		id, key = marked+id, marked+key
	}
	if id != key || len(id) > maxID {
		id = fetch.Cut(id, maxID-45) + "#" + fetch.Digest([]byte(key))
	}
	return id
}

func (l *reading) event(ctx context.Context, o minio.ObjectInfo) result {
	s := l.s
	ev := source.Event{Change: source.Put, ID: identity(o.Key), Fingerprint: fetch.Digest(s.shape, o.ETag, o.Size, o.LastModified.UnixMilli())}
	broken := func(err error) result {
		return result{ev: source.Event{Change: source.Broken, ID: ev.ID, Err: err}}
	}
	known, ok, err := l.have.Item(ctx, ev.ID)
	switch {
	case err != nil:
		return result{err: err}
	case ok && !known.Failed && known.Fingerprint == ev.Fingerprint:
		ev.Change = source.Same
		return result{ev: ev}
	case o.StorageClass == "GLACIER", o.StorageClass == "DEEP_ARCHIVE":
		return broken(rag.Errorf(rag.KindInvalid, "%.200q is archived (%s) and must be restored before it can be read", o.Key, o.StorageClass))
	case o.Size > s.set.MaxBytes:
		return broken(rag.Errorf(rag.KindExhausted, "%.200q has %d bytes; at most %d are read (max_bytes)", o.Key, o.Size, s.set.MaxBytes))
	}
	info := o
	if s.set.Head {
		opts := minio.StatObjectOptions{}
		if o.ETag != "" {
			opts.Set("If-Match", `"`+o.ETag+`"`)
		}
		info, err = s.api.StatObject(ctx, s.set.Bucket, o.Key, opts)
		if err != nil {
			err = s.explain(ctx, err, fmt.Sprintf("%.200q", o.Key))
			if ctx.Err() != nil {
				return result{err: ctx.Err()}
			}
			return broken(err)
		}
	}
	ev.Input = s.input(ctx, o, info)
	return result{ev: ev}
}

// input makes the document of an object. info is what was asked for it alone.
func (s *Source) input(ctx context.Context, o, info minio.ObjectInfo) rag.Input {
	m := fetch.Metadata(s.set.Metadata)
	text := func(key, value string) {
		value = fetch.Cut(clean.Line(value), rag.MaxMetadataString)
		_, given := m[key]
		if key != "" && len(key) <= rag.MaxMetadataKey && value != "" && !given && len(m) < rag.MaxMetadataKeys {
			m[key] = rag.Str(value)
		}
	}
	text("bucket", s.set.Bucket)
	text("key", o.Key)
	modified := o.LastModified.UTC()
	if !modified.IsZero() {
		text("last_modified", modified.Format(time.RFC3339))
	}
	if s.set.Head { // last, so that whoever wrote the object cannot stand in for the rest
		text("content_type", info.ContentType)
		for _, key := range slices.Sorted(maps.Keys(info.UserMetadata)) {
			text(clean.Line(strings.ToLower(key)), info.UserMetadata[key])
		}
	}
	return rag.Input{
		Source: (&url.URL{Scheme: "s3", Host: s.set.Bucket, Path: "/" + strings.ToValidUTF8(o.Key, "\ufffd")}).String(),
		Name:   strings.ToValidUTF8(path.Base(o.Key), "\ufffd"), Metadata: m, ACL: slices.Clone(s.set.ACL), ModifiedAt: modified,
		Content: &content{ctx: ctx, s: s, key: o.Key, etag: o.ETag, size: o.Size},
	}
}

// content is an object that is asked for when somebody wants it, as it was when it was
// listed: an object that has changed since is an error.
type content struct {
	ctx  context.Context
	s    *Source
	key  string
	etag string
	size int64 // as listed
	in   io.ReadCloser
	read int64
}

func (c *content) about() string { return fmt.Sprintf("%.200q", c.key) }

func (c *content) Read(p []byte) (int, error) {
	if c.in == nil {
		opts := minio.GetObjectOptions{}
		if c.etag != "" {
			if err := opts.SetMatchETag(c.etag); err != nil {
				return 0, err
			}
		}
		in, _, _, err := c.s.api.GetObject(c.ctx, c.s.set.Bucket, c.key, opts)
		if err != nil {
			return 0, c.s.explain(c.ctx, err, c.about())
		}
		c.in = in
	}
	n, err := c.in.Read(p)
	switch c.read += int64(n); {
	case c.read > c.size:
		err = rag.Errorf(rag.KindConflict, "%s: the object has more bytes than it was listed with; the next reading has it", c.about())
	case err == io.EOF && c.read < c.size:
		err = rag.Errorf(rag.KindUnavailable, "%s: the server sent %d bytes of %d", c.about(), c.read, c.size)
	case err != nil && err != io.EOF:
		err = c.s.explain(c.ctx, err, c.about())
	}
	if err != nil {
		c.Close()
	}
	return n, err
}

// Close ends the reading; what is not read is not sent.
func (c *content) Close() error {
	if c.in == nil {
		return nil
	}
	return c.in.Close()
}
