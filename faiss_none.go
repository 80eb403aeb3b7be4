//go:build !faiss

package smartretriever

import (
	"errors"

	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/follow"
)

// faissBackend refuses: this program was built without FAISS.
func faissBackend(engine.Config) (follow.Backend, error) {
	return follow.Backend{}, errors.New("index.vectors: this program was built without FAISS; on Debian, build it with apt-get install g++ libfaiss-dev && CGO_ENABLED=1 go build -tags faiss ./cmd/smartretriever, or set builtin")
}
