//go:build servers

package backends_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
)

// realBucket makes a bucket that keeps versions on the server that
// scripts/s3-server.sh starts, and returns settings for it and a list of what is in it.
func realBucket(t *testing.T) (set config.Config, api *minio.Client, keys func() []string) {
	t.Helper()
	endpoint, access, secret := os.Getenv("S3_ENDPOINT"), os.Getenv("S3_ACCESS_KEY"), os.Getenv("S3_SECRET_KEY")
	api, err := minio.New(strings.TrimPrefix(endpoint, "http://"), &minio.Options{Creds: credentials.NewStaticV4(access, secret, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	bucket := "b-" + strings.ToLower(rand.Text()[:20])
	if err := api.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := api.EnableVersioning(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	set = bucketSettings(t, endpoint, bucket, access, secret)
	set.Blobs.Prefix, set.Blobs.Presign = "originals/", true
	return set, api, func() (keys []string) {
		for o := range api.ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			if o.Key != "originals/store" { // which says whose the bucket is
				keys = append(keys, o.Key)
			}
		}
		return keys
	}
}

const (
	towerText = "The Eiffel Tower was completed in 1889. It stands 330 metres tall."
	zincText  = "Zinc melts at 419 degrees. Brass is an alloy of copper and zinc."
	lilyText  = "Water lilies open in the morning. They close when evening comes."
)

// TestProductOnABucket goes from a document to its deletion with originals in a bucket:
// what is asked is answered and cited, originals are those that were added, a download
// goes past the server, damage is found, and what is deleted is in no version of any
// object.
func TestProductOnABucket(t *testing.T) {
	set, api, keys := realBucket(t)
	r := open(t, set)
	shas, ids := map[string]string{}, map[string]rag.DocumentID{}
	for name, text := range map[string]string{"tower.txt": towerText, "zinc.txt": zincText} {
		res, err := r.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: name, Name: name, Source: name, Content: strings.NewReader(text)})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		shas[name], ids[name] = hex.EncodeToString(sum[:]), res.ID
	}
	// By a job, whose file waits in the bucket.
	job, err := r.SubmitDocuments(t.Context(), rag.Scope{Admin: true}, seq(rag.Input{ExternalID: "lily.txt", Name: "lily.txt", Content: io.MultiReader(strings.NewReader(lilyText))}))
	if err != nil {
		t.Fatal(err)
	}
	for !job.State.Ended() {
		if job, err = r.Job(t.Context(), rag.Scope{Admin: true}, job.ID); err != nil {
			t.Fatal(err)
		}
	}
	lily, err := r.FindDocument(t.Context(), rag.Scope{}, "lily.txt")
	if err != nil || job.State != rag.JobDone {
		t.Fatalf("job %s: %v", job.State, err)
	}
	ids["lily.txt"], shas["lily.txt"] = lily.ID, lily.SHA256
	got := slices.DeleteFunc(keys(), func(key string) bool { return strings.HasPrefix(key, "originals/tmp/put/") }) // of the job, which put it twice
	if len(got) != 3 || !strings.HasPrefix(got[0], "originals/") {
		t.Errorf("in the bucket: %q", got)
	}

	a, err := r.Query(t.Context(), rag.Scope{}, rag.Question{Text: "How tall is the Eiffel Tower?"})
	if err != nil || len(a.Citations) == 0 || a.Citations[0].Document.ID != ids["tower.txt"] || !strings.Contains(a.Text, "330") {
		t.Errorf("asked: %+v, %v", a, err)
	}
	_, content, err := r.Original(t.Context(), rag.Scope{}, ids["tower.txt"])
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(content); err != nil || string(data) != towerText {
		t.Errorf("original: %q, %v", data, err)
	}
	if err := content.Close(); err != nil {
		t.Error(err)
	}
	download(t, r, ids["zinc.txt"])

	if faults, err := r.Verify(t.Context()); err != nil || len(faults) != 0 {
		t.Errorf("verified: %q, %v", faults, err)
	}
	spoil(t, r, api, set.Blobs.Bucket, shas)

	testStrangersBucket(t, set, keys)

	other := open(t, set) // as another process
	for _, id := range ids {
		if err := other.DeleteDocument(t.Context(), rag.Scope{}, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Close(); err != nil { // does what is due
		t.Fatal(err)
	}
	if got := keys(); len(got) != 0 {
		t.Errorf("deleted, and in the bucket: %q", got)
	}
}

func seq(in rag.Input) iter.Seq[rag.Input] { return func(yield func(rag.Input) bool) { yield(in) } }

// download asks the server for an original, and is led to the bucket.
func download(t *testing.T, r *root.Retriever, id rag.DocumentID) {
	t.Helper()
	h, err := server.New(server.Config{Service: r, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	at := srv.URL + "/api/v1/collections/default/documents/" + string(id) + "/original"
	for _, test := range []struct {
		at   string
		past bool
	}{{at, true}, {at + "?direct=true", false}} {
		resp, err := http.Get(test.at)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || string(data) != zincText || !strings.Contains(resp.Header.Get("Content-Disposition"), "zinc.txt") {
			t.Errorf("%s: %s, %q, %v, %v", test.at, resp.Status, data, resp.Header, err)
		}
		if past := !strings.HasPrefix(resp.Request.URL.String(), srv.URL); past != test.past {
			t.Errorf("%s came from %s", test.at, resp.Request.URL.Host)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

// testStrangersBucket has another store of documents use the bucket: it is told, and nothing is swept away.
func testStrangersBucket(t *testing.T, set config.Config, keys func() []string) {
	t.Helper()
	before := keys()
	set.Data = t.TempDir()
	stranger := open(t, set)
	if _, err := stranger.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: "mine", Text: "Something else."}); rag.KindOf(err) != rag.KindConflict || !strings.Contains(err.Error(), "another store") {
		t.Errorf("a document of another store: %v", err)
	}
	if err := stranger.VerifyAll(t.Context(), rag.Scope{}, func(root.Verified) {}); rag.KindOf(err) != rag.KindConflict {
		t.Errorf("a sweep by another store: %v", err)
	}
	if err := stranger.Close(); err != nil {
		t.Error(err)
	}
	if after := keys(); !slices.Equal(after, before) {
		t.Errorf("in the bucket: %q, before another store used it: %q", after, before)
	}
}

// spoil damages an original, and removes another, behind the program's back.
func spoil(t *testing.T, r *root.Retriever, api *minio.Client, bucket string, shas map[string]string) {
	t.Helper()
	key := func(name string) string { return "originals/" + shas[name][:2] + "/" + shas[name][2:] }
	damaged := strings.Replace(towerText, "330", "331", 1)
	if _, err := api.PutObject(t.Context(), bucket, key("tower.txt"), strings.NewReader(damaged), int64(len(damaged)), minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := api.RemoveObject(t.Context(), bucket, key("zinc.txt"), minio.RemoveObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	faults, err := r.Verify(t.Context())
	all := strings.Join(faults, "\n")
	if err != nil || len(faults) != 2 || !strings.Contains(all, shas["tower.txt"]) || !strings.Contains(all, shas["zinc.txt"]) {
		t.Errorf("verified: %q, %v", faults, err)
	}
}
