package redis

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/smartretriever/smartretriever/rag"
)

const most = 1 << 20

// answerJSON is what a cached answer of eight sources looks like.
func answerJSON() []byte {
	words := strings.Fields("the quick retrieval of passages from many documents needs an index that is small and an answer which cites what it says with care " +
		"when somebody asks how long a warranty lasts or who signed the contract in the year of the merger and what it had cost")
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(words[r.IntN(len(words))])
			b.WriteByte(' ')
		}
		return b.String()
	}
	a := rag.Answer{ID: "0123456789abcdef01234567", Text: text(80)}
	for i := range 8 {
		doc := rag.Document{ID: rag.DocumentID(fmt.Sprintf("01920000-0000-7000-8000-%012d", i)), Title: text(5), Version: 1, Source: "folder/" + text(1), MediaType: "text/markdown"}
		a.Hits = append(a.Hits, rag.Hit{ChunkID: rag.ChunkID(i), Score: r.Float64(), Text: text(200), Document: doc, Heading: []string{text(3)}, Vector: r.Float64(), Keyword: r.Float64()})
		a.Citations = append(a.Citations, rag.Citation{Number: i + 1, Document: doc, Quote: text(15), SHA256: strings.Repeat("ab", 32)})
	}
	data, err := json.Marshal(a)
	if err != nil {
		panic(err)
	}
	return data
}

// vector is what a cached embedding looks like.
func vector() []byte {
	r := rand.New(rand.NewPCG(3, 4))
	var out []byte
	for range 384 {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(r.NormFloat64()/20)))
	}
	return out
}

func TestValuesComeBack(t *testing.T) {
	for name, value := range map[string][]byte{
		"empty": {}, "byte": {0}, "answer": answerJSON(), "vector": vector(), "zeros": make([]byte, most),
		"just not compressed": bytes.Repeat([]byte("a"), leastCompressed-1), "just compressed": bytes.Repeat([]byte("a"), leastCompressed),
	} {
		stored := encode("t/"+name, value)
		got, err := decode("t/"+name, stored, most)
		if err != nil || !bytes.Equal(got, value) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(value), err)
		}
		if len(stored) > len(value)+16 {
			t.Errorf("%s: %d bytes are stored as %d", name, len(value), len(stored))
		}
		if _, err := decode("u/"+name, stored, most); err == nil {
			t.Errorf("%s: it is found under another key", name)
		}
		if _, err := decode("t/"+name, stored, len(value)-1); err == nil && len(value) > 0 {
			t.Errorf("%s: it is larger than allowed and is taken", name)
		}
	}
	if stored := encode("k", answerJSON()); len(stored) > len(answerJSON())/2 {
		t.Errorf("an answer of %d bytes is stored as %d", len(answerJSON()), len(stored))
	}
}

// A value that says of itself that it is huge takes no room.
func TestBombsAreRefused(t *testing.T) {
	huge := encode("k", make([]byte, 64<<20))
	if allocated := testing.AllocsPerRun(1, func() {
		if _, err := decode("k", huge, most); err == nil {
			t.Error("64 MiB of zeros were taken")
		}
	}); allocated > 10 {
		t.Errorf("%v allocations to refuse a value", allocated)
	}
	// Its header says 100 bytes, and its frame 64 MiB.
	lying := append([]byte{}, huge...)
	lying = append(lying[:6], binary.AppendUvarint(nil, 100)...)
	lying = append(lying, huge[10:]...)
	binary.LittleEndian.PutUint32(lying[2:], checksum("k", lying))
	if v, err := decode("k", lying, most); err == nil {
		t.Errorf("%d bytes", len(v))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode("k", []byte("value")), true)
	f.Add(encode("k", answerJSON()), true)
	f.Add([]byte{version, zstandard, 0, 0, 0, 0, 5, 0x28, 0xb5, 0x2f, 0xfd}, false)
	f.Fuzz(func(t *testing.T, stored []byte, sum bool) {
		if sum && len(stored) >= 7 { // get beyond the checksum
			binary.LittleEndian.PutUint32(stored[2:], checksum("k", stored))
		}
		v, err := decode("k", stored, 1<<16)
		if err == nil && len(v) > 1<<16 {
			t.Errorf("%d bytes", len(v))
		}
	})
}

// BenchmarkCoding compares ways to store an answer and a vector: the size is reported, with
// the time to write and to read it.
func BenchmarkCoding(b *testing.B) {
	plain := func(v []byte) []byte { return v }
	enc, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault))
	for _, value := range []struct {
		name string
		data []byte
	}{{"answer", answerJSON()}, {"vector", vector()}} {
		for _, c := range []struct {
			name     string
			out, ret func([]byte) []byte
		}{
			{"as it is", plain, plain},
			{"s2", func(v []byte) []byte { return s2.Encode(nil, v) }, func(v []byte) []byte { out, _ := s2.Decode(nil, v); return out }},
			{"zstd default", func(v []byte) []byte { return enc.EncodeAll(v, nil) }, func(v []byte) []byte { out, _ := decoder().DecodeAll(v, nil); return out }},
			{"ours", func(v []byte) []byte { return encode("k", v) }, func(v []byte) []byte { out, _ := decode("k", v, most); return out }},
		} {
			b.Run(value.name+"/"+c.name, func(b *testing.B) {
				stored := 0
				for b.Loop() {
					s := c.out(value.data)
					if !bytes.Equal(c.ret(s), value.data) {
						b.Fatal("it does not come back")
					}
					stored = len(s)
				}
				b.ReportMetric(float64(len(value.data)), "bytes")
				b.ReportMetric(float64(stored), "stored")
			})
		}
	}
}
