package milvus

import (
	"testing"

	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// FuzzAnswers: whatever a server sends is read, or refused as malformed. As many hits come out as there are ids.
func FuzzAnswers(f *testing.F) {
	ids := rpc.AppendMessage(nil, 1, rpc.AppendInts(nil, 1, []int64{7, -1}))
	document := rpc.AppendString(nil, 2, "document")
	document = rpc.AppendMessage(document, 3, rpc.AppendMessage(nil, 6, rpc.AppendString(rpc.AppendString(nil, 1, "a"), 1, "b")))
	results := rpc.AppendMessage(rpc.AppendFloats(nil, 4, []float32{1, .5}), 5, ids)
	f.Add(rpc.AppendMessage(nil, 2, rpc.AppendMessage(results, 3, document)))
	f.Add(described("384"))
	f.Add(within(statusOf(100, 4, true, "no such collection")))
	f.Fuzz(func(t *testing.T, message []byte) {
		hits, err := readHits(message)
		if err != nil && (len(hits) > 0 || rag.KindOf(err) != rag.KindInternal) {
			t.Errorf("%d hits and %v", len(hits), err)
		}
		_, _ = readDescription(message)
		_, _ = readStatus(message)
		_, _ = readLongs(message, 2, "id")
		_, _ = readNumber(message, 2)
		_, _ = readStrings(message, 2, 4)
	})
}

func TestHits(t *testing.T) {
	ids := rpc.AppendMessage(nil, 1, rpc.AppendUint(rpc.AppendUint(nil, 1, 7), 1, 9)) // one by one, not packed
	document := rpc.AppendMessage(rpc.AppendString(nil, 2, "document"), 3, rpc.AppendMessage(nil, 6, rpc.AppendString(rpc.AppendString(nil, 1, "a"), 1, "b")))
	other := rpc.AppendMessage(rpc.AppendString(nil, 2, "other"), 3, rpc.AppendMessage(nil, 6, rpc.AppendString(nil, 1, "x")))
	results := rpc.AppendMessage(rpc.AppendFloats(nil, 4, []float32{1, .5}), 5, ids)
	results = rpc.AppendMessage(rpc.AppendMessage(results, 3, document), 3, other)
	hits, err := readHits(rpc.AppendMessage(nil, 2, results))
	if err != nil || len(hits) != 2 || hits[1] != (rag.Scored{ChunkID: 9, DocumentID: "b", Score: .5}) {
		t.Errorf("%+v, %v", hits, err)
	}
}
