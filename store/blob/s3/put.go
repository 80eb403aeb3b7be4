package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"github.com/smartretriever/smartretriever/rag"
)

const storing = "store original file"

// lookFirst is the size from which on it is cheaper to ask whether a file is there
// than to send it in vain.
const lookFirst = 64 << 10

// putTries is how often a file is sent that comes and goes meanwhile, and putPause
// the longest wait in between.
const (
	putTries = 10
	putPause = 100 * time.Millisecond
)

// maxParts is how many parts a server takes for an object.
const maxParts = 10_000

// Put stores what r holds and returns its SHA-256 in hexadecimal and its size.
// More than limit bytes is KindExhausted and stores nothing. An error of r is returned
// as it is.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (sha string, size int64, err error) {
	c, err := s.spool(ctx, r, limit)
	if err != nil {
		return "", 0, err
	}
	defer c.close()
	if err := s.mine(ctx); err != nil {
		return "", 0, err
	}
	if err := s.upload(ctx, c); err != nil {
		return "", 0, err
	}
	return c.sha, c.size, nil
}

// upload sees to it that the content is there and that no clean-up which is under way
// takes it: either by making the object, which none does twice, or by a claim to what
// is there, laid before the look that finds it.
func (s *Store) upload(ctx context.Context, c *content) error {
	key, claimed := s.key(c.sha), false
	claim := func() error {
		if claimed {
			return nil
		}
		claimed = true
		return s.claim(ctx, c.sha)
	}
	look := c.size >= lookFirst
	for try := range putTries {
		if try > 2 { // two are what it takes where it is there
			if err := pause(ctx, putPause); err != nil {
				return rag.Wrap(rag.KindOf(err), err, storing)
			}
		}
		conditional := !s.unconditional.Load()
		if look || !conditional {
			o, there, err := s.head(ctx, storing, key)
			switch {
			case err != nil:
				return err
			case there && o.size == c.size && claimed:
				return nil
			case there && o.size == c.size:
				if err := claim(); err != nil {
					return err
				}
				look = true
				continue
			case there: // it lost its end
				conditional = false
			}
		}
		if !conditional {
			if err := claim(); err != nil {
				return err
			}
		}
		err := s.send(ctx, key, c, conditional)
		switch {
		case err == nil:
			return nil
		case conditional && unknown(err):
			s.unconditional.Store(true)
		case conditional && taken(err), uncertain(err):
			look = true // it is there, perhaps by the same request, whose answer was lost
		default:
			return s.explain(ctx, err, storing, key)
		}
	}
	return &Error{Doing: storing, Bucket: s.cfg.Bucket, Key: key, Kind: rag.KindUnavailable, Reason: errors.New("others keep storing and deleting it")}
}

// uncertain: the parts are gone, since they have been put together or thrown away.
func uncertain(err error) bool {
	resp, ok := errors.AsType[minio.ErrorResponse](err)
	return ok && resp.Code == "NoSuchUpload"
}

// claim says that a content was put again. It counts by its name, which is new.
func (s *Store) claim(ctx context.Context, sha string) error {
	key := unique(s.claimsOf(sha))
	_, err := s.api.PutObject(ctx, s.cfg.Bucket, key, bytes.NewReader(nil), 0, "", hexSum(nil), s.putOptions(false))
	return s.explain(ctx, err, storing, key)
}

func (s *Store) putOptions(conditional bool) minio.PutObjectOptions {
	opts := minio.PutObjectOptions{
		ContentType: "application/octet-stream", ServerSideEncryption: s.sse, UserMetadata: map[string]string{uploadKey: rand.Text()},
		DisableContentSha256: true, // in chunks: the whole is signed with its own
	}
	if conditional {
		opts.SetMatchETagExcept("*")
	}
	return opts
}

// send uploads a content. Its error is the library's.
func (s *Store) send(ctx context.Context, key string, c *content, conditional bool) error {
	if c.size > s.cfg.PartSize {
		return s.sendParts(ctx, key, c, conditional)
	}
	opts := s.putOptions(conditional)
	sum, err := hex.DecodeString(c.sha)
	if err != nil {
		return err
	}
	opts.UserMetadata["X-Amz-Checksum-Sha256"] = base64.StdEncoding.EncodeToString(sum)
	_, err = s.api.PutObject(ctx, s.cfg.Bucket, key, c.section(0, c.size), c.size, "", c.sha, opts)
	return err
}

// sendParts uploads a content in parts, several at a time. None of it is seen before
// all is there; what failed is thrown away.
func (s *Store) sendParts(ctx context.Context, key string, c *content, conditional bool) (err error) {
	id, err := s.api.NewMultipartUpload(ctx, s.cfg.Bucket, key, s.putOptions(false))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout)
			defer cancel()
			_ = s.api.AbortMultipartUpload(ctx, s.cfg.Bucket, key, id) // else the clean-up does
		}
	}()
	size := max(s.cfg.PartSize, (c.size+maxParts-1)/maxParts)
	parts := make([]minio.CompletePart, (c.size+size-1)/size)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(s.cfg.Parts)
	for i := range parts {
		group.Go(func() error {
			from := int64(i) * size
			section := c.section(from, min(size, c.size-from))
			digest := sha256.New()
			if _, err := io.Copy(digest, section); err != nil {
				return err
			}
			part, err := s.api.PutObjectPart(groupCtx, s.cfg.Bucket, key, id, i+1, c.section(from, section.Size()), section.Size(), minio.PutObjectPartOptions{
				Sha256Hex: hex.EncodeToString(digest.Sum(nil)), SSE: s.sse, DisableContentSha256: true,
			})
			parts[i] = minio.CompletePart{PartNumber: i + 1, ETag: part.ETag}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	opts := minio.PutObjectOptions{ServerSideEncryption: s.ssec}
	if conditional {
		opts.SetMatchETagExcept("*")
	}
	_, err = s.api.CompleteMultipartUpload(ctx, s.cfg.Bucket, key, id, parts, opts)
	return err
}

// abortTimeout bounds throwing an upload away that failed, perhaps since its caller
// has gone.
const abortTimeout = 10 * time.Second

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
