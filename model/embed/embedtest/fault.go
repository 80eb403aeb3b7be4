package embedtest

import (
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/model/remote/remotetest"
)

// Fault is what becomes of a request. The zero value is none.
type Fault struct {
	remotetest.Fault
	spoil func([]item) []item // changes the answer
}

// Faults of servers.
var (
	None           = Fault{}
	Failing        = Fault{Fault: remotetest.Failing}
	Overloaded     = Fault{Fault: remotetest.Overloaded}
	Unauthorized   = Fault{Fault: remotetest.Unauthorized}
	Redirect       = Fault{Fault: remotetest.Redirect}
	ContentRefused = Fault{Fault: remotetest.ContentRefused}
	Cut            = Fault{Fault: remotetest.Cut}
	Silent         = Fault{Fault: remotetest.Silent}
	Malformed      = Fault{Fault: remotetest.Malformed}
	Empty          = Fault{Fault: remotetest.Empty}
	OtherTypes     = Fault{Fault: remotetest.OtherTypes}
	Giant          = Fault{Fault: remotetest.Giant}

	NotANumber = Answering(200, `{"data":[{"index":0,"embedding":[0.5,NaN]}]}`)

	Null            = spoiling(func(v []float32) any { return append([]any{nil}, numbers(v[1:])...) })
	TooGreat        = spoiling(func(v []float32) any { return append([]any{1e39}, numbers(v[1:])...) })
	NaNBytes        = spoiling(func(v []float32) any { v[0] = float32(math.NaN()); return v }) // in dialects that are not JSON
	Base64NaN       = spoiling(func(v []float32) any { v[0] = float32(math.NaN()); return toBase64(v) })
	Zeros           = spoiling(func(v []float32) any { clear(v); return v })
	OneDimensionOff = spoiling(func(v []float32) any { return v[1:] })
	NoVector        = spoiling(func([]float32) any { return nil })
	NotBase64       = spoiling(func([]float32) any { return "???" })

	MissingItem    = Fault{spoil: func(all []item) []item { return all[1:] }}
	SurplusItem    = Fault{spoil: func(all []item) []item { return append(all, all[0]) }}
	DuplicateIndex = Fault{spoil: func(all []item) []item { all[0].Index = all[len(all)-1].Index; return all }}
	IndexTooGreat  = Fault{spoil: func(all []item) []item { n := len(all); all[0].Index = &n; return all }}
	NoIndex        = Fault{spoil: func(all []item) []item { all[0].Index = nil; return all }}
)

// Answering is a status and a body instead of the answer.
func Answering(status int, body string) Fault {
	return Fault{Fault: remotetest.Fault{Status: status, Body: body}}
}

// Busy is a server that asks to come back later; after is the header's value, ""
// for none.
func Busy(after string) Fault { return Fault{Fault: remotetest.Busy(after)} }

// First returns a schedule in which the first n requests have the fault.
func First(n int, f Fault) func(int) Fault { return remotetest.First(n, f) }

// Always returns a schedule in which every request has the fault.
func Always(f Fault) func(int) Fault { return remotetest.Always(f) }

// spoiling changes the first vector.
func spoiling(change func(v []float32) any) Fault {
	return Fault{spoil: func(all []item) []item {
		all[0].Embedding = change(slices.Clone(all[0].vector))
		return all
	}}
}

func numbers(v []float32) []any {
	out := make([]any, len(v))
	for i, x := range v {
		out[i] = x
	}
	return out
}
