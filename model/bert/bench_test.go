package bert_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/kernel"
	"github.com/smartretriever/smartretriever/model/bert/weights"
)

func open(tb testing.TB) *bert.Model {
	tb.Helper()
	m, err := bert.Open(weights.BGESmallEnV15())
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func encoder(tb testing.TB, cfg bert.Config) *bert.Encoder {
	tb.Helper()
	e, err := bert.NewEncoder(open(tb), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// passage returns a text of n tokens, the two special ones included: words that
// are one token each.
func passage(n int) string {
	words := strings.Fields("the cell of a protein was shown to bind with high energy in water , but not at low temperature .")
	var b strings.Builder
	for i := range n - 2 {
		b.WriteString(words[(i*7+i/5)%len(words)])
		b.WriteByte(' ')
	}
	return b.String()
}

func BenchmarkEncode(b *testing.B) { benchmarkEncode(b, encoder) }

func BenchmarkEncodeFloats(b *testing.B) { benchmarkEncode(b, floatEncoder) }

func benchmarkEncode(b *testing.B, open func(tb testing.TB, cfg bert.Config) *bert.Encoder) {
	for _, set := range kernel.Sets() {
		for _, size := range []struct{ tokens, texts int }{{12, 1}, {22, 1}, {128, 1}, {128, 16}, {256, 8}, {512, 4}} {
			if set == kernel.Generic && size.tokens != 128 {
				continue
			}
			b.Run(fmt.Sprintf("%s/%dx%d", set.Name, size.texts, size.tokens), func(b *testing.B) {
				e := open(b, bert.Config{Workers: 1, Kernel: set.Name})
				texts := make([]string, size.texts)
				for i := range texts {
					texts[i] = passage(size.tokens)
				}
				dst := make([]float32, len(texts)*e.Model().Hidden)
				b.ReportAllocs()
				for b.Loop() {
					if err := e.Encode(b.Context(), dst, "", texts); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N*len(texts))/b.Elapsed().Seconds(), "texts/s")
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		if _, err := bert.Open(weights.BGESmallEnV15()); err != nil {
			b.Fatal(err)
		}
	}
}
