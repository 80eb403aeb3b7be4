//go:build !onnx

package backends

import (
	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// openONNX refuses: this program was built without it.
func openONNX(config.Embedder, *root.Config) error {
	return rag.Errorf(rag.KindInvalid, "embedder.name: this program was built without ONNX Runtime; build it with CGO_ENABLED=1 go build -tags onnx ./cmd/smartretriever")
}
