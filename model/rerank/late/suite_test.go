package late_test

import (
	"testing"

	"github.com/smartretriever/smartretriever/model/rerank/late"
	"github.com/smartretriever/smartretriever/model/rerank/reranktest"
)

func TestSuite(t *testing.T) {
	open := func(t *testing.T) reranktest.Reranker {
		r, err := late.New(late.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	reranktest.Run(t, open)
	reranktest.RunRelevance(t, open)
}
