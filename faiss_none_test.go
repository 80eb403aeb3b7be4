//go:build !faiss

package smartretriever_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
)

// TestWithoutFAISS: a program that was built without FAISS says so at once, and how to build it, before it touches the folder.
func TestWithoutFAISS(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	_, err := smartretriever.Open(t.Context(), smartretriever.Config{Dir: dir, Index: smartretriever.IndexConfig{Vectors: "faiss"}})
	if !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), "built without FAISS") || !strings.Contains(err.Error(), "go build -tags faiss") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}
