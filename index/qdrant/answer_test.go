package qdrant

import "testing"

// FuzzAnswers reads whatever a server may send as every kind of answer.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x0a\x04\x0a\x02\x08\x07\x12\x00"))
	f.Add([]byte("\x0a\x1d\x0a\x02\x08\x07\x12\x12\x0a\x08document\x12\x06\x22\x04d001\x1d\x00\x00\x80\x3f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = applied(b)
		_, _ = readVersion(b)
		_, _ = readCollections(b)
		_, _ = readCollection(b)
		_, _ = readCount(b)
		ids, _ := readIDs(b)
		for _, id := range ids {
			if id < 1 {
				t.Errorf("the id %d", id)
			}
		}
		found, _ := readResults(b)
		for _, s := range found {
			if s.ChunkID < 1 || !(s.Score >= -1 && s.Score <= 1) {
				t.Errorf("the result %+v", s)
			}
		}
	})
}
