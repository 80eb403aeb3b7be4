package s3

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

// Store is a bucket. Safe for concurrent use, and by any number of processes.
//
// Errors that come from the bucket are of type *Error and, where nothing else is said,
// of KindUnavailable.
type Store struct {
	cfg  Config
	api  *minio.Core // tries again
	once *minio.Core // does not: for requests that must not come later than they were made
	sse  encrypt.ServerSide
	ssec encrypt.ServerSide // the same where reading needs it, else nil
	to   http.RoundTripper

	unconditional atomic.Bool // the server does not know If-None-Match

	owner struct { // the store that the originals belong to
		sync.Mutex
		id    string // "" for any
		known bool   // it was found there
	}

	versions struct { // whether the bucket keeps old versions
		sync.Mutex
		known, on bool
	}
}

// New returns a store, or an error of KindInvalid. It connects to nothing.
func New(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.WithDefaults()
	u, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "the endpoint of the bucket is malformed")
	}
	s := &Store{cfg: cfg}
	if s.sse, err = cfg.Encryption.serverSide(); err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "bucket of original files")
	}
	if cfg.Encryption.Kind == WithCustomer {
		s.ssec = s.sse
	}
	if s.to, err = newTransport(cfg); err != nil {
		return nil, err
	}
	creds, guarded := cfg.Credentials.provider(s.to), newCircuit(s.to, u.Host, cfg)
	for api, tries := range map[**minio.Core]int{&s.api: cfg.Retries + 1, &s.once: 1} {
		*api, err = minio.NewCore(u.Host, &minio.Options{
			Creds: creds, Secure: u.Scheme == "https", Region: cfg.Region, Transport: guarded, MaxRetries: tries,
			BucketLookup: map[string]minio.BucketLookupType{Auto: minio.BucketLookupAuto, Path: minio.BucketLookupPath, Virtual: minio.BucketLookupDNS}[cfg.Style],
		})
		if err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, "endpoint of the bucket")
		}
	}
	return s, nil
}

