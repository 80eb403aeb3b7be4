package weaviate

import (
	"testing"

	"github.com/smartretriever/smartretriever/index/external/rpc"
)

// FuzzAnswers: whatever a server sends is read, or refused as malformed. No result is without an id.
func FuzzAnswers(f *testing.F) {
	value := rpc.AppendMessage(rpc.AppendString(nil, 1, "document"), 2, rpc.AppendString(nil, 13, "d"))
	properties := rpc.AppendMessage(nil, 11, rpc.AppendMessage(nil, 1, value))
	metadata := rpc.AppendString(nil, 1, uuidOf(255).String())
	f.Add(rpc.AppendMessage(nil, 2, rpc.AppendMessage(rpc.AppendMessage(nil, 1, properties), 2, metadata)))
	f.Add(rpc.AppendMessage(nil, 2, rpc.AppendString(rpc.AppendUint(nil, 1, 3), 2, "it failed")))
	f.Add(rpc.AppendMessage(nil, 2, rpc.AppendUint(nil, 1, 17)))
	f.Fuzz(func(t *testing.T, message []byte) {
		results, err := readResults(message)
		for _, r := range results {
			if r.id == 0 || err != nil {
				t.Errorf("%+v and %v", r, err)
			}
		}
		_, _ = readFailures(message)
		_, _ = readNumbers(message)
		_, _ = readCount(message)
	})
}
