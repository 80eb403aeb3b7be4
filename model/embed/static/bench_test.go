//go:build unix

package static_test

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/static"
	"github.com/smartretriever/smartretriever/rag"
)

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkEmbed counts passages of 128 tokens and 384 dimensions, by the clock and by
// processor time: the second is the one to look at on a busy machine.
func BenchmarkEmbed(b *testing.B) {
	e := open(b, static.Config{})
	texts := make([]string, 256)
	words := strings.Fields("the cell of a protein was shown to bind with high energy in water , but not at low temperature . Its 3rd Größe, however, isn't known")
	for i := range texts {
		var text strings.Builder
		for n := i; e.CountTokens(text.String()) < 128; n++ {
			text.WriteString(words[(n*7+n/5)%len(words)] + " ")
		}
		texts[i] = text.String()
	}
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		if _, err := e.Embed(b.Context(), rag.PassageText, texts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(texts))/b.Elapsed().Seconds(), "passages/s")
	b.ReportMetric(float64(b.N*len(texts))/(cpuTime(b)-before).Seconds(), "passages/CPU-s")
	b.ReportMetric(float64(runtime.GOMAXPROCS(0)), "threads")
}