// Close drops idle connections. The store can be used afterwards.
func (s *Store) Close() error {
	if t, ok := s.to.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// String says which bucket it is, without credentials.
func (s *Store) String() string {
	place := fmt.Sprintf("bucket %s at %s", s.cfg.Bucket, s.cfg.Endpoint)
	if s.cfg.Prefix != "" {
		place += ", under " + s.cfg.Prefix
	}
	return place
}

// Ping checks that the bucket can be reached and listed.
func (s *Store) Ping(ctx context.Context) error {
	for _, err := range s.list(ctx, "check the bucket", minio.ListObjectsOptions{Prefix: s.cfg.Prefix, MaxKeys: 1}) {
		return err
	}
	return nil
}

// Where things are, below the prefix.
const (
	claims = "tmp/put/"   // + SHA/ + unique
	asides = "tmp/swept/" // + SHA/ + unique
)

func (s *Store) key(sha string) string      { return s.cfg.Prefix + sha[:2] + "/" + sha[2:] }
func (s *Store) claimsOf(sha string) string { return s.cfg.Prefix + claims + sha + "/" }
func (s *Store) asidesOf(sha string) string { return s.cfg.Prefix + asides + sha + "/" }
func unique(folder string) string           { return folder + rand.Text() }
func (s *Store) digestOf(key string) string { return s.digest(key, "") }
func (s *Store) claimed(key string) string  { return s.digest(key, claims) }
func (s *Store) putAside(key string) string { return s.digest(key, asides) }

// digest returns the digest that a key is about, "" if it is none of its folder.
func (s *Store) digest(key, folder string) string {
	name, ok := strings.CutPrefix(key, s.cfg.Prefix+folder)
	if !ok {
		return ""
	}
	if folder != "" {
		name, _, _ = strings.Cut(name, "/")
	} else if len(name) > 3 && name[2] == '/' {
		name = name[:2] + name[3:]
	}
	if blob.CheckDigest(name) != nil {
		return ""
	}
	return name
}

// uploadKey is the metadata that tells one upload of a content from another.
const uploadKey = "Upload"

// object is what is known of an object.
type object struct {
	size      int64
	modified  time.Time // in whole seconds
	upload    string    // which upload it comes from; copies have that of their source
	versioned bool
	locked    bool // by a retention or a legal hold
}

// same reports whether both are one upload.
func (o object) same(p object) bool { return o.upload == p.upload && o.modified.Equal(p.modified) }

// head looks at an object.
func (s *Store) head(ctx context.Context, doing, key string) (o object, there bool, err error) {
	info, err := s.api.StatObject(ctx, s.cfg.Bucket, key, minio.StatObjectOptions{ServerSideEncryption: s.ssec})
	if missing(err) {
		return object{}, false, nil
	}
	if err != nil {
		return object{}, false, s.explain(ctx, err, doing, key)
	}
	o = object{size: info.Size, modified: info.LastModified, upload: info.UserMetadata[uploadKey], versioned: info.VersionID != ""}
	o.locked = s.locked(info)
	return o, true, nil
}

// list lists objects in ascending order of their keys. A server that does not keep to
// that could go on for ever, and is an error.
func (s *Store) list(ctx context.Context, doing string, opts minio.ListObjectsOptions) iter.Seq2[minio.ObjectInfo, error] {
	return func(yield func(minio.ObjectInfo, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		opts.Recursive = true
		last := ""
		for o := range s.api.ListObjectsIter(ctx, s.cfg.Bucket, opts) {
			err := o.Err
			if err == nil && (o.Key < last || o.Key == last && !opts.WithVersions) {
				err = fmt.Errorf("the list is not in order")
			}
			if err != nil {
				yield(minio.ObjectInfo{}, s.explain(ctx, err, doing, opts.Prefix))
				return
			}
			if last = o.Key; !yield(o, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(minio.ObjectInfo{}, s.explain(ctx, err, doing, opts.Prefix))
		}
	}
}

// keys lists the keys under a prefix, a few.
func (s *Store) keys(ctx context.Context, doing, prefix string) (keys []string, err error) {
	for o, err := range s.list(ctx, doing, minio.ListObjectsOptions{Prefix: prefix}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// Walk calls fn for every stored file, in the order of their digests. Files that
// come or go meanwhile may be left out. An error of fn ends the walk.
func (s *Store) Walk(ctx context.Context, fn func(blob.Info) error) error {
	for o, err := range s.list(ctx, "list original files", minio.ListObjectsOptions{Prefix: s.cfg.Prefix}) {
		if err != nil {
			return err
		}
		sha := s.digestOf(o.Key)
		if sha == "" {
			continue
		}
		if err := fn(blob.Info{SHA256: sha, Size: o.Size, Modified: o.LastModified}); err != nil {
			return err
		}
	}
	return nil
}

// Keep reports whether content of this size is there. A document that was committed
// before has its original after a yes: a Sweep that takes an object away asks for
// documents once more when it has.
func (s *Store) Keep(ctx context.Context, sha string, size int64) (bool, error) {
	if err := blob.CheckDigest(sha); err != nil {
		return false, err
	}
	o, there, err := s.head(ctx, "keep original file", s.key(sha))
	return there && o.size == size, err
}

// copy copies an object on the server; gone says that there is none.
func (s *Store) copy(ctx context.Context, doing, from, to string, size int64) (gone bool, err error) {
	dst := minio.CopyDestOptions{Bucket: s.cfg.Bucket, Object: to, Encryption: s.sse}
	src := minio.CopySrcOptions{Bucket: s.cfg.Bucket, Object: from, Encryption: s.ssec}
	for range copyTries {
		if size > mostCopied {
			_, err = s.api.ComposeObject(ctx, dst, src)
		} else {
			_, err = s.api.Client.CopyObject(ctx, dst, src)
		}
		if !taken(err) || pause(ctx, putPause) != nil {
			break
		}
	}
	if missing(err) {
		return true, nil
	}
	return false, s.explain(ctx, err, doing, from)
}

// copyTries is how often a copy is tried that meets another request at the same object.
const copyTries = 3

// mostCopied is what a server copies with one request.
const mostCopied = 5 << 30
