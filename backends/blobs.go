package backends

import (
	"path/filepath"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/store/blob/s3"
)

// openBlobs gives c the place for original files. It connects to nothing.
func openBlobs(cfg config.Config, deps Deps, c *root.Config) error {
	b := cfg.Blobs
	switch b.Name {
	case "folder":
		c.BlobsDir = b.Folder
		return nil // the root's own
	case "s3":
	default:
		return unknown("blobs.name", b.Name)
	}
	bucket, err := s3.New(s3.Config{
		Endpoint: b.Endpoint, Region: b.Region, Bucket: b.Bucket, Prefix: b.Prefix, Style: b.Style,
		Credentials: s3.Credentials{
			From: b.Credentials, AccessKey: b.AccessKey.Reveal(), SecretKey: b.SecretKey.Reveal(), SessionToken: b.SessionToken.Reveal(),
			File: b.CredentialsFile, Profile: b.Profile,
		},
		Encryption: s3.Encryption{Kind: b.Encryption, KMSKey: b.KMSKey, Key: b.EncryptionKey.Reveal()},
		CAFile:     b.CAFile, CertFile: b.CertFile, KeyFile: b.KeyFile, Proxy: b.Proxy,
		TempDir: filepath.Join(cfg.Data, "uploads"), PartSize: int64(b.PartSize), Parts: b.Parts,
		Timeout: b.Timeout, Retries: noRetries(b.Retries), PresignTime: b.PresignFor, Clock: deps.Clock,
	})
	if err != nil {
		return err
	}
	c.Blobs, c.PresignOriginals = bucket, b.Presign
	return nil
}

// noRetries turns a setting of 0 into the library's word for none.
func noRetries(n int) int {
	if n == 0 {
		return -1
	}
	return n
}
