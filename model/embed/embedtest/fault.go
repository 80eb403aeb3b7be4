package embedtest

import (
	"math"
	"slices"
	"strings"
)

// Fault is what becomes of a request. The zero value is none.
type Fault struct {
	Status     int    // instead of 200
	RetryAfter string // header
	Body       string // instead of the answer
	Cut        bool   // the body ends in its midst
	Silent     bool   // nothing is answered until the caller goes
	spoil      func([]item) []item
}

// Faults of servers.
var (
	None         = Fault{}
	Failing      = Fault{Status: 500, Body: `{"error":{"message":"out of memory"}}`}
	Overloaded   = Fault{Status: 503, Body: `overloaded`}
	Unauthorized = Fault{Status: 401, Body: `{"error":{"message":"wrong key"}}`}
	Cut          = Fault{Cut: true}
	Silent       = Fault{Silent: true}
	Malformed    = Fault{Body: `<html>welcome</html>`}
	NotANumber   = Fault{Body: `{"data":[{"index":0,"embedding":[0.5,NaN]}]}`}

	Null            = spoiling(func(v []float32) any { return append([]any{nil}, numbers(v[1:])...) })
	TooGreat        = spoiling(func(v []float32) any { return append([]any{1e39}, numbers(v[1:])...) })
	NaNBytes        = spoiling(func(v []float32) any { v[0] = float32(math.NaN()); return v }) // in dialects that are not JSON
	Base64NaN       = spoiling(func(v []float32) any { v[0] = float32(math.NaN()); return toBase64(v) })
	Zeros           = spoiling(func(v []float32) any { clear(v); return v })
	OneDimensionOff = spoiling(func(v []float32) any { return v[1:] })
	NoVector        = spoiling(func([]float32) any { return nil })
	NotBase64       = spoiling(func([]float32) any { return "???" })

	Redirect       = Fault{Status: 307}
	Empty          = Fault{Status: 200}
	OtherTypes     = Fault{Body: `"none"`}
	Giant          = Fault{Body: strings.Repeat(" ", 2<<20)}
	ContentRefused = Fault{Status: 400, Body: `{"error":{"code":"content_filter","message":"the text is not allowed"}}`}

	MissingItem    = Fault{spoil: func(all []item) []item { return all[1:] }}
	SurplusItem    = Fault{spoil: func(all []item) []item { return append(all, all[0]) }}
	DuplicateIndex = Fault{spoil: func(all []item) []item { all[0].Index = all[len(all)-1].Index; return all }}
	IndexTooGreat  = Fault{spoil: func(all []item) []item { n := len(all); all[0].Index = &n; return all }}
	NoIndex        = Fault{spoil: func(all []item) []item { all[0].Index = nil; return all }}
)

// Busy is a server that asks to come back later; after is the header's value, ""
// for none.
func Busy(after string) Fault {
	return Fault{Status: 429, RetryAfter: after, Body: `{"error":{"message":"slow down"}}`}
}

// First returns a schedule in which the first n requests have the fault.
func First(n int, f Fault) func(int) Fault {
	return func(request int) Fault {
		if request <= n {
			return f
		}
		return None
	}
}

// Always returns a schedule in which every request has the fault.
func Always(f Fault) func(int) Fault { return func(int) Fault { return f } }

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
