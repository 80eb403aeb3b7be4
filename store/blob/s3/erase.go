package s3

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

const deleting = "delete original file"

// Delete removes content, in all its versions; none there is no error. ErrLocked if
// the bucket's object lock forbids it.
func (s *Store) Delete(ctx context.Context, sha string) error {
	if err := s.mine(ctx); err != nil {
		return err
	}
	if err := blob.CheckDigest(sha); err != nil {
		return err
	}
	return s.erase(ctx, deleting, s.key(sha), false)
}

// erase removes an object. Where old versions are kept, it removes all that are there
// when it begins, each by its name, and so nothing that is written afterwards.
// Otherwise it asks once only: a request that is made again because its answer was lost
// could remove what was written in between.
func (s *Store) erase(ctx context.Context, doing, key string, versioned bool) error {
	if !versioned {
		var err error
		if versioned, err = s.keepsVersions(ctx); err != nil {
			return err
		}
	}
	if !versioned {
		return s.eraseVersion(ctx, doing, key, "")
	}
	versions, err := s.versionsOf(ctx, doing, key)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if err := s.eraseVersion(ctx, doing, key, v.VersionID); err != nil {
			return err
		}
	}
	return nil
}

// eraseVersion removes a version, or, with none, whatever is there.
func (s *Store) eraseVersion(ctx context.Context, doing, key, version string) error {
	api := s.api
	if version == "" {
		api = s.once
	}
	err := api.RemoveObject(ctx, s.cfg.Bucket, key, minio.RemoveObjectOptions{VersionID: version})
	switch {
	case missing(err):
		return nil
	case denied(err) && s.isLocked(ctx, key, version):
		return s.lockedError(doing, key)
	case version != "" && malformed(err):
		// Some servers call the name of a version that is gone malformed.
		versions, listErr := s.versionsOf(ctx, doing, key)
		if listErr == nil && !slices.ContainsFunc(versions, func(v minio.ObjectInfo) bool { return v.VersionID == version }) {
			return nil
		}
	}
	return s.explain(ctx, err, doing, key)
}

// versionsOf lists the versions of an object and the marks of deletions between them,
// the newest first.
func (s *Store) versionsOf(ctx context.Context, doing, key string) (versions []minio.ObjectInfo, err error) {
	for o, err := range s.list(ctx, doing, minio.ListObjectsOptions{Prefix: key, WithVersions: true}) {
		if err != nil {
			return nil, err
		}
		if o.Key != key {
			break // keys that are longer
		}
		versions = append(versions, o)
	}
	return versions, nil
}

// isLocked asks why a version cannot be deleted. What cannot be found out is no lock.
func (s *Store) isLocked(ctx context.Context, key, version string) bool {
	info, err := s.api.StatObject(ctx, s.cfg.Bucket, key, minio.StatObjectOptions{ServerSideEncryption: s.ssec, VersionID: version})
	return err == nil && s.locked(info)
}

// locked reports whether a retention or a legal hold keeps an object.
func (s *Store) locked(info minio.ObjectInfo) bool {
	until, _ := time.Parse(time.RFC3339, info.Headers.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	return info.Headers.Get("X-Amz-Object-Lock-Legal-Hold") == "ON" || until.After(s.cfg.Clock())
}

func (s *Store) lockedError(doing, key string) error {
	return &Error{Doing: doing, Bucket: s.cfg.Bucket, Key: key, Kind: rag.KindRefused, Reason: ErrLocked, Code: "AccessDenied", Status: http.StatusForbidden}
}

// keepsVersions reports whether the bucket keeps old versions, or once did. A server
// that has no such thing, or does not tell, is taken to keep none; what it says with
// an object counts all the same.
func (s *Store) keepsVersions(ctx context.Context) (bool, error) {
	v := &s.versions
	v.Lock()
	defer v.Unlock()
	if v.known {
		return v.on, nil
	}
	cfg, err := s.api.GetBucketVersioning(ctx, s.cfg.Bucket)
	switch {
	case err == nil:
		v.on = cfg.Enabled() || cfg.Suspended()
	case unknown(err), denied(err):
	default:
		return false, s.explain(ctx, err, "ask whether old versions are kept", "")
	}
	v.known = true
	return v.on, nil
}
