package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/smartretriever/smartretriever/rag"
)

// ownerKey is the object, beside the originals, that holds the id of the store they belong to.
const ownerKey = "store"

const owning = "look whose the bucket is"

// BelongTo says of which store of documents the originals are, before anything else is called: two of them in one place would each
// sweep away what the other one has. The first writes its id there; of another one every Put, Delete and Sweep is KindConflict.
func (s *Store) BelongTo(storeID string) { s.owner.id = storeID }

// mine reports, as KindConflict, that the place belongs to another store.
func (s *Store) mine(ctx context.Context) error {
	s.owner.Lock()
	defer s.owner.Unlock()
	if s.owner.id == "" || s.owner.known {
		return nil
	}
	found, err := s.ownerThere(ctx)
	if err == nil && found == "" {
		if err = s.mark(ctx); err == nil || taken(err) {
			found, err = s.ownerThere(ctx) // perhaps somebody else's
		}
	}
	switch {
	case err != nil:
		return s.explain(ctx, err, owning, s.cfg.Prefix+ownerKey)
	case found != s.owner.id:
		return rag.Errorf(rag.KindConflict, "the bucket %s holds, under the prefix %q, the originals of another store of documents; give each a prefix of its own", s.cfg.Bucket, s.cfg.Prefix)
	}
	s.owner.known = true
	return nil
}

// ownerThere returns the id that is there, "" for none.
func (s *Store) ownerThere(ctx context.Context) (string, error) {
	body, _, _, err := s.api.GetObject(ctx, s.cfg.Bucket, s.cfg.Prefix+ownerKey, minio.GetObjectOptions{ServerSideEncryption: s.ssec})
	if missing(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }()
	const most = 1 << 10
	id, err := io.ReadAll(io.LimitReader(body, most))
	return strings.TrimSpace(string(id)), err
}

func (s *Store) mark(ctx context.Context) error {
	text := []byte(s.owner.id)
	sum := sha256.Sum256(text)
	_, err := s.api.PutObject(ctx, s.cfg.Bucket, s.cfg.Prefix+ownerKey, bytes.NewReader(text), int64(len(text)), "", hex.EncodeToString(sum[:]), s.putOptions(!s.unconditional.Load()))
	return err
}
