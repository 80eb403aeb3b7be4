package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/api"
	"github.com/smartretriever/smartretriever/server/servertest"
)

// TestOriginalElsewhere leads downloads to an address where originals are, if there is
// one, and only those that the address is good for.
func TestOriginalElsewhere(t *testing.T) {
	fake := servertest.New()
	res, err := fake.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: "a", Source: "docs/a b.txt", Text: "one", ACL: []string{"ann"}})
	if err != nil {
		t.Fatal(err)
	}
	path := "/api/v1/collections/default/documents/" + string(res.ID) + "/original"
	c := newClient(t, server.Config{Service: fake, Version: "test"})
	direct := c.do(http.MethodGet, path, nil)
	if direct.Code != http.StatusOK || direct.Body.String() != "one" {
		t.Fatalf("without an address: %d, %q", direct.Code, direct.Body)
	}

	fake.Presigned = "https://bucket.example.org/"
	led := c.do(http.MethodGet, path, nil)
	if want := "https://bucket.example.org/" + string(res.ID) + "?name=a+b.txt"; led.Code != http.StatusFound || led.Header().Get("Location") != want {
		t.Errorf("%d to %q, want %q", led.Code, led.Header().Get("Location"), want)
	}
	if led.Header().Get("Cache-Control") != "private, no-store" || led.Body.Len() != 0 {
		t.Errorf("%v, %q", led.Header(), led.Body)
	}
	if asked := c.do(http.MethodGet, path+"?direct=true", nil); asked.Code != http.StatusOK || asked.Body.String() != "one" {
		t.Errorf("asked for directly: %d, %q", asked.Code, asked.Body)
	}
	if head := c.do(http.MethodHead, path, nil); head.Code != http.StatusOK || head.Header().Get("Location") != "" {
		t.Errorf("only a look: %d", head.Code)
	}
	if known := c.do(http.MethodGet, path, nil, "If-None-Match", direct.Header().Get("ETag")); known.Code != http.StatusNotModified {
		t.Errorf("known already: %d", known.Code)
	}
	if none := c.do(http.MethodGet, strings.Replace(path, string(res.ID), "0190a000-0000-7000-8000-000000000000", 1), nil); none.Code != http.StatusNotFound || none.Header().Get("Location") != "" {
		t.Errorf("no document: %d", none.Code)
	}
	fake.Fail = func(method string) error {
		if method == "OriginalURL" {
			return rag.Errorf(rag.KindUnavailable, "the bucket is away")
		}
		return nil
	}
	if away := c.do(http.MethodGet, path, nil); away.Code != http.StatusServiceUnavailable || away.Header().Get("Location") != "" {
		t.Errorf("the bucket is away: %d", away.Code)
	}
}

// TestOriginalThatIsDamaged: what does not end as it should is never taken for whole, though all its bytes came.
func TestOriginalThatIsDamaged(t *testing.T) {
	damaged := rag.Errorf(rag.KindInternal, "the original file is damaged")
	for _, size := range []int{0, 1, 2, 1000, 40_000, 1 << 20} {
		content := strings.Repeat("x", size)
		for name, test := range map[string]struct {
			read  io.Reader
			whole bool
		}{
			"whole":                  {strings.NewReader(content), true},
			"whole, end with bytes":  {iotest.DataErrReader(strings.NewReader(content)), true},
			"damaged":                {io.MultiReader(strings.NewReader(content), iotest.ErrReader(damaged)), false},
			"damaged, said with it":  {iotest.DataErrReader(io.MultiReader(strings.NewReader(content), iotest.ErrReader(damaged))), false},
			"longer than it was":     {strings.NewReader(content + "y"), false},
			"shorter than it was":    {io.MultiReader(strings.NewReader(content[:max(0, size-1)]), iotest.ErrReader(damaged)), false},
			"shorter, and well read": {strings.NewReader(content[:max(0, size-1)]), size == 0},
		} {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				api.SendFile(w, r, rag.Document{Source: "a.txt", Bytes: int64(size)}, test.read)
			}))
			resp, err := http.Get(srv.URL)
			var got []byte
			if err == nil {
				got, err = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
			if test.whole != (err == nil) || test.whole && string(got) != content {
				t.Errorf("%d bytes, %s: %d came, %v", size, name, len(got), err)
			}
			srv.Close()
		}
	}
}
