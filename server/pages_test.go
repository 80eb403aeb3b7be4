package server_test

import (
	"net/http"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/servertest"
)

// TestPageIsAskedForOnce sends back the tag of a page's picture: the same page of
// the same version is not drawn again, another width or version is.
func TestPageIsAskedForOnce(t *testing.T) {
	fake := servertest.New()
	res, err := fake.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: "a", Text: "one"})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, server.Config{Service: fake, Version: "test"})
	page := "/api/v1/collections/default/documents/" + string(res.ID) + "/pages/1"
	first := c.do(http.MethodGet, page, nil)
	tag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || tag == "" || first.Body.Len() == 0 {
		t.Fatalf("%d, tag %q, %d bytes", first.Code, tag, first.Body.Len())
	}
	if again := c.do(http.MethodGet, page, nil, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same page again: %d with %d bytes", again.Code, again.Body.Len())
	}
	if other := c.do(http.MethodGet, page+"?width=100", nil, "If-None-Match", tag); other.Code != http.StatusOK {
		t.Errorf("another width: %d", other.Code)
	}
	if _, err := fake.AddDocument(t.Context(), rag.Scope{}, rag.Input{ExternalID: "a", Text: "two"}); err != nil {
		t.Fatal(err)
	}
	if changed := c.do(http.MethodGet, page, nil, "If-None-Match", tag); changed.Code != http.StatusOK {
		t.Errorf("another version: %d", changed.Code)
	}
	if old := c.do(http.MethodGet, page+"?version=1", nil, "If-None-Match", tag); old.Code != http.StatusNotFound {
		t.Errorf("a version whose original is gone: %d", old.Code)
	}
}
