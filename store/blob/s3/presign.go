package s3

import (
	"context"
	"mime"
	"net/url"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

// Presign returns an address at which anybody who has it can download the content from
// the bucket itself, as a file of this name, for Config.PresignTime. It is a secret for
// that long: only who may see the document must get it. The bytes that come from there
// are not compared with the digest. KindNotFound if there is no such content, and
// KindRefused where the content is encrypted with the customer's key, which would have
// to be sent along, or requests are not signed.
func (s *Store) Presign(ctx context.Context, sha, fileName, mediaType string) (string, error) {
	const doing = "sign the address of an original file"
	if err := blob.CheckDigest(sha); err != nil {
		return "", err
	}
	if s.ssec != nil || s.cfg.Credentials.From == FromNobody {
		return "", rag.Errorf(rag.KindRefused, "%s: the bucket's files cannot be downloaded without this program", doing)
	}
	_, there, err := s.head(ctx, doing, s.key(sha))
	if err != nil {
		return "", err
	}
	if !there {
		return "", rag.Errorf(rag.KindNotFound, "the original file %s is not in the bucket %s", sha, s.cfg.Bucket)
	}
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	u, err := s.api.PresignedGetObject(ctx, s.cfg.Bucket, s.key(sha), s.cfg.PresignTime, url.Values{
		"response-content-disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": fileName})},
		"response-content-type":        {mediaType},
		"response-cache-control":       {"private, no-cache"},
	})
	if err != nil {
		return "", s.explain(ctx, err, doing, s.key(sha))
	}
	return u.String(), nil
}
