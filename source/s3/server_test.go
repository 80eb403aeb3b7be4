//go:build servers

package s3_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/s3"
)

// TestRealServer reads a bucket of the server that scripts/test-buckets.sh starts.
func TestRealServer(t *testing.T) {
	endpoint, key, secret := os.Getenv("S3_ENDPOINT"), os.Getenv("S3_ACCESS_KEY"), os.Getenv("S3_SECRET_KEY")
	api, err := minio.New(strings.TrimPrefix(endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(key, secret, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := api.MakeBucket(t.Context(), "docs", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	put := func(name, body string) {
		t.Helper()
		opts := minio.PutObjectOptions{ContentType: "text/markdown", UserMetadata: map[string]string{"author": "Ann"}}
		if _, err := api.PutObject(t.Context(), "docs", name, strings.NewReader(body), int64(len(body)), opts); err != nil {
			t.Fatal(err)
		}
	}
	put("a.md", "a")
	put("sub/é b+c.md", "b")
	open := func(secret string) *s3.Source {
		set := s3.Settings{Endpoint: endpoint, Bucket: "docs", AccessKey: key, SecretKey: secret, Head: true}
		set.Settings = fetch.Settings{Allow: []string{"127.0.0.1"}, Tries: 1}
		src, err := s3.New(set, fetch.Deps{Secret: func(name string) (string, error) { return name, nil }})
		if err != nil {
			t.Fatal(err)
		}
		return src
	}
	store, src := &fetchtest.Store{}, open(secret)
	if told := store.Read(t, src); len(told.Put) != 2 || !told.Complete {
		t.Errorf("%+v", told)
	}
	if doc := store.Docs["sub/é b+c.md"]; doc.Body != "b" || doc.Metadata["author"].Text() != "Ann" || doc.Metadata["content_type"].Text() != "text/markdown" {
		t.Errorf("%+v", doc)
	}
	put("a.md", "a2")
	if told := store.Read(t, src); len(told.Put) != 1 || len(told.Same) != 1 || store.Docs["a.md"].Body != "a2" {
		t.Errorf("%+v", told)
	}
	// Of an object with versions the last counts, and one whose last is a delete marker is gone.
	if err := api.EnableVersioning(t.Context(), "docs"); err != nil {
		t.Fatal(err)
	}
	put("a.md", "a3")
	put("v.md", "v1")
	put("v.md", "v2")
	store.Read(t, src)
	if store.Docs["a.md"].Body != "a3" || store.Docs["v.md"].Body != "v2" {
		t.Errorf("%+v", store.Docs)
	}
	if err := api.RemoveObject(t.Context(), "docs", "v.md", minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	versions := 0
	for o := range api.ListObjectsIter(t.Context(), "docs", minio.ListObjectsOptions{Prefix: "v.md", WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		versions++
	}
	if told := store.Read(t, src); versions != 3 || !told.Complete || len(told.Same) != 2 || len(store.Docs) != 2 {
		t.Errorf("%d versions and marks; %+v", versions, told)
	}
	if _, err := store.Sync(t, open("wrong")); !errors.Is(err, rag.ErrUnauthorized) {
		t.Error(err)
	}
}
