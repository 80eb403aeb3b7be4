package bert_test

import (
	"testing"

	"github.com/smartretriever/smartretriever/model/embed/embedtest"
)

func TestConformance(t *testing.T) {
	e := embedder(t) // has no state that a test could leave behind
	embedtest.Run(t, func(*testing.T) embedtest.Embedder { return e })
}
