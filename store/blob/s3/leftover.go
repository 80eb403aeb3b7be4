package s3

import (
	"context"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	// staleAfter is the age, before olderThan, of uploads that no process is still
	// making.
	staleAfter = 24 * time.Hour
	// settleAfter is the age of what lies aside of a clean-up that does not live any
	// more; see takeTime.
	settleAfter = 2 * time.Hour
)

// leftovers deals with what processes that died have left.
func (w *sweeper) leftovers(ctx context.Context, olderThan time.Time) error {
	if err := w.settle(ctx, w.s.cfg.Clock().Add(-settleAfter)); err != nil {
		return err
	}
	return w.abort(ctx, olderThan.Add(-staleAfter))
}

// settle gives back what lies aside and a document needs, and throws away the rest.
func (w *sweeper) settle(ctx context.Context, olderThan time.Time) error {
	var batch []*candidate
	flush := func() error {
		defer func() { batch = nil }()
		if len(batch) == 0 {
			return nil
		}
		dead, err := w.ask(ctx, batch)
		if err != nil {
			return err
		}
		return each(ctx, batch, func(ctx context.Context, c *candidate) error {
			if err := w.settleOne(ctx, c, dead[c.sha]); err != nil {
				w.failed(err)
			}
			return ctx.Err()
		})
	}
	for o, err := range w.s.list(ctx, sweeping, minio.ListObjectsOptions{Prefix: w.s.cfg.Prefix + asides}) {
		if err != nil {
			return err
		}
		sha := w.s.putAside(o.Key)
		if sha == "" || !o.LastModified.Before(olderThan) {
			continue
		}
		if batch = append(batch, &candidate{sha: sha, aside: o.Key, before: object{size: o.Size}}); len(batch) == sweepBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (w *sweeper) settleOne(ctx context.Context, c *candidate, dead bool) error {
	if !dead {
		_, there, err := w.s.head(ctx, sweeping, w.s.key(c.sha))
		if err != nil {
			return err
		}
		if !there {
			if _, err := w.s.copy(ctx, sweeping, c.aside, w.s.key(c.sha), c.before.size); err != nil {
				return err
			}
		}
	}
	if err := w.drop(ctx, c.aside); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.swept.Stale++
	w.swept.Bytes += c.before.size
	return nil
}

// abort throws away the parts of uploads that were not completed.
func (w *sweeper) abort(ctx context.Context, olderThan time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the list
	for u := range w.s.api.ListIncompleteUploads(ctx, w.s.cfg.Bucket, w.s.cfg.Prefix, true) {
		switch {
		case unknown(u.Err), denied(u.Err):
			return nil // the bucket's own rules have to see to it
		case u.Err != nil:
			return w.s.explain(ctx, u.Err, "list uploads that were not completed", "")
		case w.s.digestOf(u.Key) == "" || !u.Initiated.Before(olderThan):
			continue
		}
		err := w.s.api.AbortMultipartUpload(ctx, w.s.cfg.Bucket, u.Key, u.UploadID)
		if err != nil && !uncertain(err) && !missing(err) {
			w.failed(w.s.explain(ctx, err, "throw away an upload that was not completed", u.Key))
			continue
		}
		w.swept.Stale++
		w.swept.Bytes += max(0, u.Size)
	}
	return nil
}

// claims returns the digests of what was put again at or after olderThan, and removes
// older claims.
func (w *sweeper) claims(ctx context.Context, olderThan time.Time) (young map[string]bool, err error) {
	young = make(map[string]bool)
	var old []string
	flush := func() error {
		err := each(ctx, old, func(ctx context.Context, key string) error { return w.s.erase(ctx, sweeping, key, false) })
		old = old[:0]
		return err
	}
	for o, err := range w.s.list(ctx, sweeping, minio.ListObjectsOptions{Prefix: w.s.cfg.Prefix + claims}) {
		if err != nil {
			return nil, err
		}
		if !o.LastModified.Before(olderThan) {
			young[w.s.claimed(o.Key)] = true
			continue
		}
		if old = append(old, o.Key); len(old) == sweepBatch {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return young, flush()
}

// old calls fn for the digest of every file that is older than olderThan, those of
// which only old versions are left included.
func (w *sweeper) old(ctx context.Context, olderThan time.Time, fn func(sha string) error) error {
	versions, err := w.s.keepsVersions(ctx)
	if err != nil {
		return err
	}
	last, young := "", false
	flush := func() error {
		if last == "" || young {
			return nil
		}
		return fn(last)
	}
	for o, err := range w.s.list(ctx, sweeping, minio.ListObjectsOptions{Prefix: w.s.cfg.Prefix, WithVersions: versions}) {
		if err != nil {
			return err
		}
		sha := w.s.digestOf(o.Key)
		if sha == "" {
			continue
		}
		if sha != last {
			if err := flush(); err != nil {
				return err
			}
			last, young = sha, false
		}
		young = young || !o.LastModified.Before(olderThan)
	}
	return flush()
}
