package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

const reading = "read original file"

// openTries is how often a content is looked for under its key and where a Sweep puts
// it while it decides.
const openTries = 5

// Open returns the content under a digest and its size. The reader compares what
// it gives with the digest: when the bytes differ, its last Read returns a
// KindInternal error in place of io.EOF. A connection that breaks is taken up again
// where it broke. KindNotFound if there is no such content.
func (s *Store) Open(ctx context.Context, sha string) (io.ReadCloser, int64, error) {
	if err := blob.CheckDigest(sha); err != nil {
		return nil, 0, err
	}
	r := &reader{s: s, ctx: ctx, sha: sha, digest: sha256.New(), tries: s.cfg.Retries}
	if err := r.find(); err != nil {
		return nil, 0, err
	}
	return r, r.size, nil
}

// reader reads an object and compares it with its digest at the end.
type reader struct {
	s      *Store
	ctx    context.Context // of the Open: reading ends with it
	sha    string
	key    string // that it is read from
	etag   string
	body   io.ReadCloser
	size   int64
	at     int64
	digest hash.Hash
	tries  int
	err    error // of the last Read
}

// find opens the object under its key or, while a Sweep decides about it, aside: what a
// document refers to is found at any time.
func (r *reader) find() error {
	for range openTries {
		if gone, err := r.get(r.s.key(r.sha)); !gone {
			return err
		}
		asides, err := r.s.keys(r.ctx, reading, r.s.asidesOf(r.sha))
		if err != nil {
			return err
		}
		if len(asides) == 0 {
			break
		}
		for _, key := range asides {
			if gone, err := r.get(key); !gone {
				return err
			}
		}
	}
	if gone, err := r.get(r.s.key(r.sha)); !gone { // it may have been given back in between
		return err
	}
	return rag.Errorf(rag.KindNotFound, "the original file %s is not in the bucket %s", r.sha, r.s.cfg.Bucket)
}

// get opens an object from where reading is.
func (r *reader) get(key string) (gone bool, err error) {
	opts := minio.GetObjectOptions{ServerSideEncryption: r.s.ssec}
	if r.at > 0 {
		if err := errors.Join(opts.SetRange(r.at, 0), opts.SetMatchETag(r.etag)); err != nil {
			return false, err
		}
	}
	body, info, _, err := r.s.api.GetObject(r.ctx, r.s.cfg.Bucket, key, opts)
	if missing(err) {
		return true, nil
	}
	if err != nil {
		return false, r.s.explain(r.ctx, err, reading, key)
	}
	if r.at > 0 && info.Size != r.size-r.at {
		_ = body.Close()
		return false, &Error{Doing: reading, Bucket: r.s.cfg.Bucket, Key: key, Kind: rag.KindUnavailable, Reason: errors.New("the server does not go on where it was")}
	}
	if r.at == 0 {
		r.size = info.Size
	}
	r.key, r.etag, r.body = key, info.ETag, body
	return false, nil
}

// Read reads on.
func (r *reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if err := r.ctx.Err(); err != nil {
		return 0, rag.Wrap(rag.KindOf(err), err, reading+" "+r.sha)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := r.body.Read(p)
	r.digest.Write(p[:n])
	r.at += int64(n)
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF && r.at >= r.size:
		r.err = io.EOF
		if hex.EncodeToString(r.digest.Sum(nil)) != r.sha {
			r.err = rag.Errorf(rag.KindInternal, "the original file %s is damaged: its content does not match its digest", r.sha)
		}
	default:
		r.err = r.resume(err)
	}
	return n, r.err
}

// resume goes on after a connection broke.
func (r *reader) resume(broke error) error {
	_ = r.body.Close()
	for ; r.tries > 0 && r.ctx.Err() == nil; r.tries-- {
		if r.at == 0 {
			r.tries--
			return r.find()
		}
		gone, err := r.get(r.key)
		if err == nil && !gone {
			r.tries--
			return nil
		}
		if gone {
			return rag.Errorf(rag.KindNotFound, "the original file %s has been deleted while it was read", r.sha)
		}
		broke = err
	}
	if _, ours := errors.AsType[*Error](broke); ours {
		return broke
	}
	return r.s.explain(r.ctx, broke, reading, r.key)
}

// Close ends reading.
func (r *reader) Close() error {
	_ = r.body.Close() // only read from: nothing can be lost
	return nil
}
